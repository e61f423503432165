"""A safetensors header says the same however its JSON is written."""

from __future__ import annotations

import json

import pytest

from sdedge.errors import ModelError
from sdedge.weights.headers import parse_header

ENTRIES = {
    "a.weight": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
    "b": {"dtype": "BF16", "shape": [], "data_offsets": [24, 26]},
    "c": {"dtype": "F8_E4M3", "shape": [0, 7], "data_offsets": [26, 26]},
    "d": {"dtype": "U8", "shape": [1] * 8, "data_offsets": [26, 27]},
}
SPACED = {"separators": (" , ", "\n: ")}


def _written(entries: dict[str, dict[str, object]], **options) -> bytes:
    return json.dumps(entries, **{"separators": (",", ":"), **options}).encode()


def _answer(text: bytes) -> object:
    try:
        return parse_header(text, 27)
    except ModelError as error:
        return str(error)


def test_one_look_reads_what_the_scanner_reads():
    header = parse_header(_written(ENTRIES), 27)
    assert header.entries["a.weight"].shape == (2, 3) and header.entries["d"].shape == (1,) * 8
    backwards = {name: dict(reversed(entry.items())) for name, entry in ENTRIES.items()}
    assert header == parse_header(_written(ENTRIES, **SPACED), 27) == parse_header(_written(backwards), 27)


@pytest.mark.parametrize(
    "fault",
    [{"dtype": "F31"}, {"dtype": "F16"}, {"shape": [2, 4]}, {"shape": [1] * 9}, {"data_offsets": [0]},
     {"data_offsets": [0, 23]}, {"data_offsets": [3, 27]}, {"shape": [10**18, 10**18]}, {"more": 1}],
)  # fmt: skip
def test_a_wrong_entry_is_refused_in_the_same_words(fault):
    entries = {**ENTRIES, "a.weight": {**ENTRIES["a.weight"], **fault}}
    text, spaced = _written(entries), _written(entries, separators=(",", ": "))
    refused = _answer(text)
    assert isinstance(refused, str) and refused.split(" at byte ")[0] == _answer(spaced).split(" at byte ")[0]


@pytest.mark.parametrize(("old", "new"), [(b"[2,3]", b"[2,03]"), (b"24]", b"24.0]"), (b"[2,3]", b"[2,-3]"), (b"[2,", b"[,2,"),
                                          (b'"F32",', b'"F32"'), (b"[0,24]", b"[0,24,]"), (b"24]}", b"24]")])  # fmt: skip
def test_what_is_no_json_of_a_header_is_refused(old, new):
    text = _written(ENTRIES)
    assert old in text and isinstance(_answer(text.replace(old, new, 1)), str)


def test_long_notes_of_a_trainer_are_read():
    tags = json.dumps({f"tag {n} \u00e9": n for n in range(420_000)})
    assert 10_000_000 < len(tags) < 12_000_000
    entries = {"__metadata__": {"ss_tag_frequency": tags}, **ENTRIES}
    assert parse_header(_written(entries), 27).metadata == {"ss_tag_frequency": tags}


@pytest.mark.parametrize("wide", ["\\ud83d\\ude00", "\\\\\\u00e9", "\U0001f600"])
def test_notes_that_would_take_four_bytes_a_character_are_bounded(wide):
    notes = b"a" * 4_000_000
    text = b'{"__metadata__":{"n":"%s%s"}}'
    assert parse_header(text % (notes, b""), 0).metadata == {"n": notes.decode()}
    with pytest.raises(ModelError, match="describes more than any model needs"):
        parse_header(text % (notes, wide.encode()), 0)


@pytest.mark.parametrize("shape", [[0, 9999999999999999999], [0, 1 << 40, 1 << 40], [10**18, 10**18, 0]])
@pytest.mark.parametrize("options", [{}, SPACED])
def test_an_empty_tensor_has_no_more_extents_than_one_that_is_not(shape, options):
    entries = {"x": {"dtype": "F32", "shape": shape, "data_offsets": [0, 0]}}
    with pytest.raises(ModelError, match="larger than any model's"):
        parse_header(_written(entries, **options), 0)
