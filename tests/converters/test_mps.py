"""`sdedge convert mps`: the embedded model as graphs draws its pictures, and what is wrong with a bundle is named."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from click.testing import CliRunner

from converters import inspect_graph, verify_graph
from converters.bundle import hash_files
from converters.graph_float32 import Rounded, overflowing
from converters.graph_passes import Setting, place_casts, rewrite, widen
from converters.graph_trace import STAGES, UNIT, inputs, trace
from converters.mps import GraphRecipe, choose_budget, convert
from converters.psnr import psnr
from sdedge.cli import cli
from sdedge.engines.graph.engine import GraphEngine
from sdedge.engines.open import load_engine, locate, open_bundle
from sdedge.engines.protocol import ModelFacts
from sdedge.engines.torch import mps
from sdedge.engines.torch.engine import TorchEngine
from sdedge.errors import InvalidRequest, ModelError
from sdedge.generation.pipeline import Picture, Pipeline
from sdedge.library.manifest import Manifest
from sdedge.models.config import VAEConfig
from sdedge.models.unet_inputs import UNetInputs
from sdedge.models.vae import VAE
from sdedge.request import Request
from tests.conftest import needs_embedded
from tests.converters.programs import Function, program_of
from tests.pictures_shown import seen, shown

pytestmark = [needs_embedded, pytest.mark.slow]  # the bundle that all of them use takes a minute
REQUEST = Request("a blue house at night", seed=3, steps=6, width=128, height=128)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("graphs") / "pocket"
    for _ in convert("pocket", folder, GraphRecipe(64, 192, budget=16)):
        pass
    return folder


@pytest.fixture(scope="module")
def eager() -> TorchEngine:
    return TorchEngine.load(locate("pocket"), "cpu", "float32")


@pytest.fixture(scope="module")
def engine(bundle) -> GraphEngine:
    return GraphEngine(bundle, "cpu", "float32")


@pytest.fixture
def copy(bundle, tmp_path) -> Path:
    """The bundle, to be damaged."""
    return Path(shutil.copytree(bundle, tmp_path / "copy"))


def _draw(engine, request: Request) -> np.ndarray:
    pipeline = Pipeline(lambda model, vae: engine)
    return next(event.pixels for event in pipeline.images(request) if isinstance(event, Picture))


def _alter(bundle: Path, **changes: object) -> None:
    manifest = Manifest.read(bundle)
    replace(manifest, **changes).write(bundle)


# ---- What it draws ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(128, 128), (192, 128), (64, 192)])
def test_one_program_draws_the_picture_at_three_sizes(engine, eager, size):
    request = REQUEST.replace(width=size[0], height=size[1])
    ours, theirs = _draw(engine, request), _draw(eager, request)
    assert psnr(theirs, ours) >= 40
    assert seen(ours) == seen(theirs)  # fact by fact; the model itself was trained for squares


def test_the_picture_in_half_precision_is_the_same_and_obeys_its_prompt(bundle, eager):
    picture = _draw(verify_graph.RoundedEngine(bundle), REQUEST)
    assert psnr(_draw(eager, REQUEST), picture) >= 40
    assert all(shown(picture, REQUEST.prompt).values())


@pytest.mark.parametrize("size", [(128, 128), (192, 64), (128, 192)])
def test_each_component_in_half_precision_reaches_60_db(bundle, eager, size):
    half = verify_graph.RoundedEngine(bundle)
    random = torch.Generator().manual_seed(1)
    W, H = size
    image = torch.rand(1, 3, H, W, generator=random) * 2 - 1
    latent, noise = (torch.randn(1, 4, H // 8, W // 8, generator=random) for _ in range(2))
    context = torch.randn(2, 77, eager.facts.context_width, generator=random)
    calls = (
        lambda e: e.predict(UNetInputs(latent.repeat(2, 1, 1, 1), torch.tensor([999.0, 3.0]), context)),
        lambda e: e.encode(image, noise),
        lambda e: e.decode(latent),
    )
    for call in calls:
        assert psnr(call(eager), call(half)) >= 60


def test_prompts_skips_embeddings_and_batches_are_those_of_the_model(engine, eager):
    ids = torch.randint(0, 500, (3, 77), generator=torch.Generator().manual_seed(2))
    learned = [(1, 4, torch.randn(2, eager.facts.context_width))]
    for skip in (0, 1):
        assert psnr(eager.encode_text(ids, skip, learned), engine.encode_text(ids, skip, learned)) >= 60
    x, t = torch.randn(3, 4, 16, 16), torch.tensor([10.0, 500.0, 990.0])
    context = torch.randn(3, 154, eager.facts.context_width)  # three rows for calls of two, and a prompt of two chunks
    assert psnr(eager.predict(UNetInputs(x, t, context)), engine.predict(UNetInputs(x, t, context))) >= 60


def test_a_decoder_that_overflows_in_half_precision_gets_float32_where_it_must():
    torch.manual_seed(4)
    config = VAEConfig(block_out_channels=(8, 16), layers_per_block=1, norm_num_groups=4)
    vae, facts = VAE(config).eval(), ModelFacts("loud", 64, 64, 2, 4)
    with torch.no_grad():
        vae.decoder.conv_in.weight.mul_(3e5)  # a loud residual stream, as some fine-tunes have; norms calm it
        vae.decoder.mid_block.resnets[0].conv2.weight.mul_(1e5)
        latents = (torch.randn(1, 4, 32, 32).half(),)
        exact = vae.decode(latents[0].float())
    shapes = [inputs("vae_decoder", facts, 1, side, side) for side in (16, 64)]
    setting = Setting(*shapes)
    program = rewrite(trace("vae_decoder", vae.half(), facts, 1), setting)
    assert not torch.isfinite(Rounded(program)(*latents)[0]).all()
    names = overflowing(program, latents)
    wide = place_casts(widen(program, names, setting), setting)
    assert 0 < len(names) < len(wide.graph.nodes) / 2
    assert psnr(exact, Rounded(wide)(*latents)[0]) >= 60


# ---- What the bundle holds ----------------------------------------------------------------------------------------------


def test_the_manifest_tells_what_was_made(bundle):
    manifest = Manifest.read(bundle)
    assert (
        manifest.kind == "graph"
        and manifest.sizes == ((64, 64), (192, 192))
        and set(manifest.components) == set(STAGES)
    )
    for part in manifest.components.values():
        assert part.figures["psnr"]["float16"] >= 60 and hash_files(bundle / part.file) == part.sha256
        assert part.bytes == sum(file.stat().st_size for file in (bundle / part.file).iterdir())
        assert part.figures["peak_bytes"]["192x192"] >= part.figures["peak_bytes"]["64x64"] > 0
    assert manifest.components["unet"].inputs["x"].shape == (2, 4, None, None)
    assert manifest.components["unet"].inputs["context"].shape[1] is None


def test_weights_are_half_precision_and_stored_once(bundle, eager):
    from safetensors import safe_open

    with safe_open(bundle / "unet" / "weights.safetensors", "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    wide = {name for name, tensor in tensors.items() if tensor.dtype != torch.float16}
    assert all("norm" in name or name.startswith("constants.") for name in wide)
    constants = sum(tensor.numel() for name, tensor in tensors.items() if name.startswith("constants."))
    count = sum(parameter.numel() for parameter in eager.network("unet").parameters())
    assert sum(tensor.numel() for tensor in tensors.values()) - constants == count


@pytest.mark.parametrize(
    ("tokens", "width", "budget"), [(64, 8, 16), (16384, 8, 64), (16384, 64, 256), (32768, 8, 256)]
)
def test_the_budget_follows_the_room_beside_attention(tokens, width, budget):
    def layer(m, x):
        wide = x.repeat(1, 1, 1, width).exp()  # what a feed-forward layer holds is room for scores
        return F.scaled_dot_product_attention(x, x, x) + wide[..., :40]

    program = program_of(Function(layer), torch.zeros(1, 8, 64, 40))
    # The last has little room, but more than 128 pieces would cost more than they save.
    assert choose_budget(program, (torch.zeros(1, 8, tokens, 40, device="meta"),)) == budget * 2**20


def test_inspect_shows_and_plots_the_memory(bundle, tmp_path):
    inspections = inspect_graph.inspect_bundle(bundle)
    manifest = Manifest.read(bundle)
    for name, inspection in inspections.items():
        assert {f"{side}x{side}": peak for side, peak in inspection.peaks.items()} == manifest.components[name].figures[
            "peak_bytes"
        ]
    shown = CliRunner().invoke(cli, ["convert", "inspect", str(bundle)], catch_exceptions=False)
    assert "takes x: 2 x 4 x ? x ?" in shown.output and "scaled_dot_product" not in shown.output
    target = tmp_path / "memory.svg"
    arguments = ["convert", "inspect", str(bundle), "--plot", str(target), "--side", "128"]
    assert CliRunner().invoke(cli, arguments, catch_exceptions=False).exit_code == 0
    assert target.read_text().startswith("<svg") and "128x128" in target.read_text()


@pytest.mark.slow
def test_verify_compares_everything_and_keeps_the_figures(copy):
    arguments = ["convert", "verify", str(copy), "--no-picture", "--json"]
    done = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    lines = [json.loads(line) for line in done.output.splitlines()]
    assert lines[-1]["outcome"] == "passed"
    assert {line["component"] for line in lines if "component" in line} == set(STAGES)  # others tell how far it is
    figures = Manifest.read(copy).figures
    assert figures["outcome"] == "passed" and figures["psnr"]["unet"]["float16"] >= 60


def test_a_budget_that_no_cut_can_keep_is_refused():
    with pytest.raises(InvalidRequest, match="multiples of 64"):
        GraphRecipe(100, 512)
    with pytest.raises(InvalidRequest, match="smaller first"):
        GraphRecipe(512, 256)


# ---- Bad input --------------------------------------------------------------------------------------------------------


def test_a_bundle_from_another_torch_is_named(copy):
    _alter(copy, versions={"torch": "2.9.1", "sdedge": "0.1.0"})
    with pytest.raises(ModelError, match=r"made with torch 2\.9\.1.*convert the model again"):
        GraphEngine(copy, "cpu")


def test_a_lost_file_is_named(copy):
    (copy / "unet" / "weights.safetensors").unlink()
    with pytest.raises(ModelError, match=r"has lost unet/weights\.safetensors; copy it again"):
        GraphEngine(copy, "cpu")


def test_a_file_of_another_bundle_is_named(copy):
    shutil.copy(copy / "vae_encoder" / "weights.safetensors", copy / "vae_decoder" / "weights.safetensors")
    with pytest.raises(ModelError, match="wrong hash of its vae decoder"):
        GraphEngine(copy, "cpu")


def test_a_single_changed_byte_is_found_by_verify(copy, eager):
    path = copy / "unet" / "weights.safetensors"
    data = bytearray(path.read_bytes())
    data[len(data) * 2 // 3 + 5000] ^= 1
    path.write_bytes(data)
    with pytest.raises(ModelError, match=r"unet.*wrong hash"):
        next(verify_graph.verify(copy, eager))


@pytest.mark.parametrize("size", [(256, 128), (128, 32), (96, 128)])
def test_a_size_outside_the_range_is_named(engine, size):
    with pytest.raises(InvalidRequest, match="multiples of 64 from 64 to 192 pixels"):
        engine.check_size(*size)


def test_what_a_graph_cannot_do_is_said(engine, bundle, tmp_path):
    from sdedge.engines.protocol import LoraUse

    with pytest.raises(ModelError, match="--lora"):
        engine.adapt([LoraUse(tmp_path / "style.safetensors", 1.0, 1.0)])
    with pytest.raises(InvalidRequest, match="clip skip 3"):
        engine.encode_text(torch.zeros(1, 77, dtype=torch.int64), 2)
    with pytest.raises(InvalidRequest, match="takes 4"):
        engine.predict(
            UNetInputs(torch.zeros(1, 4, 8, 8), torch.zeros(1), torch.zeros(1, 385, engine.facts.context_width))
        )
    with pytest.raises(InvalidRequest, match="bfloat16"):
        GraphEngine(bundle, "cpu", "float16")
    with pytest.raises(InvalidRequest, match="Unknown dtype"):
        GraphEngine(bundle, "cpu", "int3")


# ---- On MPS, as far as it goes without one -------------------------------------------------------------------------------


def test_a_graph_that_fails_on_mps_is_drawn_by_the_model_itself(bundle, eager, monkeypatch):
    engine = open_bundle(bundle, "cpu", "float32")

    def fail(*inputs):
        raise RuntimeError("MPSNDArray too large")

    engine._on_mps, engine._modules["unet"] = True, fail
    monkeypatch.setattr(mps, "free_bytes", lambda: 2**40)
    monkeypatch.setattr(torch.mps, "synchronize", lambda: None)
    picture = _draw(engine, REQUEST)
    assert psnr(_draw(eager, REQUEST), picture) >= 40
    assert any("MPSNDArray too large" in line and "pocket itself" in line for line in engine.facts.report)


def test_without_the_model_the_failure_says_what_to_do(copy):
    _alter(copy, source={"name": "gone", "sha256": "", "path": str(locate("pocket"))})  # a path is never followed
    engine = open_bundle(copy, "cpu", "float32")

    def fail(*inputs):
        raise RuntimeError("no")

    engine._on_mps, engine._modules["vae_decoder"] = True, fail
    with pytest.raises(ModelError, match="use --device cpu"):
        engine.decode(torch.zeros(1, 4, 16, 16))


def test_a_size_above_the_watermark_is_refused_before_it_is_drawn(bundle, monkeypatch):
    engine = GraphEngine(bundle, "cpu", "float32")
    engine._on_mps = True
    part = engine.manifest.components["unet"]
    peaks = part.figures["peak_bytes"]
    monkeypatch.setattr(mps, "free_bytes", lambda: part.bytes + peaks["64x64"])
    engine.check_size(64, 64)
    with pytest.raises(InvalidRequest, match="below its watermark; choose a smaller size"):
        engine.check_size(128, 64)


def test_programs_are_warmed_up_at_the_smallest_size(bundle, monkeypatch):
    monkeypatch.setattr(torch.mps, "synchronize", lambda: None)
    engine = GraphEngine(bundle, "cpu", "float32")
    seen: dict[str, list[tuple[int, ...]]] = {}
    for name in STAGES:
        engine._modules[name] = lambda *inputs, name=name: seen.update(
            {name: [tuple(tensor.shape) for tensor in inputs]}
        )
        engine._warm_up(name)
    D = engine.facts.context_width
    assert seen["unet"] == [(2, 4, 8, 8), (2,), (2, 77, D)] and seen["vae_encoder"] == [(1, 3, UNIT, UNIT)]
    assert seen["vae_decoder"] == [(1, 4, 8, 8)] and seen["text_encoder"] == [(1, 77), (1, 77, D), (1, 77, 1)]


def test_generate_draws_with_a_bundle(bundle, tmp_path):
    request = REQUEST.replace(model=str(bundle), steps=2)
    pipeline = Pipeline(load_engine("cpu", "float32"))
    (picture,) = [event for event in pipeline.images(request) if isinstance(event, Picture)]
    assert picture.pixels.shape == (128, 128, 3) and picture.facts["engine"] == "graph cpu float32"
