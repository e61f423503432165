"""Packages compute what torch does: at every timestep, attention and size, with LoRAs, and with the safety checker."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import coremltools as ct
import pytest
import torch
from safetensors.torch import save_file

from converters import bundle
from converters.compress import compressor
from converters.coreml import build_graphs
from converters.package import build_program
from converters.psnr import psnr
from converters.recipe import PackageRecipe
from converters.source import open_source
from sdedge.engines.coreml.portable.engine import MILEngine
from sdedge.engines.open import EMBEDDED, locate
from sdedge.engines.protocol import LoraUse
from sdedge.engines.torch.engine import TorchEngine
from sdedge.errors import ModelError
from sdedge.library.manifest import Manifest
from sdedge.models.unet_inputs import UNetInputs
from tests.conftest import convert_to_coreml, needs_embedded

TIMESTEPS = (1, 261, 501, 741, 981)


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
    made = ours.run_package("text_encoder", {"input_ids": ids.float()})
    expected = engine.encode_text(ids)
    assert psnr(expected, made["last_hidden_state"]) > 80
    assert psnr(expected[:, 3], made["pooled_outputs"]) > 80


@pytest.mark.parametrize("seed", [0, 1])
def test_the_safety_checker_scores_and_blackens(checked_model, checker_bundle, seed):
    checker, ours = TorchEngine.load(checked_model, "cpu"), MILEngine(checker_bundle, "float16")
    checker.check_safety([])
    torch.manual_seed(seed)
    clip, pixels = torch.randn(1, 3, 224, 224), torch.rand(1, 512, 512, 3)
    with torch.no_grad():
        concepts, special = checker.residency.checker()(clip)
    for adjustment in (0.0, -1.0, 1.0):
        inputs = {"clip_input": clip, "images": pixels, "adjustment": torch.tensor([adjustment])}
        made = ours.run_package("safety_checker", inputs)
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
