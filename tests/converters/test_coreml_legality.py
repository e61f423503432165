"""Every kind of package is one that coremltools itself takes: it loads, its program is valid, it survives being read and written
again, and each of its operators is one that its declared target has, by coremltools' own registry."""

from __future__ import annotations

from pathlib import Path

import coremltools as ct
import pytest
import torch
from coremltools.converters.mil.frontend.milproto.load import load as read_program
from coremltools.converters.mil.mil.ops.registry import SSAOpRegistry

from converters.compress import compressor
from converters.constants import Weights
from converters.package import TARGETS
from converters.recipe import COMPRESSIONS, NEWER
from converters.toolchain import mb
from sdedge.engines.coreml.portable.package import Package
from sdedge.engines.coreml.portable.runner import Runner
from sdedge.weights.held import HeldTensor
from tests.conftest import cases, convert_to_coreml
from tests.converters.conftest import package
from tests.engines.coreml.test_controls import control_files as control_files
from tests.engines.coreml.test_controls import controlled_bundle as controlled_bundle

OPSETS = {
    "CoreML5": ct.target.iOS15,
    "CoreML6": ct.target.iOS16,
    "CoreML7": ct.target.iOS17,
    "CoreML8": ct.target.iOS18,
}
VERSIONS = {"macOS13": 7, "macOS14": 8, "macOS15": 9}
"""The specification's version that each system reads (Model.proto)."""


def _illegal(path: Path) -> list[str]:
    """Returns the operators of a package that no operator set up to its own has."""
    spec = ct.utils.load_spec(str(path))
    illegal = []
    for function in spec.mlProgram.functions.values():
        target = OPSETS[function.opset]
        for op in function.block_specializations[function.opset].operations:
            variants = SSAOpRegistry.core_ops.get(op.type, {})
            if op.type != "const" and not any(version <= target for version in variants):
                illegal.append(f"{op.type} in {function.opset}")
    return illegal


def _check(path: Path, target: str, copy: Path) -> None:
    assert not _illegal(path)
    model = ct.models.MLModel(str(path), skip_model_load=True)
    spec = model.get_spec()
    assert spec.specificationVersion == VERSIONS[target]
    program = read_program(spec, specification_version=spec.specificationVersion, file_weights_dir=model.weights_dir)
    program.validate(check_essential_scope=False)
    model.save(str(copy))
    again = ct.utils.load_spec(str(copy))
    assert again.SerializeToString(deterministic=True) == spec.SerializeToString(deterministic=True)


KINDS = [
    (scheme, target) for scheme in COMPRESSIONS for target in TARGETS if target == "macOS15" or scheme not in NEWER
]
QUICK = [
    ("none", "macOS13"),
    ("4bit", "macOS13"),
    ("int8", "macOS14"),
    ("4bit-grouped", "macOS15"),
    ("int4", "macOS15"),
]


@pytest.mark.parametrize(("scheme", "target"), cases(KINDS, quick=QUICK))
def test_weights_of_every_kind_are_legal_for_their_target(tmp_path, scheme, target):
    random = torch.Generator().manual_seed(0)
    kernel, x = (
        HeldTensor(torch.randn(64, 64, 1, 1, generator=random).half()),
        torch.randn(1, 64, 4, 4, generator=random),
    )

    def emit(g):
        return {"y": mb.conv(x=g["x"], weight=Weights({"k": kernel}, compressor(scheme), target).kernel("k"))}

    path = package(emit, (1, 64, 4, 4), tmp_path / "made.mlpackage", target, x=x)
    copy = tmp_path / "copy.mlpackage"
    _check(path, target, copy)
    first, second = (Runner(Package.open(p))({"x": x})["y"] for p in (path, copy))
    assert torch.equal(first, second)


@pytest.mark.slow
def test_every_package_of_a_bundle_is_legal(tiny_bundle, tmp_path):
    for path in tiny_bundle.glob("*.mlpackage"):
        _check(path, "macOS13", tmp_path / path.name)


@pytest.mark.slow
def test_those_of_the_original_attention_and_a_safety_checker_are(checked_bundle, tmp_path):
    for path in checked_bundle.glob("*.mlpackage"):
        _check(path, "macOS13", tmp_path / path.name)


@pytest.mark.slow
@pytest.mark.parametrize("target, recipe", [
    ("macOS14", {"attention": "split-einsum-v2", "chunk": True, "compress": "6bit"}),
    ("macOS15", {"sizes": ((64, 64), (128, 64)), "compress": "4bit-grouped", "batch": 1}),
])  # fmt: skip
def test_chunks_and_several_sizes_are(shallow_model, tmp_path, target, recipe):
    bundle = convert_to_coreml(shallow_model, tmp_path / "bundle", **{"sizes": ((64, 64),), **recipe}, target=target,
                               components=("unet",))  # fmt: skip
    packages = sorted(bundle.glob("*.mlpackage"))
    assert packages
    for path in packages:
        _check(path, target, tmp_path / path.name)


@pytest.mark.slow
def test_controlnets_and_the_unet_that_takes_them_are(controlled_bundle, tmp_path):
    paths = sorted(path for path in controlled_bundle.glob("*.mlpackage") if path.name.startswith("Control"))
    assert [path.stem for path in paths] == ["ControlNet_canny", "ControlNet_depth", "ControlledUnet"]
    for path in paths:
        _check(path, "macOS13", tmp_path / path.name)


@pytest.mark.slow
@pytest.mark.parametrize("target, recipe", [
    ("macOS14", {"attention": "split-einsum-v2", "chunk": True, "compress": "int8"}),
    ("macOS15", {"attention": "original", "sizes": ((64, 64), (128, 64)), "compress": "4bit-grouped", "batch": 1}),
])  # fmt: skip
def test_they_are_for_newer_systems_in_fewer_bits_and_chunks_too(tiny_model, control_files, tmp_path, target, recipe):
    """Nothing but the controlled UNet and its ControlNet is converted."""
    controls = (str(control_files / "canny"),)
    bundle = convert_to_coreml(tiny_model, tmp_path / "bundle", **{"sizes": ((64, 64),), **recipe}, target=target,
                               components=("controlled_unet",), controlnets=controls)  # fmt: skip
    names = {path.stem for path in bundle.glob("*.mlpackage")}
    unets = {"ControlledUnetChunk1", "ControlledUnetChunk2"} if "chunk" in recipe else {"ControlledUnet"}
    assert names == {"ControlNet_canny", *unets}
    for path in bundle.glob("*.mlpackage"):
        _check(path, target, tmp_path / path.name)


def test_an_operator_of_a_newer_system_is_noticed(tmp_path):
    """A target that the operators are not of is what the registry must tell."""
    path = tmp_path / "made.mlpackage"
    x = torch.zeros(1, 2, 8, 8)
    package(lambda g: {"y": mb.scaled_dot_product_attention(query=g["x"], key=g["x"], value=g["x"])}, (1, 2, 8, 8), path,
            "macOS15", x=x)  # fmt: skip
    assert not _illegal(path)
    specification = next(path.rglob("*.mlmodel"))
    spec = ct.utils.load_spec(str(path))
    function = spec.mlProgram.functions["main"]
    function.block_specializations["CoreML6"].CopyFrom(function.block_specializations[function.opset])
    function.opset = "CoreML6"
    specification.write_bytes(spec.SerializeToString())
    assert _illegal(path) == ["scaled_dot_product_attention in CoreML6"]
