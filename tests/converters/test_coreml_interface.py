"""Packages have the interface that apps look up, are taken by coremltools' own tools, and say what they are."""

from __future__ import annotations

from pathlib import Path

import coremltools as ct
import coremltools.optimize as cto
import pytest
import torch
from coremltools.converters.mil.mil import Program
from coremltools.proto import FeatureTypes_pb2, MIL_pb2
from safetensors.torch import save_file

from converters.about import NOTICE, OPENRAIL_PAGE, UNKNOWN, V1_CONTEXT, about_model
from converters.package import operations
from converters.psnr import psnr
from converters.recipe import PackageRecipe
from sdedge.engines.coreml.portable.package import Package
from sdedge.engines.coreml.portable.runner import Runner
from sdedge.engines.torch.engine import TorchEngine
from sdedge.library.manifest import Manifest
from sdedge.text.tokenizer import Tokenizer
from tests.conftest import convert_to_coreml

Array = FeatureTypes_pb2.ArrayFeatureType


@pytest.mark.parametrize(("kind", "w", "h"), [("tiny", 8, 8), pytest.param("checked", 16, 8, marks=pytest.mark.slow)])
def test_the_interface_is_the_one_apps_look_up(request, kind, w, h):
    """Names, shapes and types by Apple's torch2coreml.py, from the saved protobuf; (w, h) is the latents', D the context's."""
    bundle = request.getfixturevalue(f"{kind}_bundle")
    D = TorchEngine.load(request.getfixturevalue(f"{kind}_model"), "cpu").facts.context_width
    half, full = Array.FLOAT16, Array.FLOAT32
    expected = {
        "TextEncoder": (
            {"input_ids": ([1, 77], full)},
            {"last_hidden_state": ([1, 77, D], full), "pooled_outputs": ([1, D], full)},
        ),
        "Unet": (
            {
                "sample": ([2, 4, h, w], half),
                "timestep": ([2], half),
                "encoder_hidden_states": ([2, D, 1, 77], half),
            },
            {"noise_pred": ([2, 4, h, w], full)},
        ),
        "VAEDecoder": ({"z": ([1, 4, h, w], half)}, {"image": ([1, 3, 8 * h, 8 * w], full)}),
        "VAEEncoder": ({"x": ([1, 3, 8 * h, 8 * w], half)}, {"latent": ([1, 8, h, w], full)}),
        "SafetyChecker": (
            {
                "clip_input": ([1, 3, 224, 224], half),
                "images": ([1, 512, 512, 3], half),
                "adjustment": ([1], half),
            },
            {
                "filtered_images": ([1, 512, 512, 3], full),
                "has_nsfw_concepts": ([1, 1, 1, 1], full),
                "concept_scores": ([1, 17], full),
            },
        ),
    }
    if kind == "tiny":
        del expected["SafetyChecker"]
    assert {path.stem for path in bundle.glob("*.mlpackage")} == set(expected)
    for name, (inputs, outputs) in expected.items():
        description = ct.utils.load_spec(str(bundle / f"{name}.mlpackage")).description
        assert _features(description.input) == inputs, name
        assert _features(description.output) == outputs, name


def _features(features) -> dict[str, tuple[list[int], int]]:
    return {f.name: (list(f.type.multiArrayType.shape), f.type.multiArrayType.dataType) for f in features}


def test_vocabulary_ends_with_a_newline_and_reads_back(tiny_bundle, tiny_model):
    assert (tiny_bundle / "merges.txt").read_bytes().endswith(b"\n")
    ours, theirs = Tokenizer.from_folder(tiny_bundle), TorchEngine.load(tiny_model, "cpu").tokenizer
    assert (ours.vocab, list(ours.merges)) == (theirs.vocab, list(theirs.merges))


@pytest.mark.slow
def test_apps_tell_the_attention_by_einsum(tiny_bundle, checked_bundle):
    assert operations(tiny_bundle / "Unet.mlpackage")["einsum"] > 0
    for path in checked_bundle.glob("*.mlpackage"):
        assert operations(path)["einsum"] == 0


@pytest.fixture(scope="session")
def original_encoder(tiny_model, made_once) -> Path:
    """The tiny model's text encoder with the original attention: the quickest network that has it."""
    recipe = {"components": ("text_encoder",), "attention": "original"}
    return made_once("tiny-original-encoder", lambda folder: convert_to_coreml(tiny_model, folder, **recipe))


@pytest.mark.parametrize("bundle", ["original_encoder", pytest.param("checked_bundle", marks=pytest.mark.slow)])
def test_original_attention_multiplies_weights_by_values_in_that_order(request, bundle):
    """Values first, with the weights transposed, aborts in the GPU's compiler of macOS 26."""
    for path in request.getfixturevalue(bundle).glob("*.mlpackage"):
        operations = Package.open(path).function().operations
        constants = {
            op.name: op.inputs["val"][0].value for op in operations if op.type == "const" and op.name.count("transpose")
        }
        weights = {op.name for op in operations if op.type == "softmax"}
        products = [op for op in operations if op.type == "matmul"]
        assert len(products) == 2 * len(weights) > 0
        for op in products:
            (x,), (y,) = op.inputs["x"], op.inputs["y"]
            assert y not in weights
            assert x not in weights or not any(constants.get(flag) for flag in _flags(op))


