"""The canary: what a process's end means, what is kept and for how long, and what a person may say against it."""

from __future__ import annotations

import io
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from sdedge.events import Checking
from sdedge.interpreter import python_environment
from sdedge.machine import canary, canary_checks
from sdedge.machine.canary import State, Verdict
from sdedge.machine.findings import DeviceFinding
from sdedge.process import canary_watch
from sdedge.process.canary import Judged, ask, command_of, judge, predicted_seconds, report_on, run_in_the_open, settle
from sdedge.process.canary_reference import model_hash, read_reference
from sdedge.process.canary_trial import is_unable
from sdedge.process.canary_watch import CanaryRun, Hang, watch_run
from sdedge.process.prover import CanaryProver
from sdedge.process.report_sections import SECTIONS, Subjects
from sdedge.process.trials import Absent
from tests.conftest import needs_embedded
from tests.process.canary_results import BLOCKS, block, reference

RESULTS = "tests.process.canary_results:"
ENGINE = "mps float16"


def by_stand_in(name: str, engine: str = ENGINE, hang: Hang | None = None) -> CanaryRun:
    """Runs a real process that computes what the stand-in of this name does."""
    environment = {**python_environment(), "PYTHONPATH": ":".join(path for path in sys.path if path)}
    return watch_run(command_of(engine, RESULTS + name), environment, hang or Hang(10, 3))


def judged(trial: CanaryRun) -> Judged:
    return judge(ENGINE, trial, *reference())


def trial_of(change=lambda x: x, **fields) -> CanaryRun:
    results = {name: canary_checks.sketch(change(block(name))) for name in BLOCKS}
    return CanaryRun(**{"results": results, "is_ended": True, **fields})


def test_a_process_is_judged_by_its_results_and_its_end():
    assert judged(trial_of()) == judged(trial_of(seconds=2))
    assert not judged(trial_of()).failure and len(judged(trial_of()).measurements) == 2
    assert "gain of 1.020" in judged(trial_of(lambda x: x * 1.02)).failure
    assert judged(trial_of(failure="an end by SIGABRT in attention")).failure == "an end by SIGABRT in attention"
    assert "gain" in judged(trial_of(lambda x: x * 1.02, failure="an end by SIGABRT")).failure  # a figure says more
    assert judged(trial_of(lambda x: x * 2, unable="No space left")) == Judged(unable="No space left")
    assert judged(CanaryRun(is_ended=True)).unable  # nothing to compare


def test_two_fresh_processes_must_fail():
    broken, good, unable = trial_of(lambda x: x * 2), trial_of(), CanaryRun(unable="No space left")

    def verdict(*trials):
        left = iter(trials)
        return ask(ENGINE, lambda engine: next(left), reference), len(list(left))

    once, left = verdict(good, broken)
    assert once.state is State.PROVED and left == 1 and set(once.errors) == set(BLOCKS)
    twice, _ = verdict(broken, broken)
    assert twice.state is State.FAILED and twice.is_switched_off and "gain of 2.000" in twice.sentence
    flaky, _ = verdict(broken, good)
    assert flaky.state is State.PROVED and "second try" in flaky.reason
    for trials in ((unable,), (broken, unable)):
        stopped, _ = verdict(*trials)
        assert stopped.state is State.UNKNOWN and not stopped.is_switched_off and "space" in stopped.reason


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "figure"),
    [
        ("zeros", "one value"), ("transposed", "gain"), ("stale", "gain"), ("nan", "not numbers"), ("scaled", "gain"),
        ("abort", "SIGABRT"), ("segfault", "SIGSEGV"), ("silent", "without an answer"), ("raises", "command buffer"),
    ],
)  # fmt: skip
def test_a_broken_engine_fails_in_a_real_process(name, figure):
    verdict = ask(ENGINE, partial(_run, name), reference)
    assert verdict.state is State.FAILED and figure in verdict.sentence


def _run(name: str, engine: str) -> CanaryRun:
    return by_stand_in(name, engine)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sleeps", "spins"])
