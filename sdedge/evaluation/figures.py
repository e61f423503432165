"""The figures of an evaluation: facts obeyed by both judges, nearness to true renders and to a reference, diversity."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sdedge.evaluation.drawing import LEARNED, Judges
from sdedge.evaluation.intervals import Interval, interval
from sdedge.evaluation.runs import Result
from sdedge.evaluation.similarity import frechet_distance, psnr, spread, ssim
from sdedge.evaluation.world import Answers, Case, Facts, World

MEAN, ALL = "mean", "all"
LEAST_FOR_FRECHET = 100  # pictures; fewer tell nothing of a covariance of so many features
Load = Callable[[Result], np.ndarray]


@dataclass(frozen=True)
class Verdict:
    """Whether a picture of a prompt shows each fact that is stated, by judge."""

    prompt: int
    obeyed: Mapping[str, Mapping[str, bool]]

    def disobeyed(self, judge: str) -> list[str]:
        """Returns the facts that a judge does not see."""
        return [name for name, right in self.obeyed[judge].items() if not right]


@dataclass(frozen=True)
class Row:
    """How often one kind of fact is obeyed, by judge, and in which fraction of the pictures the judges agree about it."""

    obeyed: Mapping[str, Interval]
    agreement: float | None = None


Rows = Mapping[str, Row]
"""By kind of fact; "mean" is over all facts, and "all" counts pictures that show every one."""


@dataclass(frozen=True)
class Features:
    """Distances in the features of the learned judge, which the project trained; they are no FID and compare with none.

    frechet     of the pictures to true renders of the same prompts, and `floor` of two sets of such renders
    spread      mean distance of two pictures of one prompt, and `spread_of_renders` that of two renders of one prompt
    """

    network: str
    frechet: float | None = None
    floor: float | None = None
    spread: float | None = None
    spread_of_renders: float | None = None

    @property
    def diversity(self) -> float | None:
        """Returns the spread as a fraction of that of renders; None with one seed."""
        return self.spread / self.spread_of_renders if self.spread is not None and self.spread_of_renders else None


@dataclass(frozen=True)
class Nearness:
    """How near pictures are to those of a reference: dB, and structural similarity; the worst tenth begins at `low`.

    `identical` is the fraction of pictures that are equal in every pixel. PSNR is infinite for them.
    """

    pictures: int
    psnr: float
    psnr_low: float
    ssim: float
    ssim_low: float
    identical: float


@dataclass(frozen=True)
class Figures:
    """Everything that is told of one run."""

    prompts: int
    seeds: int
    pictures: int
    seconds: float
    """Of a picture, the median; the first of a process includes loading."""
    facts: Rows
    unseen: Rows
    """Of the pictures of prompts that join an unseen combination; empty where there are none."""
    combinations: Mapping[str, Row]
    """By unseen combination: pictures that show every fact of it."""
    by_value: Mapping[str, Rows]
    """By kind of fact and its value in the prompt."""
    renders: Rows = field(default_factory=dict)
    """What the judges read in true renders, and in what the model's autoencoder makes of them: the ceiling."""
    reconstructions: Rows = field(default_factory=dict)
    features: Features | None = None
    reference: Rows = field(default_factory=dict)
    """The facts that the reference obeys."""
    nearness: Nearness | None = None

    def to_json(self) -> dict[str, Any]:
        """Returns what JSON can hold; an infinite number is None."""
        record: dict[str, Any] = _plain(dataclasses.asdict(self))
        if self.features is not None:
            record["features"]["diversity"] = self.features.diversity
        return record


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plain(inner) for name, inner in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def verdict(prompt: int, facts: Facts, answers: Mapping[str, Answers], judges: Judges) -> Verdict:
    """Compares what judges read in a picture with what its prompt states."""
    compare = judges.world.compare
    return Verdict(prompt, {judge: compare(facts, answers[name]) for judge, name in judges.names.items()})


def rows(verdicts: Sequence[Verdict]) -> Rows:
    """Counts verdicts by kind of fact, in the order in which prompts state them."""
    if not verdicts:
        return {}
    judges = list(verdicts[0].obeyed)
    names = dict.fromkeys(name for v in verdicts for name in v.obeyed[judges[0]])
    table = {name: _row(verdicts, judges, lambda facts, name=name: facts.get(name)) for name in names}  # type: ignore[misc]
    mean = _row(verdicts, judges, lambda facts: sum(facts.values()) / len(facts))
    agreements = [(row.agreement, row.obeyed[judges[0]].pictures) for row in table.values()]
    agreement = (
        None if len(judges) < 2 else sum(a * n for a, n in agreements if a is not None) / sum(n for _, n in agreements)
    )
    return {**table, MEAN: dataclasses.replace(mean, agreement=agreement), ALL: _row(verdicts, judges, _every)}


