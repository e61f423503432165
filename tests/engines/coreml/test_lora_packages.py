"""LoRAs on a converted bundle: a copy of a package is what a conversion with the LoRA is, byte for byte where that can be, and
what cannot be done leaves nothing behind."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file, save_file

from converters.package import read_spec
from converters.psnr import psnr
from sdedge.cli import cli
from sdedge.engines.coreml import lora_copies, lora_packages
from sdedge.engines.coreml.portable.engine import MILEngine
from sdedge.engines.coreml.portable.package import Package, find_specification
from sdedge.engines.coreml.portable.runner import decode
from sdedge.engines.open import EMBEDDED, load_engine, locate
from sdedge.engines.protocol import LoraUse
from sdedge.engines.torch.engine import TorchEngine
from sdedge.errors import ModelError, OutputError
from sdedge.generation.pipeline import Picture, Pipeline
from sdedge.library.adapters import install
from sdedge.library.manifest import Manifest
from sdedge.models.unet_inputs import UNetInputs
from sdedge.request import Request
from sdedge.weights.checkpoint import open_checkpoint
from tests.conftest import convert_to_coreml, needs_embedded

PREFIXES = {"unet": "lora_unet_", "text_encoder": "lora_te_"}
LAYERS = {
    "text_encoder": ("text_model.encoder.layers.0.self_attn.q_proj", "text_model.encoder.layers.1.mlp.fc1"),
    "unet": (
        "conv_in", "time_embedding.linear_1", "down_blocks.0.attentions.0.proj_in", "mid_block.resnets.0.conv1",
        "up_blocks.1.attentions.0.transformer_blocks.0.attn2.to_k", "down_blocks.1.resnets.0.time_emb_proj",
    ),
}  # fmt: skip


def random_lora(path: Path, model: Path, seed: int = 1, networks: tuple[str, ...] = ("text_encoder", "unet")) -> Path:
    """A LoRA of rank 2 on layers of both networks, with a norm's scale and the biases of the last convolution, which a package
    keeps in its program."""
    tensors, generator = {}, torch.Generator().manual_seed(seed)
    components = open_checkpoint(model).components
    for network in networks:
        for layer in LAYERS[network]:
            out, inside, *kernel = components[network][f"{layer}.weight"].shape
            stem = PREFIXES[network] + layer.replace(".", "_")
            tensors[f"{stem}.lora_down.weight"] = torch.randn(2, inside, *kernel, generator=generator) * 0.1
            tensors[f"{stem}.lora_up.weight"] = torch.randn(out, 2, *[1] * len(kernel), generator=generator) * 0.1
    if "unet" in networks:
        C = components["unet"]["conv_norm_out.weight"].shape[0]
        tensors["lora_unet_conv_norm_out.w_norm"] = torch.randn(C, generator=generator) * 0.1
        tensors["lora_unet_conv_norm_out.b_norm"] = torch.randn(C, generator=generator) * 0.1
        tensors["lora_unet_conv_out.diff"] = torch.randn(
            components["unet"]["conv_out.weight"].shape, generator=generator
        )
        tensors["lora_unet_conv_out.diff_b"] = torch.randn(4, generator=generator) * 0.1
    save_file(tensors, path)
    return path


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("SDEDGE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def style(tmp_path, tiny_model) -> Path:
    return random_lora(tmp_path / "style.safetensors", tiny_model)


def adapted(folder: Path, *uses: LoraUse, find_model=None) -> lora_packages.AdaptedBundle:
    return lora_packages.adapt_bundle(folder, Manifest.read(folder), uses, find_model)


def weight_bytes(package: Path) -> bytes:
    return next(package.rglob("weight.bin")).read_bytes()


def program(package: Path) -> str:
    """A package's specification, but for what it says of itself. Values are named by their order: coremltools numbers them by
    what was converted before in the same process."""
    spec, names = read_spec(package), {}
    spec.description.ClearField("metadata")
    return re.sub(r'"(\w*_\d+\w*)"', lambda name: names.setdefault(name[1], f'"value {len(names)}"'), str(spec))


def check_equal(bundle: Path, fused: Path, packages: Mapping[str, Path], names: tuple[str, ...]) -> None:
    """Copies are what a conversion with the LoRA wrote: weights byte for byte, and programs."""
    for name in names:
        ours, theirs = packages[name], fused / Manifest.read(fused).components[name].file
        assert weight_bytes(ours) == weight_bytes(theirs), name
        assert program(ours) == program(theirs), name
        assert weight_bytes(ours) != weight_bytes(bundle / Manifest.read(bundle).components[name].file)


# Exactness


def test_a_text_encoder_is_what_a_conversion_with_the_lora_makes(tiny_model, tiny_bundle, style, tmp_path):
    fused = convert_to_coreml(tiny_model, tmp_path / "fused", components=("text_encoder",), loras=((style, 0.7),))
    made = adapted(tiny_bundle, LoraUse(style, 0.7, 0.7))
    check_equal(tiny_bundle, fused, made.packages, ("text_encoder",))
    assert set(made.packages) == {"text_encoder", "unet"} and not made.notices


LAYOUTS = [
    (attention, chunk, "none", "macOS13")
    for attention in ("original", "split-einsum", "split-einsum-v2")
    for chunk in (False, True)
]
PACKED = [
    ("split-einsum", True, "6bit", "macOS13"), ("original", False, "int8", "macOS13"),
    ("split-einsum", False, "4bit-grouped", "macOS15"), ("split-einsum", False, "int4", "macOS15"),
    ("split-einsum", False, "int8", "macOS15"), ("split-einsum", False, "2bit", "macOS15"),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("attention, chunk, compress, target", [*LAYOUTS, *PACKED])
def test_every_layout_and_compression_is_what_a_conversion_makes(
    shallow_model, tmp_path, attention, chunk, compress, target
):
    recipe = {
        "attention": attention, "chunk": chunk, "compress": compress, "target": target, "components": ("text_encoder", "unet"),
    }  # fmt: skip
    style = random_lora(tmp_path / "style.safetensors", shallow_model)
    second = random_lora(tmp_path / "other.safetensors", shallow_model, 2, ("unet",))
    bundle = convert_to_coreml(shallow_model, tmp_path / "plain", **recipe)
    fused = convert_to_coreml(shallow_model, tmp_path / "fused", loras=((style, 0.8), (second, -0.5)), **recipe)
    uses = LoraUse(style, 0.8, 0.8), LoraUse(second, -0.5, -0.5)
    made = adapted(bundle, *uses, find_model=lambda name: shallow_model)
    check_equal(bundle, fused, made.packages, tuple(Manifest.read(bundle).components))
    assert all("dB" in line for line in made.notices) and bool(made.notices) == (compress != "none")


def _texts(model: Path, folder: Path, **recipe) -> Path:
    return convert_to_coreml(model, folder, components=("text_encoder",), **recipe)


@pytest.fixture(scope="module")
def wide_model(tiny_model, tmp_path_factory) -> Path:
    """The tiny model with a text encoder in float32, whose numbers no half holds."""
    folder = tmp_path_factory.mktemp("wide") / "wide"
    shutil.copytree(tiny_model, folder)
    file = next((folder / "text_encoder").glob("*.safetensors"))
    generator = torch.Generator().manual_seed(5)
    tensors = {name: tensor.float() for name, tensor in load_file(file).items()}
    save_file({name: t * (1 + 1e-4 * torch.rand(t.shape, generator=generator)) for name, t in tensors.items()}, file)
    return folder


@pytest.mark.slow
def test_numbers_wider_than_halves_are_read_again_or_one_unit_off(wide_model, style, tmp_path):
    bundle, use = _texts(wide_model, tmp_path / "plain"), LoraUse(style, 0.7, 0.7)
    fused = _texts(wide_model, tmp_path / "fused", loras=((style, 0.7),))
    reread = adapted(bundle, use, find_model=lambda name: wide_model)
    check_equal(bundle, fused, reread.packages, ("text_encoder",))
    assert len(reread.notices) == 1 and "converted without" in reread.notices[0]  # its UNet
    rounded = adapted(bundle, use)
    assert "2 of 2 weights of the text encoder" in rounded.notices[-1] and "one unit" in rounded.notices[-1]
    assert rounded.packages != reread.packages
    plain = _kernels(bundle / "TextEncoder.mlpackage", "weight")
    exact, near = (_kernels(made.packages["text_encoder"], "weight") for made in (reread, rounded))
    differing = [name for name in exact if not np.array_equal(exact[name], near[name])]
    assert 0 < len(differing) <= 2
    for name in differing:
        unit = np.spacing(np.maximum(abs(plain[name]), np.maximum(abs(exact[name]), abs(near[name])))).astype(float)
        assert (abs(exact[name].astype(float) - near[name]) <= unit).all()


@pytest.mark.slow
def test_another_model_of_the_same_name_is_not_taken_for_it(wide_model, tiny_model, style, tmp_path):
    """Its numbers in half precision may be the same; those of the conversion were wider."""
    bundle = _texts(wide_model, tmp_path / "plain")
    assert "one unit" in adapted(bundle, LoraUse(style, 1, 1), find_model=lambda name: tiny_model).notices[-1]


def _kernels(package: Path, end: str) -> dict[str, np.ndarray]:
    opened = Package.open(package)
    return {name: value for name, value in decode(opened, opened.function()).items() if name.endswith(end)}


def test_a_bundle_from_before_the_record_is_read_out_of_its_program(tiny_model, tiny_bundle, tmp_path):
    style = random_lora(tmp_path / "style.safetensors", tiny_model, networks=("text_encoder",))
    before = shutil.copytree(tiny_bundle, tmp_path / "before")
    _edit(before, _make_old)
    with_record, without = (adapted(each, LoraUse(style, 0.7, 0.7)) for each in (tiny_bundle, before))
    assert "from before" in without.notices[-1] and without.packages != with_record.packages
    for name, package in with_record.packages.items():
        assert weight_bytes(package) == weight_bytes(without.packages[name])


def _make_old(part: dict) -> None:
    part["figures"].pop("weights", None)
    part["figures"]["recipe"]["converter"] = 3


def _edit(bundle: Path, change) -> None:
    record = json.loads((bundle / "manifest.json").read_text())
    for part in record["components"].values():
        change(part)
    (bundle / "manifest.json").write_text(json.dumps(record))


@pytest.mark.slow
def test_weights_at_one_place_part(tiny_model, tiny_bundle, tmp_path):
    """Other converters store equal weights once: a LoRA on one of them leaves the other's numbers as they are."""
    style = random_lora(tmp_path / "style.safetensors", tiny_model, networks=("text_encoder",))
    shared = shutil.copytree(tiny_bundle, tmp_path / "shared")
    _edit(shared, _make_old)
    package, layer = shared / "TextEncoder.mlpackage", "text_model_encoder_layers_0_self_attn_{}_proj_weight"
    spec = read_spec(package)
    (function,) = spec.mlProgram.functions.values()
    by_name = {op.outputs[0].name: op for op in function.block_specializations[function.opset].operations}
    places = {kind: by_name[layer.format(kind)].attributes["val"].blobFileValue for kind in "qk"}
    places["k"].offset = places["q"].offset
    find_specification(package).write_bytes(spec.SerializeToString())
    before, after = (
        _kernels(package, "weight"),
        _kernels(adapted(shared, LoraUse(style, 1, 1)).packages["text_encoder"], "weight"),
    )
    q, k = layer.format("q"), layer.format("k")
    assert np.array_equal(before[q], before[k]) and np.array_equal(after[k], before[k])
    plain = _kernels(adapted(tiny_bundle, LoraUse(style, 1, 1)).packages["text_encoder"], "weight")
    assert np.array_equal(after[q], plain[q]) and not np.array_equal(after[q], before[q])


