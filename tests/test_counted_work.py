"""Small inputs cost little: work is counted in characters looked at, in calls and in bytes read, never by a clock."""

from __future__ import annotations

import importlib
import io
import re
import struct
import sys
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path

import pytest
import torch

from gui.form import weighing
from sdedge.errors import ModelError
from sdedge.images import metadata_apps
from sdedge.text import prompt, scheduling
from sdedge.weights import textual_inversion
from sdedge.weights.textual_inversion import CARD_KEYWORD, CARD_LIMIT, iterate_cards
from tests.looks import Counted, literals, looks

LENGTH = 160


def _anchored(pattern: re.Pattern[str]) -> re.Pattern[str]:
    return re.compile(rf"\A(?:{pattern.pattern})\Z", pattern.flags)


@pytest.fixture(autouse=True)
def deep():
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(20_000)  # the counting matcher calls itself once for each repetition of a group
    yield
    sys.setrecursionlimit(limit)


def test_the_counting_matcher_tells_linear_from_quadratic():
    assert looks(re.compile("a"), "a" * LENGTH) <= 2 * LENGTH
    for slow in (r"\s*\bBREAK\b", r"[\w.-]{2,}$", r":\d*\.?\d+\)"):
        text = ":" + "1" * 60 if ":" in slow else (" " if "BREAK" in slow else "a") * 60 + "!"
        assert looks(re.compile(slow), text) > 60**2 / 3
    for expression, text in ((r"(a|b)*?c", "abac"), (r"(?i)x(?=y)y\Z", "aXY"), (r"(?<!a)b++", "abb")):
        assert looks(re.compile(expression), text) > 2


PIECES = (" ", "BREAK ", "BREAK" + " " * 50, "\n", "a:", "(", "((a:", "(a:" + "1" * 50, "(a:" + "1" * 50 + ".", "1", ".1", ":  ",
          "\\", "[a:", "]", "|", " AND ")  # fmt: skip


