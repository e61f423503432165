"""Every stage keeps the rules of MPS, as far as they can be checked without a Mac; a breach of each rule is seen."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import save_file

from converters import mps_operators as operators
from converters.mps_rules import RULES, Limits, MPSRules
from sdedge.catalog import SAMPLERS
from sdedge.engines.open import load_engine
from sdedge.engines.protocol import LoraUse
from sdedge.engines.torch import mps, networks, vae_calls
from sdedge.engines.torch.cpu import fused_unet
from sdedge.engines.torch.engine import TorchEngine
from sdedge.generation.pipeline import Picture, Pipeline
from sdedge.models.attention import padded, row_pieces, sdpa, set_attention
from sdedge.models.clip import CLIPText
from sdedge.models.config import TextConfig, UNetConfig, VAEConfig
from sdedge.models.unet import UNet
from sdedge.models.unet_inputs import UNetInputs
from sdedge.models.vae import VAE
from sdedge.models.vae_rows import RowVAE
from sdedge.request import Request

pytestmark = pytest.mark.slow

ATEN = torch.ops.aten
META = partial(torch.empty, device="meta")
PICTURE, KERNEL = torch.ones(2, 8, 6, 6), torch.ones(4, 4, 3, 3)

BREACHES = {
    "operator_on_mps": lambda: torch.linalg.eigvals(torch.eye(3)),
    "no_wide_numbers": lambda: torch.ones(2, dtype=torch.float64),
    "no_giant_tensors": lambda: torch.empty(2**31, dtype=torch.float32, device="meta"),
    "scores_in_budget": lambda: torch.empty(16, 4096, 4097, device="meta").softmax(-1),
    "softmax_in_float32": lambda: torch.ones(2, 3, dtype=torch.float16).softmax(-1),
    "no_fused_attention": lambda: F.scaled_dot_product_attention(*[torch.ones(1, 1, 9, 4)] * 3),
    "no_long_sums": lambda: torch.bmm(META(1, 4, 32_767), META(1, 32_767, 8)),
    "contiguous_weights": lambda: F.conv2d(PICTURE[:, :4].contiguous(), KERNEL.transpose(2, 3)),
    "contiguous_pictures": lambda: F.conv2d(PICTURE.chunk(2, dim=1)[1], KERNEL),
    "noise_from_the_cpu": lambda: torch.randn(3),
    "no_strided_writes": lambda: torch.ones(4, 4).t().addcmul_(torch.ones(4, 4), torch.ones(4, 4)),
    "no_forgotten_addend": lambda: torch.baddbmm(torch.empty(1, 2, 2), *[torch.ones(1, 2, 2)] * 2, beta=0),
    "no_wide_counting": lambda: torch.zeros(5000, dtype=torch.int64) + 1,
}
VARIANTS = {
    "no_long_sums": [
        lambda: META(4, 40_000) @ META(40_000, 8),
        lambda: META(2, 4, 40_000) @ META(2, 40_000, 8),
        lambda: META(40_000) @ META(40_000),
        lambda: META(4, 40_000) @ META(40_000),
        lambda: F.linear(META(3, 40_000), META(8, 40_000)),
        lambda: F.linear(META(3, 40_000), META(8, 40_000), META(8)),
        lambda: torch.addmm(META(4, 8), META(4, 40_000), META(40_000, 8)),
        lambda: torch.addmv(META(4), META(4, 40_000), META(40_000)),
        lambda: torch.baddbmm(META(1, 4, 8), META(1, 4, 40_000), META(1, 40_000, 8)),
        lambda: torch.addbmm(META(4, 8), META(2, 4, 20_000), META(2, 20_000, 8)),
        lambda: torch.einsum("bts,bsd->btd", META(1, 4, 40_000), META(1, 40_000, 8)),
        lambda: F.scaled_dot_product_attention(META(1, 1, 9, 4), *[META(1, 1, 40_000, 4)] * 2),
    ],
    "contiguous_weights": [
        lambda: F.linear(torch.ones(2, 3), torch.ones(3, 4).t()),
        lambda: F.conv2d(PICTURE[:, :4].contiguous(), KERNEL.contiguous(memory_format=torch.channels_last)),
    ],
    "contiguous_pictures": [
        lambda: F.conv2d(PICTURE.contiguous(memory_format=torch.channels_last)[:, :4], KERNEL),
        lambda: PICTURE.contiguous(memory_format=torch.channels_last) + 1,
    ],
    "softmax_in_float32": [lambda: ATEN._softmax(torch.ones(2, 3, dtype=torch.bfloat16), -1, False)],
    "noise_from_the_cpu": [lambda: torch.ones(3).bernoulli_(0.5)],
    "no_wide_numbers": [lambda: torch.fft.rfft(torch.ones(4))],
}
GOOD = [
    lambda: F.conv2d(PICTURE.chunk(2, dim=1)[1].contiguous(), KERNEL),
    lambda: F.linear(torch.ones(2, 3), torch.ones(4, 3)),
    lambda: torch.ones(2, 3, dtype=torch.float16).float().softmax(-1),
    lambda: torch.randn(3, generator=torch.Generator("cpu").manual_seed(1)),
    lambda: torch.zeros(4, 4)[:, 1:].copy_(torch.ones(4, 3)),
    lambda: torch.nn.Linear(3, 4),
    lambda: torch.bmm(META(1, 4, 32_766), META(1, 32_766, 8)),
]


@pytest.mark.parametrize("rule", BREACHES)
def test_a_breach_of_each_rule_is_seen(rule):
    for number, program in enumerate((BREACHES[rule], *VARIANTS.get(rule, ()))):
        with torch.inference_mode(), MPSRules() as rules:
            program()
        assert rule in {finding.rule for finding in rules.findings}, number


def test_there_is_a_breach_for_every_rule():
    assert {"operator_on_mps", *(rule.__name__ for rule in RULES)} == set(BREACHES)


@pytest.mark.parametrize("program", GOOD)
def test_the_right_way_to_do_the_same_is_no_finding(program):
    with MPSRules() as rules:
        program()
    assert rules.findings == []


def test_operators_are_judged_by_torch_s_own_list():
    own = ["convolution", "_mps_convolution", "add.Tensor", "add_.Tensor", "_softmax", "mm", "silu", "linear", "copy_"]
    assert all(operators.has_own_kernel(name) for name in own)
    # SparseMPS is another device, and a kernel for the CPU alone is none.
    assert not operators.has_own_kernel("_scaled_dot_product_flash_attention_for_cpu")
    assert not operators.has_own_kernel("_sparse_mm_reduce_impl")
    assert not operators.has_own_kernel("linalg_eig")


def test_a_composite_passes_by_its_parts():
    x = torch.ones(2, 3, dtype=torch.float16)
    assert list(operators.missing(ATEN._to_copy.default, (x,), {"dtype": torch.float32})) == []
    assert list(operators.missing(ATEN.embedding.default, (torch.ones(5, 3), torch.tensor([1])))) == []
    assert list(operators.missing(ATEN.linalg_eigvals.default, (torch.eye(2),))) != []


def test_views_need_no_kernel_but_maybe_copies_are_opened():
    assert operators.is_view(ATEN.transpose.int) and operators.is_view(ATEN.slice.Tensor)
    assert not operators.is_view(ATEN.contiguous.default) and operators.is_implicit(ATEN.contiguous.default)


@pytest.mark.parametrize("shape", [(2, 64, 32, 4), (1, 50, 12, 1), (2, 9, 24, 3)])
@pytest.mark.parametrize("budget", [1, 300, 5000, 2**20])
def test_attention_in_pieces_is_attention(shape, budget):
    B, T, C, heads = shape
    generator = torch.Generator().manual_seed(T)
    q, k, v = (torch.randn(B, n, C, generator=generator) for n in (T, 17, 17))
    assert (row_pieces(budget)(q, k, v, heads) - sdpa(q, k, v, heads)).abs().max() < 1e-5
    least = max(budget, 17 * 4)  # one query of one head is the smallest piece
    with MPSRules(Limits(scores=least)) as rules:
        row_pieces(budget)(q.half(), k.half(), v.half(), heads)
    assert rules.findings == []


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_attention_over_many_tokens_is_summed_in_parts(dtype):
    generator = torch.Generator().manual_seed(3)
    q, k, v = (torch.randn(1, n, 8, generator=generator, dtype=torch.float32).to(dtype) for n in (20, 100, 100))
    exact = sdpa(q.double(), k.double(), v.double(), 2)
    errors = []
    for terms, findings in ((100, {"no_long_sums"}), (33, set())):
        with MPSRules(Limits(terms=33)) as rules:
            made = row_pieces(2**20, terms)(q, k, v, 2)
        errors.append((made.double() - exact).abs().max())
        assert {finding.rule for finding in rules.findings} == findings
    assert errors[1] <= 2 * errors[0] + torch.finfo(dtype).eps  # rounded a few times more, and no worse


def test_the_rules_take_fused_attention_of_padded_heads_and_no_other():
    x = torch.randn(1, 32, 2 * 40)
    with MPSRules() as rules:
        padded(row_pieces(2**20))(x, x, x, 2)
    assert rules.findings == []
    with MPSRules() as rules:
        sdpa(x, x, x, 2)
    assert {finding.rule for finding in rules.findings} == {"no_fused_attention"} and "40 wide" in str(
        rules.findings[0]
    )
    q = torch.randn(1, 2, 32, 64)
    with MPSRules() as rules:
        F.scaled_dot_product_attention(q, q, q, is_causal=True)
    assert "no_fused_attention" in {finding.rule for finding in rules.findings}


def test_the_engine_suits_networks_to_mps_and_to_nothing_else(tiny_model, monkeypatch):
    engine = TorchEngine.load(tiny_model, "cpu", "float16")
    assert engine.network("unet").mid_block.attentions[0].transformer_blocks[0].attn1.attend is sdpa
    monkeypatch.setattr(mps, "score_budget", lambda: 4096)
    unet = UNet(UNetConfig(block_out_channels=(8, 16, 16, 16), norm_num_groups=4))
    unet.conv_in.weight.data = unet.conv_in.weight.data.contiguous(memory_format=torch.channels_last)
    networks.suit(replace(engine.residency.form("unet"), device=torch.device("mps")), unet)
    assert unet.mid_block.attentions[0].transformer_blocks[0].attn1.attend is not sdpa
    assert unet.conv_in.weight.is_contiguous()


def test_the_budget_of_scores_follows_the_watermark(monkeypatch):
    assert [mps.score_budget(free) for free in (0, 2**30, 2**40)] == [2**24, 2**27, 2**28]
    monkeypatch.setenv(mps.WATERMARK, "0.0")
    assert "unset" in mps.remarks()[0]
    monkeypatch.setenv(mps.WATERMARK, "1.4")
    assert mps.remarks() == ()


@pytest.fixture
def pipeline(monkeypatch) -> Pipeline:
    """The engine as it is on MPS, half precision and all, on the CPU."""
    monkeypatch.setattr(fused_unet, "available", lambda dtype: False)
    monkeypatch.setattr(networks, "suit", lambda form, module: mps.suit(module, 2**20))
    by_rows = lambda vae, device, mode: RowVAE(vae, layout=torch.contiguous_format)  # noqa: E731
    monkeypatch.setattr(vae_calls, "by_rows", by_rows)
    return Pipeline(load_engine("cpu", "float16"))


def _insist(pipeline: Pipeline, request: Request) -> None:
    with MPSRules(Limits(scores=2**20)) as rules:
        drawn = [event for event in pipeline.images(request, previews=True) if isinstance(event, Picture)]
    assert len(drawn) == 1 and "aten::linear" in rules.operators
    assert not rules.findings, "\n".join(map(str, rules.findings))


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_no_sampler_breaks_a_rule(pipeline, tiny_model, sampler, monkeypatch):
    """Its own arithmetic; the networks have their turn below."""
    monkeypatch.setattr(TorchEngine, "predict", lambda engine, inputs: inputs.x * 0.1)
    monkeypatch.setattr(TorchEngine, "decode", lambda engine, latents: latents[:, :3].repeat(1, 1, 8, 8))
    _insist(pipeline, Request("a red (house:1.2)", "trees", str(tiny_model), steps=3, sampler=sampler, seed=1))


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photo")
    Image.fromarray(np.arange(64 * 64 * 3, dtype=np.uint8).reshape(64, 64, 3)).save(folder / "photo.png")
    mask = np.zeros((64, 64), np.uint8)
    mask[20:40, 20:40] = 255
    Image.fromarray(mask).save(folder / "mask.png")
    return folder


@pytest.mark.parametrize(
    "changes",
    [
        {"image": "photo.png", "strength": 0.6},
        {"image": "photo.png", "mask": "mask.png", "masked_content": "noise"},
        {"image": "photo.png", "outpaint": (16, 0, 0, 0), "preset": "a1111"},
        {"preset": "diffusers", "sampler": "ddim", "eta": 0.5, "noise": "numpy"},
        {"guidance_rescale": 0.5, "noise": "philox", "sampler": "euler_a"},
        {"variation_strength": 0.3, "variation_seed": 4},
        {"tiling": True, "clip_skip": 2},
    ],
    ids=lambda changes: "-".join(changes),
)
def test_no_way_of_drawing_breaks_a_rule(pipeline, tiny_model, photo, changes):
    changes = {name: str(photo / value) if name in ("image", "mask") else value for name, value in changes.items()}
    _insist(pipeline, Request("a red house", "trees", str(tiny_model), steps=2, seed=1).replace(**changes))


def test_loras_and_embeddings_break_no_rule(pipeline, tiny_model, tmp_path):
    engine = pipeline.engine(Request("", model=str(tiny_model)))
    layer = engine.network("unet").mid_block.attentions[0].proj_in
    C = layer.weight.shape[0]
    name = "lora_unet_mid_block_attentions_0_proj_in"
    lora = {f"{name}.lora_down.weight": torch.ones(2, C, 1, 1), f"{name}.lora_up.weight": torch.ones(C, 2, 1, 1)}
    save_file(lora, tmp_path / "style.safetensors")
    with MPSRules(Limits(scores=2**20)) as rules:
        engine.adapt([LoraUse(tmp_path / "style.safetensors", 0.8, 0.8)])
        engine.encode_text(
            torch.zeros(1, 77, dtype=torch.int64), 1, [(0, 3, torch.ones(2, engine.facts.context_width))]
        )
        engine.predict(UNetInputs(torch.ones(2, 4, 8, 8), torch.ones(2), torch.ones(2, 77, engine.facts.context_width)))
        engine.adapt([])
    assert not rules.findings, "\n".join(map(str, rules.findings))


@pytest.mark.parametrize("side", [512, 1024])
def test_full_size_networks_fit_the_buffers_of_a_small_mac(side):
    budget = 2**27
    with torch.device("meta"):
        text, unet, vae = (net.half() for net in (CLIPText(TextConfig()), UNet(UNetConfig()), VAE(VAEConfig())))
        x, context = torch.empty(2, 4, side // 8, side // 8).half(), torch.empty(2, 77, 768).half()
        ids, picture = torch.zeros(1, 77, dtype=torch.int64), torch.empty(1, 3, side, side).half()
        for network in (unet, vae):
            set_attention(network, row_pieces(budget))
        with torch.inference_mode(), MPSRules(Limits(scores=budget)) as rules:
            text(ids)
            unet(x, torch.empty(2), context)
            vae.encode(picture)
            vae.decode(x[:1])
    assert not rules.findings, "\n".join(map(str, rules.findings))


def test_whole_attention_at_full_size_would_not_fit():
    with torch.device("meta"), torch.inference_mode(), MPSRules() as rules:
        q = torch.empty(2, 128 * 128, 320).half()
        row_pieces(2**40)(q, q, q, 8)
    assert {"no_giant_tensors", "scores_in_budget"} <= {finding.rule for finding in rules.findings}
