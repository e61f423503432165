"""Token merging: its sets are what the paper says, copies come back to every token, and it leaves no trace."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from sdedge.engines.torch.cpu import fused_unet, int8_unet
from sdedge.engines.torch.engine import TorchEngine
from sdedge.models import token_merging
from sdedge.models.config import UNetConfig
from sdedge.models.token_merging import match, merging, split
from sdedge.models.unet import UNet
from sdedge.models.unet_inputs import TokenMerging, UNetInputs
from sdedge.weights.lora import apply, open_lora
from tests.engines.torch.test_torch import write_lora

CONFIG = UNetConfig(block_out_channels=(8, 16, 16, 16), norm_num_groups=4, cross_attention_dim=12, attention_head_dim=2)
LENGTHS = st.integers(1, 6).map(lambda cells: 2 * cells)
RATIOS = st.floats(0.05, 1)
SEEDS = st.integers(0, 1000)
HALF = (TokenMerging(0.5),)
needs_onednn = pytest.mark.skipif(
    not fused_unet.available(torch.float32), reason="this processor or torch has no oneDNN"
)
pytestmark = pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor")


def _tokens(height: int, width: int, seed: int = 0, batch: int = 2) -> Tensor:
    return torch.randn(batch, height * width, 5, generator=torch.Generator().manual_seed(seed))


@given(LENGTHS, LENGTHS)
def test_every_cell_has_one_destination(height, width):
    destinations, sources = split(height, width)
    assert sorted([*destinations.tolist(), *sources.tolist()]) == list(range(height * width))
    cells = {(int(place) // width // 2, int(place) % width // 2) for place in destinations}
    assert len(cells) == len(destinations) == height * width // 4


def test_destinations_are_no_regular_grid():
    destinations, _ = split(16, 16)
    assert len({(int(place) // 16 % 2, int(place) % 2) for place in destinations}) == 4


@given(LENGTHS, LENGTHS, RATIOS, SEEDS)
@settings(deadline=None, max_examples=40)
def test_the_most_similar_sources_join_the_destination_they_are_most_like(height, width, ratio, seed):
    x = _tokens(height, width, seed)
    sets = match(x, height, width, ratio)
    T, (destinations, sources) = height * width, split(height, width)
    merged = min(int(T * ratio), len(sources))
    if sets is None:
        assert merged == 0
        return
    assert sets.count == T - merged and sets.merge(x).shape == (2, T - merged, 5)
    for tokens, rows in zip(x.double(), sets.rows, strict=True):
        likeness = torch.cosine_similarity(tokens[sources][:, None], tokens[destinations][None], dim=-1)
        gone = rows[sources] < len(destinations)
        assert int(gone.sum()) == merged
        assert torch.equal(rows[sources][gone], likeness.argmax(1)[gone])
        best = likeness.amax(1)
        assert gone.all() or best[gone].min() >= best[~gone].max() - 1e-6
        assert set(rows.tolist()) == set(range(sets.count))


@given(LENGTHS, LENGTHS, RATIOS, SEEDS)
@settings(deadline=None, max_examples=40)
def test_a_set_becomes_its_mean_and_every_token_gets_it_back(height, width, ratio, seed):
    x = _tokens(height, width, seed)
    sets = match(x, height, width, ratio)
    if sets is None:
        return
    back = sets.unmerge(sets.merge(x))
    for tokens, rows, copied in zip(x, sets.rows, back, strict=True):
        for place in rows.unique():
            alike = rows == place
            assert torch.allclose(copied[alike], tokens[alike].mean(0).expand_as(copied[alike]), atol=1e-6)
    same = torch.randint(-9, 9, (2, sets.count, 3)).float().gather(1, sets.rows[..., None].expand(-1, -1, 3))
    assert torch.equal(sets.unmerge(sets.merge(same)), same)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_equal_tokens_stay_what_they_are_even_where_one_set_holds_most(dtype):
    x = torch.full((1, 32 * 32, 4), 300.0, dtype=dtype)
    sets = match(x, 32, 32, 0.75)
    assert sets is not None and sets.count == 16 * 16
    assert torch.equal(sets.unmerge(sets.merge(x)), x)
    assert torch.isfinite(match(torch.zeros_like(x), 32, 32, 0.5).merge(torch.zeros_like(x))).all()


@pytest.mark.parametrize(("height", "width", "ratio"), [(7, 8, 0.5), (8, 7, 0.5), (8, 8, 0.0), (8, 8, 0.01)])
def test_nothing_is_merged_on_odd_maps_or_below_one_token(height, width, ratio):
    assert match(_tokens(height, width), height, width, ratio) is None


def test_pictures_of_a_batch_and_parts_of_the_work_change_nothing(monkeypatch):
    x = _tokens(8, 12, batch=3)
    together = match(x, 8, 12, 0.5).rows
    assert torch.equal(together, torch.cat([match(picture, 8, 12, 0.5).rows for picture in x.split(1)]))
    monkeypatch.setattr(token_merging, "SCORES", 7 * 3 * 24)  # similarities of 7 sources at once
    assert torch.equal(match(x, 8, 12, 0.5).rows, together)


@pytest.fixture(scope="module")
def unet() -> UNet:
    torch.manual_seed(0)
    return UNet(CONFIG).eval()


@pytest.fixture
def inputs() -> tuple[Tensor, Tensor, Tensor]:
    torch.manual_seed(1)
    return torch.randn(2, 4, 16, 24), torch.tensor([500.0]), torch.randn(2, 77, 12)


def _error(a: Tensor, b: Tensor) -> float:
    return float((a - b).norm() / b.norm())


@torch.inference_mode()
def test_only_self_attention_of_the_highest_resolution_has_fewer_tokens(unet, inputs):
    seen: list[int] = []
    layers = [layer for layer in unet.modules() if hasattr(layer, "attend")]
    hooks = [
        layer.to_q.register_forward_pre_hook(lambda _, arguments: seen.append(arguments[0].shape[1]))
        for layer in layers
    ]
    try:
        with merging(unet, 0.5, 16, 24):
            unet(*inputs)
    finally:
        for hook in hooks:
            hook.remove()
    tokens = 16 * 24
    assert [seen.count(n) for n in (tokens // 2, tokens)] == [5, 5]  # self attention, and cross attention in full
    assert seen.count(tokens // 4) == 10


@torch.inference_mode()
def test_it_changes_the_result_and_leaves_no_trace(unet, inputs):
    exact = unet(*inputs)
    with merging(unet, 0.5, 16, 24):
        merged = unet(*inputs)
    assert 1e-4 < _error(merged, exact) < 0.3
    with merging(unet, 0, 16, 24):
        assert torch.equal(unet(*inputs), exact)
    with pytest.raises(RuntimeError), merging(unet, 0.5, 16, 24):
        raise RuntimeError
    assert torch.equal(unet(*inputs), exact)
    assert not any("forward" in vars(layer) for layer in unet.modules())


@needs_onednn
@torch.inference_mode()
def test_the_fused_unet_merges_the_same(unet, inputs, monkeypatch):
    """With the pairs that the plain one found: which of two tokens is nearer may hang on the last bit."""
    fused = fused_unet.fuse(copy.deepcopy(unet))
    plain_match, pairs = token_merging.match, []
    monkeypatch.setattr(token_merging, "match", lambda *args: pairs.append(plain_match(*args)) or pairs[-1])
    with merging(unet, 0.5, 16, 24):
        expected = unet(*inputs)
    assert len(pairs) > 1
    monkeypatch.setattr(token_merging, "match", lambda *args: pairs.pop(0))
    with merging(fused, 0.5, 16, 24):
        assert _error(fused(*inputs), expected) < 1e-5
    assert not pairs


@needs_onednn
@torch.inference_mode()
@pytest.mark.parametrize("narrow", ["bfloat16", "int8"])
def test_narrow_twins_are_as_near_as_without_merging(unet, inputs, narrow):
    x, t, context = inputs
    if narrow == "bfloat16":
        if not fused_unet.available(torch.bfloat16):
            pytest.skip("no bfloat16 here")
        fused = fused_unet.fuse(copy.deepcopy(unet).bfloat16())
        taken = x.bfloat16(), t, context.bfloat16()
    else:
        fused, taken = fused_unet.fuse(copy.deepcopy(unet), packing=False), inputs
        for layer in fused.modules():
            int8_unet.to_int8(layer, (-6.0, 6.0))
    apart = _error(fused(*taken).float(), unet(*inputs))
    with merging(unet, 0.5, 16, 24), merging(fused, 0.5, 16, 24):
        assert _error(fused(*taken).float(), unet(*inputs)) < 2 * apart


@torch.inference_mode()
def test_an_engine_merges_streamed_tiled_and_with_another_size(tiny_model):
    resident, streamed = (TorchEngine.load(tiny_model, "cpu", "float32", memory=mode) for mode in ("fast", "stream"))
    for height, width in ((8, 16), (16, 8)):
        x, context = torch.randn(2, 4, height, width), torch.randn(2, 77, resident.facts.context_width)
        plain = UNetInputs(x, torch.tensor([500.0]), context)
        inputs = replace(plain, edits=HALF)
        exact = resident.predict(plain)
        for tiled in (False, True):
            for engine in (resident, streamed):
                engine.set_tiling(tiled)
            merged, features = resident.predict_partly(inputs)
            assert torch.equal(resident.predict(inputs), merged) and not torch.allclose(merged, exact, atol=1e-5)
            assert torch.allclose(streamed.predict(inputs), merged, atol=1e-5)
            assert torch.allclose(resident.predict_partly(inputs, features)[0], merged, atol=1e-5)
        resident.set_tiling(False)
        assert torch.equal(resident.predict(plain), exact)


@torch.inference_mode()
def test_a_lora_is_in_what_is_merged(tiny_model, tmp_path):
    engine, plain = (TorchEngine.load(tiny_model, "cpu", "float32") for _ in range(2))
    network = UNet(UNetConfig.from_json(engine.checkpoint.configs["unet"])).eval()
    network.load_state_dict({name: tensor.read() for name, tensor in engine.checkpoint.unet.items()})
    x, t, context = torch.randn(2, 4, 8, 8), torch.tensor([500.0]), torch.randn(2, 77, engine.facts.context_width)
    use = write_lora(tmp_path / "style.safetensors", 8)
    engine.adapt([use])
    with apply({"unet": network}, [(open_lora(use.path), 0.0, 0.7)]), merging(network, 0.5, 8, 8):
        expected = network(x, t, context)
    inputs = UNetInputs(x, t, context, edits=HALF)
    assert torch.allclose(engine.predict(inputs), expected, atol=1e-5)
    assert not torch.allclose(plain.predict(inputs), expected, atol=1e-4)
