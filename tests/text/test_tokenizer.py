"""Our tokenizer against transformers' CLIPTokenizer, and the small vocabulary of the embedded model."""

from __future__ import annotations

import gzip
import json
import shutil
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import CLIPTokenizer

from sdedge.errors import ModelError
from sdedge.text.tokenizer import MAX_ID, Tokenizer, byte_alphabet, from_vocabulary

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
    vocabulary = ["house", "shore", "the", "hen", "then", "sea", "season", "a", ","]
    tokenizer = from_vocabulary(vocabulary)
    assert all(tokenizer.tokens(word) == [f"{word}</w>"] for word in vocabulary)
    assert len(set(tokenizer.vocab.values())) == len(tokenizer.vocab)


@given(text=st.text(alphabet=st.characters(exclude_categories=("Cs",)), max_size=30))
def test_a_small_vocabulary_still_has_tokens_for_everything(text):
    tokenizer = from_vocabulary(["house"])
    assert all(0 <= i < tokenizer.bos for i in tokenizer.ids(text) if "<|" not in text)


def test_folder_forms_give_the_same_ids(tmp_path):
    original = from_vocabulary(["red", "house"])
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


def _vocabulary(**changes):
    small = from_vocabulary(["cat"])
    return {**small.vocab, **changes}, [" ".join(pair) for pair in small.merges]


REFUSED = {
    "an id that is no number": {"cat</w>": "7"}, "an id that is a truth value": {"cat</w>": True}, "a fraction": {"cat</w>": 1.5},
    "a negative id": {"cat</w>": -1}, "an id past any table": {"cat</w>": 10**18}, "no id": {"cat</w>": None},
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_vocabularies_with_such_ids_are_refused(case, tmp_path):
    vocab, merges = _vocabulary(**REFUSED[case])
    (tmp_path / "vocab.json").write_text(json.dumps(vocab))
    (tmp_path / "merges.txt").write_text("\n".join(merges))
    with pytest.raises(ModelError, match="no id"):
        Tokenizer.from_folder(tmp_path)


def test_other_types_encodings_and_merges_are_refused(tmp_path):
    vocab, merges = _vocabulary()
    (tmp_path / "merges.txt").write_text("\n".join([*merges, "c zz"]))
    (tmp_path / "vocab.json").write_text(json.dumps(vocab))
    with pytest.raises(ModelError, match="merges 'c zz'"):
        Tokenizer.from_folder(tmp_path)
    (tmp_path / "merges.txt").write_text("\n".join(merges), "utf-16")
    with pytest.raises(ModelError, match=r"merges\.txt"):
        Tokenizer.from_folder(tmp_path)
    for model in (
        None,
        [],
        5,
        {"vocab": []},
        {"vocab": vocab, "merges": 5},
        {"vocab": vocab, "merges": [None, 1, [1, 2]]},
    ):
        (tmp_path / "tokenizer.json").write_text(json.dumps({"model": model}))
        with pytest.raises(ModelError, match=r"not a CLIP vocabulary|merges"):
            Tokenizer.from_tokenizer_json(tmp_path / "tokenizer.json")


def test_half_surrogates_are_read_as_a_replacement():
    tokenizer = from_vocabulary(["cat"])
    assert tokenizer.ids("a \ud83d cat") == tokenizer.ids("a \ufffd cat")
    assert tokenizer.tokens("\udc00") == tokenizer.tokens("\ufffd")


def test_a_frame_holds_75_ids_between_start_and_end():
    tokenizer = from_vocabulary(["cat"])
    cat = tokenizer.vocab["cat</w>"]
    for count, framed in ((0, 0), (3, 3), (75, 75), (76, 75), (200, 75)):
        assert tokenizer.frame([cat] * count) == [tokenizer.bos, *[cat] * framed, *[tokenizer.eos] * (76 - framed)]


def test_the_largest_id_is_one_below_the_bound(tmp_path):
    for id, fits in ((MAX_ID - 1, True), (MAX_ID, False)):
        vocab, merges = _vocabulary(**{"cat</w>": id})
        (tmp_path / "vocab.json").write_text(json.dumps(vocab))
        (tmp_path / "merges.txt").write_text("\n".join(merges))
        with nullcontext() if fits else pytest.raises(ModelError, match="no id"):
            assert Tokenizer.from_folder(tmp_path).vocab["cat</w>"] == id


def test_a_vocabulary_s_file_is_read_to_the_limit_and_unpacked_to_the_limit(tmp_path, monkeypatch):
    text = b"#version: 0.2\n" + b"a b\n" * 1000
    (tmp_path / "whole.gz").write_bytes(packed := gzip.compress(text))
    (tmp_path / "cut.gz").write_bytes(packed[:-12])
    (tmp_path / "plain.txt").write_bytes(text)
    assert len(Tokenizer.from_bpe_file(tmp_path / "whole.gz").merges) == 1000
    monkeypatch.setattr("sdedge.text.tokenizer.MAX_BYTES", 3000)
    for name, said in (("whole.gz", "unpacks to more"), ("cut.gz", "cut off"), ("plain.txt", "too large")):
        with pytest.raises(ModelError, match=said):
            Tokenizer.from_bpe_file(tmp_path / name)
    asked = []
    file = SimpleNamespace(read=lambda size=-1: asked.append(size) or b"")
    monkeypatch.setattr("sdedge.files.open_regular", lambda path: nullcontext(file))
    with pytest.raises(ModelError):
        Tokenizer.from_bpe_file(tmp_path / "plain.txt")
    assert asked == [3001]


def test_of_openai_s_file_as_many_merges_count_as_clip_has(tmp_path):
    pairs = [f"{a} {b}" for a in byte_alphabet() for b in byte_alphabet()]  # 65,536, as it too goes on behind them
    (tmp_path / "bpe.txt").write_text("\n".join(["#version: 0.2", *pairs]), "utf-8")
    clip = Tokenizer.from_bpe_file(tmp_path / "bpe.txt")
    assert (len(clip.merges), clip.bos, clip.eos) == (48894, 49406, 49407)
    assert " ".join(clip.merges[-1]) == pairs[48893]