# The engine


def test_only_what_a_lora_changes_is_opened_again(tiny_model, tiny_bundle, tmp_path):
    engine = MILEngine(tiny_bundle)
    ids = torch.zeros(1, 77, dtype=torch.long)
    before = engine.encode_text(ids)
    (encoder,) = engine.models.values()
    unet_alone = random_lora(tmp_path / "unet.safetensors", tiny_model, 1, ("unet",))
    text_alone = random_lora(tmp_path / "text.safetensors", tiny_model, 1, ("text_encoder",))
    assert engine.adapt([LoraUse(unet_alone, 1, 1)]) == ()
    engine.encode_text(ids)
    assert [*engine.models.values()] == [encoder]
    engine.adapt([LoraUse(text_alone, 1, 1)])
    assert not engine.models and not torch.equal(engine.encode_text(ids), before)
    engine.adapt([LoraUse(text_alone, 0, 1)])  # a weight of 0 leaves it alone
    assert torch.equal(engine.encode_text(ids), before)
    engine.adapt([])
    assert torch.equal(engine.encode_text(ids), before)


@pytest.mark.slow
def test_a_unet_with_a_lora_predicts_as_torchs(tiny_model, tiny_bundle, style):
    theirs, ours = TorchEngine.load(tiny_model, "cpu", "float32"), MILEngine(tiny_bundle, "float32")
    x, t, context = torch.randn(2, 4, 8, 8), torch.full((2,), 261.0), torch.randn(2, 77, ours.facts.context_width)
    plain = ours.predict(UNetInputs(x, t, context))
    for engine in (theirs, ours):
        engine.adapt([LoraUse(style, 0.5, 0.8)])
    wanted = theirs.predict(UNetInputs(x, t, context))
    assert psnr(wanted, ours.predict(UNetInputs(x, t, context))) > 60 > 30 > psnr(wanted, plain)
    ids = torch.randint(0, 90, (1, 77))
    assert psnr(theirs.encode_text(ids), ours.encode_text(ids)) > 60


