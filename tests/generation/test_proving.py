"""An engine that the canary finds broken costs one notice and no wrong picture."""

from __future__ import annotations

import dataclasses
from functools import partial

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from sdedge.cli import cli
from sdedge.engines.open import load_engine
from sdedge.errors import EngineError, Remedy
from sdedge.events import Checking, Loading, Notice, Step
from sdedge.generation import proving
from sdedge.generation.pipeline import Pipeline
from sdedge.generation.proving import NOT_PROVED, proved
from sdedge.generation.save import Picture
from sdedge.images.metadata import read
from sdedge.machine import canary
from sdedge.machine.canary import State, Verdict
from sdedge.process.model_cache import ModelCache
from sdedge.process.prover import CanaryProver
from sdedge.request import Request, Resolved


class Prover:
    """Knows verdicts by engine; one that is being asked answers after a few questions."""

    def __init__(self, verdicts=(), asked=0):
        self.known = {verdict.engine: verdict for verdict in verdicts}
        self.asked = asked
        self.begun = []
        self.notices = []

    def allows(self, engine):
        if self.verdict(engine).is_switched_off:
            self.notices.append(f"{engine} is off")
            return False
        return True

    def begin(self, engine):
        self.begun.append(engine)

    def is_asked(self, engine):
        self.asked -= 1
        return self.asked >= 0

    def verdict(self, engine):
        return (
            self.known.get(engine, Verdict(engine, State.UNKNOWN))
            if self.asked <= 0
            else Verdict(engine, State.UNKNOWN)
        )

    def progress(self):
        return Checking("mps float16", 10 - self.asked, 10, "a block") if self.asked > 0 else None

    def new_notices(self):
        notices, self.notices = self.notices, []
        return notices


class Drawing:
    """Draws pictures of noise by the first engine that the prover allows."""

    def __init__(self, prover, engines=("mps float16", "cpu float32"), count=3, flat=False):
        self.prover, self.engines, self.count, self.flat = prover, engines, count, flat
        self.drawn, self.closed = [], 0

    def __call__(self, first):
        engine = next(engine for engine in self.engines if self.prover.allows(engine))
        try:
            for index in range(first, self.count):
                yield Step(1, 1, index)
                self.drawn.append((engine, index))
                pixels = np.random.RandomState(index).randint(0, 256, (8, 8, 3)).astype(np.uint8)
                request = Resolved("", seed=index, width=64, height=64, guidance=1.0)
                yield Picture(pixels * 0 if self.flat else pixels, request, index, {"engine": engine})
        finally:
            self.closed += 1


def drawn_by(prover, **kwargs):
    drawing, let_go = Drawing(prover, **kwargs), []
    events = list(proved(drawing, prover, lambda: let_go.append(True)))
    pictures = [(event.index, event.facts["engine"]) for event in events if isinstance(event, Picture)]
    return pictures, [event.message for event in events if isinstance(event, Notice)], events, drawing, let_go


def test_a_picture_of_an_engine_that_is_found_broken_meanwhile_is_drawn_again_by_the_next():
    prover = Prover(
        [Verdict("mps float16", State.FAILED, "a gain of 2"), Verdict("cpu float32", State.PROVED)], asked=4
    )
    pictures, notices, events, drawing, let_go = drawn_by(prover)
    assert (
        pictures == [(i, "cpu float32") for i in range(3)]
        and notices[1:] == ["mps float16 is off"]
        and let_go == [True]
    )
    assert drawing.drawn[0] == ("mps float16", 0) and drawing.closed == 2
    assert Loading("proving") in events


def test_an_engine_that_fails_after_pictures_were_handed_over_draws_no_further_one():
    prover = Prover([Verdict("cpu bfloat16", State.PROVED), Verdict("cpu float32", State.PROVED)])
    drawing = Drawing(prover, engines=("cpu bfloat16", "cpu float32"))
    events = proved(drawing, prover, lambda: None)
    first = next(event for event in events if isinstance(event, Picture))
    prover.known["cpu bfloat16"] = Verdict("cpu bfloat16", State.FAILED, "a gain of 2")
    later = [event for event in events if isinstance(event, Picture)]
    assert [p.facts["engine"] for p in (first, *later)] == ["cpu bfloat16", "cpu float32", "cpu float32"]
    assert [p.index for p in later] == [1, 2]


def test_a_picture_of_an_engine_not_proved_yet_says_so_once():
    pictures, notices, events, *_ = drawn_by(Prover())
    marks = [event.facts.get("canary") for event in events if isinstance(event, Picture)]
    assert marks == [NOT_PROVED] * 3 and len(notices) == 1 and "still being checked" in notices[0]
    assert Remedy.SEE_CHECK in notices[0]
    _, notices, events, *_ = drawn_by(Prover([Verdict("mps float16", State.PROVED)]))
    assert not notices and not any("canary" in event.facts for event in events if isinstance(event, Picture))


def test_a_picture_that_waits_says_so_once_with_how_far_the_check_is():
    proved_at_last = Prover([Verdict("mps float16", State.PROVED)], asked=6)
    pictures, notices, events, *_ = drawn_by(proved_at_last)
    assert len(pictures) == 3 and len(notices) == 1
    assert "waits for the check of mps float16 (5 of 10 results are there), 3 minutes at most" in notices[0]
    steps = [event for event in events if isinstance(event, Checking)]
    counts = [event.done for event in steps]
    assert counts == sorted(set(counts)) and counts[-1] == 10 and {event.total for event in steps} == {10}
    assert len(counts) > 2 and {event.engine for event in steps} == {"mps float16"}