def test_a_hang_is_seen_and_ended(name):
    trial = by_stand_in(name, hang=Hang(imports=20, stage=0.1, idle=3))
    assert "no progress" in trial.failure and BLOCKS[1] in trial.failure


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["cpu float32", "mps float16", "coreml all"])
@pytest.mark.parametrize("is_busy", [False, True])
def test_a_healthy_engine_passes_also_on_a_busy_machine(engine, is_busy):
    loop = [sys.executable, "-c", "import os; os.nice(5)\nwhile True: pass"]
    busy = [subprocess.Popen(loop) for _ in range(3 if is_busy else 0)]
    try:
        assert ask(engine, partial(_run, "healthy"), reference).state is State.PROVED
        slow = by_stand_in("works_long", hang=Hang(imports=20, stage=0.1, idle=10))
        assert not judged(slow).failure and slow.is_ended
    finally:
        for process in busy:
            process.kill()
            process.wait()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["full_disk", "no_memory", "killed"])
def test_what_is_not_the_engine_s_fault_accuses_none(name):
    verdict = ask(ENGINE, partial(_run, name), reference)
    assert verdict.state is State.UNKNOWN and verdict.reason


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(("states", "computes"), [("SS", False), ("SD", True), ("RS", True), ("T", False)])
def test_a_process_that_waits_for_a_slow_disk_is_not_idle(monkeypatch, states, computes):
    lines = {str(i): f"{i} (python) {state} 1 1 0" for i, state in enumerate(states)}
    monkeypatch.setattr(canary_watch.os, "listdir", lambda folder: [*lines])
    monkeypatch.setattr(
        canary_watch, "open", lambda path, **options: io.StringIO(lines[path.split("/")[-2]]), raising=False
    )
    assert canary_watch.is_computing(4711) is computes


def test_a_process_that_cannot_begin_accuses_none():
    trial = watch_run([sys.executable, "-c", "raise SystemExit(3)"], python_environment(), Hang(10, 3))
    assert judged(trial).unable and "status 3" in trial.unable
    trial = watch_run(
        [sys.executable, "-c", "print('noise', flush=True); print('[1]')"], python_environment(), Hang(10, 3)
    )
    assert judged(trial).unable


@pytest.mark.parametrize(("error", "unable"), [
    (OSError(28, "No space left on device"), True), (MemoryError(), True), (RuntimeError("CUDA out of memory"), True),
    (RuntimeError("invalid argument"), False), (AssertionError(), False), (ImportError("mlx"), True),
])  # fmt: skip
def test_which_exceptions_are_the_engine_s(error, unable):
    assert is_unable(error) is unable


def test_a_format_without_hardware_behind_it_is_given_its_time():
    assert predicted_seconds("cpu float32") == 3 and predicted_seconds("mps float16") == 15
    assert predicted_seconds("cpu float16") > 300


def test_a_verdict_is_kept_until_the_key_changes(monkeypatch):
    monkeypatch.delenv(canary.SETTING)
    assert canary.verdict(ENGINE).state is State.UNKNOWN and canary.is_usable(ENGINE)
    canary.keep(Verdict(ENGINE, State.FAILED, "a gain of 2"))
    assert not canary.is_usable(ENGINE) and [known.engine for known in canary.verdicts()] == [ENGINE]
    key = canary.machine_key()
    for part in key:
        monkeypatch.setattr(canary, "machine_key", lambda part=part: {**key, part: "another"})
        assert canary.verdict(ENGINE).state is State.UNKNOWN and canary.is_usable(ENGINE), part
    monkeypatch.setattr(canary, "machine_key", lambda: key)
    assert not canary.is_usable(ENGINE)
    monkeypatch.setattr("sdedge.__version__", ".".join(["7", *["2", "9"]]))
    own = {"sdedge": "7.2"}
    monkeypatch.undo()
    assert canary.machine_key().keys() == key.keys() and own.keys() <= key.keys()


