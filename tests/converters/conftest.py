"""Small programs of a few operations, converted and run by the portable runner; a model with a safety checker, converted."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from converters.graphs import Graph, Vars
from converters.package import write_package
from sdedge.engines.coreml.portable.package import Package
from sdedge.engines.coreml.portable.runner import Runner
from sdedge.library.manifest import Port
from sdedge.models.safety import SafetyChecker
from tests.conftest import convert_to_coreml, switch_checker_on

Emit = Callable[[Vars], Vars]


@pytest.fixture
def run(tmp_path) -> Callable[..., Tensor]:
    """run(emit, shape, **inputs): the value "y" that `emit` makes of half-precision inputs, each operation rounded.

    With `flush=True`, subnormal halves are taken for 0.
    """

    def running(emit: Emit, shape: tuple[int, ...], flush: bool = False, **inputs: Tensor) -> Tensor:
        path = package(emit, shape, tmp_path / "made.mlpackage", **inputs)
        return Runner(Package.open(path), flush=flush)(inputs)["y"]

    return running


def package(emit: Emit, shape: tuple[int, ...], path: Path, target: str = "macOS13", **inputs: Tensor) -> Path:
    ports = {name: Port(tuple(x.shape), "float16") for name, x in inputs.items()}
    write_package({"main": Graph(ports, {"y": Port(shape, "float32")}, emit)}, path, target)
    return path


@pytest.fixture(scope="session")
def checked_model(tiny_model, made_once) -> Path:
    """The tiny model with a random safety checker of CLIP's architecture."""
    return made_once("checked", lambda folder: _add_checker(shutil.copytree(tiny_model, folder)))


def _add_checker(folder: Path) -> None:
    switch_checker_on(folder)
    vision = {
        "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "patch_size": 32,
    }  # fmt: skip
    config = {"vision_config": vision, "projection_dim": 16}
    torch.manual_seed(0)
    checker = SafetyChecker(config)
    for name in ("concept_embeds", "special_care_embeds"):
        torch.nn.init.normal_(getattr(checker, name))
    torch.nn.init.constant_(checker.concept_embeds_weights, 0.3)
    torch.nn.init.constant_(checker.special_care_embeds_weights, 0.2)
    (folder / "safety_checker").mkdir()
    (folder / "safety_checker" / "config.json").write_text(json.dumps(config))
    save_file(checker.state_dict(), folder / "safety_checker" / "model.safetensors")


@pytest.fixture(scope="session")
def checked_bundle(checked_model, made_once) -> Path:
    """That model as Core ML packages with the original attention, wider than high; copy it before changing it."""
    recipe = {"sizes": ((128, 64),), "attention": "original"}
    return made_once("checked-coreml", lambda folder: convert_to_coreml(checked_model, folder, **recipe))


@pytest.fixture(scope="session")
def checker_bundle(checked_model, made_once) -> Path:
    """That model's safety checker alone, as the bundle above has it."""
    recipe = {"sizes": ((128, 64),), "attention": "original", "components": ("safety_checker",)}
    return made_once("checker-coreml", lambda folder: convert_to_coreml(checked_model, folder, **recipe))