@pytest.mark.parametrize("piece", PIECES)
def test_a_prompt_is_looked_at_a_fixed_number_of_times(monkeypatch, piece):
    for name in ("_ATTENTION", "_BREAK", "_AND"):
        monkeypatch.setattr(prompt, name, Counted(getattr(prompt, name)))
    text = "(a:" + piece * (LENGTH // len(piece)) + "!"
    Counted.total = 0
    prompt.weighted_segments(text)
    prompt.parse(text)
    assert 0 < Counted.total <= 25 * len(text)


@pytest.mark.parametrize("digits", ["1" * LENGTH, "." + "1" * LENGTH, "1" * LENGTH + "." + "1" * LENGTH, " " * LENGTH])
@pytest.mark.parametrize(
    "pattern", [prompt._ATTENTION, _anchored(prompt._AND_WEIGHT), _anchored(scheduling._NUMBER), weighing._NUMBER]
)
def test_a_weight_of_many_digits_is_looked_at_a_fixed_number_of_times(pattern, digits):
    assert looks(pattern, ":" + digits + "!") <= 25 * len(digits)
    assert looks(pattern, digits + "!") <= 25 * len(digits)


@pytest.mark.parametrize(("text", "weight"), [
    ("(" * 500 + "a", 1e6), ("(a:" + "9" * 400 + ")", 1e6), ("(a:-" + "9" * 400 + ")", -1e6), ("((a:1000):1000.5)", 1e6),
    ("((a:1000):999)", 999e3)])  # fmt: skip
def test_weights_stay_within_a_million(text, weight):
    (segment,) = prompt.weighted_segments(text)
    assert segment.weight == weight
    assert prompt.parse(f"a AND b:{'9' * 400}").parts[1].weight == 1e6


def test_numbers_that_the_engine_reads_are_weighed():
    assert weighing.weigh("(a:1.)", 1, 2, 0.1).text == "(a:1.1)"
    assert weighing.weigh(f"(a:{'1' * 5000}", 1, 2, 0.1).text.startswith("((a:1.1):1")


class _Packet(str):
    """A text that counts the characters its searches run over."""

    scanned = 0

    def find(self, part: str, start: int = 0, stop: int | None = None) -> int:  # type: ignore[override]
        place = str.find(self, part, start, len(self) if stop is None else stop)
        _Packet.scanned += (place if place >= 0 else len(self)) - max(start, 0)
        return place


TAGS = (
    "<rdf:li",
    "<rdf:li ",
    "<rdf:li>",
    "<rdf:li>a",
    "<",
    ">",
    "<dc:description",
    '<dc:description="',
    "<dc:description>",
)


@pytest.mark.parametrize("piece", TAGS)
def test_an_xmp_packet_is_looked_at_a_fixed_number_of_times(monkeypatch, piece):
    def search(pattern: str, text: str) -> re.Match[str] | None:
        _Packet.scanned += looks(re.compile(pattern), text)
        return re.compile(pattern).search(text)

    monkeypatch.setattr(re, "search", search)
    _Packet.scanned = 0
    packet = _Packet("<dc:description" + piece * (3 * LENGTH // len(piece)))
    metadata_apps.read_xmp({"XML:com.adobe.xmp": packet}, "dc:description")
    assert _Packet.scanned <= 10 * len(packet)


class _File(io.BytesIO):
    calls = bytes_read = 0

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        self.calls, self.bytes_read = self.calls + 1, self.bytes_read + len(data)
        return data


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I4s", len(data), kind) + data + bytes(4)


CARD = _chunk(b"tEXt", CARD_KEYWORD + b"e30=" * 50_000)


@pytest.mark.parametrize(
    ("content", "bytes_read"),
    [
        (_chunk(b"IDAT", bytes(1 << 20)) * 3 + _chunk(b"IEND", b"") + CARD, 4 * 8),
        (_chunk(b"tEXt", b"parameters\0" + bytes(1 << 20)) * 3 + _chunk(b"IEND", b""), 4 * 8 + 3 * 16),
        (
            _chunk(b"tEXt", CARD_KEYWORD + bytes(CARD_LIMIT)) + _chunk(b"IEND", b""),
            2 * 8,
        ),
    ],
    ids=["pixels", "other texts", "a card too large"],
)
def test_of_a_picture_s_chunks_only_heads_and_names_are_read(content, bytes_read):
    file = _File(content)
    assert not list(iterate_cards(file)) and file.bytes_read == bytes_read


def test_a_picture_of_empty_chunks_is_given_up(monkeypatch):
    monkeypatch.setattr(textual_inversion, "CHUNKS_LIMIT", 100)
    file = _File(_chunk(b"tIME", b"") * 1000 + CARD)
    assert not list(iterate_cards(file)) and file.calls == 100


def test_looking_for_cards_reads_none_of_them():
    file = _File(CARD)
    assert list(iterate_cards(file, read=False)) == [b""] and file.bytes_read == 8 + len(CARD_KEYWORD)
    assert len(next(iterate_cards(_File(CARD)))) == 200_000


@pytest.mark.parametrize("made", [lambda n: [0.0] * (n + 1), lambda n: "0" * n, lambda n: {}])
def test_a_card_of_too_many_numbers_is_not_turned_into_a_tensor(monkeypatch, made: Callable[[int], object], tmp_path):
    monkeypatch.setattr(
        textual_inversion, "read_json", lambda *_: {"string_to_param": {"*": {"TORCHTENSOR": made(1024 * 2048)}}}
    )
    monkeypatch.setattr(torch, "tensor", lambda *_, **__: pytest.fail("the numbers were read"))
    with pytest.raises(ModelError, match="unreadable"):
        textual_inversion.read_card(tmp_path / "x.png", b"")


ROOT = Path(__file__).parents[1]
BOUNDED = {
    ("gui/form/completion.py", "_WORD"): "sees the last 120 characters before the caret",
    ("gui/form/completion.py", "_WILDCARD"): "sees the last 120 characters before the caret",
    ("sdedge/images/metadata_compel.py", "_QUOTED"): "sees what _AND matched, in which every quotation ends",
}


def _searched() -> Iterator[tuple[str, str, re.Pattern[str]]]:
    """The module's file, name and value of every compiled pattern that is searched for, not just compared at one place."""
    for path in sorted(path for part in ("sdedge", "gui", "converters") for path in (ROOT / part).rglob("*.py")):
        name, source = path.relative_to(ROOT), path.read_text("utf-8")
        searched = set(re.findall(r"\b(_?[A-Z]\w*)\.(?:search|finditer|findall|subn?|split)\(", source))
        if searched and "re.compile" in source:
            values = vars(importlib.import_module(".".join(name.with_suffix("").parts)))
            patterns = {
                key: values[key] for key in sorted(searched & values.keys()) if isinstance(values[key], re.Pattern)
            }
            yield from (
                (name.as_posix(), key, value) for key, value in patterns.items() if isinstance(value.pattern, str)
            )


@pytest.mark.slow
def test_twice_the_text_is_twice_the_work_for_every_pattern_that_is_searched_for():
    slow, seen = {}, 0
    for file, name, pattern in _searched():
        pieces = sorted({" ", "a", "1", *literals(pattern)}, key=lambda piece: (len(piece), piece))[:8]
        for first, piece in product(["", *pieces], pieces):
            for text in (
                lambda n, first=first, piece=piece: first + piece * n,
                lambda n, f=first, p=piece: (f + p) * n,
            ):
                once, twice = looks(pattern, text(12) + "\1"), looks(pattern, text(24) + "\1")
                if twice > 2.6 * once and twice > once + 90:
                    slow[file, name] = first, piece, once, twice
        seen += 1
    assert seen > 30 and slow.keys() <= BOUNDED.keys(), slow
