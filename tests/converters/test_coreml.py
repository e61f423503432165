"""Bundles have the interface that apps look up, compute what torch does, and are resumed, reused and refused as they should."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import coremltools as ct
import coremltools.optimize as cto
import pytest
import torch
from click.testing import CliRunner
from coremltools.proto import FeatureTypes_pb2, MIL_pb2
from safetensors.torch import save_file

from converters import bundle
from converters.about import NOTICE, OPENRAIL_PAGE, UNKNOWN, V1_CONTEXT, about_model
from converters.cli import convert as convert_group
from converters.compress import compressor
from converters.coreml import build_graphs, convert
from converters.package import build_program, operations
from converters.psnr import psnr
from converters.recipe import ATTENTIONS, COMPRESSIONS, PackageRecipe
from converters.source import open_source
from sdedge.engines.coreml.portable.engine import MILEngine
from sdedge.engines.coreml.portable.package import Package
from sdedge.engines.coreml.portable.runner import Runner
from sdedge.engines.open import EMBEDDED, locate
from sdedge.engines.protocol import LoraUse
from sdedge.engines.torch.engine import TorchEngine
from sdedge.errors import InvalidRequest, ModelError, OutputError
from sdedge.events import Progress
from sdedge.library.manifest import Manifest
from sdedge.library.models import Library
from sdedge.models.safety import SafetyChecker
from sdedge.models.unet_inputs import UNetInputs
from sdedge.text.tokenizer import Tokenizer
from tests.conftest import convert_to_coreml, needs_embedded, switch_checker_on
from tests.engines.coreml import stand_in

TIMESTEPS = (1, 261, 501, 741, 981)
Array = FeatureTypes_pb2.ArrayFeatureType


@pytest.fixture(scope="session")
def checked_model(tiny_model, tmp_path_factory) -> Path:
    """The tiny model with a random safety checker of CLIP's architecture."""
    folder = tmp_path_factory.mktemp("models") / "checked"
    shutil.copytree(tiny_model, folder)
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
    return folder


