"""Verification finds what strays, refuses what is too far off, and what it measured stays in the manifest."""

from __future__ import annotations

import json
import math
import shutil
from dataclasses import replace

import coremltools as ct
import numpy as np
import pytest
import torch
from click.testing import CliRunner
from coremltools.converters.mil import Builder as mb  # noqa: N813
from coremltools.converters.mil.mil import Function, Placeholder, Program, types

from converters.bundle import hash_files
from converters.cli import convert
from converters.drift import drift, origin
from converters.psnr import psnr
from converters.verify import PROMPTS, Verdict, count_outputs, judge, summarize, verify
from converters.verify_floors import floor
from converters.verify_pictures import draws
from converters.verify_weights import compare_weights
from sdedge.engines.coreml.portable.package import Package
from sdedge.engines.coreml.portable.program import Stored
from sdedge.engines.torch.engine import TorchEngine
from sdedge.errors import ModelError
from sdedge.library.manifest import Manifest
from tests.conftest import convert_to_coreml

pytestmark = pytest.mark.slow


def _package(emit, folder, **shapes) -> Package:
    program = Program()
    holders = {name: Placeholder(shape, dtype=types.fp16, name=name) for name, shape in shapes.items()}
    with Function(holders, opset_version=ct.target.iOS16) as function:
        function.set_outputs([emit(**function.inputs)])
    program.add_function("main", function)
    ct.convert(
        program, source="milinternal", convert_to="mlprogram", minimum_deployment_target=ct.target.iOS16,
        compute_precision=ct.precision.FLOAT32, pass_pipeline=ct.PassPipeline.EMPTY, skip_model_load=True,
        package_dir=str(folder / "made.mlpackage"),
    )  # fmt: skip
    return Package.open(folder / "made.mlpackage")


def test_psnr_is_apples_measure():
    reference = np.array([0.0, -4.0, 2.0])
    assert psnr(reference, reference) == math.inf
    assert psnr(reference, reference + 0.04) == pytest.approx(20 * math.log10(4 / 0.04))
    assert psnr(torch.tensor(reference), torch.tensor([0.0, math.nan, 2.0])) == -math.inf
    with pytest.raises(ValueError, match=r"\(3,\) and \(2,\)"):
        psnr(reference, reference[:2])


def test_the_origin_of_an_error_is_the_operation_that_overflows(tmp_path):
    """A norm that squares in half precision, after a harmless mean of nearly nothing."""

    def emit(x):
        x = mb.sub(x=x, y=mb.reduce_mean(x=x, axes=[1], keep_dims=True, name="mean"), name="centred")
        x = mb.sub(x=x, y=mb.reduce_mean(x=x, axes=[1], keep_dims=True, name="nearly_nothing"), name="centred_again")
        spread = mb.reduce_mean(x=mb.square(x=x, name="squared"), axes=[1], keep_dims=True, name="spread")
        return mb.real_div(x=x, y=mb.sqrt(x=spread), name="y")

    package = _package(emit, tmp_path, x=(1, 64))
    x = torch.randn(1, 64, generator=torch.Generator().manual_seed(0))
    calm, wild = (list(drift(package, "main", {"x": x * scale})) for scale in (1, 500))
    assert origin(calm, "y", 50) is None
    assert next(d for d in calm if d.name == "nearly_nothing").psnr < 20  # strays, and brings nobody under
    source = origin(wild, "y", 50)
    assert (source.name, source.type, source.error) == ("squared", "square", math.inf)


def _spoil(bundle) -> None:
    """Make one kernel of the text encoder larger."""
    operations = Package.open(bundle / "TextEncoder.mlpackage").function().operations
    kernel = next(op.inputs["val"][0] for op in operations if op.name.endswith("layers_0_self_attn_q_proj_weight"))
    assert isinstance(kernel, Stored)
    weights = bundle / "TextEncoder.mlpackage/Data/com.apple.CoreML/weights/weight.bin"
    data = bytearray(weights.read_bytes())
    start = kernel.offset + 64  # past the blob's metadata
    end = start + kernel.type.bytes
    data[start:end] = (np.frombuffer(bytes(data[start:end]), np.float16) * np.float16(1.5)).tobytes()
    weights.write_bytes(data)


def rehash(bundle) -> None:
    """Writes the hashes of the files as they are into the manifest, as who converts wrongly would."""
    manifest = Manifest.read(bundle)
    parts = {name: replace(part, sha256=hash_files(bundle / part.file)) for name, part in manifest.components.items()}
    replace(manifest, components=parts).write(bundle)