def test_the_patch_version_is_no_update(monkeypatch):
    import sdedge

    keys = []
    for version in ("1.4.0", "1.4.9", "1.5.0"):
        monkeypatch.setattr(sdedge, "__version__", version)
        keys.append(canary.machine_key())
    assert keys[0] == keys[1] != keys[2]


def test_the_user_may_overrule_and_turn_it_off(monkeypatch):
    monkeypatch.delenv(canary.SETTING)
    canary.keep(Verdict(ENGINE, State.FAILED, "a gain of 2"))
    assert canary.trust(ENGINE).trusted and canary.is_usable(ENGINE) and "trust" in canary.verdict(ENGINE).sentence
    canary.trust(ENGINE, False)
    assert not canary.is_usable(ENGINE)
    monkeypatch.setenv(canary.SETTING, "off")
    assert canary.is_usable(ENGINE)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"key": 1}', '{"key": {}, "engine": 3, "state": "failed"}', "null"]
)
def test_a_damaged_record_is_none(text, monkeypatch):
    path = canary.verdict_file(ENGINE)
    path.parent.mkdir(parents=True)
    path.write_text(text)
    assert canary.verdict(ENGINE).state is State.UNKNOWN and not canary.verdicts()


def test_who_speaks_for_whom():
    speakers = {
        "cpu int8": "cpu float32", "mil float16": "cpu float32", "graph cpu bfloat16": "cpu bfloat16",
        "mps float16": "mps float16",
        "graph mps float16": "graph mps float16", "openvino int8": "openvino float32", "coreml all": "coreml all",
        "cuda:1 bfloat16": "cuda:1 bfloat16",
    }  # fmt: skip
    assert {engine: canary.asked_engine(engine) for engine in speakers} == speakers


def test_an_engine_is_asked_once_and_not_while_its_verdict_is_known(monkeypatch):
    monkeypatch.delenv(canary.SETTING)
    begun: list[str] = []
    prover = CanaryProver(lambda engine: begun.append(engine))
    for _ in range(2):
        prover.begin("cpu int8")
    assert begun == ["cpu float32"]
    canary.keep(Verdict(ENGINE, State.PROVED))
    canary.keep(Verdict("mps float32", State.UNKNOWN, "No space left on device", time=time.time()))
    canary.keep(Verdict("cuda float16", State.UNKNOWN, "No space left on device", time=time.time() - 7200))
    for engine in (ENGINE, "mps float32", "cuda float16"):
        prover.begin(engine)
    assert begun == ["cpu float32", "cuda float16"]


def test_that_an_engine_is_checked_is_said_when_it_begins_with_why_and_that_it_is_once(monkeypatch):
    monkeypatch.delenv(canary.SETTING)
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        prover = CanaryProver(lambda engine: process)
        for _ in range(2):
            prover.begin("cpu int8")
        (notice,) = prover.new_notices()
        assert all(
            part in notice for part in ("cpu float32", "first time", "once", "computes as it should", "a minute")
        )
        assert prover.progress() is None
        canary.keep_progress(Checking("cpu float32", 4, 10, "a block"))
        assert prover.progress() == Checking("cpu float32", 4, 10, "a block")
    finally:
        process.communicate(b"\n")
    assert prover.progress() is None  # what is left of one that ended is not how far it is


