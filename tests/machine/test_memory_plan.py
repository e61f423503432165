"""The planner's arithmetic, and what the engine makes of it."""

from __future__ import annotations

import ctypes
import itertools
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sdedge.engines.facts import load_tokenizer
from sdedge.engines.open import load_engine
from sdedge.engines.protocol import Capability
from sdedge.engines.torch import residency as backend
from sdedge.engines.torch.engine import TorchEngine
from sdedge.errors import InvalidRequest, OutOfMemory
from sdedge.generation import out_of_memory
from sdedge.machine import memory as machine
from sdedge.machine import memory_plan
from sdedge.machine.findings import DeviceFinding
from sdedge.machine.memory_plan import MARGIN, MODES, MemoryRequest, Sizes, plan, predict, smaller, spoken_size
from sdedge.machine.picture_memory import itemsize, plan_picture, read_sizes
from sdedge.models.unet_inputs import UNetInputs
from sdedge.weights.architecture import TINY_VAE
from sdedge.weights.checkpoint import open_checkpoint
from tests.conftest import cases

GB = 10**9
JOBS = st.builds(
    MemoryRequest,
    width=st.integers(8, 256).map(lambda n: 8 * n),
    height=st.integers(8, 256).map(lambda n: 8 * n),
    batch=st.integers(1, 8),
    itemsize=st.sampled_from((2, 4)),
    device=st.sampled_from(("cpu", "cuda", "mps")),
)


@given(JOBS, st.integers(0, 64 * GB), st.sampled_from((0, 304_000_000)))
def test_the_plan_is_the_first_mode_that_fits_or_names_what_would(job, free, checker):
    sizes = Sizes(safety_checker=checker)
    made = plan(job, free, sizes)
    is_large = job.device == "cpu" and job.width * job.height > 1024 * 1024
    modes = MODES[2:] if is_large else MODES
    in_parts = (True,) if is_large else (False, True) if job.device == "cpu" else (False,)
    peaks = {(mode, parts): predict(mode, job, sizes, parts) for parts in in_parts for mode in modes}
    if made.peak <= MARGIN * free:
        earlier = list(peaks)[: list(peaks).index((made.mode, made.in_parts))]
        assert all(peaks[way] > MARGIN * free for way in earlier)
    else:
        assert made.peak == min(peaks.values())
    if not made.fits and made.nearest is not None:
        assert plan(made.nearest, free, sizes).fits
        assert made.nearest.width * made.nearest.height <= job.width * job.height
        assert made.nearest.width % 64 == 0 or made.nearest.width == job.width


@given(JOBS)
def test_smaller_modes_take_no_more_and_memory_is_linear_in_pixels(job):
    peaks = [predict(mode, job) for mode in MODES]
    assert peaks == sorted(peaks, reverse=True)
    for mode in MODES:
        widths = (10_000 * job.width * n for n in (1, 2, 3))  # so large that nothing else counts
        grown = [predict(mode, MemoryRequest(side, job.height, job.batch, job.itemsize, job.device)) for side in widths]
        assert abs((grown[2] - grown[1]) - (grown[1] - grown[0])) <= 4


