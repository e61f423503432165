"""Every text that the style sheet colours can be read on every ground it stands on, in both schemes (WCAG 2.2 AA)."""

from __future__ import annotations

import re
from dataclasses import asdict

import pytest

from gui.look.stylesheet import STYLESHEET
from gui.look.theme import DARK, LIGHT

AA, AA_PARTS = 4.5, 3.0
"""Of words, and of the parts of controls that one has to see: WCAG 1.4.3 and 1.4.11."""
GROUNDS = ("window", "panel", "canvas")
PAINTED = (("text", "line"), ("on_accent", "accent"), ("muted", "line"))
"""By hand, in delegates: what is chosen and what is pressed."""


def luminance(color: str) -> float:
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear))


def contrast(text: str, ground: str) -> float:
    low, high = sorted((luminance(text), luminance(ground)))
    return (high + 0.05) / (low + 0.05)


def pairs() -> set[tuple[str, str]]:
    """Returns (text, ground) of every rule of the style sheet, by tokens. What a rule leaves open is its widget's own, in another
    state; a ground that nothing names is any of those that widgets stand on.
    """
    rules: dict[str, dict[str, str]] = {}
    for names, body in re.findall(r"([^{}]+)\{([^{}]+)\}", STYLESHEET):
        named = dict(
            re.findall(r"(?<![\w-])(color|background|selection-color|selection-background-color): \$(\w+)", body)
        )
        for name in (name.strip() for name in names.split(",")):
            rules.setdefault(name, {}).update(named)
    result = set()
    for name, own in rules.items():
        if re.search(r"::(?!item|section)", name):  # grooves, handles and marks bear no words
            continue
        rest = re.sub(r":(?!:)[\w-]+", "", name)
        plain = {**rules.get(rest.partition("[")[0], {}), **rules.get(rest, {}), **own}
        if "selection-color" in plain:
            result.add((plain["selection-color"], plain["selection-background-color"]))
        if own.get("color") or own.get("background"):
            grounds = (plain["background"],) if "background" in plain else GROUNDS
            result |= {(plain.get("color", "text"), ground) for ground in grounds}
    return result


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_every_text_can_be_read_on_every_ground_it_stands_on(palette):
    tokens = asdict(palette)
    checked = {*pairs(), *PAINTED}
    assert {("text", "panel"), ("muted", "canvas"), ("on_accent", "accent"), ("bad", "panel")} <= checked
    faint = {
        pair: round(ratio, 2) for pair in checked
        if (ratio := contrast(*(tokens[each] for each in pair))) < AA
    }  # fmt: skip
    assert not faint


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_the_focus_ring_and_what_is_switched_on_can_be_seen(palette):
    tokens = asdict(palette)
    for part in ("accent", "muted", "bad"):
        for ground in GROUNDS:
            assert contrast(tokens[part], tokens[ground]) >= AA_PARTS, (part, ground)
