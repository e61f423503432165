"""Counts how many characters a regular expression looks at, as a plain backtracking matcher does, by no clock."""

from __future__ import annotations

import re
import re._parser as parser  # type: ignore[import-not-found]
from collections.abc import Callable, Iterator, Sequence
from typing import Any

Then = Callable[[int], int | None]
_SINGLE = {"LITERAL", "NOT_LITERAL", "ANY", "IN"}
_KINDS: dict[str, Callable[[str], bool]] = {
    "SPACE": str.isspace, "DIGIT": str.isdecimal, "WORD": lambda char: char.isalnum() or char == "_",
}  # fmt: skip

_SAMPLES = {"SPACE": " ", "DIGIT": "1", "WORD": "a"}


def looks(pattern: re.Pattern[str], text: str) -> int:
    """Characters looked at and choices tried while the pattern is searched for in all of the text, as `finditer` does."""
    return _Matcher(pattern, text).all()


def literals(pattern: re.Pattern[str]) -> set[str]:
    """Pieces of text that the pattern knows: its words, and a character of each of its classes."""
    return {piece for piece in _pieces(list(parser.parse(pattern.pattern, pattern.flags))) if 0 < len(piece) < 20}


def _pieces(items: Sequence[Any]) -> Iterator[str]:
    word = ""
    for op, operand in ((str(op), operand) for op, operand in items):
        if op == "LITERAL":
            word += chr(operand)
            continue
        yield word
        word = ""
        if op == "IN":
            for kind, value in ((str(kind).rpartition("_")[2], value) for kind, value in operand):
                code = value[0] if kind == "RANGE" else value
                yield _SAMPLES[str(value).rpartition("_")[2]] if kind == "CATEGORY" else chr(code or 0)
        elif op == "BRANCH":
            yield from (piece for part in operand[1] for piece in _pieces(part))
        elif isinstance(operand, tuple) and not isinstance(operand[-1], int | None):
            yield from _pieces(operand[-1])
    yield word


class Counted:
    """In the place of a compiled pattern: what it finds is the same, and `total` is how many looks it took."""

    total = 0

    def __init__(self, pattern: re.Pattern[str]) -> None:
        self.pattern = pattern

    def _counted(self, name: str, text: str, *rest: Any) -> Any:
        Counted.total += looks(self.pattern, text)
        return getattr(self.pattern, name)(text, *rest)

    def finditer(self, text: str) -> Any:
        return self._counted("finditer", text)

    def split(self, text: str) -> Any:
        return self._counted("split", text)


class _Matcher:
    def __init__(self, pattern: re.Pattern[str], text: str) -> None:
        self.tree = list(parser.parse(pattern.pattern, pattern.flags))
        self.fold = bool(pattern.flags & re.I)
        self.text, self.count = text, 0

    def all(self) -> int:
        at = 0
        while at <= len(self.text):
            end = self.run(self.tree, 0, at, lambda stop: stop)
            at = at + 1 if end is None or end == at else end
        return self.count

    def run(self, items: Sequence[Any], i: int, at: int, then: Then) -> int | None:
        """Where the rest of the items and what comes after them end; None where they do not match."""
        if i == len(items):
            return then(at)
        op, operand = str(items[i][0]), items[i][1]
        after: Then = lambda stop: self.run(items, i + 1, stop, then)  # noqa: E731
        if op in _SINGLE:
            return after(at + 1) if self.fits(op, operand, at) else None
        return getattr(self, op.lower())(operand, at, after)

    def fits(self, op: str, operand: Any, at: int) -> bool:
        self.count += 1
        if at >= len(self.text):
            return False
        char = self.text[at]
        if op == "ANY":
            return True
        if op != "IN":
            return self._is(char, operand) == (op == "LITERAL")
        negated = str(operand[0][0]) == "NEGATE"
        return any(self._among(char, str(kind), value) for kind, value in operand[negated:]) != negated

    def _is(self, char: str, code: int) -> bool:
        return ord(char) == code or (self.fold and char.casefold() == chr(code).casefold())

    def _among(self, char: str, kind: str, value: Any) -> bool:
        if kind == "RANGE":
            return any(
                value[0] <= ord(letter) <= value[1]
                for letter in {char, *([char.lower(), char.upper()] if self.fold else [])}
            )
        if kind == "CATEGORY":
            name = str(value).removeprefix("CATEGORY_")
            return _KINDS[name.removeprefix("NOT_")](char) != name.startswith("NOT_")
        return self._is(char, value)

    def max_repeat(self, operand: Any, at: int, after: Then) -> int | None:
        low, high, items = operand
        if len(items) == 1 and str(items[0][0]) in _SINGLE:
            stop = self._run_of(items[0], at, high)
            for end in range(stop, at + low - 1, -1):
                self.count += 1
                if (match_end := after(end)) is not None:
                    return match_end
            return None

        def again(times: int, here: int) -> int | None:
            if times < high:
                match_end = self.run(items, 0, here, lambda stop: again(times + 1, stop) if stop > here else None)
                if match_end is not None:
                    return match_end
            return after(here) if times >= low else None

        return again(0, at)

    def min_repeat(self, operand: Any, at: int, after: Then) -> int | None:
        low, high, (item,) = operand
        for times in range(high + 1):
            if times >= low and (match_end := after(at + times)) is not None:
                return match_end
            if not self.fits(str(item[0]), item[1], at + times):
                return None
        return None

    def possessive_repeat(self, operand: Any, at: int, after: Then) -> int | None:
        low, high, items = operand
        times = 0
        while times < high and (stop := self.run(items, 0, at, lambda stop: stop)) is not None and stop > at:
            at, times = stop, times + 1
        return after(at) if times >= low else None

    def _run_of(self, item: Any, at: int, high: int) -> int:
        stop = at
        while stop - at < high and self.fits(str(item[0]), item[1], stop):
            stop += 1
        return stop

    def subpattern(self, operand: Any, at: int, after: Then) -> int | None:
        return self.run(operand[3], 0, at, after)

    def branch(self, operand: Any, at: int, after: Then) -> int | None:
        return next((match_end for part in operand[1] if (match_end := self.run(part, 0, at, after)) is not None), None)

    def at(self, operand: Any, at: int, after: Then) -> int | None:
        self.count += 1
        name, text = str(operand), self.text
        if "BOUNDARY" in name:
            word = _KINDS["WORD"]
            edge = (at > 0 and word(text[at - 1])) != (at < len(text) and word(text[at]))
            return after(at) if edge == (name == "AT_BOUNDARY") else None
        return after(at) if at == (0 if "BEGINNING" in name else len(text)) else None

    def _ahead(self, operand: Any, at: int) -> bool:
        direction, items = operand
        start = at if direction > 0 else at - items.getwidth()[0]
        return start >= 0 and self.run(items, 0, start, lambda stop: stop) is not None

    def assert_(self, operand: Any, at: int, after: Then) -> int | None:
        return after(at) if self._ahead(operand, at) else None

    def assert_not(self, operand: Any, at: int, after: Then) -> int | None:
        return None if self._ahead(operand, at) else after(at)


setattr(_Matcher, "assert", _Matcher.assert_)