@needs_embedded
@pytest.mark.slow
def test_the_embedded_model_obeys_a_lora_from_the_bundle(pocket_bundle, tmp_path):
    """A change of rank 1 in the first convolution turns the picture; both engines draw the same one."""
    out, inside, *kernel = open_checkpoint(locate(EMBEDDED)).components["unet"]["conv_in.weight"].shape
    torch.manual_seed(0)
    tensors = {"lora_down": torch.randn(1, inside, *kernel) * 0.05, "lora_up": torch.randn(out, 1, 1, 1)}
    lora = tmp_path / "turn.safetensors"
    save_file({f"lora_unet_conv_in.{name}.weight": tensor for name, tensor in tensors.items()}, lora)
    install(lora, "lora")
    prompt = "a blue house on the grass by day with three trees"
    request = Request(prompt=f"{prompt} <lora:turn:0.8>", seed=4, steps=8, width=128, height=128)
    (ours,) = _drawn(request.replace(model=str(pocket_bundle)))
    (theirs,) = _drawn(request.replace(model=EMBEDDED))
    (plain,) = _drawn(request.replace(model=str(pocket_bundle), prompt=prompt))
    assert psnr(theirs, ours) > 40 and psnr(ours, plain) < 25


def _drawn(request: Request) -> list[np.ndarray]:
    events = Pipeline(load_engine(dtype="float32")).images(request)
    return [event.pixels.astype(float) for event in events if isinstance(event, Picture)]


