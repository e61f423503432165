"""What controls cost is told before they are drawn: fractions of a step, seconds measured or planned, memory."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from unittest.mock import MagicMock

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from sdedge.controls import Control, ControlMode
from sdedge.engines.protocol import Capability
from sdedge.generation import price
from sdedge.generation.control_predictor import fitted_controls
from sdedge.generation.price import (
    Pace,
    Price,
    control_prices,
    network_name,
    price_of,
    remember_step,
    spoken_seconds,
)
from sdedge.machine import findings, probe, step_times
from sdedge.machine.findings import DeviceFinding, Timing
from sdedge.machine.step_times import StepTime, keep_step
from sdedge.models.config import UNetConfig
from sdedge.models.operations import unet_operations
from sdedge.passes import Enlargement, Pass
from sdedge.request import Request
from tests.control_models import random_adapter, random_controlnet, write_safetensors
from tests.generation.conftest import SIDE, controlled_request, drawn

KERNELS = [("convolution", "channels_last"), ("linear", ""), ("attention", "")]


@pytest.fixture
def data(tmp_path, monkeypatch) -> Path:
    """An empty data folder, and a machine that was not measured."""
    monkeypatch.setenv("SDEDGE_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture(scope="module")
def controls(models, tmp_path_factory) -> dict[str, Control]:
    """A ControlNet and a T2I-Adapter for the tiny model, with a hint."""
    folder = tmp_path_factory.mktemp("priced")
    unet = json.loads((Path(models[4]) / "unet" / "config.json").read_text())
    files = {
        "canny": write_safetensors(folder / "canny.safetensors", random_controlnet(unet).state_dict()),
        "color": write_safetensors(folder / "color.safetensors", random_adapter(unet).state_dict()),
    }
    hint = folder / "hint.png"
    Image.fromarray(np.random.default_rng(1).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)).save(hint)
    return {name: Control(str(path), str(hint)) for name, path in files.items()}


def _said(pipeline, models, *controls: Control, **more) -> list[str]:
    request = pipeline.resolve(controlled_request(models, *controls, **more))
    return list(control_prices(pipeline.engine(request), request))


def test_without_a_measured_step_the_price_is_planned_and_told_as_that(pipeline, models, controls, data):
    of_net, of_adapter, source = _said(pipeline, models, controls["canny"], controls["color"])
    assert re.fullmatch(r"The control canny adds \d+% to every step and [\d.]+ MB of memory\.", of_net)
    assert re.match(r"The control color adds one pass a picture and [\d.]+ MB of memory\.", of_adapter)
    assert source.startswith("These are planned figures") and source.endswith("Nothing is left to download.")
    assert "not foretold" in source and "once" not in source  # of a narrow model no step is kept


def test_seconds_are_a_fraction_of_the_step_that_was_measured(pipeline, models, controls, data, monkeypatch):
    """Once a picture was drawn, by the times of its own steps: here 3 s for one row, where guidance takes two."""
    request = pipeline.resolve(controlled_request(models, controls["canny"]))
    engine = pipeline.engine(request)
    keep_step(network_name(engine), StepTime(1, SIDE // 8, SIDE // 8, 3.0))
    cost = price_of(engine, request, *fitted_controls(engine, request), (SIDE // 8, SIDE // 8))
    base, _ = engine.unet_source()
    reading = cost.once * 3 / unet_operations(base, (SIDE // 8, SIDE // 8))  # the hint, once a picture
    for more, calls, steps in (
        ({}, 2, 10), ({"sampler": "heun", "preset": "a1111", "schedule": None}, 4, 10), ({"guidance": 1.0}, 1, 10)
    ):  # fmt: skip
        sentence, source = _said(pipeline, models, controls["canny"], **more)
        step = 3 * calls * cost.step
        picture = steps * step + reading
        assert f"({spoken_seconds(step)} a step, {spoken_seconds(picture)} a picture)" in sentence
        assert source.startswith(f"Here a step without controls takes about {spoken_seconds(3 * calls)}, as measured")
    half = replace(
        controls["canny"], span=(0.0, 0.5), mode=ControlMode.CONTROL
    )  # in half of the steps, and of the rows
    sentence, _ = _said(pipeline, models, half)
    assert f"({spoken_seconds(3 * cost.step)} a step, {spoken_seconds(15 * cost.step + reading)} a picture)" in sentence
    assert "to 50% of the steps" in sentence
    keep_step(network_name(engine), StepTime(1, SIDE // 8, SIDE // 8, 3.1))  # the same to a tenth
    assert step_times.step_times()[network_name(engine)].seconds == 3.0
    monkeypatch.setattr(step_times, "this_machine", lambda: {"processor": "another"})
    assert step_times.step_times() == {}


def test_a_drawn_picture_leaves_the_time_of_its_step(pipeline, models, data, monkeypatch):
    drawn(pipeline, controlled_request(models, steps=2))
    assert step_times.step_times() == {}, "a narrow network's steps say nothing"
    monkeypatch.setattr(price, "NARROW", 0)
    drawn(pipeline, controlled_request(models, steps=2))
    engine = pipeline.engine(controlled_request(models))
    (time,) = step_times.step_times().values()
    assert (time.rows, time.height, time.width) == (2, SIDE // 8, SIDE // 8) and 0 < time.seconds < 60
    assert list(step_times.step_times()) == [network_name(engine)]


def test_planned_seconds_are_the_timed_kernels_by_their_part_of_a_step(pipeline, models, controls, data, monkeypatch):
    timings = tuple(
        Timing(kernel, dtype, layout, 1e-9 * factor * probe.operations_of(kernel, "cpu"))
        for dtype, factor in (("float32", 2), ("bfloat16", 1))
        for kernel, layout in KERNELS
    )
    finding = DeviceFinding("cpu", "A processor", "float32", "channels_last", 1, "", timings)
    assert probe.planned_seconds(finding, "float32") == pytest.approx(2e-9)
    assert probe.planned_seconds(finding, "float16") is None and probe.planned_seconds(finding, "int8") is None
    findings.keep(finding)
    assert _said(pipeline, models, controls["canny"])[-1].startswith("These are planned"), (
        "narrow networks are not planned so"
    )
    monkeypatch.setattr(price, "NARROW", 0)
    assert _said(pipeline, models, controls["canny"])[-1].startswith(
        "These seconds are planned from this machine's kernels"
    )


@pytest.mark.parametrize(
    ("took", "quiet", "doubted"),
    [(1.5, True, False), (0.3, False, True), (6.0, True, True), (6.0, False, False)],  # of what is planned
)
def test_a_step_that_disagrees_with_the_probe_makes_it_doubtful(took, quiet, doubted, data, monkeypatch):
    """One that takes less than its kernels always does; one that takes far more, where nothing else keeps the machine busy."""
    monkeypatch.delenv("OMP_NUM_THREADS")
    monkeypatch.setattr(price, "is_quiet", lambda: quiet)
    timings = tuple(
        Timing(kernel, "float32", layout, 1e-12 * probe.operations_of(kernel, "cpu")) for kernel, layout in KERNELS
    )
    findings.keep(DeviceFinding("cpu", "A processor", "float32", "channels_last", 2, "", timings))
    planned = 2 * unet_operations(UNetConfig(), (64, 64)) * 1e-12
    engine = MagicMock(
        device="cpu", description="cpu float32", can={Capability.ADDED_COMPONENTS},
        step_time=StepTime(2, 64, 64, took * planned), **{"unet_source.return_value": (UNetConfig(), {})},
    )  # fmt: skip
    remember_step(engine)
    assert findings.findings()["cpu"].is_doubted == doubted


def test_the_operations_of_the_timed_kernels_are_those_that_torch_counts():
    for kernel, _ in KERNELS:
        run = probe.KERNELS[kernel](torch.device("cpu"), torch.float32, "contiguous")
        with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:  # which knows no other on a CPU
            run()
        assert counter.get_total_flops() == probe.operations_of(kernel, "cpu")


def test_a_shared_run_and_a_pass_a_picture_count_as_often_as_they_are_made():
    pace = Pace(1e-12, True)
    assert Price("net", 0.5, 0.5, 2, 0, 0).seconds(pace, 4.0, 20) == pytest.approx(0.5 * 4 * 20 * 0.5 / 2)
    assert Price("adapter", 0.0, 1.0, 1, 10**13, 0).seconds(pace, 4.0, 20) == pytest.approx(10)


@pytest.mark.parametrize(
    ("record", "is_read"),
    [('{"machine": {}, "steps": {}}', False), ("[]", False), ("{", False), ('{"steps": {"a": {"rows": -1}}}', False)],
)
def test_a_damaged_record_of_steps_is_none(record, is_read, data):
    step_times.times_file().write_text(record)
    assert bool(step_times.step_times()) is is_read


def test_memory_is_that_of_the_largest_pass_as_the_plan_before_it_says(pipeline, models, monkeypatch):
    monkeypatch.setattr(price, "NARROW", 1)
    request = pipeline.resolve(
        Request("a", model=models[4], width=SIDE, height=SIDE, passes=(Pass(enlarge=Enlargement("lanczos", 4.0)),))
    )
    engine, asked = pipeline.engine(request), []
    choose = engine.choose_memory
    monkeypatch.setattr(engine, "choose_memory", lambda *size, **more: asked.append(size[:2]) or choose(*size, **more))
    (said,) = pipeline.prices(request)
    assert asked == [(4 * SIDE, 4 * SIDE)] and said.startswith("A picture takes about ")
