"""Names of embeddings in texts: whole words, in any case and Unicode form."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdedge.text.chunks import prompt_chunks
from sdedge.text.names import Names, composed, folded, loose
from sdedge.text.prompt import describe_prompt, weighted_segments
from sdedge.text.tokenizer import Tokenizer, from_vocabulary

NAMES = ["house", "bad hands", "bad(v2)", "1234", "cafe\u0301", "🎨", "a,b", "style[x]", "__odd__", "ʼn", "house 2"]
TOKENIZER = from_vocabulary(["a", "red", "house", "and", "cat", "in", "the", "old", "bad", "hands"])


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_found_as_a_word_and_not_inside_one(name):
    names, plain = Names(NAMES), composed(name)
    for text in (
        plain,
        f"a {plain} b",
        f"({plain})",
        f"x,{plain},y",
        f"embedding:{plain}",
        f"embedding:sub/{plain}.pt, c",
        f"<{plain}> b",
    ):
        (match,) = names.find(text)
        assert match.name == name and plain in text[match.start : match.stop]
    if plain[0].isalnum():
        assert [match.name for match in names.find(f"x{plain}")] in ([], ["🎨"])
        assert bool(Names([name]).find(f"{plain}z")) is not plain[-1].isalnum()


def test_case_form_and_spaces_do_not_matter():
    assert [f.name for f in Names(["Cafe\u0301"]).find("a CAFÉ")] == ["Cafe\u0301"]
    assert [f.stop for f in Names(["bad hands"]).find("bad \n hands")] == [11]
    assert folded("Ｌｕｍａ. ") == "luma" and loose("My__style  v2") == "my_style_v2"


MARKED = st.text(st.sampled_from(list("ab_ (1é\u0301🎨,.")), max_size=20)


@given(st.lists(MARKED, max_size=5), MARKED)
@settings(max_examples=40)
def test_spans_are_in_order_and_apart(names, text):
    matches = Names(names).find(composed(text))
    assert all(match.start < match.stop for match in matches)
    assert all(a.stop <= b.start for a, b in itertools.pairwise(matches))


def test_a_name_in_brackets_weighs_and_stands_for_its_vectors():
    chunk = prompt_chunks(weighted_segments(r"a (bad\(v2\):1.5) cat"), TOKENIZER, {"bad(v2)": 3})[0]
    assert chunk.embeddings == ((2, "bad(v2)"),) and chunk.weights[1:6] == (1.0, 1.5, 1.5, 1.5, 1.0)
    assert not prompt_chunks(weighted_segments("a housecat in 12345"), TOKENIZER, {"house": 1, "1234": 1})[0].embeddings


def test_counting_tokenizes_each_character_once(monkeypatch):
    seen = []
    located = Tokenizer.located
    monkeypatch.setattr(Tokenizer, "located", lambda self, text: (seen.append(len(text)), located(self, text))[1])
    text = "a red house, (and the:1.2) cat BREAK " * 200
    stage = describe_prompt(text, TOKENIZER).stages[0]
    assert sum(seen) <= len(text) and len(stage.chunks) > 20
    assert list(stage.starts) == sorted(set(stage.starts))
    assert all(
        text[start:].startswith(("a red", "red", "house", ",", "and", "the", "cat")) for start in stage.starts[:-1]
    )
