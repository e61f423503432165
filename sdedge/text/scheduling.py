"""Prompts that change while a picture is drawn: `[from:to:when]` and `[a|b]`. No torch."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sdedge.errors import InvalidRequest

MAX_NESTING = 50
MAX_CHARACTERS = 200_000  # of all the different texts of one prompt: each is read and encoded

_MARK = re.compile(r"\\.|[][():|]|[^][():|\\]+|\\", re.S)
_NUMBER = re.compile(r"\s*([+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?)\s*", re.A)


def prompt_schedule(text: str, steps: int) -> tuple[str, ...]:
    """Returns the text of each step, `steps` of them: what `[from:to:when]` and `[a|b]` become.

    `[from:to:when]` is `from` during the first `when` steps; with a point, `when` is a fraction of the steps.
    `[to:when]` and `[from::when]` leave one side empty. `[a|b|c]` takes turns, a first. They nest. Brackets of
    emphasis stay as they are.

    Raises InvalidRequest where the different texts have more than MAX_CHARACTERS together.
    """
    tokens = _MARK.findall(text)
    closing = _matched(tokens)
    changing = _changing(tokens, closing)
    if not changing:
        return (text,) * steps

    def render(start: int, stop: int, step: int, depth: int) -> str:
        out: list[str] = []
        i = start
        while i < stop:
            if i in changing and depth < MAX_NESTING:
                span = changing[i].at(step, steps)
                out.append(render(*span, step, depth + 1) if span else "")
                i = closing[i]
            else:
                out.append(tokens[i])
            i += 1
        return "".join(out)

    return _bounded(render(0, len(tokens), step, 0) for step in range(1, steps + 1))


def is_scheduled(text: str) -> bool:
    """Returns whether anything in a prompt changes while a picture is drawn."""
    tokens = _MARK.findall(text)
    return bool(_changing(tokens, _matched(tokens)))


def _changing(tokens: Sequence[str], closing: dict[int, int]) -> dict[int, _Change]:
    """Returns what changes, by the index of its opening bracket."""
    changes = {i: _change(tokens, closing, i, j) for i, j in closing.items() if tokens[i] == "["}
    return {i: change for i, change in changes.items() if change}


def _bounded(texts: Iterable[str]) -> tuple[str, ...]:
    """Keeps one copy of each text, and raises InvalidRequest at the first that is too much."""
    different: dict[str, str] = {}
    rendered, characters = [], 0
    for text in texts:
        if text not in different:
            characters += len(text)
            if characters > MAX_CHARACTERS:
                raise InvalidRequest(
                    f"The prompt changes into {len(different) + 1} texts of together over {MAX_CHARACTERS} characters; "
                    "shorten it, or let less of it change.",
                    field="prompt",
                )
        rendered.append(different.setdefault(text, text))
    return tuple(rendered)


@dataclass(frozen=True)
class _Change:
    """Spans of tokens, of which one is there at each step; `when` is None where they take turns."""

    spans: tuple[tuple[int, int] | None, ...]
    when: str | None = None

    def at(self, step: int, steps: int) -> tuple[int, int] | None:
        if self.when is None:
            return self.spans[(step - 1) % len(self.spans)]
        when = float(self.when) * (steps if "." in self.when else 1)
        return self.spans[step > int(min(max(when, 0), steps))]


def _matched(tokens: Sequence[str]) -> dict[int, int]:
    """Returns the index of each bracket that is closed, round or square -> index of the one that closes it."""
    opened: list[int] = []
    closing: dict[int, int] = {}
    for i, token in enumerate(tokens):
        if token in ("(", "["):
            opened.append(i)
        elif token in (")", "]") and opened and tokens[opened[-1]] + token in ("()", "[]"):
            closing[opened.pop()] = i
    return closing


def _change(tokens: Sequence[str], closing: dict[int, int], start: int, stop: int) -> _Change | None:
    """Returns what the square brackets from `start` to `stop` mean besides emphasis, if anything."""
    cuts = [start]
    i = start + 1
    while i < stop:
        if tokens[i] in (":", "|"):
            cuts.append(i)
        i = closing.get(i, i) + 1
    marks = "".join(tokens[i] for i in cuts[1:])
    spans = tuple((a + 1, b) for a, b in zip(cuts, [*cuts[1:], stop]))
    if marks and set(marks) == {"|"}:
        return _Change(spans)
    # A number is one token.
    number = _NUMBER.fullmatch(tokens[stop - 1]) if cuts[-1] == stop - 2 else None
    if marks not in (":", "::") or not number:
        return None
    return _Change((spans[0] if len(spans) == 3 else None, spans[-2]), number[1])