@pytest.fixture(scope="session")
def checked_bundle(checked_model, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("bundles") / "checked"
    return convert_to_coreml(checked_model, folder, sizes=((128, 64),), attention="original")


# Interface


def test_the_interface_is_the_one_apps_look_up(checked_bundle, checked_model):
    """Names, shapes and types by Apple's torch2coreml.py, from the saved protobuf; (w, h) is (16, 8) and D the context's."""
    D = TorchEngine.load(checked_model, "cpu").facts.context_width
    half, full = Array.FLOAT16, Array.FLOAT32
    expected = {
        "TextEncoder": (
            {"input_ids": ([1, 77], full)},
            {"last_hidden_state": ([1, 77, D], full), "pooled_outputs": ([1, D], full)},
        ),
        "Unet": (
            {
                "sample": ([2, 4, 8, 16], half),
                "timestep": ([2], half),
                "encoder_hidden_states": ([2, D, 1, 77], half),
            },
            {"noise_pred": ([2, 4, 8, 16], full)},
        ),
        "VAEDecoder": ({"z": ([1, 4, 8, 16], half)}, {"image": ([1, 3, 64, 128], full)}),
        "VAEEncoder": ({"x": ([1, 3, 64, 128], half)}, {"latent": ([1, 8, 8, 16], full)}),
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
    assert {path.stem for path in checked_bundle.glob("*.mlpackage")} == set(expected)
    for name, (inputs, outputs) in expected.items():
        description = ct.utils.load_spec(str(checked_bundle / f"{name}.mlpackage")).description
        assert _features(description.input) == inputs, name
        assert _features(description.output) == outputs, name


def _features(features) -> dict[str, tuple[list[int], int]]:
    return {f.name: (list(f.type.multiArrayType.shape), f.type.multiArrayType.dataType) for f in features}


def test_vocabulary_ends_with_a_newline_and_reads_back(checked_bundle, checked_model):
    assert (checked_bundle / "merges.txt").read_bytes().endswith(b"\n")
    ours, theirs = Tokenizer.from_folder(checked_bundle), TorchEngine.load(checked_model, "cpu").tokenizer
    assert (ours.vocab, list(ours.merges)) == (theirs.vocab, list(theirs.merges))


@pytest.mark.slow
def test_apps_tell_the_attention_by_einsum(tiny_bundle, checked_bundle):
    assert operations(tiny_bundle / "Unet.mlpackage")["einsum"] > 0
    for path in checked_bundle.glob("*.mlpackage"):
        assert operations(path)["einsum"] == 0


def test_original_attention_multiplies_weights_by_values_in_that_order(checked_bundle):
    """Values first, with the weights transposed, aborts in the GPU's compiler of macOS 26."""
    for path in checked_bundle.glob("*.mlpackage"):
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
def test_coremltools_own_tools_take_every_package(checked_bundle, tiny_bundle, tool, tmp_path):
    """Their passes fuse what looks like a layer; what they make runs, and computes the same but for its own rounding."""
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


# Numbers


def _compare_unet(engine: TorchEngine, folder: Path, timesteps=TIMESTEPS) -> list[float]:
    """dB of the bundle's UNet with every operation rounded, against float32."""
    ours = MILEngine(folder, "float16")
    (width, height), f = ours.manifest.sizes[0], engine.facts.downscale
    generator = torch.Generator().manual_seed(2)
    figures = []
    for t in timesteps:
        x = torch.randn(2, 4, height // f, width // f, generator=generator)
        context = torch.randn(2, 77, engine.facts.context_width, generator=generator)
        steps = torch.full((2,), float(t))
        figures.append(psnr(engine.predict(UNetInputs(x, steps, context)), ours.predict(UNetInputs(x, steps, context))))
    return figures


@needs_embedded
@pytest.mark.slow
def test_the_embedded_unet_holds_60_db_at_every_timestep(pocket_bundle):
    assert min(_compare_unet(TorchEngine.load(locate(EMBEDDED), "cpu", "float32"), pocket_bundle)) >= 60


@pytest.mark.slow
@pytest.mark.parametrize("attention, size", [("original", (128, 64)), ("split-einsum-v2", (256, 192))])
def test_other_attentions_and_sizes_do_too_in_two_chunks(tiny_model, tmp_path, attention, size):
    """At 256x192 the chunked attention has 768 queries: 512 and a rest."""
    recipe = {"attention": attention, "sizes": (size,), "chunk": True, "components": ("unet",)}
    folder = convert_to_coreml(tiny_model, tmp_path / "b", **recipe)
    first, second = (Manifest.read(folder).components[name] for name in bundle.UNETS[1:])
    assert 0.7 < first.bytes / second.bytes < 1.4
    assert list(second.outputs) == ["noise_pred"] and second.inputs.items() >= first.outputs.items()
    assert min(_compare_unet(TorchEngine.load(tiny_model, "cpu", "float32"), folder)) >= 60


def test_the_pooled_output_is_that_of_the_first_end_token(tiny_model, tiny_bundle):
    engine, ours = TorchEngine.load(tiny_model, "cpu", "float32"), MILEngine(tiny_bundle, "float32")
    ids = torch.full((1, 77), engine.tokenizer.eos)
    ids[0, :3] = torch.tensor([engine.tokenizer.bos, 5, 6])
    made = ours._run("text_encoder", {"input_ids": ids.float()})
    expected = engine.encode_text(ids)
    assert psnr(expected, made["last_hidden_state"]) > 80
    assert psnr(expected[:, 3], made["pooled_outputs"]) > 80


@pytest.mark.parametrize("seed", [0, 1])
def test_the_safety_checker_scores_and_blackens(checked_model, checked_bundle, seed):
    checker, ours = TorchEngine.load(checked_model, "cpu"), MILEngine(checked_bundle, "float16")
    checker.check_safety([])
    torch.manual_seed(seed)
    clip, pixels = torch.randn(1, 3, 224, 224), torch.rand(1, 512, 512, 3)
    with torch.no_grad():
        concepts, special = checker.residency.checker()(clip)
    for adjustment in (0.0, -1.0, 1.0):
        inputs = {"clip_input": clip, "images": pixels, "adjustment": torch.tensor([adjustment])}
        made = ours._run("safety_checker", inputs)
        near = bool((special - 0.2 + adjustment > 0).any())
        scores = concepts - 0.3 + near * 0.01
        assert torch.allclose(made["concept_scores"], scores, atol=2e-3)
        unsafe = float(made["concept_scores"].max() > 0)
        assert made["has_nsfw_concepts"].item() == unsafe
        assert torch.allclose(made["filtered_images"], pixels * (1 - unsafe), atol=1e-3)


@pytest.mark.slow
def test_several_sizes_share_one_set_of_weights(tiny_model, tmp_path):
    sizes = ((64, 64), (128, 64))
    made = {"target": "macOS15", "components": ("unet",), "compress": "int8", "attention": "original"}
    both = convert_to_coreml(tiny_model, tmp_path / "both", sizes=sizes, **made)
    single = convert_to_coreml(tiny_model, tmp_path / "one", sizes=sizes[:1], **made)
    weights = [next(folder.rglob("weight.bin")).stat().st_size for folder in (both, single)]
    assert weights[0] < 1.01 * weights[1]
    spec = ct.utils.load_spec(str(both / "Unet.mlpackage"))
    assert spec.description.defaultFunctionName == "size_64x64"
    engine, ours = MILEngine(single, "float16"), MILEngine(both, "float16")
    x, t, context = torch.randn(2, 4, 8, 8), torch.full((2,), 501.0), torch.randn(2, 77, engine.facts.context_width)
    assert torch.equal(engine.predict(UNetInputs(x, t, context)), ours.predict(UNetInputs(x, t, context)))
    assert ours.predict(UNetInputs(torch.randn(2, 4, 8, 16), t, context)).shape == (2, 4, 8, 16)


@pytest.mark.slow
def test_no_kernel_is_clustered_twice_for_two_chunks(tiny_model):
    """Targets of every compression, too: what is alive at the cut is found without the weights."""
    counted: Counter[str] = Counter()
    for scheme, target in (("8bit", "macOS13"), ("int4", "macOS15"), ("4bit-grouped", "macOS15")):
        counted.clear()
        recipe = PackageRecipe(((64, 64),), target=target, chunk=True)
        packed = compressor(scheme)

        def pack(name, kernel, packed=packed):
            counted[name] += 1
            return packed(name, kernel)

        for graphs in build_graphs(open_source(str(tiny_model)), recipe, "unet", pack).values():
            build_program(graphs, target)
        assert len(counted) > 50 and set(counted.values()) == {1}


# LoRAs


def _lora(path: Path, engine: TorchEngine, width: int | None = None) -> Path:
    layer = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q"
    out, inside = engine.checkpoint.unet[f"{layer}.weight"].shape
    stem = f"lora_unet_{layer.replace('.', '_')}"
    torch.manual_seed(1)
    down, up = torch.randn(2, width or inside), torch.randn(out, 2)
    save_file({f"{stem}.lora_down.weight": down, f"{stem}.lora_up.weight": up}, path)
    return path


@pytest.mark.slow
def test_a_lora_is_fused(tiny_model, tiny_bundle, tmp_path):
    engine = TorchEngine.load(tiny_model, "cpu", "float32")
    path = _lora(tmp_path / "style.safetensors", engine)
    folder = convert_to_coreml(
        tiny_model, tmp_path / "b", components=("unet",), loras=((path, 0.5),), attention="original"
    )
    assert max(_compare_unet(engine, folder, (501,))) < 50
    engine.adapt([LoraUse(path, 0.5, 0.5)])
    assert min(_compare_unet(engine, folder, (501,))) > 60
    assert Manifest.read(folder).source["loras"][0][:2] == ["style.safetensors", 0.5]


def test_a_lora_that_does_not_fit_is_refused_before_anything_is_written(tiny_model, tmp_path):
    path = _lora(tmp_path / "other.safetensors", TorchEngine.load(tiny_model, "cpu"), width=999)
    with pytest.raises(ModelError, match=r"other.*999"):
        convert_to_coreml(tiny_model, tmp_path / "b", loras=((path, 1.0),))
    assert not (tmp_path / "b").exists()


# Going on, and making again


def _phases(model: Path, folder: Path, **recipe) -> dict[str, str]:
    """Each component and what was done about it."""
    events = convert(str(model), folder, PackageRecipe(**{"sizes": ((64, 64),), **recipe}))
    phases = [event.phase for event in events if isinstance(event, Progress) and ": " in event.phase]
    return dict(phase.split(": ") for phase in phases)


@pytest.mark.slow
def test_only_what_another_recipe_shapes_is_made_again(tiny_model, tiny_bundle, tmp_path):
    folder = tmp_path / "b"
    shutil.copytree(tiny_bundle, folder)
    assert set(_phases(tiny_model, folder).values()) == {"kept"}
    phases = _phases(tiny_model, folder, chunk=True)
    assert phases == {"TextEncoder": "kept", "Unet": "converting", "VAEDecoder": "kept", "VAEEncoder": "kept"}
    assert not (folder / "Unet.mlpackage").exists()  # apps take what they find
    assert set(Manifest.read(folder).components) == {
        "text_encoder", "unet_chunk1", "unet_chunk2", "vae_decoder", "vae_encoder",
    }  # fmt: skip


def test_a_bundle_never_mixes_sizes(tiny_model, tiny_bundle, tmp_path):
    folder = tmp_path / "b"
    shutil.copytree(tiny_bundle, folder)
    convert_to_coreml(tiny_model, folder, sizes=((128, 64),), components=("vae_decoder",))
    assert set(Manifest.read(folder).components) == {"text_encoder", "vae_decoder"}
    assert {path.stem for path in folder.glob("*.mlpackage")} == {"TextEncoder", "VAEDecoder"}


def test_a_package_that_was_tampered_with_is_made_again(tiny_model, tiny_bundle, tmp_path):
    folder = tmp_path / "b"
    shutil.copytree(tiny_bundle, folder)
    weights = next((folder / "VAEDecoder.mlpackage").rglob("weight.bin"))
    weights.write_bytes(weights.read_bytes()[:-1])
    assert _phases(tiny_model, folder)["VAEDecoder"] == "converting"
    assert _phases(tiny_model, folder)["VAEDecoder"] == "kept"


@pytest.mark.slow
def test_an_interrupted_conversion_goes_on(tiny_model, tmp_path):
    folder, recipe = tmp_path / "b", PackageRecipe(((64, 64),))
    running = convert(str(tiny_model), folder, recipe)
    for event in running:
        if isinstance(event, Progress) and event.phase.startswith("Unet"):
            break
    running.close()
    (folder / ".Unet-killed.part").mkdir()
    assert not (folder / "manifest.json").exists()
    phases = _phases(tiny_model, folder)
    assert (phases["TextEncoder"], phases["Unet"]) == ("kept", "converting")
    left = {path.name for path in folder.iterdir() if path.suffix != ".mlpackage"}
    assert left == {"manifest.json", "vocab.json", "merges.txt", "compile.sh"}


def test_the_library_takes_a_bundle(tiny_bundle, tmp_path):
    library = Library(tmp_path / "library")
    model = library.add(tiny_bundle, "converted")
    assert model.kind == "coreml" and library.verify("converted") == []
    library.close()


# What cannot be done


@pytest.mark.parametrize(
    "recipe, message",
    [
        ({"sizes": ((500, 512),)}, "multiples of 64; try 512x512"),
        ({"sizes": ((0, 512),)}, "multiples of 64; try 64x512"),
        ({"sizes": ((64, 64), (128, 64))}, "need --target macOS15"),
        ({"attention": "flash"}, "split-einsum-v2"),
        ({"compress": "5bit"}, "mixed-50"),
        ({"compress": "int4"}, "needs --target macOS15"),
        ({"components": ("unet", "vae")}, "vae_decoder"),
        ({"batch": 3}, "choose 1 or 2"),
    ],
)
def test_recipes_that_cannot_be_made_say_why(recipe, message):
    with pytest.raises(InvalidRequest, match=message):
        PackageRecipe(**{"sizes": ((64, 64),), **recipe})


def test_a_model_without_a_safety_checker_says_so(tiny_model, tmp_path):
    with pytest.raises(ModelError, match="ships no safety checker"):
        convert_to_coreml(tiny_model, tmp_path / "b", components=("safety_checker",))


def test_a_folder_of_other_things_is_left_alone(tiny_model, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="holds other things"):
        convert_to_coreml(tiny_model, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
    with pytest.raises(OutputError, match="is a file"):
        convert_to_coreml(tiny_model, tmp_path / "notes.txt")


def test_two_conversions_do_not_share_a_folder(tiny_model, tmp_path):
    with bundle.claim(tmp_path / "b"), pytest.raises(OutputError, match="Another conversion"):
        convert_to_coreml(tiny_model, tmp_path / "b")


def test_what_needs_no_vocabulary_does_without(tiny_model, tmp_path, monkeypatch):
    def missing(checkpoint):
        raise ModelError("comes without CLIP's vocabulary")

    monkeypatch.setattr("converters.source.load_tokenizer", missing)
    folder = convert_to_coreml(tiny_model, tmp_path / "b", components=("vae_decoder",))
    assert not (folder / "vocab.json").exists()
    assert MILEngine(folder).decode(torch.zeros(1, 4, 8, 8)).shape == (1, 3, 64, 64)
    for refused in ({"components": ("text_encoder",)}, {"components": ("unet",), "compress": "mixed-40"}):
        with pytest.raises(ModelError, match="without CLIP's vocabulary"):
            convert_to_coreml(tiny_model, tmp_path / "c", **refused)
    assert not (tmp_path / "c").exists()


@pytest.mark.skipif(os.name == "nt", reason="a shell script stands in for xcrun")
@pytest.mark.parametrize(
    "code, said", [(0, ""), (1, "xcrun coremlcompiler said 'no space'"), (None, "it comes with Xcode")]
)
def test_a_failed_compilation_is_said(tiny_bundle, tmp_path, monkeypatch, code, said):
    """Without Xcode and without Core ML, which this machine has not."""
    folder, bin = shutil.copytree(tiny_bundle, tmp_path / "b"), tmp_path / "bin"
    bin.mkdir()
    if code is not None:
        (bin / "xcrun").write_text(f"#!/bin/sh\necho first >&2; echo 'no space' >&2; echo >&2\nexit {code}\n")
        (bin / "xcrun").chmod(0o755)
    monkeypatch.setenv("PATH", str(bin))
    monkeypatch.setattr("converters.bundle.sys.platform", "darwin")
    manifest = Manifest.read(folder)
    (folder / "VAEDecoder.mlmodelc").mkdir()  # of an earlier recipe
    remarks = bundle._compile(folder, manifest.components)
    assert (said in remarks[0] and "compile.sh" in remarks[0]) if said else remarks == []
    assert not (folder / "VAEDecoder.mlmodelc").exists()
    assert (folder / "compile.sh").exists() == bool(said)


@pytest.mark.skipif(os.name == "nt", reason="the stand-in's links")
@pytest.mark.parametrize("complete", [True, False])
def test_without_xcode_the_system_compiles(tiny_bundle, tmp_path, monkeypatch, complete):
    folder = shutil.copytree(tiny_bundle, tmp_path / "b")
    for name, value in stand_in.install(tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("converters.bundle.sys.platform", "darwin")
    if complete:
        monkeypatch.setattr(bundle, "METADATA", "source")  # what the stand-in writes
    components = {"vae_decoder": Manifest.read(folder).components["vae_decoder"]}
    remarks = bundle._compile(folder, components)
    assert (folder / "VAEDecoder.mlmodelc").is_dir()
    assert (folder / "compile.sh").exists() != complete
    assert remarks == [] if complete else "without Xcode" in remarks[0]


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="needs a limit on file sizes")
def test_nothing_half_written_remains_on_a_full_disk(tiny_model, tmp_path):
    """A process whose files may not grow past 20 kB fails in the weights of the decoder."""
    code = f"""
import resource, signal
from tests.conftest import convert_to_coreml
from pathlib import Path
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
convert_to_coreml({str(tiny_model)!r}, Path({str(tmp_path / "b")!r}), components=("vae_decoder",))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert "OutputError: Cannot write" in done.stderr and "the disk is full" in done.stderr
    assert not list(tmp_path.rglob("*.mlpackage")) and not list(tmp_path.rglob("*.part"))


def test_the_command_tells_events_as_json_and_failures_too(tiny_model, tiny_bundle, tmp_path):
    folder = tmp_path / "b"
    shutil.copytree(tiny_bundle, folder)
    command = ["coreml", str(tiny_model), "--out", str(folder), "--size", "64", "--json"]
    lines = [json.loads(line) for line in CliRunner().invoke(convert_group, command).output.splitlines()]
    assert lines[0] == {"event": "Loading", "phase": "opening the model"}
    assert [line["event"] for line in lines].count("Progress") == 5 and lines[-1]["event"] == "Finished"
    failed = CliRunner().invoke(convert_group, [*command[:4], "--size", "100", "--json"])
    record = json.loads(failed.output.splitlines()[-1]) if failed.output else {}
    assert record.get("event") == "Failed" and "multiples of 64" in record["message"]


def test_names_of_choices_equal_what_is_implemented():
    from converters.ane import ATTENTIONS as WRITTEN
    from converters.compress import SCHEMES

    assert tuple(WRITTEN) == ATTENTIONS
    assert ("none", *SCHEMES) == COMPRESSIONS
