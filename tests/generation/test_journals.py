"""Journals of the denoiser's answers: replayed from any call they give the same picture, and damaged ones never another."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
import torch

from sdedge import catalog
from sdedge.catalog import MaskMode
from sdedge.errors import SdedgeError
from sdedge.events import Continued, Step
from sdedge.generation import journal_file
from sdedge.generation.journal_file import JournalWriter, read_journal
from sdedge.generation.journaled import RecordedRun, journaled
from sdedge.generation.journals import BatchJournals, Journal, Journals, run_of
from sdedge.generation.unfinished import unfinished
from sdedge.request import Resolved
from sdedge.sampling.denoiser import masked
from sdedge.sampling.noise import Noise
from sdedge.sampling.presets import SamplingPlan, sampling_plan
from tests.conftest import cases

SHAPE = (1, 4, 8, 8)
KEY = {"sdedge": "1", "engine": "cpu float32"}


class SameEngine:
    """An engine that never falls back."""

    numerics = ""


class Network:
    """Stands in for the UNet and its guidance: any function of latents and sigma, which counts its calls."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, x: torch.Tensor, sigma: float) -> torch.Tensor:
        self.calls += 1
        return torch.sin(3 * x / (1 + sigma)) + 0.1 * x.roll(1, -1) / (1 + sigma**2) ** 0.5


def draw(plan: SamplingPlan, journal: Journal | None, network: Network) -> torch.Tensor:
    """A run as `sample` makes it, with half of the picture masked and fresh noise outside of the mask."""
    noise = Noise([7], SHAPE[1:]) if plan.noise == "independent" else plan.step_noise([7], SHAPE[1:])
    mask, latent = torch.ones(1, 1, 8, 8), torch.full(SHAPE, 0.3)
    mask[..., :4] = 0
    denoise = network if journal is None else journaled(network, journal, SameEngine())
    denoise = masked(denoise, latent, mask, MaskMode.FRESH_NOISE, latent, Noise([9], SHAPE[1:]))
    x = plan.start(Noise([7], SHAPE[1:], skip=0)(0, 0))
    *_, (last, _x0) = plan.run(denoise, x, noise)
    return plan.finish(last)


def whole_journal(path: Path, plan: SamplingPlan, network: Network) -> torch.Tensor:
    """Draws with a journal that is written to its end."""
    journal = Journal(path, {"key": KEY}, None, keep=True)
    x = draw(plan, journal, network)
    journal.close()
    return x


def size_of_calls(path: Path, calls: int) -> int:
    """How many bytes of a journal hold its first answers."""
    answers = read_journal(path).answers
    return answers[calls - 1].end if calls else answers[0].end - (answers[1].end - answers[0].end)


@pytest.mark.parametrize(
    "sampler", cases(sorted(catalog.SAMPLERS), quick=("dpmpp_2m_sde", "dpm_adaptive", "heun", "unipc"))
)
def test_a_run_cut_at_any_call_goes_on_to_the_same_bits(sampler, tmp_path):
    coarse = {"rtol": 0.3, "atol": 0.05} if sampler == "dpm_adaptive" else {}  # 24 calls in place of 60
    plan = sampling_plan(sampler, steps=6, options=coarse)
    network, full = Network(), tmp_path / "full"
    expected = whole_journal(full, plan, network)
    calls, data = network.calls, full.read_bytes()
    assert torch.equal(expected, draw(plan, None, Network())) and len(read_journal(full).answers) == calls
    for cut in range(calls + 1):
        path, network = tmp_path / f"cut {cut}", Network()
        path.write_bytes(data[: size_of_calls(full, cut)])
        journal = Journal(path, {"key": KEY}, read_journal(path), keep=True)
        assert torch.equal(draw(plan, journal, network), expected)
        journal.close()
        assert network.calls == calls - cut and journal.replayed == cut
        assert path.read_bytes() == data or not cut, "what was recorded behind the cut is what was recorded at first"