# What is kept


def test_copies_are_no_links_are_found_again_and_go_when_they_are_many(tiny_bundle, style, monkeypatch):
    made = adapted(tiny_bundle, LoraUse(style, 0.7, 0.7))
    for name, package in made.packages.items():
        own = tiny_bundle / Manifest.read(tiny_bundle).components[name].file
        for copy, original in zip(sorted(package.rglob("*")), sorted(own.rglob("*")), strict=True):
            assert copy.is_dir() or (copy.stat().st_nlink == 1 and copy.stat().st_ino != original.stat().st_ino)
    with monkeypatch.context() as patch:
        patch.delattr(lora_packages, "write_changes")  # nothing is made again
        assert adapted(tiny_bundle, LoraUse(style, 0.7, 0.7)) == made
    assert len(lora_copies.entries()) == 2
    weaker = adapted(tiny_bundle, LoraUse(style, 0.2, 0.7))
    assert (
        weaker.packages["unet"] == made.packages["unet"]
        and weaker.packages["text_encoder"] != made.packages["text_encoder"]
    )
    monkeypatch.setattr(lora_copies, "LARGEST", 1)
    last = adapted(tiny_bundle, LoraUse(style, 0.1, 0.1))
    assert {entry.path for entry in lora_copies.entries()} == {path.parent for path in last.packages.values()}
    shown = CliRunner().invoke(cli, ["models", "cache"]).output
    assert "Unet-" in shown and "TextEncoder-" in shown
    assert "Deleted" in CliRunner().invoke(cli, ["models", "cache", "--clear"]).output
    assert lora_copies.entries() == []


