"""Palettes are near the optimum, packages hold exactly what was packed, and mixed recipes keep what they promise."""

from __future__ import annotations

import shutil
from pathlib import Path

import coremltools as ct
import coremltools.optimize as cto
import numpy as np
import pytest
import torch
from coremltools._deps import _kmeans1d
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from converters import sensitivity
from converters.compress import SCHEMES, compressor, mixed
from converters.constants import Weights
from converters.coreml import convert
from converters.recipe import NEWER, PackageRecipe
from converters.sensitivity import Kernel, choose
from converters.toolchain import mb
from sdedge.engines.coreml.compressed import BLOCK, GROUP, cluster, pack
from sdedge.engines.coreml.portable.package import Package
from sdedge.engines.coreml.portable.runner import Runner
from sdedge.library.manifest import Manifest
from sdedge.models.config import UNetConfig
from sdedge.models.unet import UNet
from sdedge.weights.held import HeldTensor
from tests.conftest import convert_to_coreml
from tests.converters.conftest import package


def _normal(*shape: int) -> np.ndarray:
    return (np.random.default_rng(0).standard_normal(shape) * 0.05).astype(np.float16)


# One kernel


@pytest.mark.slow
@pytest.mark.parametrize(
    "size, bits, slack", [(3000, 2, 1.001), (3000, 4, 1.001), (1500, 8, 1.005), (200_000, 8, 1.15)]
)
@pytest.mark.parametrize("power", [1, 3])
def test_palettes_are_near_the_optimum(size, bits, slack, power):
    """The exact algorithm over the plain values is the referee, on a bell and on heavy tails."""
    values = (_normal(size).astype(np.float64) ** power).astype(np.float16)
    numbers, counts = np.unique(values.astype(np.float64), return_counts=True)
    best = _kmeans1d.cluster(numbers, 2**bits, weights=counts.astype(float))
    optimum = np.average((np.array(best.centroids)[np.array(best.clusters)] - numbers) ** 2, weights=counts)
    indices, lut = cluster(values, bits)
    assert np.mean((lut[indices].astype(np.float64) - values) ** 2) <= slack * optimum
    assert (np.diff(lut.astype(np.float64)) >= 0).all()


@given(arrays(np.float16, (3, 5), elements=st.floats(-100, 100, width=16)), st.sampled_from([2, 4, 6, 8]))
def test_few_values_are_kept_exactly(values, bits):
    indices, lut = cluster(values, bits)
    near = lut[indices]
    assert np.isfinite(near).all() and np.abs(near - values).max() <= np.ptp(values.astype(np.float32)) + 1e-3
    if len(np.unique(values)) <= 2**bits:
        assert (near == values).all()


@given(st.sampled_from([2, 4, 6]), st.lists(st.integers(0, 63), min_size=1, max_size=50))
def test_packed_indices_unpack(bits, numbers):
    indices = np.array([n % 2**bits for n in numbers], np.uint8)
    stream = np.unpackbits(pack(indices, bits), bitorder="little")[: bits * len(indices)]
    assert (np.packbits(stream.reshape(-1, bits), axis=1, bitorder="little")[:, 0] == indices).all()


@pytest.mark.parametrize("target", ["macOS13", "macOS15"])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_package_holds_what_was_packed(tmp_path, scheme, target):
    """Unpacked by coremltools, and by the portable runner."""
    if scheme in NEWER and target != "macOS15":
        return
    kernel = _normal(2 * GROUP, 2 * BLOCK, 3, 3)
    weights = Weights({"conv.weight": HeldTensor(torch.from_numpy(kernel))}, compressor(scheme), target)
    x = torch.randn(1, 2 * BLOCK, 4, 4).half().float()
    path = package(
        lambda g: {"y": mb.conv(x=g["x"], weight=weights.kernel("conv.weight"))}, (1, 2 * GROUP, 2, 2),
        tmp_path / "made.mlpackage", target, x=x,
    )  # fmt: skip
    expected = compressor(scheme)("conv.weight", kernel).dense()
    model = cto.coreml.decompress_weights(ct.models.MLModel(str(path), skip_model_load=True))
    (conv,) = model._mil_program.functions["main"].find_ops(op_type="conv")
    assert np.array_equal(conv.weight.val, expected)
    made = Runner(Package.open(path), precision="float32")({"x": x})["y"]
    theirs = torch.nn.functional.conv2d(x, torch.from_numpy(expected).float())
    assert torch.allclose(made, theirs, atol=1e-5)
    stored = next(path.rglob("weight.bin")).stat().st_size
    assert stored < kernel.size * SCHEMES[scheme].bits / 8 + 2500


def test_small_kernels_and_those_of_sixteen_bits_stay():
    assert compressor("4bit")("conv.weight", _normal(4, 4, 1, 1)) is None
    chosen = mixed({"a.weight": 16, "b.weight": 4})
    kernel = _normal(64, 64, 1, 1)
    assert chosen("a.weight", kernel) is None and chosen("c.weight", kernel) is None
    assert chosen("b.weight", kernel).bits == 4


