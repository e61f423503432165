"""Options of a sampler, such as s_churn or order: read from text and checked against the catalogue. No torch."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

from sdedge.catalog import SAMPLERS, OptionInfo
from sdedge.errors import InvalidRequest

Value = float | int | str


class Options(dict[str, Value]):
    """Values by name, which do not change: a request is compared and hashed by them."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))

    def __reduce__(self) -> tuple[type[Options], tuple[dict[str, Value]]]:
        return Options, (dict(self),)

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise TypeError("The options of a request do not change; make another request with `replace`.")

    __setitem__ = __delitem__ = update = pop = popitem = clear = setdefault = __ior__ = _refuse


def check(sampler: str, options: Mapping[str, Any]) -> Options:
    """Returns the options as the named sampler takes them; an infinite one that is the default anyway is left out.

    Raises InvalidRequest for a name that means nothing to the sampler and a value out of its range.
    """
    known, checked = SAMPLERS[sampler].options, {}
    for name, value in options.items():
        if name not in known:
            valid = f"its options are {', '.join(known)}" if known else "it has no options"
            takers = [each for each, info in SAMPLERS.items() if name in info.options]
            better = (
                f"leave it out, or choose a sampler that has it ({', '.join(takers[:6])})" if takers else "leave it out"
            )
            raise InvalidRequest(
                f"Option {name!s:.40} means nothing to sampler {sampler}; {valid}; {better}.",
                field="options",
            )
        if value != known[name].default or value != math.inf:  # JSON has no infinity
            checked[name] = _checked(sampler, name, value, known[name])
    return Options(checked)


def fitting(sampler: str, options: Mapping[str, Any]) -> Options:
    """Returns those of another sampler's options that the named one takes as they are."""
    taken: dict[str, Value] = {}
    for name, value in options.items():
        try:
            taken |= check(sampler, {name: value})
        except InvalidRequest:
            continue
    return Options(taken)


def parse(texts: Iterable[str]) -> dict[str, Value]:
    """Returns options from "name=value" each. Raises InvalidRequest for an unknown name or a text that is not a value."""
    options: dict[str, Value] = {}
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not equals or not value:
            raise InvalidRequest(
                f"The option {_brief(text)} has no value; write one such as s_churn=10.", field="options"
            )
        options[name] = read(name, value)
    return options


def read(name: str, value: str) -> Value:
    """Returns the value of an option from its text. Raises InvalidRequest for an option that no sampler has."""
    kinds = [info.options[name] for info in SAMPLERS.values() if name in info.options]
    if not kinds:
        known = dict.fromkeys(name for info in SAMPLERS.values() for name in info.options)
        raise InvalidRequest(f"No sampler has an option {_brief(name)}; there are {', '.join(known)}.", field="options")
    if kinds[0].choices:
        return value
    try:
        number = float(value)
    except ValueError:
        raise InvalidRequest(f"Option {name} is {_brief(value)}, which is not a number.", field="options") from None
    return int(number) if isinstance(kinds[0].default, int) and number.is_integer() else number


def describe_options(option: OptionInfo) -> str:
    """Returns what an option may be: "0 to 1000", "0 or more", "bh1 or bh2"."""
    if option.choices:
        return " or ".join(option.choices)
    low, high = option.minimum or 0, math.inf if option.maximum is None else option.maximum
    return f"{low:g} or more" if math.isinf(high) else f"from {low:g} to {high:g}"


def _checked(sampler: str, name: str, value: Any, option: OptionInfo) -> Value:
    if option.choices:
        if not isinstance(value, str) or value not in option.choices:
            raise InvalidRequest(
                f"Option {name}={_brief(value)} of {sampler} is unknown; choose one of {', '.join(option.choices)}.",
                field="options",
            )
        return value
    integral = isinstance(option.default, int)
    low, high = option.minimum or 0, math.inf if option.maximum is None else option.maximum
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    if not plain or not low <= value <= min(high, 1e9) or (integral and value != int(value)):
        kind = "a whole number" if integral else "a number"
        raise InvalidRequest(
            f"Option {name}={_brief(value)} of {sampler} is out of range; choose {kind} {describe_options(option)}.",
            field="options",
        )
    return int(value) if integral else float(value)


def _brief(value: object) -> str:
    text = repr(value) if not isinstance(value, int) or abs(value) < 10**20 else "…"
    return text if len(text) <= 60 else text[:59] + "…"
