"""A device of OpenVINO's is found in its own list, and one that is not there is told with those that are; by a stand-in."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from click.testing import CliRunner

from sdedge.cli import cli
from sdedge.engines.open import EMBEDDED, load_engine
from sdedge.engines.openvino import devices, graph
from sdedge.engines.openvino import engine as engines
from sdedge.engines.openvino.devices import find_device, is_openvino
from sdedge.engines.openvino.graph import compile_model
from sdedge.errors import EngineError, InvalidRequest
from sdedge.machine.canary import asked_engine
from sdedge.machine.formats import choose_device
from sdedge.models.unet_inputs import UNetInputs
from tests.conftest import needs_embedded


class StandIn:
    """OpenVINO with some devices, which compiles nothing and remembers what it was asked for."""

    def __init__(self, *devices: str) -> None:
        self.available_devices = list(devices)
        self.asked: list[tuple[str, dict[str, str]]] = []

    def Core(self) -> StandIn:
        return self

    def compile_model(self, model: object, device: str, options: dict[str, str]) -> str:
        self.asked.append((device, options))
        if device != "CPU":
            raise RuntimeError("Check failed\nsomething in a driver\nCL_OUT_OF_HOST_MEMORY\n")
        return "compiled"

    def read_model(self, path: object) -> object:
        return SimpleNamespace(clone=lambda: SimpleNamespace(inputs=["context"], reshape=lambda shapes: None))


@pytest.fixture
def openvino(monkeypatch):
    def put(*devices: str) -> StandIn:
        stand_in = StandIn(*devices)
        monkeypatch.setattr(graph, "load_openvino", lambda: stand_in)
        monkeypatch.setattr(engines, "load_openvino", lambda: stand_in)
        monkeypatch.setattr(engines, "installed", lambda: "2026.1")
        return stand_in

    return put


@pytest.mark.parametrize(
    ("name", "device"),
    [
        ("openvino", "CPU"), ("openvino:cpu", "CPU"), ("openvino:gpu", "GPU.0"), ("openvino:GPU", "GPU.0"),
        ("openvino:gpu.1", "GPU.1"), ("openvino:npu", "NPU"),
    ],
)  # fmt: skip
def test_a_name_is_a_device_of_its_list(openvino, name, device):
    openvino("CPU", "GPU.0", "GPU.1", "NPU", "BATCH")
    assert is_openvino(name) and find_device(name) == device


def test_a_single_gpu_is_the_first(openvino):
    openvino("CPU", "GPU")
    assert find_device("openvino:gpu") == find_device("openvino:gpu.0") == "GPU"


@pytest.mark.parametrize(
    "name", ["openvino:gpu", "openvino:npu", "openvino:", "openvino:gpu.7", "openvino:batch", "openvino:x" * 50]
)
def test_one_that_is_not_there_is_told_with_those_that_are(openvino, name):
    openvino("CPU", "BATCH", *(["GPU.0"] if name.endswith("7") else []))
    with pytest.raises(InvalidRequest) as refusal:
        find_device(name)
    sentence = str(refusal.value)
    assert "finds no device" in sentence and "choose one of openvino:cpu" in sentence and len(sentence) < 120
    assert ("openvino:gpu.0" in sentence) == name.endswith("7") and "batch" not in sentence.partition("choose")[2]


def test_where_openvino_is_not_installed_that_is_what_is_said(monkeypatch):
    monkeypatch.setattr(engines, "installed", lambda: "")
    with pytest.raises(InvalidRequest, match="OpenVINO is not installed"):
        load_engine("openvino:gpu")(EMBEDDED, None)


@pytest.mark.parametrize(
    ("device", "dtype", "hint"),
    [("CPU", "bfloat16", "bf16"), ("CPU", "float32", "f32"), ("GPU.1", "float16", "f16"), ("GPU", "int8", "f16"),
     ("NPU", "int8", "f16")],
)  # fmt: skip
def test_a_model_is_compiled_for_its_device(openvino, device, dtype, hint):
    stand_in = openvino("CPU")
    try:
        compile_model(stand_in.read_model(""), [(2, 77, 768)], dtype, device)
    except RuntimeError:
        assert device != "CPU"
    ((asked, options),) = stand_in.asked
    assert (
        asked == device
        and options["INFERENCE_PRECISION_HINT"] == hint
        and ("NUM_STREAMS" in options) == (device != "NPU")
    )


@needs_embedded
@pytest.mark.parametrize(("has", "hint"), [(True, "bf16"), (None, "bf16"), (False, "f32")])
def test_what_int8_leaves_runs_in_bfloat16_only_where_the_processor_has_it(monkeypatch, has, hint):
    monkeypatch.setattr(devices, "are_allowed", lambda instructions: True)
    monkeypatch.setattr(devices, "processor_has", lambda instructions: has)
    assert devices.precision("CPU", "int8") == hint
    assert devices.precision("CPU", "bfloat16") == "bf16" and devices.precision("GPU", "int8") == "f16"
    monkeypatch.setattr(devices, "are_allowed", lambda instructions: False)
    assert devices.precision("CPU", "int8") == "f32"


def test_an_engine_on_another_device_says_so_and_what_its_driver_says(openvino, monkeypatch):
    stand_in = openvino("CPU", "GPU.0", "NPU")
    engine = load_engine("openvino:gpu")(EMBEDDED, None)
    assert engine.description == "openvino:gpu.0 float16" and asked_engine(engine.description) == engine.description
    assert load_engine("openvino:npu", "int8")(EMBEDDED, None).description == "openvino:npu int8"
    with pytest.raises(
        InvalidRequest, match=r"Unknown dtype 'bfloat16' for OpenVINO's GPU\.0; choose one of float16, float32, int8"
    ):
        load_engine("openvino:gpu", "bfloat16")(EMBEDDED, None)
    with pytest.raises(
        InvalidRequest, match="Unknown dtype 'float16' for OpenVINO; choose one of float32, bfloat16, int8"
    ):
        load_engine("openvino", "float16")(EMBEDDED, None)
    monkeypatch.setattr(engine, "convert_once", lambda: None)
    x, context = torch.zeros(2, 4, 8, 8), torch.zeros(2, 77, engine.facts.context_width)
    with pytest.raises(EngineError, match=r"cannot compile the UNet for its GPU.0 \(CL_OUT_OF_HOST_MEMORY\); "):
        engine.predict(UNetInputs(x, torch.full((2,), 5.0), context))
    assert stand_in.asked[-1][0] == "GPU.0"


def test_an_intel_gpu_by_torchs_name_is_sent_to_openvino():
    for name in ("xpu", "xpu:0"):
        with pytest.raises(InvalidRequest, match="choose openvino:gpu"):
            choose_device(name)


def test_the_command_says_it_in_one_line(openvino, tmp_path):
    openvino("CPU")
    result = CliRunner().invoke(cli, ["generate", "a", "--device", "openvino:gpu", "--out", str(tmp_path)])
    assert isinstance(result.exception, InvalidRequest)  # which the program prints in one line
    assert str(result.exception) == "OpenVINO finds no device 'gpu' here; choose one of openvino:cpu."