def test_v1_on_the_machines_people_have():
    half = MemoryRequest(512, 512, itemsize=2)
    assert plan(half, 16 * GB).mode == "fast" and plan(half, 16 * GB).fits and plan(half, 16 * GB).nearest is None
    assert plan(half, GB).mode == "stream" and plan(half, GB).fits
    hopeless = plan(half, GB // 5)
    assert not hopeless.fits and hopeless.nearest is None
    large = plan(MemoryRequest(4096, 4096, itemsize=2), GB)
    assert not large.fits and large.nearest is not None and large.nearest.width >= 512
    assert [smaller(mode) for mode in MODES] == ["low", "lowest", "stream", None]


CONTROLNET, VIT_H, ADAPTER = 361_279_120, 632_076_800, 77_369_280
FULL_SIZE = [
    # On two cores with AMX (docs/memory.md).
    *(("fast", MemoryRequest(side, side, itemsize=2, is_single=True), Sizes(), mb)
      for side, mb in ((512, 2288), (768, 2634), (1024, 3034))),
    *(("stream", MemoryRequest(side, side, itemsize=2), Sizes(), mb) for side, mb in ((512, 597), (768, 630), (1024, 784))),
    ("low", MemoryRequest(512, 512, itemsize=2), Sizes(), 2288),
    ("lowest", MemoryRequest(512, 512, itemsize=2), Sizes(), 2153),
    ("fast", MemoryRequest(512, 512, itemsize=2, unet_itemsize=1, is_single=True), Sizes(), 1404),
    ("low", MemoryRequest(512, 512, itemsize=2, unet_itemsize=1), Sizes(), 1413),
    ("stream", MemoryRequest(512, 512, itemsize=2, unet_itemsize=1), Sizes(), 593),
    # On two cores with AVX2, in float32.
    ("fast", MemoryRequest(512, 512, is_single=True), Sizes(), 4205),
    ("fast", MemoryRequest(512, 512, is_single=True), Sizes(every_step=(CONTROLNET,)), 5710),
    ("fast", MemoryRequest(512, 512, is_single=True), Sizes(once=(ADAPTER,)), 4181),
    ("fast", MemoryRequest(512, 512, is_single=True), Sizes(once=(VIT_H,)), 4343),  # an IP-Adapter plus
    ("fast", MemoryRequest(512, 512, branches=3), Sizes(), 4586),  # InstructPix2Pix, whose VAE has read the picture
]  # fmt: skip


@pytest.mark.parametrize(("mode", "job", "sizes", "megabytes"), FULL_SIZE)
def test_the_prediction_is_within_a_tenth_of_what_was_measured(mode, job, sizes, megabytes):
    assert predict(mode, job, sizes) / 1e6 == pytest.approx(megabytes, rel=0.1)


def test_a_single_batch_never_has_the_vae_beside_the_unet(tiny_model, monkeypatch):
    """A series has, in the mode that keeps both; so has a batch after others, which the engine knows better."""
    job, usual = MemoryRequest(512, 512, itemsize=2), Sizes()
    single = predict("fast", replace(job, is_single=True))
    assert predict("fast", job) - single == 2 * usual.vae
    assert predict("low", replace(job, is_single=True)) == predict("low", job)
    assert predict("fast", replace(job, branches=3)) > predict("fast", job) > predict("fast", replace(job, branches=1))
    engine = TorchEngine.load(tiny_model, "cpu", "float32")
    jobs: list[bool] = []
    real = memory_plan.plan
    monkeypatch.setattr(memory_plan, "plan", lambda job, *rest: (jobs.append(job.is_single), real(job, *rest))[1])
    for component in ("text_encoder", "unet"):
        engine.choose_memory(64, 64, 1, is_single=True)
        engine.network(component)
    engine.choose_memory(64, 64, 1, is_single=True)
    engine.choose_memory(64, 64, 1)
    assert jobs == [True, True, False, False]


def test_a_tenth_of_the_free_memory_is_left_and_a_named_mode_may_have_it():
    for mode, less in itertools.pairwise(MODES):
        peak = predict(mode, MemoryRequest(768, 768))
        assert plan(MemoryRequest(768, 768), int(peak / 0.9) + 2).mode == mode
        assert plan(MemoryRequest(768, 768), int(peak / 0.9) - 2).mode == less
        named = plan(MemoryRequest(768, 768), peak, mode=mode)
        assert named.mode == mode and named.fits and not named.in_parts
        named = plan(MemoryRequest(768, 768), peak - 1, mode=mode)
        least = predict(mode, MemoryRequest(768, 768), in_parts=True)
        assert named.mode == mode and named.in_parts and named.fits == (least < peak)
        assert not plan(MemoryRequest(768, 768), least - 1, mode=mode).fits
    hopeless = predict("stream", MemoryRequest(768, 768), in_parts=True) - 1
    nearest = plan(MemoryRequest(768, 768), hopeless, mode="stream").nearest
    assert nearest is not None and predict("stream", nearest, in_parts=True) <= 0.9 * hopeless
    assert plan(MemoryRequest(768, 768), hopeless, mode="fast").nearest is None, "no size fits in that mode"


def test_where_the_named_mode_is_too_large_and_another_is_not_that_is_the_advice():
    half = MemoryRequest(512, 512, itemsize=2)
    named = plan(half, 15 * GB // 10, mode="fast")
    assert not named.fits and named.nearest == half
    engine = SimpleNamespace(can={Capability.MEMORY_MODES}, choose_memory=lambda *size, **how: named)
    with pytest.raises(OutOfMemory, match=r"in the mode fast: it needs about .* is free; leave out --memory\.$"):
        list(out_of_memory.choose(engine, (512, 512), 1, False))
    many = replace(half, batch=64, device="mps")
    engine.choose_memory = lambda *size, **how: plan(many, 3 * GB, mode="low")
    with pytest.raises(OutOfMemory, match=r"close other programs or draw 512x512 one at a time\.$"):
        list(out_of_memory.choose(engine, (512, 512), 64, False))


def test_a_large_picture_is_drawn_in_parts_on_a_cpu_and_takes_a_fraction():
    large = MemoryRequest(2048, 2048, itemsize=2)
    plenty = plan(large, 64 * GB)
    assert (plenty.mode, plenty.in_parts) == ("lowest", True) and plenty.peak <= 3 * GB
    assert plan(large, 64 * GB, mode="stream").peak <= 1.6 * GB and plan(large, 64 * GB, mode="fast").in_parts
    assert predict("low", large, in_parts=True) < 0.6 * predict("low", large)
    assert not plan(MemoryRequest(1024, 1024, itemsize=2), 64 * GB).in_parts
    assert not plan(replace(large, device="cuda"), 64 * GB).in_parts
    # A smaller picture that fits in no mode as a whole is drawn in parts rather than not at all.
    least = predict("stream", MemoryRequest(1024, 1024))
    assert plan(MemoryRequest(1024, 1024), least).in_parts and plan(MemoryRequest(1024, 1024), least).fits


@pytest.mark.parametrize("platform", ["linux", "darwin", "win32", "sunos5"])
def test_memory_that_is_not_told_is_assumed_with_caution(platform, monkeypatch):
    """vm_stat that fails, a /proc that cannot be read, a system that is not known: never as if there were plenty."""

    def fail(*_: object, **__: object) -> None:
        raise OSError("no such program")

    monkeypatch.setattr(machine.sys, "platform", platform)
    monkeypatch.setattr(machine.subprocess, "run", fail)
    monkeypatch.setattr(machine, "open", fail, raising=False)
    monkeypatch.setattr(machine.os, "sysconf", lambda name: {"SC_PHYS_PAGES": 1 << 20, "SC_PAGE_SIZE": 16384}[name])
    assert machine.available_memory() == (1 << 33, 1 << 34)
    monkeypatch.setattr(machine.os, "sysconf", fail)
    assert machine.available_memory() == (machine.UNTOLD // 2, machine.UNTOLD)


@pytest.mark.parametrize("said", ["", "Mach Virtual Memory Statistics:", "page size of 16384 bytes\nPages free: many."])
def test_what_vm_stat_says_is_read_or_assumed(said, monkeypatch):
    monkeypatch.setattr(machine.sys, "platform", "darwin")
    monkeypatch.setattr(machine, "total_memory", lambda: 1 << 34)
    report = (
        "(page size of 16384 bytes)\nPages free: 10.\nPages inactive: 20.\nPages speculative: 3.\nPages purgeable: 4.\n"
    )
    for text, free in ((f"Mach Virtual Memory Statistics: {report}", 37 * 16384), (said, 1 << 33)):
        monkeypatch.setattr(machine.subprocess, "run", lambda *_, said=text, **__: SimpleNamespace(stdout=said))
        assert machine.available_memory() == (free, 1 << 34)


@pytest.mark.parametrize("answers", [True, False])
def test_windows_says_how_much_memory_there_is(answers, monkeypatch):
    def tell(record):
        status = record._obj
        assert status.length == ctypes.sizeof(status) == 64  # MEMORYSTATUSEX, sysinfoapi.h
        status.total, status.free, status.total_page = 16 << 30, 5 << 30, 99 << 30
        return int(answers)

    monkeypatch.setattr(machine.sys, "platform", "win32")
    monkeypatch.setattr(machine, "total_memory", lambda: 8 << 30)
    windows = SimpleNamespace(kernel32=SimpleNamespace(GlobalMemoryStatusEx=tell))
    monkeypatch.setattr(machine.ctypes, "windll", windows, raising=False)
    assert machine.available_memory() == ((5 << 30, 16 << 30) if answers else (4 << 30, 8 << 30))


def test_the_checker_counts_where_it_runs_in_engine_and_app_alike(tiny_model, monkeypatch):
    checkpoint = replace(open_checkpoint(tiny_model), safety_checker=tiny_model)
    engine = TorchEngine(checkpoint, load_tokenizer(checkpoint), torch.device("cpu"), torch.float32)
    free = engine.residency.free_bytes()
    monkeypatch.setattr(engine.residency, "free_bytes", lambda: free)
    for safety in (True, False):
        asked = {"itemsize": 4, "device": "cpu", "free": free, "safety": safety}
        assert engine.choose_memory(512, 512, 2, safety) == plan_picture(read_sizes(checkpoint), 512, 512, 2, **asked)
    with_it, without = (engine.choose_memory(512, 512, 2, safety).peak for safety in (True, False))
    assert with_it - without == 4 * memory_plan.CHECKER_SIZE + memory_plan.CHECKER
    asked_with: list[bool] = []
    monkeypatch.setattr(
        engine,
        "choose_memory",
        lambda *arguments, **_: (asked_with.append(arguments[-1]), memory_plan.MemoryPlan("fast", 1, 2))[1],
    )
    for safety in (True, False):
        list(out_of_memory.choose(engine, (512, 512), 1, safety))
    assert asked_with == [True, False]


def test_narrow_networks_are_planned_in_their_own_format():
    finding = DeviceFinding("cpu", "A processor", "bfloat16", "contiguous", 2, "")
    assert [itemsize(finding, width) for width in (320, 8)] == [2, 4] and itemsize(None, 320) == 4
    assert itemsize(replace(finding, dtype="float32"), 8, "cuda") == 2


def test_a_container_s_limit_counts_and_its_idle_file_pages_are_free(tmp_path):
    (tmp_path / "memory.max").write_text("1000\n")
    (tmp_path / "memory.current").write_text("900\n")
    (tmp_path / "memory.stat").write_text("anon 100\ninactive_file 250\n")
    assert machine.container_memory(tmp_path, "0::/") == (350, 1000)
    (tmp_path / "memory.max").write_text("max\n")
    assert machine.container_memory(tmp_path, "0::/") == (machine.PLENTY, machine.PLENTY)
    service = tmp_path / "system.slice" / "sdedge.service"
    service.mkdir(parents=True)
    for name, text in {"max": "600", "current": "500", "stat": "inactive_file 20"}.items():
        (service / f"memory.{name}").write_text(text)
    own = "0::/system.slice/sdedge.service"
    assert machine.container_memory(tmp_path, own) == (120, 600), "of the process's own group"
    (service / "memory.high").write_text("550\n")
    assert machine.container_memory(tmp_path, own) == (70, 550), "above which the kernel takes pages back all the time"
    (service / "memory.max").write_text("max\n")
    assert machine.container_memory(tmp_path, own) == (70, 550), "also alone"
    (service / "memory.current").unlink()
    assert machine.container_memory(tmp_path, own) == (550, 550), "where the use is not told"
    first = tmp_path / "memory" / "docker" / "ab"
    first.mkdir(parents=True)
    for name, text in {
        "limit_in_bytes": "800",
        "usage_in_bytes": "700",
        "stat": "inactive_file 1\ntotal_inactive_file 50",
    }.items():
        (first / f"memory.{name}").write_text(text)
    assert machine.container_memory(tmp_path, "9:memory:/docker/ab") == (150, 800), "of version 1"
    (first / "memory.limit_in_bytes").write_text("9223372036854771712")
    assert machine.container_memory(tmp_path, "9:memory:/docker/ab") == (machine.PLENTY, machine.PLENTY)
    assert 0 < machine.available_memory()[0] <= machine.available_memory()[1]


def test_an_unknown_mode_is_refused():
    with pytest.raises(InvalidRequest, match="choose one of auto, fast, low, lowest, stream"):
        load_engine("cpu", memory="tiny")


@pytest.fixture(params=MODES)
def engine(request, tiny_model: Path) -> TorchEngine:
    return TorchEngine.load(tiny_model, "cpu", "float32", memory=request.param)


def test_components_stay_only_as_the_mode_says(engine, monkeypatch):
    x, context = torch.randn(2, 4, 8, 8), engine.encode_text(torch.zeros(2, 77, dtype=torch.long))
    engine.predict(UNetInputs(x, torch.full((2,), 500.0), context))
    fast = engine.memory_mode == "fast"
    assert engine.loaded == ({"text_encoder", "unet"} if fast else {"unet"})
    monkeypatch.setattr(memory_plan, "SMALL_NETWORK", 0)  # as for an encoder of full size
    engine.decode(x[:1])
    assert engine.loaded == ({"unet", "vae"} if fast else {"vae"})
    assert engine.use_less_memory() == smaller(engine.memory_mode) or not engine.loaded


@torch.inference_mode()
@pytest.mark.parametrize("engine", cases(MODES, quick=["lowest", "stream"]), indirect=True)
def test_every_mode_gives_the_same_values(engine, tiny_model):
    reference = TorchEngine.load(tiny_model, "cpu", "float32")
    g = torch.Generator().manual_seed(0)
    x, context = torch.randn(2, 4, 8, 8, generator=g), torch.randn(2, 77, engine.facts.context_width, generator=g)
    for t in (900.0, 500.0):  # twice: the second pass is read ahead
        inputs = x, torch.full((2,), t), context
        torch.testing.assert_close(
            engine.predict(UNetInputs(*inputs)), reference.predict(UNetInputs(*inputs)), atol=1e-5, rtol=0
        )
    plain = reference.network("vae").decode(x / engine.facts.scaling_factor)
    torch.testing.assert_close(engine.decode(x), plain, atol=1e-4, rtol=0)
    image, noise = torch.randn(1, 3, 64, 64, generator=g), torch.zeros(1, 4, 8, 8)
    torch.testing.assert_close(engine.encode(image, noise), reference.encode(image, noise), atol=1e-4, rtol=0)
    torch.testing.assert_close(engine.decode(x), plain, atol=1e-4, rtol=0)  # where only half of the VAE is held, again


@pytest.mark.slow
@torch.inference_mode()
@pytest.mark.parametrize("engine", cases(MODES, quick=["stream"]), indirect=True)
def test_a_large_picture_in_parts_has_the_same_values_in_every_mode(engine, tiny_model, monkeypatch):
    """The engine chooses parts by itself; what is large and what is worth cutting are made small here."""
    for place in (
        "sdedge.models.unet.SMALL",
        "sdedge.models.layers.SMALL",
        "sdedge.engines.torch.cpu.fused_unet.LARGE",
    ):
        monkeypatch.setattr(place, 0)
    monkeypatch.setattr("sdedge.models.unet_rows.BAND", 1 << 10)
    monkeypatch.setattr(memory_plan, "LARGE", 0)
    assert engine.choose_memory(64, 64, 1).in_parts
    reference = TorchEngine.load(tiny_model, "cpu", "float32")
    g = torch.Generator().manual_seed(0)
    x, context = torch.randn(2, 4, 8, 8, generator=g), torch.randn(2, 77, engine.facts.context_width, generator=g)
    for t in (900.0, 500.0):
        inputs = UNetInputs(x, torch.full((2,), t), context)
        torch.testing.assert_close(engine.predict(inputs), reference.predict(inputs), atol=1e-5, rtol=0)


def test_in_parts_neither_the_unet_nor_the_vae_lets_the_c_library_keep_what_was_freed(tiny_model, monkeypatch):
    monkeypatch.setattr(memory_plan, "LARGE", 0)
    calls = []
    engine = TorchEngine.load(tiny_model, "cpu", "float32", memory="low")
    assert engine.choose_memory(64, 64, 1).in_parts
    monkeypatch.setattr("sdedge.machine.allocator.keep", lambda: calls.append("all"))
    monkeypatch.setattr("sdedge.machine.allocator.keep_small", calls.append)
    for component, small in (("unet", 2 << 20), ("vae", 16 << 20)):
        engine.network(component)
        assert calls[-1] == small


def test_auto_follows_the_free_memory(tiny_model, monkeypatch):
    engine = TorchEngine.load(tiny_model, "cpu", "float32")
    engine.network("unet")
    job = MemoryRequest(512, 512)
    for mode in ("fast", "lowest", "low", "fast"):
        # What the process and its networks hold is there for the picture too.
        needed = predict(mode, job, backend.read_sizes(engine.checkpoint)) / MARGIN
        monkeypatch.setattr(backend, "available_memory", lambda: (0, 0))
        free = int(needed) + 1 - engine.residency.free_bytes()
        monkeypatch.setattr(backend, "available_memory", lambda free=free: (free, free))
        made = engine.choose_memory(512, 512, 1)
        monkeypatch.undo()
        assert made.fits and made.mode == mode and engine.memory_mode == mode
        engine.network("vae")


def test_a_tiny_vae_is_planned_with_too(tiny_model):
    checkpoint = open_checkpoint(tiny_model)
    configs = {**checkpoint.configs, "vae": {"_class_name": TINY_VAE}}
    assert backend.read_sizes(replace(checkpoint, configs=configs)).vae_width == 64
    assert backend.read_sizes(checkpoint).unet_width == 8


@pytest.mark.parametrize(
    ("size", "said"), [(700_000_000, "0.7 GB"), (99_000_000, "99 MB"), (1_400_000, "1 MB"), (250_000, "0.2 MB")]
)
def test_little_memory_is_said_in_megabytes(size, said):
    assert spoken_size(size) == said