def test_a_check_is_told_beside_a_picture_that_does_not_wait_for_it():
    pictures, notices, events, *_ = drawn_by(Prover(asked=3), engines=("cpu float32",), count=1)
    kinds = [type(event) for event in events]
    assert kinds.index(Checking) < kinds.index(Picture) and Loading not in kinds
    assert "still being checked on this machine (7 of 10 results are there)" in notices[0]


def test_a_check_that_cannot_run_is_said_with_the_reason():
    _, notices, *_ = drawn_by(Prover([Verdict("mps float16", State.UNKNOWN, "less than 2 GB of memory are free.")]))
    assert notices == ["Whether mps float16 computes as it should on this machine is not known, as it could not be checked: less "
                       "than 2 GB of memory are free."]  # fmt: skip


def test_plain_float32_on_a_cpu_waits_for_nobody_but_for_a_flat_picture():
    prover = Prover(asked=3)
    _, _, events, *_ = drawn_by(prover, engines=("cpu float32",), count=1)
    assert Loading("proving") not in events and prover.asked == 3
    with pytest.raises(EngineError, match="one colour"):
        drawn_by(prover, engines=("cpu float32",), count=1, flat=True)
    assert prover.asked < 3


def test_a_flat_picture_of_a_proved_engine_is_a_picture():
    pictures, *_ = drawn_by(Prover([Verdict("cpu float32", State.PROVED)]), engines=("cpu float32",), flat=True)
    assert len(pictures) == 3


def test_a_wait_ends(monkeypatch):
    monkeypatch.setattr(proving, "PATIENCE", 0.3)
    pictures, notices, *_ = drawn_by(Prover(asked=10**6), count=1)
    assert pictures == [(0, "mps float16")] and len(notices) == 2 and "still being checked" in notices[1]


def test_stopping_closes_the_drawing():
    drawing = Drawing(Prover())
    events = proved(drawing, Prover(), lambda: None)
    next(events)
    events.close()
    assert drawing.closed == 1


def switch_off(*engines):
    for engine in engines:
        canary.keep(Verdict(engine, State.FAILED, "a gain of 1.020"))


@pytest.fixture
def heeded(monkeypatch):
    """The canary is heeded, and none is started."""
    monkeypatch.delenv(canary.SETTING)
    monkeypatch.setattr("sdedge.process.prover.start", lambda engine: None)


def generate(model, out, *options):
    done = CliRunner().invoke(
        cli, ["generate", "a house", "--model", str(model), "--steps", "2", "--seed", "1", "-o", str(out), *options]
    )
    return done, Image.open(out) if out.exists() else None


def test_the_command_line_draws_by_the_next_engine_and_says_so_once(tiny_model, tmp_path, heeded):
    switch_off("cpu bfloat16")
    done, picture = generate(tiny_model, tmp_path / "a.png", "--dtype", "bfloat16", "--count", "1")
    assert done.exit_code == 0 and done.stderr.count("switched off") == 1 and "a gain of 1.020" in done.stderr
    canary.keep(Verdict("cpu float32", State.PROVED))
    done, expected = generate(tiny_model, tmp_path / "b.png", "--dtype", "float32")
    assert not done.stderr and (np.asarray(picture) == np.asarray(expected)).all()
    details = read(tmp_path / "a.png").details
    assert details["engine"] == "cpu float32" and details["canary"] == NOT_PROVED
    assert "canary" not in read(tmp_path / "b.png").details


def test_without_an_engine_that_is_left_nothing_is_drawn(tiny_model, tmp_path, heeded):
    switch_off("cpu bfloat16", "cpu float32")
    done, picture = generate(tiny_model, tmp_path / "a.png", "--dtype", "bfloat16")
    assert done.exit_code == 1 and picture is None and "No engine is left" in str(done.exception)
    canary.trust("cpu bfloat16")
    done, picture = generate(tiny_model, tmp_path / "a.png", "--dtype", "bfloat16")
    assert done.exit_code == 0 and read(tmp_path / "a.png").details["engine"] == "cpu bfloat16"


def test_a_cached_engine_that_failed_since_is_let_go(tiny_model, heeded):
    prover = CanaryProver()
    models = ModelCache(
        load_engine("cpu", "bfloat16", allows=prover.allows), lambda model: tiny_model, allows=prover.allows
    )
    pipeline = partial(Pipeline, models, None, prover)
    request = Request("a house", model=str(tiny_model), steps=1, seed=3)

    def engines():
        return [event.facts["engine"] for event in pipeline().images(request) if isinstance(event, Picture)]

    assert engines() == ["cpu bfloat16"]
    switch_off("cpu bfloat16")
    assert engines() == ["cpu float32"] and len(prover.new_notices()) == 0


def test_pictures_that_are_drawn_again_have_the_seeds_of_the_first_attempt(tiny_model, heeded):
    prover = CanaryProver()
    pipeline = Pipeline(load_engine("cpu", "bfloat16", allows=prover.allows), None, prover)
    events = pipeline.images(Request("a house", model=str(tiny_model), steps=1), count=3)
    first = next(event for event in events if isinstance(event, Picture))
    switch_off("cpu bfloat16")
    later = [event for event in events if isinstance(event, Picture)]
    assert [(p.index, p.seed) for p in later] == [(1, first.seed + 1), (2, first.seed + 2)]
    assert {p.facts["engine"] for p in later} == {"cpu float32"}


def test_a_request_without_prover_is_drawn_as_ever(tiny_model):
    events = list(Pipeline(load_engine("cpu")).images(Request("a house", model=str(tiny_model), steps=1)))
    assert not any("canary" in event.facts for event in events if isinstance(event, Picture))
    assert dataclasses.is_dataclass(events[0])
