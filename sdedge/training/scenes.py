"""The little world the embedded model learns: scenes, their facts, and the English that describes them.

A scene has one object (house, boat or balloon) in one of seven colours, a time, a ground, mountains or none and
zero to three fir trees. `caption` words a scene, `facts` reads the words back; `sample` draws training scenes and
never gives the held-out ones, which `held_out_prompts` keeps for the evaluation.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

KINDS = ("house", "boat", "balloon")
COLOURS = ("red", "yellow", "green", "blue", "purple", "pink", "white")
TIMES = ("day", "sunset", "night")
GROUNDS = ("grass", "snow", "desert", "sea")
SUN_SIDES = ("left", "right")
MAX_TREES = 3
FACTS = ("kind", "colour", "time", "ground", "mountains", "trees")

# Attribute pairs that no training scene joins: what the model must put together by itself.
HELD_OUT_PAIRS: tuple[tuple[tuple[str, str], tuple[str, str]], ...] = (
    (("kind", "balloon"), ("colour", "green")),
    (("kind", "boat"), ("colour", "pink")),
    (("colour", "purple"), ("ground", "snow")),
    (("colour", "white"), ("ground", "desert")),
    (("colour", "yellow"), ("time", "night")),
    (("time", "sunset"), ("ground", "desert")),
)

KIND_SHARES = (0.42, 0.2, 0.38)  # a boat has the fewest combinations: it is drawn the least


@dataclass(frozen=True)
class Scene:
    """One picture of the world; `jitter` seeds the small changes of place, size and shade that no caption tells
    (0 for none).

    Raises ValueError for a value outside the tables above, a boat off the sea, a house on it, or trees in it.
    """

    kind: str
    colour: str
    time: str
    ground: str
    mountains: bool = False
    trees: int = 0
    sun_side: str = "left"
    jitter: int = 0

    def __post_init__(self) -> None:
        allowed = {"kind": KINDS, "colour": COLOURS, "time": TIMES, "ground": GROUNDS, "sun_side": SUN_SIDES}
        for name, values in allowed.items():
            if getattr(self, name) not in values:
                raise ValueError(f"{name} {getattr(self, name)!r} is none of {', '.join(values)}.")
        if not 0 <= self.trees <= MAX_TREES:
            raise ValueError(f"trees {self.trees} is not between 0 and {MAX_TREES}.")
        if self.ground not in grounds_of(self.kind) or (self.ground == "sea" and self.trees):
            raise ValueError(f"a {self.kind} with {self.trees} trees cannot be on the {self.ground}.")

    @property
    def facts(self) -> dict[str, Any]:
        """The six facts that captions state and the checker reads."""
        return {name: getattr(self, name) for name in FACTS}


def grounds_of(kind: str) -> tuple[str, ...]:
    """The grounds a kind may be seen on or over."""
    if kind == "boat":
        return ("sea",)
    return GROUNDS if kind == "balloon" else ("grass", "snow", "desert")


# ---- What training never sees -----------------------------------------------------------------------------------


def has_unseen_pair(facts: dict[str, Any]) -> bool:
    """True where the facts join one of `HELD_OUT_PAIRS`."""
    return any(all(facts.get(name) == value for name, value in pair) for pair in HELD_OUT_PAIRS)


def is_held_out(scene: Scene) -> bool:
    """True for a scene with an unseen pair, and for one in ten of the other fact combinations, chosen by a hash."""
    if has_unseen_pair(scene.facts):
        return True
    key = "|".join(str(scene.facts[name]) for name in FACTS)
    return hashlib.blake2b(key.encode(), digest_size=4).digest()[0] % 10 == 0


def every_combination() -> Iterator[Scene]:
    """Every combination of facts once, the sun on the left and jitter 0."""
    for kind in KINDS:
        for ground in grounds_of(kind):
            for colour in COLOURS:
                for time in TIMES:
                    for mountains in (False, True):
                        for trees in range(1 if ground == "sea" else MAX_TREES + 1):
                            yield Scene(kind, colour, time, ground, mountains, trees)


def _pick(rng: np.random.Generator, options: Sequence[str]) -> str:
    return options[int(rng.integers(len(options)))]


def _chance(rng: np.random.Generator, probability: float) -> bool:
    return bool(rng.random() < probability)


def sample_any(rng: np.random.Generator) -> Scene:
    """A random scene of the whole world, held-out ones among them."""
    kind = KINDS[int(rng.choice(len(KINDS), p=KIND_SHARES))]
    ground = _pick(rng, grounds_of(kind))
    return Scene(
        kind=kind,
        colour=_pick(rng, COLOURS),
        time=_pick(rng, TIMES),
        ground=ground,
        mountains=_chance(rng, 0.5),
        trees=0 if ground == "sea" else int(rng.integers(MAX_TREES + 1)),
        sun_side=_pick(rng, SUN_SIDES),
        jitter=int(rng.integers(1, 2**31)),
    )


def sample(rng: np.random.Generator) -> Scene:
    """A random training scene: never a held-out one."""
    while is_held_out(scene := sample_any(rng)):
        pass
    return scene


# ---- The grammar ------------------------------------------------------------------------------------------------

PREFIXES = ("a picture of", "a painting of", "a photo of", "an image of", "a drawing of")
TIME_PHRASES = {
    "day": ("in the day", "by day", "during the day", "in daylight", "on a sunny day"),
    "sunset": ("at sunset", "at sunset", "in the evening", "at dusk"),
    "night": ("at night", "at night", "by night", "in the night", "in the moonlight"),
}
PLACE_PHRASES = {
    "grass": ("on the grass", "on grass", "in a meadow"),
    "snow": ("in the snow", "in snow", "on the snow"),
    "desert": ("in the desert", "in a desert", "on the sand"),
    "sea": ("on the sea", "at sea", "on the water"),
}
AREAS = {
    "grass": ("the grass", "a meadow"),
    "snow": ("the snow", "snow"),
    "desert": ("the desert", "a desert", "the sand"),
    "sea": ("the sea", "the water"),
}
FLYING = ("over", "above")
MOUNTAIN_PHRASES = ("with mountains", "in front of mountains", "with mountains behind", "near the mountains")
NO_MOUNTAIN_PHRASES = ("without mountains", "no mountains")
TREE_NUMBERS = {1: ("a tree", "one tree"), 2: ("two trees",), 3: ("three trees",)}
TREE_PREPOSITIONS = ("with", "beside", "next to", "near")
NO_TREE_PHRASES = ("without trees", "no trees")

TIME_WORDS = {"day": "day", "daylight": "day", "sunset": "sunset", "evening": "sunset", "dusk": "sunset",
              "night": "night", "moonlight": "night"}  # fmt: skip
GROUND_WORDS = {"grass": "grass", "meadow": "grass", "snow": "snow", "desert": "desert", "sand": "desert",
                "sea": "sea", "water": "sea"}  # fmt: skip
COUNT_WORDS = {"a": 1, "one": 1, "two": 2, "three": 3}
NEGATIONS = ("no", "without")


def _vocabulary() -> tuple[str, ...]:
    tables = [PREFIXES, FLYING, MOUNTAIN_PHRASES, NO_MOUNTAIN_PHRASES, TREE_PREPOSITIONS, NO_TREE_PHRASES,
              KINDS, COLOURS, ("a", "the", "and", ",")]  # fmt: skip
    for table in (TIME_PHRASES, PLACE_PHRASES, AREAS, TREE_NUMBERS):
        tables += table.values()
    return tuple(sorted({word for table in tables for phrase in table for word in phrase.split()}))


VOCABULARY = _vocabulary()  # every word a caption can hold, and the comma


def _subject(scene: Scene, rng: np.random.Generator) -> str:
    article, prefix = "a ", ""
    if _chance(rng, 0.14):
        article = _pick(rng, ("the ", "", ""))
    if _chance(rng, 0.06):
        article, prefix = "a ", _pick(rng, PREFIXES) + " "
    return f"{prefix}{article}{scene.colour} {scene.kind}"


def _place(scene: Scene, rng: np.random.Generator) -> str:
    if scene.kind == "balloon":
        return f"{_pick(rng, FLYING)} {_pick(rng, AREAS[scene.ground])}"
    return _pick(rng, PLACE_PHRASES[scene.ground])


def _surroundings(scene: Scene, rng: np.random.Generator) -> list[str]:
    """What stands around: mountains and trees, apart or joined by 'and'."""
    trees = _pick(rng, TREE_NUMBERS[scene.trees]) if scene.trees else ""
    if scene.mountains and trees and _chance(rng, 0.5):
        both = [trees, "mountains"] if _chance(rng, 0.5) else ["mountains", trees]
        return [f"with {both[0]} and {both[1]}"]
    phrases = [_pick(rng, MOUNTAIN_PHRASES)] if scene.mountains else []
    if trees:
        phrases.append(f"{_pick(rng, TREE_PREPOSITIONS)} {trees}")
    return phrases


def _absences(scene: Scene, rng: np.random.Generator) -> str:
    """What is said to be missing, at the end of the caption; absence is mostly left unsaid."""
    said = ""
    for absent, phrases in ((not scene.mountains, NO_MOUNTAIN_PHRASES), (not scene.trees, NO_TREE_PHRASES)):
        if absent and _chance(rng, 0.12):
            phrase = _pick(rng, phrases)
            said += f", {phrase}" if phrase.startswith("no ") else f" {phrase}"
    return said


def caption(scene: Scene, rng: np.random.Generator, complete: bool = False) -> str:
    """A truthful description of the scene.

    Kind and colour are always said, mountains and trees exactly where present; time and ground are each left out
    of one caption in ten unless `complete`. The side of the sun is never said.
    """
    time = _pick(rng, TIME_PHRASES[scene.time]) if complete or _chance(rng, 0.9) else ""
    phrases = [_place(scene, rng)] if complete or _chance(rng, 0.9) else []
    phrases += _surroundings(scene, rng)
    time_first = bool(time) and _chance(rng, 0.15)
    if time and not time_first:
        phrases.append(time)
    if _chance(rng, 0.5):
        phrases = [phrases[i] for i in rng.permutation(len(phrases))]
    joint = ", " if _chance(rng, 0.12) else " "
    text = joint.join([_subject(scene, rng), *phrases]) + _absences(scene, rng)
    return f"{time}, {text}" if time_first else text


def facts(text: str) -> dict[str, Any]:
    """The facts a caption states: the inverse of `caption`.

    kind, colour, mountains (bool) and trees (0 to 3) are always there, unsaid mountains and trees being absent;
    time and ground only where said. Raises ValueError where no kind or no colour is named.
    """
    words = re.findall(r"[a-z]+", text.lower())
    facts_read: dict[str, Any] = {"mountains": False, "trees": 0}
    for before, word in zip(["", *words], words, strict=False):
        if word in KINDS:
            facts_read["kind"] = word
        elif word in COLOURS:
            facts_read["colour"] = word
        elif word in TIME_WORDS:
            facts_read["time"] = TIME_WORDS[word]
        elif word in GROUND_WORDS:
            facts_read["ground"] = GROUND_WORDS[word]
        elif word == "mountains":
            facts_read["mountains"] = before not in NEGATIONS
        elif word in ("tree", "trees"):
            facts_read["trees"] = 0 if before in NEGATIONS else COUNT_WORDS.get(before, 0)
    if "kind" not in facts_read or "colour" not in facts_read:
        raise ValueError(f"the caption {text!r} names no kind or no colour of the scenes.")
    return {name: facts_read[name] for name in FACTS if name in facts_read}


def held_out_prompts(n: int, seed: int = 0) -> list[tuple[str, dict[str, Any], bool]]:
    """n prompts of held-out scenes: (prompt, facts, whether they join an unseen pair; one in four does).

    Every prompt states all six facts, and its combination of facts is in no training scene. Combinations repeat,
    reworded, only once all have been used.
    """
    rng = np.random.default_rng(seed)
    held_out = [scene for scene in every_combination() if is_held_out(scene)]
    prompts = []
    for unseen_pair, count in ((True, round(n / 4)), (False, n - round(n / 4))):
        pool = [scene for scene in held_out if has_unseen_pair(scene.facts) == unseen_pair]
        order = [pool[i] for i in rng.permutation(len(pool))]
        chosen = [order[i % len(order)] for i in range(count)]
        prompts += [(caption(scene, rng, complete=True), scene.facts, unseen_pair) for scene in chosen]
    return [prompts[i] for i in rng.permutation(n)]
