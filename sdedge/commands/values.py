"""Types of options and arguments that are no fields of a request: what does not fit is refused in one sentence, as fields are.

Click's own ranges and choices are not used, since they speak otherwise: `--weight 3` has one style of refusal, whoever reads it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import click

from sdedge.commands.usage import spoken
from sdedge.errors import InvalidRequest
from sdedge.text.clean import shown


class NumberType(click.ParamType):  # type: ignore[type-arg]
    """A number from `low` to `high`, either of them open, which the help shows in its place: "1..64".

    `field` is the request's field that it sets, where it is one.
    """

    def __init__(
        self, kind: type[int] | type[float], low: float | None = None, high: float | None = None, field: str = ""
    ) -> None:
        self.name = "whole number" if kind is int else "number"
        self.kind, self.low, self.high, self.field = kind, low, high, field

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str | None:
        if isinstance(param, click.Argument):
            return None
        if self.low is not None and self.high is not None:
            return f"{self.low:.12g}..{self.high:.12g}"
        return "N" if self.kind is int else "NUMBER"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | float:
        try:
            number = self.kind(value)
        except ValueError:
            raise self._refusal(param, f"is {shown(value)}, which is not a {self.name}; give it") from None
        if self._fits(number):
            return number
        raise self._refusal(param, f"{number:.12g} is out of range; choose")

    def _fits(self, number: float) -> bool:
        if math.isnan(number):
            return False
        return (self.low is None or number >= self.low) and (self.high is None or number <= self.high)

    def _refusal(self, param: click.Parameter | None, said: str) -> InvalidRequest:
        """Returns the error that says so of a parameter; what fits is the end of its sentence."""
        low, high = (None if bound is None else f"{bound:.12g}" for bound in (self.low, self.high))
        if low is not None and high is not None:
            fits = f" from {low} to {high}"
        elif low is not None:
            fits = f" {low} or more"
        else:
            default = None if param is None else param.default
            example = default if isinstance(default, int | float) else 20 if self.kind is int else 0.75
            fits = f" one such as {example:.12g}"
        return InvalidRequest(f"{spoken(param)} {said}{fits}.", field=self.field)


def integer(low: int | None = None, high: int | None = None, field: str = "") -> NumberType:
    """Returns the type of a whole number within bounds."""
    return NumberType(int, low, high, field)


def number(low: float | None = None, high: float | None = None, field: str = "") -> NumberType:
    """Returns the type of a number within bounds."""
    return NumberType(float, low, high, field)


class NameType(click.Choice):  # type: ignore[type-arg]
    """A name among a few, which the help lists in its place."""

    def __init__(self, names: Iterable[str]) -> None:
        super().__init__([str(name) for name in names])

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if value in self.choices:
            return str(value)
        raise InvalidRequest(f"{spoken(param)} is {shown(value)}; choose one of {', '.join(self.choices)}.")