def _every(facts: Mapping[str, bool]) -> bool:
    return all(facts.values())


def _row(
    verdicts: Sequence[Verdict], judges: Sequence[str], score: Callable[[Mapping[str, bool]], float | None]
) -> Row:
    """Counts one score of each picture, where it has one."""
    scores: dict[str, dict[int, list[float]]] = {judge: {} for judge in judges}
    equal: list[bool] = []
    for v in verdicts:
        by_judge = [score(v.obeyed[judge]) for judge in judges]
        if None in by_judge:
            continue
        for judge, value in zip(judges, by_judge, strict=True):
            scores[judge].setdefault(v.prompt, []).append(float(value or 0))
        equal.append(len(set(by_judge)) == 1)
    intervals = {judge: interval(list(groups.values())) for judge, groups in scores.items()}
    return Row(intervals, sum(equal) / len(equal) if len(judges) > 1 else None)


def combinations(cases: Mapping[int, Case], verdicts: Sequence[Verdict]) -> dict[str, Row]:
    """Counts by unseen combination the pictures that show the facts that it joins."""
    joined = {name: facts for case in cases.values() for name, facts in case.unseen.items()}
    table = {}
    for name, facts in sorted(joined.items()):
        own = [v for v in verdicts if name in cases[v.prompt].unseen]
        if own:
            table[name] = _row(own, list(own[0].obeyed), lambda seen, facts=facts: all(seen[f] for f in facts))  # type: ignore[misc]
    return table


def by_value(cases: Mapping[int, Case], verdicts: Sequence[Verdict], world: World) -> Mapping[str, Rows]:
    """Counts each kind of fact apart for every value that prompts give it."""
    table: dict[str, dict[str, Row]] = {}
    for name, options in world.values.items():
        for value in options:
            own = [v for v in verdicts if name in cases[v.prompt].facts and cases[v.prompt].facts[name] == value]
            if own:
                row = _row(own, list(own[0].obeyed), lambda seen, name=name: seen[name])  # type: ignore[misc]
                table.setdefault(name, {})[str(value)] = row
    return table


def features(
    judges: Judges, cases: Mapping[int, Case], results: Sequence[Result], load: Load, size: int
) -> Features | None:
    """Measures pictures against true renders of their prompts in the learned judge's features; None without that judge."""
    judge, world = judges.learned, judges.world
    if judge is None:
        return None

    def of_renders(shift: int) -> np.ndarray:
        scenes = (world.scene_of(cases[result.index], result.seed + shift) for result in results)
        return _features_of(judges, (world.render(scene, size) for scene in scenes))

    pictures, renders = _features_of(judges, map(load, results)), of_renders(0)
    prompts = [result.index for result in results]
    spreads = [spread(_grouped(x, prompts)) for x in (pictures, renders)]
    frechet = floor = None
    if len(results) >= LEAST_FOR_FRECHET:
        frechet, floor = (frechet_distance(x, renders) for x in (pictures, of_renders(1_000_000)))
    return Features(f"{LEARNED} {judge.version}", frechet, floor, *spreads)


def _features_of(judges: Judges, pictures: Iterable[np.ndarray]) -> np.ndarray:
    """Returns features (n, d), reading a few pictures at a time."""
    assert judges.learned is not None
    collected, waiting = [], []
    for picture in pictures:
        waiting.append(picture)
        if len(waiting) == 64:
            collected.append(judges.learned.features(waiting))
            waiting = []
    return np.concatenate(collected + ([judges.learned.features(waiting)] if waiting else []))


def _grouped(rows: np.ndarray, groups: Sequence[int]) -> list[np.ndarray]:
    members: dict[int, list[int]] = {}
    for i, group in enumerate(groups):
        members.setdefault(group, []).append(i)
    return [rows[indices] for indices in members.values()]


def nearness(pairs: Iterable[tuple[np.ndarray, np.ndarray]]) -> Nearness | None:
    """Compares pictures with those of a reference, pair by pair; None for no pair. Raises ValueError for two sizes."""
    decibels, similarities = [], []
    for picture, reference in pairs:
        decibels.append(psnr(picture, reference))
        similarities.append(ssim(picture, reference))
    if not decibels:
        return None
    middle, low = (
        np.quantile(decibels, q, method="lower") for q in (0.5, 0.1)
    )  # no mean: infinite ones are among them
    identical = sum(math.isinf(value) for value in decibels) / len(decibels)
    similar = (float(np.median(similarities)), float(np.quantile(similarities, 0.1)))
    return Nearness(len(decibels), float(middle), float(low), *similar, identical)
