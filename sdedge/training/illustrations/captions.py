"""The English of the illustrated world: a scene worded, words read back, and prompts that no training caption equals."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from sdedge.training.illustrations.world import (
    COLOURS,
    FLYERS,
    KINDS,
    SINGLE,
    Scene,
    is_held_out,
    pick,
    sample_any,
    unseen_pairs,
)

PLURALS = {
    kind: {"person": "people", "fish": "fish", "cactus": "cacti", "snowman": "snowmen"}.get(kind, kind + "s")
    for kind in KINDS
    if kind not in SINGLE
}
PREFIXES = ("a picture of", "a drawing of", "an illustration of")
STYLE_PREFIXES = {"flat": ("a flat picture of", "a flat drawing of", "a flat illustration of"),
                  "outlined": ("an outlined picture of", "an outlined drawing of", "an outlined illustration of")}  # fmt: skip
STYLE_PHRASES = {
    "flat": ("in a flat style", "flat style"),
    "outlined": ("in an outlined style", "with dark outlines", "outlined style"),
}
LIGHT_PHRASES = {
    "day": ("by day", "in the daytime", "on a sunny day", "in daylight"),
    "sunset": ("at sunset", "at sunset", "in the evening", "at dusk"),
    "night": ("at night", "at night", "by night", "in the moonlight"),
    "snowfall": ("while it is snowing", "in snowy weather", "in the snowfall"),
    "rain": ("in the rain", "while it is raining", "in rainy weather"),
}
PLACE_PHRASES = {
    "grass": ("on the grass", "on grass", "in a meadow"),
    "snow": ("in the snow", "on snow", "on the snow"),
    "desert": ("in the desert", "in a desert", "on the sand"),
    "sea": ("on the sea", "at sea", "on the water"),
    "street": ("on the street", "on a street", "on the road"),
    "lavender": ("in the lavender", "in a lavender field", "among lavender"),
}
AREAS = {
    "grass": ("the grass", "a meadow"), "snow": ("the snow", "snow"), "desert": ("the desert", "a desert", "the sand"),
    "sea": ("the sea", "the water"), "street": ("the street", "the road"), "lavender": ("the lavender", "a lavender field"),
}  # fmt: skip
RELATION_PHRASES = {
    "left": ("left of", "to the left of", "on the left of"),
    "right": ("right of", "to the right of", "on the right of"),
    "above": ("above", "over"),
    "front": ("in front of", "before"),
}
MOUNTAIN_PHRASES = ("with mountains", "with mountains behind", "near the mountains")
TREE_NUMBERS = {1: ("a tree", "one tree"), 2: ("two trees",), 3: ("three trees",)}
TREE_PREPOSITIONS = ("with", "beside", "next to", "near")
ABSENCES = {"mountains": ("without mountains", "no mountains"), "trees": ("without trees", "no trees")}

LIGHT_WORDS = {"day": "day", "daytime": "day", "daylight": "day", "sunny": "day", "sunset": "sunset", "evening": "sunset",
               "dusk": "sunset", "night": "night", "moonlight": "night", "snowing": "snowfall", "snowy": "snowfall",
               "snowfall": "snowfall", "rain": "rain", "raining": "rain", "rainy": "rain"}  # fmt: skip
GROUND_WORDS = {"grass": "grass", "meadow": "grass", "snow": "snow", "desert": "desert", "sand": "desert", "sea": "sea",
                "water": "sea", "street": "street", "road": "street", "lavender": "lavender"}  # fmt: skip
STYLE_WORDS = {"flat": "flat", "outlined": "outlined", "outlines": "outlined"}
RELATION_WORDS = {
    "left": "left",
    "right": "right",
    "above": "above",
    "over": "above",
    "front": "front",
    "before": "front",
}
COUNT_WORDS = {"a": 1, "an": 1, "the": 1, "one": 1, "two": 2, "three": 3}
KIND_WORDS = {**{kind: kind for kind in KINDS}, **{word: kind for kind, word in PLURALS.items()}}
NEGATIONS = ("no", "without")


def _vocabulary() -> tuple[str, ...]:
    tables: list[Any] = [
        PREFIXES,
        MOUNTAIN_PHRASES,
        TREE_PREPOSITIONS,
        KINDS,
        COLOURS,
        PLURALS.values(),
        COUNT_WORDS,
        ("and", ","),
    ]
    for table in (
        STYLE_PREFIXES,
        STYLE_PHRASES,
        LIGHT_PHRASES,
        PLACE_PHRASES,
        AREAS,
        RELATION_PHRASES,
        TREE_NUMBERS,
        ABSENCES,
    ):
        tables += table.values()
    return tuple(sorted({word for table in tables for phrase in table for word in phrase.split()}))


VOCABULARY = _vocabulary()
"""Every word a caption can hold, and the comma."""


# ---- Wording --------------------------------------------------------------------------------------------------------


def caption(scene: Scene, rng: np.random.Generator) -> str:
    """A truthful description that leaves details out at random, and always what would make a combination training never names.

    The kind and the count are always said, and so is the relation unless the two kinds are held out together.
    """
    hidden = set(unseen_pairs(scene.facts))
    said = {
        "colour": "colour" not in hidden and rng.random() < 0.94,
        "other_colour": "other_colour" not in hidden and rng.random() < 0.92,
        "other": scene.relation is not None and "other_kind" not in hidden,
        "light": "light" not in hidden and rng.random() < 0.88,
        "ground": rng.random() < 0.86,
        "mountains": rng.random() < (0.93 if scene.mountains else 0.12),
        "trees": rng.random() < (0.93 if scene.trees else 0.12),
        "style": rng.random() < 0.5,
    }
    return _worded(scene, rng, said)


def prompt(scene: Scene, rng: np.random.Generator) -> str:
    """A complete description: everything present is said, and one absence in three."""
    said = dict.fromkeys(("colour", "other_colour", "light", "ground", "style"), True)
    said["other"] = scene.relation is not None
    said["mountains"] = scene.mountains or bool(rng.random() < 0.33)
    said["trees"] = scene.trees > 0 or bool(rng.random() < 0.33)
    return _worded(scene, rng, said)


def _worded(scene: Scene, rng: np.random.Generator, said: dict[str, bool]) -> str:
    prefix, style = _style(scene, rng, said["style"])
    phrases = _surroundings(scene, rng, said)
    place = _place(scene, rng, said) if said["ground"] else ""
    light = pick(rng, LIGHT_PHRASES[scene.light]) if said["light"] else ""
    light_first = bool(light) and not prefix and rng.random() < 0.12
    phrases = [phrase for phrase in (place, *phrases, "" if light_first else light) if phrase]
    if rng.random() < 0.4:
        phrases = [phrases[i] for i in rng.permutation(len(phrases))]
    joint = ", " if rng.random() < 0.12 else " "
    text = joint.join([prefix + _things(scene, rng, said), *phrases])
    text += "".join(
        _absence(name, rng)
        for name, there in (("mountains", scene.mountains), ("trees", scene.trees))
        if said[name] and not there
    )
    text += f", {style}" if style else ""
    return f"{light}, {text}" if light_first else text


def _style(scene: Scene, rng: np.random.Generator, said: bool) -> tuple[str, str]:
    """What is put before the things and at the end to say the style, or a prefix that says nothing."""
    if not said:
        return (pick(rng, PREFIXES) + " " if rng.random() < 0.08 else ""), ""
    if rng.random() < 0.4:
        return pick(rng, STYLE_PREFIXES[scene.style]) + " ", ""
    return "", pick(rng, STYLE_PHRASES[scene.style])


def _things(scene: Scene, rng: np.random.Generator, said: dict[str, bool]) -> str:
    first = _noun(scene.kind, scene.colour if said["colour"] else "", scene.count, rng)
    if not said["other"]:
        return first
    second = _noun(str(scene.other_kind), str(scene.other_colour) if said["other_colour"] else "", 1, rng)
    return f"{first} {pick(rng, RELATION_PHRASES[str(scene.relation)])} {second}"


def _noun(kind: str, colour: str, count: int, rng: np.random.Generator) -> str:
    noun = f"{colour} {PLURALS[kind] if count > 1 else kind}".strip()
    if count > 1:
        return f"{('two', 'three')[count - 2]} {noun}"
    draw = rng.random()
    if draw < 0.05:
        return noun
    return f"the {noun}" if draw < 0.1 else f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def _place(scene: Scene, rng: np.random.Generator, said: dict[str, bool]) -> str:
    if scene.kind in FLYERS and not said["other"]:
        return f"{pick(rng, ('over', 'above'))} {pick(rng, AREAS[scene.ground])}"
    return pick(rng, PLACE_PHRASES[scene.ground])


def _surroundings(scene: Scene, rng: np.random.Generator, said: dict[str, bool]) -> list[str]:
    trees = pick(rng, TREE_NUMBERS[scene.trees]) if scene.trees and said["trees"] else ""
    mountains = scene.mountains and said["mountains"]
    if mountains and trees and rng.random() < 0.5:
        return [f"with {trees} and mountains" if rng.random() < 0.5 else f"with mountains and {trees}"]
    phrases = [pick(rng, MOUNTAIN_PHRASES)] if mountains else []
    return [*phrases, f"{pick(rng, TREE_PREPOSITIONS)} {trees}"] if trees else phrases


def _absence(name: str, rng: np.random.Generator) -> str:
    phrase = pick(rng, ABSENCES[name])
    return f", {phrase}" if phrase.startswith("no ") else f" {phrase}"


# ---- Reading back ---------------------------------------------------------------------------------------------------


def facts(text: str) -> dict[str, Any]:
    """The facts that a caption states: the inverse of `caption`. What is not said is not there.

    Raises ValueError where no kind is named.
    """
    tokens = re.findall(r"[a-z]+", text.lower())
    read: dict[str, Any] = {}
    between = None
    for i, word in enumerate(tokens):
        before = tokens[i - 1] if i else ""
        if word in KIND_WORDS:
            which = "other_" if "kind" in read else ""
            if which and between:
                read["relation"] = between
            read[f"{which}kind"] = KIND_WORDS[word]
            if before in COLOURS:
                read[f"{which}colour"] = before
            if not which:
                start = tokens[i - 2] if before in COLOURS and i > 1 else before
                read["count"] = COUNT_WORDS.get(start, 1)
        elif word in RELATION_WORDS:
            between = RELATION_WORDS[word]
        elif word in ("tree", "trees"):
            read["trees"] = 0 if before in NEGATIONS else COUNT_WORDS.get(before, 0)
        elif word == "mountains":
            read["mountains"] = before not in NEGATIONS
        else:
            for name, table in (("light", LIGHT_WORDS), ("ground", GROUND_WORDS), ("style", STYLE_WORDS)):
                if word in table:
                    read[name] = table[word]
    if "kind" not in read:
        raise ValueError(f"the caption {text!r} names none of the things of this world.")
    return read


def held_out_prompts(count: int, seed: int = 0) -> list[tuple[str, dict[str, Any], tuple[str, ...]]]:
    """Prompts that no training caption equals: (prompt, the facts it states, its unseen pairs; three in ten have some).

    Every prompt states all that its scene shows, in a combination that training captions never state.
    """
    rng = np.random.default_rng((seed, 77))
    wanted = {True: round(0.3 * count), False: count - round(0.3 * count)}
    prompts = []
    while any(wanted.values()):
        scene = sample_any(rng)
        pairs = unseen_pairs(scene.facts)
        if wanted[bool(pairs)] and (pairs or is_held_out(scene)):
            text = prompt(scene, rng)
            prompts.append((text, facts(text), pairs))
            wanted[bool(pairs)] -= 1
    return [prompts[i] for i in rng.permutation(count)]