def test_a_check_says_how_far_it_is_until_it_ends(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", ":".join(path for path in sys.path if path))
    keep, seen = canary.keep_progress, []

    def look(check):
        keep(check)
        seen.append(canary.progress(ENGINE))

    monkeypatch.setattr(canary, "keep_progress", look)
    settle(ENGINE, lambda name: run_in_the_open(name, f"{RESULTS}healthy"))
    assert [check for check in dict.fromkeys(seen) if check.total] == [
        Checking(ENGINE, number, 2, name) for number, name in enumerate(BLOCKS)
    ]
    assert canary.progress(ENGINE) is None


@pytest.mark.parametrize(
    "text",
    ["", "[]", '{"engine": "x"}', '{"engine": "x", "done": 3, "total": 2}'],
)
def test_damaged_progress_is_none(text):
    canary.keep_progress(Checking(ENGINE, 1, 2))
    canary.verdict_file(ENGINE).with_suffix(".progress").write_text(text)
    assert canary.progress(ENGINE) is None


def test_one_notice_of_an_engine_that_is_switched_off(monkeypatch):
    monkeypatch.delenv(canary.SETTING)
    canary.keep(Verdict(ENGINE, State.FAILED, "a gain of 2"))
    prover = CanaryProver()
    assert not prover.allows(ENGINE) and not prover.allows(ENGINE)
    assert len(prover.new_notices()) == 1 and not prover.new_notices()


def test_the_tests_start_none():
    assert not canary.is_heeded()
    begun: list[str] = []
    CanaryProver(lambda engine: begun.append(engine)).begin(ENGINE)
    assert not begun


def test_a_report_holds_what_the_check_finds_and_keeps_nothing():
    subjects = Subjects({}, Path("work"))
    trials = [trial for section in SECTIONS if section.name == "canary" for trial in section.trials(subjects)]
    assert {"cpu float32"} < {trial.name for trial in trials} and len({trial.name for trial in trials}) == len(trials)
    broken = list(report_on("cpu float32", lambda engine: CanaryRun(failure="an end by SIGABRT in attention")))
    assert {"state": "failed", "reason": "an end by SIGABRT in attention", "errors": {}} in broken
    with pytest.raises(Absent, match="No space"):
        list(report_on("cpu float32", lambda engine: CanaryRun(unable="No space left on device")))
    assert not canary.verdicts()


def test_what_is_trusted_stays_so_when_the_verdict_comes(monkeypatch):
    monkeypatch.delenv(canary.SETTING)
    canary.trust("cpu float32")

    def fails(engine: str) -> CanaryRun:
        return CanaryRun(failure="an end by SIGABRT in attention", stage="attention")

    settle("cpu float32", fails)
    assert canary.verdict("cpu float32").state is State.FAILED and canary.is_usable("cpu float32")


@needs_embedded
def test_the_reference_is_of_the_embedded_model_and_of_every_block():
    from sdedge.engines.canary_blocks import BLOCKS as FULL

    sketches, drawn_by = read_reference()
    assert drawn_by == model_hash(), "run `python -m sdedge.process.canary_reference`"
    assert set(sketches) == {*FULL, canary_checks.PICTURE}


@pytest.mark.parametrize("faster, wide", [("torch", ""), ("own", ", own kernel"), (None, ", own kernel")])
def test_the_widest_map_is_attended_in_the_faster_way_and_the_others_in_both(monkeypatch, faster, wide):
    import torch

    from sdedge.engines.torch import block_runs

    known = (
        {"cpu": DeviceFinding("cpu", "", "float32", "channels_last", 2, "", attention_float32=faster)} if faster else {}
    )
    monkeypatch.setattr(block_runs.findings, "findings", lambda: known)
    monkeypatch.setattr(block_runs.kernels, "attends", lambda dtype: True)
    named = [name for name, _, _ in block_runs.names(torch.device("cpu"), torch.float32) if "attention" in name]
    both = [
        name + way
        for name in ("attention of 640 channels", "attention of 1280 channels")
        for way in ("", ", own kernel")
    ]
    assert sorted(named) == sorted(["attention of 320 channels" + wide, *both])


@needs_embedded
def test_the_small_picture_is_that_of_the_reference():
    from sdedge.process.canary_trial import small_picture

    picture = canary_checks.sketch(small_picture("cpu float32"))
    trial = CanaryRun({canary_checks.PICTURE: picture}, is_ended=True, model=model_hash())
    result = judge("cpu float32", trial, *read_reference())
    assert result == Judged(measurements=result.measurements) and result.measurements[0].error > 60


@pytest.mark.slow
@needs_embedded
def test_the_cpu_proves_itself(monkeypatch):
    monkeypatch.delenv(canary.SETTING)
    verdict = settle("cpu float32")
    assert verdict.state is State.PROVED and len(verdict.errors) >= 8 and canary.verdict("cpu float32") == verdict