@pytest.mark.slow
def test_only_kernels_of_text_encoder_and_unet_are_compressed(tiny_model, tmp_path):
    folder = convert_to_coreml(tiny_model, tmp_path / "b", compress="int8", attention="original")
    counts = {name: part.figures["operations"] for name, part in Manifest.read(folder).components.items()}
    packed = {name for name, operations in counts.items() if "constexpr_affine_dequantize" in operations}
    assert packed == {"text_encoder", "unet"}


# Mixed recipes

KERNELS = st.dictionaries(
    st.text(min_size=1, max_size=3),
    st.builds(
        lambda size, gain: Kernel(size, {2: 1e-2, 4: 1e-3, 6: 1e-4, 8: 1e-5, 16: 0.0}, gain),
        st.integers(2048, 10**7), st.floats(1e-6, 1e3),
    ),
    min_size=1, max_size=12,
)  # fmt: skip


@given(KERNELS, st.floats(1e-8, 10))
def test_a_choice_keeps_its_budget_and_a_larger_one_is_never_bigger(known, budget):
    def size(bits):
        return sum(known[name].size * width for name, width in bits.items())

    chosen = choose(known, budget)
    assert sum(known[name].harm(width) for name, width in chosen.items()) <= budget
    assert size(choose(known, 10 * budget)) <= size(chosen)


@pytest.mark.slow
def test_a_mixed_recipe_keeps_its_target_and_is_not_measured_twice(shallow_model, mixed_bundle, tmp_path, monkeypatch):
    recipe = {"components": ("unet",), "attention": "original"}
    folder = Path(shutil.copytree(mixed_bundle, tmp_path / "b"))
    first = Manifest.read(folder).components["unet"]
    assert first.figures["trajectory_psnr"] >= 45 and 2 <= first.figures["bits"] <= 12
    monkeypatch.setattr(sensitivity, "measure_kernel", None)  # a second measurement would raise
    for _ in convert(str(shallow_model), folder, PackageRecipe(((64, 64),), compress="mixed-30", **recipe)):
        pass
    second = Manifest.read(folder).components["unet"]
    assert second.figures["bits"] < first.figures["bits"] and second.bytes < first.bytes


ONE_LEVEL = {"block_out_channels": (16,), "attention": (False,), "has_middle": False}


def _bench(**shape) -> tuple[sensitivity.Bench, list[sensitivity.State]]:
    """A random UNet of a few kernels worth compressing, and two states."""
    torch.manual_seed(0)
    config = UNetConfig(layers_per_block=1, cross_attention_dim=8, norm_num_groups=4, **shape)
    states = [(torch.randn(1, 4, 4, 4), torch.tensor([t]), torch.randn(1, 3, 8)) for t in (1.0, 700.0)]
    return sensitivity.Bench(UNet(config).eval(), states), states


@pytest.mark.slow
def test_what_a_changed_kernel_does_is_what_the_whole_unet_makes_of_it():
    """Only the layers from its own on are run: every kernel's, the time embedding's and the output's, and all together."""
    bench, states = _bench(block_out_channels=(16, 24))
    weights = dict(bench.unet.named_parameters())
    changes = {name: torch.randn_like(weights[name]) for name in (*sensitivity.kernels(bench.unet), "conv_out.weight")}
    batch = tuple(torch.cat(parts) for parts in zip(*states, strict=True))
    for changed in ({}, *({name: value} for name, value in changes.items()), changes):
        with torch.no_grad():
            expected = torch.func.functional_call(bench.unet, changed, batch)
        assert torch.equal(torch.cat(bench.outputs(changed)), expected), changed.keys()
    alone = [sensitivity.Bench(bench.unet, [state]).references[0] for state in states]
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(bench.references, alone, strict=True))
    assert torch.equal(torch.cat(bench.references), torch.cat(bench.outputs({})))


@pytest.mark.slow
def test_an_interrupted_analysis_measures_no_kernel_again(tmp_path, monkeypatch):
    bench, journal, measured = _bench(**ONE_LEVEL)[0], tmp_path / "sensitivity.json", []
    count = len(sensitivity.kernels(bench.unet))
    measure = sensitivity.measure_kernel
    monkeypatch.setattr(sensitivity, "measure_kernel", lambda b, name: measured.append(name) or measure(b, name))
    running = sensitivity.analyse(bench, journal, "model")
    for _ in range(count):  # the last announcement comes when all but one are measured
        next(running)
    running.close()  # it is interrupted here
    left = list(sensitivity.analyse(bench, journal, "model"))
    assert [progress.total for progress in left] == [1] and sorted(measured) == sorted(sensitivity.kernels(bench.unet))
    assert not list(sensitivity.analyse(bench, journal, "model"))
    journal.write_text(journal.read_text()[:-9])  # a damaged one is measured anew, as is another model's
    assert len(list(sensitivity.analyse(bench, journal, "model"))) == count
    assert len(list(sensitivity.analyse(bench, journal, "another"))) == count