def change(bundle, title: str, name: str, edit) -> None:
    """Lets `edit` change the stored bytes of the constant that the operation `name` holds or decodes, as a uint8 array."""
    operations = Package.open(bundle / f"{title}.mlpackage").function().operations
    op = next(op for op in operations if op.name == name)
    bounds = [bound for bounds in op.inputs.values() for bound in bounds if isinstance(bound, Stored)]
    stored = max(bounds, key=lambda bound: bound.type.bytes)
    weights = bundle / f"{title}.mlpackage/Data/com.apple.CoreML/weights/weight.bin"
    data = bytearray(weights.read_bytes())
    start = stored.offset + 64
    values = np.frombuffer(bytes(data[start : start + stored.type.bytes]), np.uint8).copy()
    edit(values)
    data[start : start + len(values)] = values.tobytes()
    weights.write_bytes(data)
    rehash(bundle)


def _flip_exponent(values) -> None:
    values[1] ^= 0x40  # the highest bit of the first half's exponent


def _zero(values) -> None:
    values[: len(values) // 8] = 0


def _noise(values) -> None:
    values[:] = np.random.default_rng(0).integers(0, 255, len(values))


DAMAGE = {
    "a flipped exponent bit in a kernel's middle": ("VAEEncoder", "encoder_mid_block_resnets_0_conv1_weight", _flip_exponent),
    "a flipped exponent bit in a kernel": ("VAEDecoder", "decoder_conv_in_weight", _flip_exponent),
    "zeros in a kernel": ("Unet", "mid_block_resnets_0_conv1_weight", _zero),
    "one token's embedding": (
        "TextEncoder", "text_model_embeddings_token_embedding_weight", lambda values: _noise(values[32 * 40 : 32 * 42])
    ),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_that_the_hashes_do_not_tell_fails_all_the_same(damage, tiny_bundle, tiny_model, tmp_path):
    bundle = shutil.copytree(tiny_bundle, tmp_path / "bundle")
    title, name, edit = DAMAGE[damage]
    change(bundle, title, name, edit)
    reference = TorchEngine.load(tiny_model, "cpu")
    tensors = reference.merged({"TextEncoder": "text_encoder", "Unet": "unet"}.get(title, "vae"))
    (wrong,) = compare_weights(Package.open(bundle / f"{title}.mlpackage"), tensors)
    assert wrong.name.replace(".", "_") == name
    assert judge(summarize([], 16), {}, (wrong,)).outcome == "failed"


@pytest.mark.parametrize(
    ("compress", "target"),
    [("4bit", "macOS13"), ("2bit", "macOS13"), ("int8", "macOS13"), ("8bit", "macOS15"), ("int4", "macOS15")],
)
def test_noise_in_a_compressed_kernel_is_told_from_the_loss_of_its_form(compress, target, tiny_model, tmp_path):
    recipe = {"compress": compress, "target": target, "components": ("text_encoder",)}
    bundle = convert_to_coreml(tiny_model, tmp_path / "bundle", **recipe)
    kernel = "text_model_encoder_layers_1_mlp_fc1_weight"
    tensors = TorchEngine.load(tiny_model, "cpu").merged("text_encoder")
    assert not list(compare_weights(Package.open(bundle / "TextEncoder.mlpackage"), tensors))
    change(bundle, "TextEncoder", kernel, lambda values: _noise(values[: len(values) // 4]))
    (wrong,) = compare_weights(Package.open(bundle / "TextEncoder.mlpackage"), tensors)
    assert (wrong.name, wrong.bits) == ("text_model.encoder.layers.1.mlp.fc1.weight", int(compress.strip("bitn")))
    assert wrong.wrong > wrong.size / 10


def test_every_width_has_a_floor_and_wider_weights_a_higher_one():
    floors = [floor(bits)["float16"] for bits in range(1, 17)]
    assert floors == sorted(floors) and floors[0] > 0
    assert floor(16, same_weights=True) == {"float16": 60.0, "float32": 100.0}
    assert floor(8, same_weights=True) == floor(8)


def test_a_good_bundle_passes_and_keeps_its_figures(tiny_bundle, tiny_model, tmp_path):
    bundle = shutil.copytree(tiny_bundle, tmp_path / "bundle")
    *compared, verdict = verify(bundle, TorchEngine.load(tiny_model, "cpu"), steps=1)
    assert isinstance(verdict, Verdict)
    assert (verdict.outcome, verdict.bits, verdict.shortfalls, verdict.kernels) == ("passed", 16, (), ())
    assert verdict.floors["unet"] == {"float16": 60.0, "float32": 100.0}
    assert verdict.floors["vae_decoder"] == {"float16": 60.0, "float32": 60.0}  # its factor of latents is folded in
    assert not any(result.stray for result in compared)
    manifest = Manifest.read(bundle)
    assert {result.component for result in compared} == {*manifest.components, "token_embedding", "picture"}
    assert manifest.figures["outcome"] == "passed"
    for name, part in manifest.components.items():
        assert part.figures["psnr"]["float16"] >= 60, name
        assert part.figures["psnr"]["float32"] > part.figures["psnr"]["float16"]
    assert manifest.figures["psnr"]["picture"]["float16"] >= 40


@pytest.mark.slow
def test_a_bundle_of_another_size_than_the_models_own_is_compared_at_its_size(checked_bundle, checked_model, tmp_path):
    bundle = shutil.copytree(checked_bundle, tmp_path / "wide")
    reference = TorchEngine.load(checked_model, "cpu")
    *compared, verdict = verify(bundle, reference, steps=1)
    assert Manifest.read(bundle).sizes == ((128, 64),) and (reference.facts.width, reference.facts.height) == (64, 64)
    assert verdict.outcome == "passed"
    assert min(next(each for each in compared if each.component == "picture").psnr.values()) > 30


def test_narrow_weights_pass_as_lossy_with_their_figures(tiny_model, tmp_path):
    recipe = {"compress": "4bit", "components": ("text_encoder",)}
    bundle = convert_to_coreml(tiny_model, tmp_path / "bundle", **recipe)
    done = CliRunner().invoke(convert, ["verify", str(bundle), "--model", str(tiny_model), "--no-picture"])
    assert done.exit_code == 0, done.output
    assert done.output.splitlines()[-1] == "lossy, weights of 4 bits"
    figures = Manifest.read(bundle).figures
    assert (figures["outcome"], figures["weight_bits"]) == ("lossy", 4)
    assert figures["psnr"]["text_encoder"]["float16"] < 60


def test_parts_of_a_bundle_are_compared_without_a_picture(checker_bundle, checked_model, tmp_path):
    """Of what was converted with --components; the figures are kept all the same."""
    bundle = shutil.copytree(checker_bundle, tmp_path / "bundle")
    *compared, verdict = verify(bundle, TorchEngine.load(checked_model, "cpu"), pictures=1)
    assert [result.component for result in compared] == ["safety_checker"] and verdict.outcome == "passed"
    assert count_outputs(Manifest.read(bundle)) == 2
    assert Manifest.read(bundle).components["safety_checker"].figures["psnr"]["float16"] >= 60


def test_what_a_picture_is_drawn_with(tiny_bundle):
    """The encoder too where the UNet reads a picture's latents."""
    manifest = Manifest.read(tiny_bundle)

    def lacking(*names: str, channels: int = 4) -> bool:
        parts = {name: part for name, part in manifest.components.items() if name not in names}
        return draws(replace(manifest, components=parts, facts={**manifest.facts, "in_channels": channels}))

    assert lacking() and lacking("vae_encoder") and lacking(channels=9)
    assert not any(lacking(name) for name in ("text_encoder", "unet", "vae_decoder"))
    assert not lacking("vae_encoder", channels=9) and not lacking("vae_encoder", channels=8)


def test_a_bundle_under_the_floor_is_refused(tiny_bundle, tiny_model, tmp_path):
    bundle = shutil.copytree(tiny_bundle, tmp_path / "bundle")
    _spoil(bundle)
    with pytest.raises(ModelError, match=r"text encoder of .* is not the one its manifest describes"):
        list(verify(bundle, TorchEngine.load(tiny_model, "cpu"), picture=False))
    rehash(bundle)
    arguments = ["verify", str(bundle), "--model", str(tiny_model), "--no-picture", "--json"]
    done = CliRunner().invoke(convert, arguments)
    assert isinstance(done.exception, ModelError)
    assert "should not be published" in str(done.exception) and "layers.0.self_attn.q_proj.weight" in str(
        done.exception
    )
    lines = [json.loads(line) for line in done.output.splitlines()]
    spoilt = [line for line in lines if line.get("component") == "text_encoder"]
    assert len(spoilt) == len(PROMPTS)
    assert spoilt[0]["stray"]["name"] == "text_model_encoder_layers_0_self_attn_q_proj"
    assert all(line["psnr"]["float16"] < 60 and line["psnr"]["float32"] < 60 for line in spoilt)
    assert Manifest.read(bundle).figures["outcome"] == "failed"


def test_the_model_must_be_the_one_that_was_converted(tiny_bundle, tmp_path):
    done = CliRunner().invoke(convert, ["verify", str(tiny_bundle)])
    assert "name it with --model" in str(done.exception)
    done = CliRunner().invoke(convert, ["verify", str(tiny_bundle), "--model", "pocket"])
    assert "made from other weights" in str(done.exception)


def test_a_damaged_package_is_an_error_not_a_figure(tiny_bundle, tiny_model, tmp_path):
    bundle = shutil.copytree(tiny_bundle, tmp_path / "bundle")
    weights = bundle / "TextEncoder.mlpackage/Data/com.apple.CoreML/weights/weight.bin"
    weights.write_bytes(weights.read_bytes()[:3000])
    with pytest.raises(ModelError, match=r"wrong hash"):
        list(verify(bundle, TorchEngine.load(tiny_model, "cpu"), picture=False))
