"""More or less weight on words of a prompt, as (words:1.2). No Qt."""

from __future__ import annotations

import re
from dataclasses import dataclass

STEP = 0.1
LOWEST, HIGHEST = 0.0, 3.0
_WORD = re.compile(r"[^\s()\[\]{}<>,:|\\]+")
_NUMBER = re.compile(r":\s*([+-]?(?:\d+(?:\.\d*)?|\.\d+))\s*\)")


@dataclass(frozen=True)
class Weighed:
    """The text, and what is selected in it afterwards, so that the next press goes on."""

    text: str
    start: int
    end: int


def weigh(text: str, start: int, end: int, step: float) -> Weighed:
    """Changes the weight of a selection, or of the word at the caret, by `step`; brackets go where it is 1 again."""
    if start == end:
        start, end = _word_at(text, start)
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    if start == end:
        return Weighed(text, start, end)
    weight, outer_start, outer_end = _enclosing(text, start, end)
    weight = min(HIGHEST, max(LOWEST, round(weight + step, 2)))
    inner = text[start:end]
    written = inner if weight == 1 else f"({inner}:{weight:g})"
    moved = outer_start + (0 if weight == 1 else 1)
    return Weighed(text[:outer_start] + written + text[outer_end:], moved, moved + len(inner))


def _word_at(text: str, caret: int) -> tuple[int, int]:
    for match in _WORD.finditer(text):
        if match.start() <= caret <= match.end():
            return match.span()
    return caret, caret


def _enclosing(text: str, start: int, end: int) -> tuple[float, int, int]:
    """Returns the weight that brackets directly around the words give them, and where those brackets are."""
    if start and text[start - 1] == "(" and text[start - 2 : start - 1] != "\\":
        if match := _NUMBER.match(text, end):
            return float(match[1]), start - 1, match.end()
        if text[end : end + 1] == ")":
            return 1.1, start - 1, end + 1
    return 1.0, start, end