@pytest.mark.parametrize("cases_", cases([40, 960], quick=[40]))
def test_torn_and_damaged_journals_give_their_good_part_or_none_and_never_another_picture(cases_, tmp_path):
    plan, network, full = sampling_plan("euler_a", steps=8), Network(), tmp_path / "full"
    expected = whole_journal(full, plan, network)
    data, chance, replayed = full.read_bytes(), random.Random(cases_), set()
    path = tmp_path / "damaged"
    for _ in range(cases_):
        damaged = bytearray(data)
        for _ in range(chance.choice((1, 1, 3, 20))):
            damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
        kind = chance.randrange(4)
        if kind == 0:
            damaged = bytearray(data[: chance.randrange(len(data))])
        elif kind == 1:
            at = chance.randrange(len(data))
            damaged[at:at] = chance.randbytes(chance.choice((1, 40, 3000)))
        elif kind == 2:
            at = chance.randrange(len(data))
            del damaged[at : at + chance.choice((1, 40, 1056, 3000))]
        path.write_bytes(damaged)
        journal = Journal(path, {"key": KEY}, read_journal(path), keep=True)
        assert torch.equal(draw(plan, journal, Network()), expected)
        journal.close()
        replayed.add(journal.replayed)
        assert len(read_journal(path).answers) == network.calls, "it is whole again"
    assert len(replayed) > 5 and max(replayed) < network.calls


def test_an_answer_for_other_latents_or_another_sigma_ends_the_replay(tmp_path):
    """As where the picture to start from has changed: what follows comes from the network."""
    plan, path = sampling_plan("euler", steps=5), tmp_path / "journal"
    whole_journal(path, plan, Network())
    for another in (sampling_plan("euler", steps=6), sampling_plan("euler", steps=5, schedule="exponential")):
        network = Network()
        journal = Journal(path, {"key": KEY}, read_journal(path), keep=True)
        assert torch.equal(draw(another, journal, network), draw(another, None, Network()))
        assert journal.replayed <= 1, "the first call may be the same"
        assert not journal.is_replaying and network.calls == another.steps - journal.replayed


