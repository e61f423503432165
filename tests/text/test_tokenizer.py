"""Our tokenizer against transformers' CLIPTokenizer, and the small vocabulary of the embedded model."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import CLIPTokenizer

from sdedge.errors import ModelError
from sdedge.text.tokenizer import Tokenizer, from_words

BPE = Path(__file__).parents[2].parent / "shared" / "clip" / "bpe_simple_vocab_16e6.txt.gz"
needs_clip = pytest.mark.skipif(not BPE.is_file(), reason="CLIP's BPE file is not beside the project")


@pytest.fixture(scope="module")
def clip() -> Tokenizer:
    return Tokenizer.from_bpe_file(BPE)


@pytest.fixture(scope="module")
def referee(clip, tmp_path_factory):
    folder = tmp_path_factory.mktemp("clip")
    clip.save(folder)
    return CLIPTokenizer.from_pretrained(folder)


@needs_clip
def test_published_ids(clip):
    assert (clip.bos, clip.eos, len(clip.vocab)) == (49406, 49407, 49408)
    assert clip.ids("a photograph of an astronaut riding a horse") == [320, 8853, 539, 550, 18376, 6765, 320, 4558]


@needs_clip
@settings(max_examples=150, deadline=None)
@given(text=st.text(max_size=60))
def test_any_text_is_framed_as_transformers_frames_it(clip, referee, text):
    expected = referee(text, padding="max_length", max_length=77, truncation=True)["input_ids"]
    assert clip.frame(clip.ids(text)) == expected


@needs_clip
def test_long_text_is_cut_to_75_tokens(clip):
    framed = clip.frame(clip.ids("cat " * 200))
    assert len(framed) == 77
    assert framed[-1] == clip.eos and framed[75] == clip.ids("cat")[0]


def test_every_word_of_a_small_vocabulary_is_one_token():
    words = ["house", "shore", "the", "hen", "then", "sea", "season", "a", ","]
    tokenizer = from_words(words)
    assert all(tokenizer.tokens(word) == [f"{word}</w>"] for word in words)
    assert len(set(tokenizer.vocab.values())) == len(tokenizer.vocab)


@given(text=st.text(alphabet=st.characters(exclude_categories=("Cs",)), max_size=30))
def test_a_small_vocabulary_still_has_tokens_for_everything(text):
    tokenizer = from_words(["house"])
    assert all(0 <= i < tokenizer.bos for i in tokenizer.ids(text) if "<|" not in text)


def test_folder_forms_give_the_same_ids(tmp_path):
    original = from_words(["red", "house"])
    original.save(tmp_path)
    again = Tokenizer.from_folder(tmp_path)
    assert again.ids("a red house!") == original.ids("a red house!")
    referee = CLIPTokenizer.from_pretrained(tmp_path)
    referee.save_pretrained(tmp_path / "fast")
    shutil.rmtree(tmp_path / "nothing", ignore_errors=True)
    if (tmp_path / "fast" / "tokenizer.json").is_file():
        json_form = Tokenizer.from_tokenizer_json(tmp_path / "fast" / "tokenizer.json")
        assert json_form.ids("a red house!") == original.ids("a red house!")


@pytest.mark.parametrize("content", ["", "{", "[]", '{"a": 1}'])
def test_damaged_vocabularies_are_refused_in_words(tmp_path, content):
    (tmp_path / "vocab.json").write_text(content)
    (tmp_path / "merges.txt").write_text("a b\n")
    with pytest.raises(ModelError, match=str(tmp_path.name)):
        Tokenizer.from_folder(tmp_path)


def test_a_folder_without_a_vocabulary_says_what_to_do(tmp_path):
    with pytest.raises(ModelError, match="sdedge tokenizer install"):
        Tokenizer.from_folder(tmp_path)
