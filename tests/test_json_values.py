"""Foreign JSON: whatever it holds, it is read within bounds or refused in a sentence."""

from __future__ import annotations

import json
import math
import os
from typing import Any

import pytest

from sdedge import batch, json_values
from sdedge.engines.graph import program
from sdedge.engines.torch.cpu.int8_unet import Int8Recipe
from sdedge.errors import InvalidRequest, ModelError, SdedgeError
from sdedge.json_values import read_json, read_json_file
from sdedge.library.manifest import Manifest
from sdedge.request import Request


@pytest.mark.parametrize(
    "value",
    [None, True, 0, -5, 2**64 - 1, 0.1000000000000000055511151231257827, 1e308, "", "a\\b\"\\ud800 \U0001f600 é\u2028", [],
     {}, [[[{"a": {"b": [1, 2, "[[[{"]}}]]], {"x": {"y": [0.5, None]}}],
)  # fmt: skip
def test_what_json_reads_is_read_the_same(value: Any) -> None:
    for text in (json.dumps(value), json.dumps(value, ensure_ascii=False, indent=1)):
        for data in (text, text.encode(), text.encode("utf-8-sig"), text.encode("utf-16")):
            assert read_json(data, "x") == value


def test_diffusers_constants_are_floats() -> None:
    assert read_json('{"lambda_min_clipped": -Infinity}', "x") == {"lambda_min_clipped": -math.inf}
    assert math.isnan(read_json("NaN", "x"))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "not valid"), ("{", "not valid"), ("]" * 100, "not valid"), ('"abc', "not valid"), (b'"\xff\xfe\xfd"', "not valid"),
        ("[" * 65 + "]" * 65, "nests deeper than 64"), ("[" * 1_000_000, "nests deeper"), ('{"a":' * 100_000, "nests deeper"),
        ("[" + "[]," * 1000 + "0]", "lists and objects"), ("9" * 21, "integer of 21 digits"),
        ("[1, -" + "9" * 5000 + "]", "integer of 5001 digits"), ("[1]" + " " * 100, "too large"), ("\\" * 20, "not valid"),
    ],
)  # fmt: skip
def test_anything_else_is_refused_in_a_sentence(monkeypatch: pytest.MonkeyPatch, data: Any, said: str) -> None:
    monkeypatch.setattr(json_values, "MAX_CONTAINERS", 1000)
    limit = 100 if said == "too large" else json_values.MAX_BYTES
    for error in (ModelError, InvalidRequest):
        with pytest.raises(error, match=rf"^The file x .*{said}.*; get it again\.$"):
            read_json(data, "The file x", limit, error)


def test_half_surrogates_can_be_written() -> None:
    pair, half = "\\ud83d\\ude00", "\\ud83d"
    texts = [pair, half, half + pair, "\\\\ud83d", half + "\\\\", "\ud83d", "\\uD83D"]
    read = read_json("[" + ", ".join(f'"{text}"' for text in texts) + "]", "x")
    assert read == ["\U0001f600", "\ufffd", "\ufffd\U0001f600", "\\ud83d", "\ufffd\\", "\ufffd", "\ufffd"]


def test_the_work_of_a_hostile_text_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Brackets looked at before the refusal, for a text of millions of them."""
    matches: list[int] = []

    class Counted:
        def match(self, text: str, position: int) -> Any:
            matches.append(position)
            return pattern.match(text, position)

    pattern = json_values._NEXT_BRACKET
    monkeypatch.setattr(json_values, "_NEXT_BRACKET", Counted())
    with pytest.raises(ModelError):
        read_json("[" * 2_000_000, "x")
    assert len(matches) == json_values.MAX_DEPTH + 1


def test_half_surrogates_stay_where_paths_need_them():
    assert read_json('"\\udcff"', "x") == "\ufffd"
    assert read_json('"\\udcff"', "x", keep_halves=True) == "\udcff"


def test_files_are_read_whole_or_refused_and_never_waited_for(tmp_path):
    (tmp_path / "a.json").write_text('{"a": 1}')
    assert read_json_file(tmp_path / "a.json") == {"a": 1}
    os.mkfifo(tmp_path / "fifo.json")
    (tmp_path / "deep.json").write_text("[" * 100_000)
    for name, said in (("fifo.json", "FIFO"), ("deep.json", "nests deeper"), ("none.json", "No such file")):
        with pytest.raises(ModelError, match=said):
            read_json_file(tmp_path / name)
    with pytest.raises(ModelError, match="too large"):
        read_json_file(tmp_path / "a.json", max_bytes=3)


DEEP = "[" * 200_000
WIDE = "[" + "[]," * 2_000 + "[]]"


@pytest.mark.parametrize("text", [DEEP, WIDE])
@pytest.mark.parametrize(
    "read",
    [
        lambda text, folder: Request.from_json(text),
        lambda text, folder: program.from_json(text),
        lambda text, folder: Manifest.read(folder),
        lambda text, folder: Int8Recipe.read(folder),
        lambda text, folder: batch.read_requests(folder / "batch.json"),
    ],
)
def test_readers_of_foreign_json_count_before_they_parse(tmp_path, monkeypatch, read, text):
    (tmp_path / "unet").mkdir()
    for name in ("manifest.json", "unet/int8.json", "batch.json"):
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(json_values, "MAX_CONTAINERS", 1000)
    monkeypatch.setattr(json, "loads", lambda *args, **more: pytest.fail("parsed before it was bounded"))
    with pytest.raises(SdedgeError, match=r"nests deeper|lists and objects"):
        read(text, tmp_path)
