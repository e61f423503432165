"""What inspection says of a package, against torch's own counters and plain arithmetic."""

from __future__ import annotations

import json

import pytest
import torch
from click.testing import CliRunner
from torch.utils.flop_counter import FlopCounterMode

from converters.cli import convert
from converters.inspect import RANK_LIMIT, SIDE_LIMIT, TOO_LONG, inspect
from converters.toolchain import mb
from sdedge.engines.coreml.portable.package import Package
from sdedge.engines.coreml.portable.runner import Runner
from sdedge.engines.torch.engine import TorchEngine
from sdedge.errors import ModelError
from sdedge.models.attention import chunked_attention, set_attention
from sdedge.models.unet import UNet
from tests.conftest import convert_to_coreml
from tests.converters.conftest import package


@pytest.fixture(scope="module")
def unet(tiny_bundle):
    return inspect(Package.open(tiny_bundle / "Unet.mlpackage"))


@pytest.mark.slow
def test_macs_equal_torchs_count(unet, tiny_model):
    network = UNet(TorchEngine.load(tiny_model, "cpu").network("unet").config)
    set_attention(network, chunked_attention(1 << 30))  # fused operators are not counted
    D = network.config.cross_attention_dim
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(torch.randn(2, 4, 8, 8), torch.ones(2), torch.randn(2, 77, D))
    assert unet.macs == pytest.approx(counter.get_total_flops() / 2, rel=0.02)
    assert unet.seconds["M2 Neural Engine"] < unet.seconds["M1 Neural Engine"] < unet.seconds["M1 GPU"]


def test_weights_are_those_of_the_network(unet, tiny_model):
    network = TorchEngine.load(tiny_model, "cpu").network("unet")
    parameters = sum(parameter.numel() for parameter in network.parameters())
    assert unet.weights["float16"] == pytest.approx(2 * parameters, rel=0.05)
    assert unet.bits == 16


def test_the_activation_peak_is_what_a_run_holds(tiny_bundle):
    package = Package.open(tiny_bundle / "VAEDecoder.mlpackage")
    function = package.function()
    last = {name: i for i, op in enumerate(function.operations) for name in op.names()}
    held = {name: kind.bytes for name, kind in function.inputs.items()}
    most = 0
    running = {id(op): i for i, op in enumerate(function.operations)}
    z = torch.zeros([n or 1 for n in function.inputs["z"].shape])
    for op, results in Runner(package).trace({"z": z}):
        held |= {name: y.numel() * y.element_size() for (name, _), y in zip(op.outputs, results)}
        most = max(most, sum(held.values()))
        for name in [name for name in held if last.get(name, 1 << 30) <= running[id(op)]]:
            del held[name]
    assert inspect(package).activations == most


def test_unfriendly_operations_are_named(tiny_bundle):
    text = inspect(Package.open(tiny_bundle / "TextEncoder.mlpackage"))
    count, first = text.unfriendly["looks up by index"]
    assert count == text.operations["gather"] > 0
    assert first.startswith("gather ")


@pytest.mark.slow
def test_the_vae_keeps_to_the_neural_engines_largest_dimension(tiny_model, tmp_path):
    """At 512x512 the last level has 262144 pixels; the norms must not lay them in one row."""
    recipe = {"sizes": ((512, 512),), "components": ("vae_decoder", "vae_encoder")}
    bundle = convert_to_coreml(tiny_model, tmp_path / "bundle", **recipe)
    for path in bundle.glob("*.mlpackage"):
        inspection = inspect(Package.open(path))
        assert TOO_LONG not in inspection.unfriendly, path.stem
        assert max(len(kind.shape) for _, kind in _results(path)) <= RANK_LIMIT == 4
        assert "M1 Neural Engine" in inspection.seconds


def _results(path):
    return [output for op in Package.open(path).function().operations for output in op.outputs]


def test_what_passes_the_limit_gets_no_time_on_the_neural_engine(tmp_path):
    x = torch.zeros(1, 4, 8, SIDE_LIMIT // 4)
    for shape, friendly in (((1, 2, 16, SIDE_LIMIT // 4), True), ((1, 1, 4, 2 * SIDE_LIMIT), False)):
        path = package(
            lambda g, shape=shape: {"y": mb.reshape(x=g["x"], shape=shape)}, shape, tmp_path / "m.mlpackage", x=x
        )
        inspection = inspect(Package.open(path))
        assert (TOO_LONG not in inspection.unfriendly) == friendly
        assert ("M2 Neural Engine" in inspection.seconds) == friendly and "M1 GPU" in inspection.seconds


def test_the_command_shows_packages_and_bundles(tiny_bundle):
    done = CliRunner().invoke(convert, ["inspect", str(tiny_bundle)])
    assert done.exit_code == 0, done.output
    for text in (
        "takes sample: float16 (2, 4, 8, 8)",
        "gives noise_pred: float32",
        "GMAC",
        "M1 Neural Engine",
        "einsum",
    ):
        assert text in done.output
    done = CliRunner().invoke(convert, ["inspect", str(tiny_bundle / "Unet.mlpackage"), "--json"])
    assert json.loads(done.stdout)["Unet"]["operations"]["conv"] > 50
    done = CliRunner().invoke(convert, ["inspect", str(tiny_bundle / "Unet.mlpackage" / "Data")])
    assert isinstance(done.exception, ModelError)
