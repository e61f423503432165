"""Text from outside: whatever it holds, it can be encoded, stored, printed and used as a name."""

from __future__ import annotations

import json
import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdedge.errors import InvalidRequest
from sdedge.request import Request
from sdedge.text.clean import MAX_NODES, clean, clean_json, clean_name, shown

ANY = st.text(st.characters() | st.sampled_from("\ud83d\ude00\udcff\0\x1b\r\n\t\u202e\u200f\ufeff\x85"), max_size=40)


def test_halves_are_joined_or_replaced():
    assert clean("a \ud83d\ude00 b") == "a \U0001f600 b"
    assert clean("a \ud83d b \ude00\ud83d") == "a \ufffd b \ufffd\ufffd"
    assert clean("caf\udce9") == "caf\ufffd"


def test_controls_go_and_lines_end_alike():
    assert clean("\ufeffa\0b\x1b[31m\tc\r\nd\re\x85\x7f") == "ab[31m\tc\nd\ne"
    assert clean("שלום \u202eabc") == "שלום \u202eabc"  # in a prompt, direction marks are the writer's


def test_names_hold_nothing_unseen():
    assert clean_name("a\u202egnp.exe\u200b\ud800\n") == "agnp.exe\ufffd"
    assert clean_name("家 é") == "家 é"


@given(ANY)
@settings(max_examples=30)
def test_what_is_clean_is_taken_everywhere(text):
    once = clean(text)
    assert clean(once) == once and "\r" not in once
    assert sqlite3.connect(":memory:").execute("SELECT ?", (once,)).fetchone()[0] == once
    request = Request(prompt=text, negative=text)
    assert (request.prompt, request.negative) == (once, once)
    assert Request.from_json(request.to_json().encode().decode()) == request


def test_json_is_cleaned_and_bounded():
    parsed = json.loads('{"a\\ud800": [1e999, NaN, 12, "\\ud83d", true], "n": ' + "9" * 400 + "}")
    assert clean_json(parsed) == {"a\ufffd": [None, None, 12, "\ufffd", True], "n": "9" * 30 + "…"}
    for value in ([0] * (MAX_NODES + 1), json.loads("[" * 200 + "]" * 200)):
        with pytest.raises(ValueError, match="too"):
            clean_json(value)


def test_requests_take_what_file_systems_take():
    with pytest.raises(InvalidRequest, match=r"image.*not a path"):
        Request(image="a\0b.png")
    with pytest.raises(InvalidRequest, match=r"model.*not a path"):
        Request(model="x" * 5000)
    with pytest.raises(InvalidRequest, match=r"vae.*not a path"):
        Request(vae="\ud800")
    odd = Request(image="caf\udce9.png")  # a name in Latin-1, as the system hands it over
    assert Request.from_json(odd.to_json().encode().decode()) == odd


def test_a_long_value_is_quoted_short():
    with pytest.raises(InvalidRequest) as error:
        Request(sampler="x" * 100_000)
    assert len(str(error.value)) < 700 and len(shown(["x"] * 10_000)) <= 60


def test_minus_one_is_chance():
    assert Request(seed=-1, variation_seed=-1) == Request()
    assert Request.from_json('{"seed": -1}').seed is None
    with pytest.raises(InvalidRequest, match="-2"):
        Request(seed=-2)