# What cannot be done


def _left() -> list[Path]:
    return list(lora_copies.lora_folder().glob("*"))


def test_a_lora_that_does_not_fit_is_refused_and_leaves_nothing(tiny_model, tiny_bundle, tmp_path):
    wrong = tmp_path / "wrong.safetensors"
    stem = PREFIXES["text_encoder"] + LAYERS["text_encoder"][0].replace(".", "_")
    save_file({f"{stem}.lora_down.weight": torch.ones(2, 999), f"{stem}.lora_up.weight": torch.ones(16, 2)}, wrong)
    with pytest.raises(ModelError, match=r"The LoRA wrong cannot be used: .*999"):
        adapted(tiny_bundle, LoraUse(wrong, 1, 1))
    huge = tmp_path / "huge.safetensors"
    out, inside = open_checkpoint(tiny_model).components["text_encoder"][f"{LAYERS['text_encoder'][0]}.weight"].shape
    save_file(
        {f"{stem}.lora_down.weight": torch.full((2, inside), 1e3), f"{stem}.lora_up.weight": torch.full((out, 2), 1e3)},
        huge,
    )
    with pytest.raises(ModelError, match=r"infinite or NaN|beyond half precision"):
        adapted(tiny_bundle, LoraUse(huge, 1, 1))
    assert _left() == []


@pytest.mark.parametrize("step", ["clone_folder", "write_changes"])
def test_a_disk_that_fills_is_one_sentence_and_leaves_nothing(tiny_bundle, style, monkeypatch, step):
    real = getattr(lora_packages, step)

    def full(*arguments):
        real(*arguments)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(lora_packages, step, full)
    engine = MILEngine(tiny_bundle)
    with pytest.raises(
        OutputError, match=r"^Cannot put the LoRA into a copy of \w+.mlpackage in .*: No space left on device; free"
    ):
        engine.adapt([LoraUse(style, 1, 1)])
    assert _left() == []
    monkeypatch.undo()


@pytest.mark.parametrize(
    "change, sentence",
    [
        (lambda part: part["figures"]["weights"].update(version=2), "update sdedge, or convert the model again"),
        (lambda part: part["figures"]["weights"].update(layout="turned"), "update sdedge, or convert the model again"),
        (lambda part: part["figures"].pop("weights") and part["figures"]["recipe"].update(converter=99), r"converter 99"),
        (lambda part: part["figures"]["weights"]["tensors"].update(x={"form": "dense"}), "damaged record"),
        (lambda part: part["figures"].update(weights=[1]), "damaged record"),
        (lambda part: _move(part, 10**9), "damaged at byte"),
        (lambda part: _move(part, 128), "damaged at byte"),
        (lambda part: _move(part, 0, "@model_path/../../../../manifest.json"), "lies outside"),
    ],
)  # fmt: skip
def test_records_that_cannot_be_are_told(tiny_bundle, style, tmp_path, change, sentence):
    bundle = shutil.copytree(tiny_bundle, tmp_path / "bundle")
    _edit(bundle, lambda part: change(part) if "weights" in part["figures"] else None)
    with pytest.raises(ModelError, match=sentence):
        adapted(bundle, LoraUse(style, 1, 1))
    assert _left() == []


def _move(part: dict, offset: int, file: str = "@model_path/weights/weight.bin") -> None:
    for entry in part["figures"]["weights"]["tensors"].values():
        for place in (place for copy in entry["places"] for place in copy.values()):
            place[0], place[1] = file, offset