def _flags(op) -> list[str]:
    return [name for key in ("transpose_x", "transpose_y") for name in op.inputs.get(key, ())]


ARRAY = ct.proto.FeatureTypes_pb2.ArrayFeatureType
TOOLS = {
    "decompress": cto.coreml.decompress_weights,
    "linear_quantize": lambda model: cto.coreml.linear_quantize_weights(
        model, cto.coreml.OptimizationConfig(cto.coreml.OpLinearQuantizerConfig(mode="linear_symmetric"))
    ),
    "palettize": lambda model: cto.coreml.palettize_weights(
        model, cto.coreml.OptimizationConfig(cto.coreml.OpPalettizerConfig(mode="uniform", nbits=4))
    ),
    "tensor_type": lambda model: ct.models.utils.change_input_output_tensor_type(model, ARRAY.FLOAT32, ARRAY.FLOAT16),
}


@pytest.mark.slow
@pytest.mark.parametrize("tool", TOOLS)
def test_coremltools_own_tools_take_every_package(checked_bundle, tiny_bundle, tool, tmp_path, monkeypatch):
    """Their passes fuse what looks like a layer; what they make runs, and computes the same but for its own rounding."""
    # Their pipeline checks the program after each pass: half of the time.
    monkeypatch.setattr(Program, "validate", lambda *args, **named: None)
    for path in sorted((tiny_bundle if tool == "decompress" else checked_bundle).glob("*.mlpackage")):
        TOOLS[tool](ct.models.MLModel(str(path), skip_model_load=True)).save(str(tmp_path / path.name))
        before, after = Package.open(path), Package.open(tmp_path / path.name)
        random = torch.Generator().manual_seed(0)
        shapes = {name: kind.static for name, kind in before.function().inputs.items()}
        inputs = {name: torch.rand(shape, generator=random) for name, shape in shapes.items()}
        expected, got = (Runner(package, precision="float32")(inputs) for package in (before, after))
        floor = 90 if tool == "decompress" else 60 if tool == "tensor_type" else 5
        for (name, wanted), result in zip(expected.items(), got.values(), strict=True):  # some tools rename outputs
            assert name in ("has_nsfw_concepts", "filtered_images") or psnr(wanted, result) > floor, (path.stem, name)


@pytest.mark.slow
def test_the_timesteps_sinusoids_are_float32_and_nothing_else_is(tiny_bundle):
    function = ct.utils.load_spec(str(tiny_bundle / "Unet.mlpackage")).mlProgram.functions["main"]
    block = function.block_specializations[function.opset]
    wide = {}
    for operation in block.operations:
        kind = operation.outputs[0].type.tensorType.dataType
        if kind == MIL_pb2.FLOAT32 and operation.type != "const":
            wide.setdefault(operation.type, []).append(operation.outputs[0].name)
    assert set(wide) == {"cast", "expand_dims", "mul", "cos", "sin", "concat"}
    assert len(wide["cast"]) == 2 and "noise_pred" in wide["cast"]  # in at the timestep, out at the end


def test_packages_say_what_they_are_and_where_from(tiny_model, tiny_bundle):
    for path in sorted(tiny_bundle.glob("*.mlpackage")):
        description = ct.utils.load_spec(str(path)).description
        said = description.metadata
        assert said.author and said.shortDescription.startswith("Stable Diffusion v1") and "tiny" in said.versionString
        assert said.license == UNKNOWN and said.userDefined["sdedge.source"] == "tiny"
        assert said.userDefined["sdedge.source.sha256"] == Manifest.read(tiny_bundle).source["sha256"]
        assert all(feature.shortDescription for feature in (*description.input, *description.output))
        assert str(tiny_model) not in str(said)


def test_licences_are_the_models_own_or_that_of_stable_diffusion(tmp_path):
    identity, recipe = {"sha256": "0" * 64, "loras": []}, PackageRecipe(((64, 64),))

    def licence(path: Path, width: int = V1_CONTEXT) -> str:
        return about_model(path, "model", width, identity, recipe).license

    (tmp_path / "folder").mkdir()
    assert licence(tmp_path / "folder") == NOTICE and "RAIL" in NOTICE
    assert licence(tmp_path / "folder", 32) == UNKNOWN
    (tmp_path / "folder" / "README.md").write_text("---\nlicense: creativeml-openrail-m\n---\n# A model")
    assert licence(tmp_path / "folder") == f"creativeml-openrail-m ({OPENRAIL_PAGE})"
    (tmp_path / "folder" / "LICENSE").write_bytes(b"Mine \xff\x00 alone")
    assert licence(tmp_path / "folder") == "Mine \ufffd alone"
    metadata = {"modelspec.license": "CC0", "modelspec.author": "Ann"}
    save_file({"x": torch.zeros(1)}, tmp_path / "one.safetensors", metadata)
    about = about_model(tmp_path / "one.safetensors", "one", V1_CONTEXT, identity, recipe)
    assert (about.author, about.license) == ("Ann", "CC0")