def test_only_whole_blocks_of_steps_that_share_features_are_replayed(tmp_path):
    plan, path = sampling_plan("euler", steps=7), tmp_path / "journal"
    block = [*plan.sigmas].index
    journal = Journal(path, {}, None, keep=True)
    shares = journaled(Network(), journal, SameEngine(), lambda sigma: block(sigma) // 3)
    for _ in plan.run(shares, torch.ones(SHAPE), Noise([1], SHAPE[1:])):
        pass
    journal.close()
    assert len(read_journal(path).answers) == 6  # the seventh began a block that was not ended
    path.write_bytes(path.read_bytes()[:-1])
    assert len(read_journal(path).answers) == 3


def test_a_fallback_to_another_number_format_ends_the_journal(tmp_path):
    """The answers before it hold, and a process that begins in the first format comes to the same fallback."""
    engine, journal = SameEngine(), Journal(tmp_path / "journal", {}, None, keep=True)

    def overflows(x, sigma):
        engine.numerics = "float32" if sigma < 0.5 else ""
        return x

    answer = journaled(overflows, journal, engine)
    for sigma in (3.0, 2.0, 1.0, 0.4, 0.3):
        answer(torch.ones(SHAPE), sigma)
    journal.close()
    assert [each.sigma for each in read_journal(journal.path).answers] == [3.0, 2.0, 1.0]


def test_steps_that_are_replayed_are_not_told_and_one_event_says_where_the_picture_goes_on(tmp_path):
    plan, full = sampling_plan("heun", steps=4), tmp_path / "journal"
    whole_journal(full, plan, Network())
    data = full.read_bytes()
    said = {}
    for cut in (0, 2, 3, 7):
        full.write_bytes(data)
        full.write_bytes(data[: size_of_calls(full, cut)])
        run = RecordedRun(Journal(full, {}, read_journal(full)), SameEngine())
        noise, latent, mask = Noise([7], SHAPE[1:]), torch.full(SHAPE, 0.3), torch.ones(1, 1, 8, 8)
        mask[..., :4] = 0
        denoise = masked(run.wrap(Network()), latent, mask, MaskMode.FRESH_NOISE, latent, Noise([9], SHAPE[1:]))
        x = plan.start(Noise([7], SHAPE[1:], skip=0)(0, 0))
        steps = enumerate(plan.run(denoise, x, noise), 1)
        said[cut] = [event for i, _ in steps for event in run.events_of(Step(i, 4))]
    assert said[0] == [Step(i, 4) for i in (1, 2, 3, 4)]
    assert said[2] == [Continued(2, 4), *said[0][1:]]
    assert said[3] == [Continued(2, 4), *said[0][1:]]  # in the midst of the second step
    assert said[7] == [Continued(4, 4)]


# The folder


def batch(folder: Path, seed: int = 5, **more) -> BatchJournals:
    return Journals(folder, **more).batch([Resolved("a house", seed=seed)], 0)


def record(journal: Journal, calls: int = 3) -> None:
    journal.begin(SHAPE)
    for call in range(calls):
        journal.add(9.0 - call, np.full(SHAPE, call, np.float32), np.full(SHAPE, call + 0.5, np.float32))


def crashed(folder: Path, seed: int = 5, **more) -> None:
    """What an attempt leaves that ended after three answers."""
    with pytest.raises(KeyError), batch(folder, seed, **more) as journals:
        journal = journals.next_run("1", KEY)
        record(journal)
        journal.close()
        raise KeyError


def test_journals_go_with_their_picture_and_stay_after_an_error(tmp_path, unhurried):
    crashed(tmp_path)
    assert len([*tmp_path.glob("*.journal")]) == 1
    with batch(tmp_path) as journals:
        journal = journals.next_run("1", KEY)
        assert journal.is_replaying and not [*journals.say()]
    assert not [*tmp_path.glob("*.journal")]


def test_a_journal_that_does_not_hold_is_left_aside_with_one_line(tmp_path, unhurried):
    for changed, why in (
        ({"sdedge": "2"}, "another version of sdedge"), ({"engine": "cuda"}, "another engine"), ({"more": ""}, "version"),
    ):  # fmt: skip
        crashed(tmp_path)
        with batch(tmp_path) as journals:
            assert not journals.next_run("1", {**KEY, **changed}).is_replaying
            (said,) = journals.say()
            assert why in said and said.endswith("it is drawn from the start.")
    for content, why in (
        (b"something else", "it is damaged"), (b"sdedge answers 2\n" + bytes(100), "by another version of sdedge"),
    ):  # fmt: skip
        crashed(tmp_path)
        (path,) = tmp_path.glob("*.journal")
        path.write_bytes(content)
        with batch(tmp_path) as journals:
            assert not journals.next_run("1", KEY).is_replaying
            (said,) = journals.say()
            assert why in said


def test_of_two_processes_one_goes_on_with_a_picture(tmp_path, unhurried):
    crashed(tmp_path)
    with batch(tmp_path) as first, batch(tmp_path) as second:
        assert first.next_run("1", KEY).is_replaying and second.next_run("1", KEY) is None
        (said,) = second.say()
        assert "Another sdedge" in said
        with (
            pytest.raises(SdedgeError, match=r"Another sdedge \(process \d+\) is drawing"),
            batch(tmp_path, strict=True),
        ):
            pass
    with batch(tmp_path, strict=True) as journals:
        assert journals.next_run("1", KEY) is not None


def test_an_attempt_after_a_fallback_has_a_journal_of_its_own_and_each_run_of_a_pass_too(tmp_path, unhurried):
    paths = []
    with pytest.raises(KeyError), batch(tmp_path) as journals:
        for key in (KEY, {**KEY, "engine": "cpu float32, tight"}):
            for _ in range(2):
                journal = journals.next_run("1", key)
                record(journal)
                paths.append(journal.path)
        raise KeyError
    assert len(set(paths)) == 4 and {*tmp_path.glob("*.journal")} == set(paths)
    with batch(tmp_path) as journals:
        again = [journals.next_run("1", KEY) for _ in range(2)]
        assert [journal.path for journal in again] == paths[:2] and all(journal.is_replaying for journal in again)
    assert not [*tmp_path.glob("*.journal")]


def test_a_journal_is_kept_by_choice_with_its_request(tmp_path):
    with batch(tmp_path, keep=True) as journals:
        record(journals.next_run("1", KEY))
    (said,) = journals.journals.say()
    (stored,) = (tmp_path / "kept").iterdir()
    assert str(stored) in said
    recorded = read_journal(stored)
    assert len(recorded.answers) == 3 and recorded.header["requests"][0]["prompt"] == "a house"


def test_the_latest_unfinished_picture_of_a_run_is_found_by_its_request(tmp_path, unhurried):
    request = Resolved("a house", seed=1)
    assert unfinished(tmp_path, run_of(request)) is None
    crashed(tmp_path, seed=8, number=3, run=run_of(request))
    left = unfinished(tmp_path, run_of(request))
    assert (left.seed, left.number) == (8, 3) and unfinished(tmp_path, run_of(request.replace(steps=9))) is None
    assert left.is_of(request.replace(seed=8)) and not left.is_of(request)


def test_all_journals_together_are_bounded_and_the_oldest_go(tmp_path, unhurried, monkeypatch):
    monkeypatch.setattr("sdedge.generation.journals.MAX_TOTAL", 12_000)
    monkeypatch.setattr("sdedge.generation.journals.MAX_BYTES", 4_000)
    for seed in range(5):
        crashed(tmp_path, seed, run="here")
    sizes = [path.stat().st_size for path in tmp_path.glob("*.journal")]
    assert 0 < sum(sizes) <= 12_000 and unfinished(tmp_path, "here").seed == 4


# What it costs


class Clock:
    """Stands in for the module `time`."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


def test_a_minute_of_writes_is_at_most_ten_megabytes(tmp_path, monkeypatch):
    """Of the smallest model, whose steps take 15 ms, and of large batches; what is over stays in memory."""
    clock = Clock()
    monkeypatch.setattr(journal_file, "time", clock)
    for shape, seconds in (((1, 4, 64, 64), 0.02), ((4, 4, 64, 64), 0.1)):
        writer = JournalWriter(tmp_path / "journal", {"shape": [*shape]})
        x0 = np.ones(shape, np.float32)
        for call in range(round(60 / seconds)):
            clock.now += seconds
            writer.add(1.0 / (call + 1), x0, x0)
        writer.close()
        assert 1_000_000 < writer.written <= 10_000_000
        assert writer.written == (tmp_path / "journal").stat().st_size <= journal_file.MAX_BYTES


def test_a_picture_that_is_drawn_at_once_writes_a_header_at_most(tmp_path):
    with batch(tmp_path) as journals:
        journal = journals.next_run("1", KEY)
        record(journal, 30)
        assert journal.path.stat().st_size < 1000


def test_one_journal_is_bounded_and_a_full_disk_ends_it_and_not_the_picture(tmp_path, unhurried, monkeypatch):
    monkeypatch.setattr(journal_file, "MAX_BYTES", 5000)
    journal = Journal(tmp_path / "journal", {}, None, keep=True)
    record(journal, 30)
    journal.close()
    assert journal.path.stat().st_size <= 5000 and len(read_journal(journal.path).answers) == 4

    def full(descriptor, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(journal_file.os, "write", full)
    journal = Journal(tmp_path / "other", {}, None, keep=True)
    record(journal, 3)
    journal.close()
    assert not journal.path.exists()
