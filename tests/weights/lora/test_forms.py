"""LoRA files against the trainers' own code: every form by LyCORIS, whole networks by peft; and how modules are spelt."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import cast

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from sdedge.errors import ModelError
from sdedge.library.adapters import recognise
from sdedge.models.clip import CLIPText
from sdedge.models.unet import UNet
from sdedge.weights.files import LazyTensor, WeightFile
from sdedge.weights.lora import apply, open_lora
from sdedge.weights.lora_deltas import Patch, kronecker
from sdedge.weights.lora_keys import TEXT, UNET, LoraKey, modules_by_stem, parse_key
from tests.conftest import cases
from tests.weights.lora.conftest import (
    CONV,
    CROSS,
    LINEAR,
    NORM,
    POINT,
    TEXT_LINEAR,
    kohya,
    lora_pieces,
    shapes,
    write,
)

# --- every form, made and computed by LyCORIS ---------------------------------------------------------------------

LYCORIS_CASES = {
    "linear": ("LoConModule", LINEAR, {"lora_dim": 4, "alpha": 3}),
    "alpha 0": ("LoConModule", LINEAR, {"lora_dim": 4, "alpha": 0}),
    "cross": ("LoConModule", CROSS, {"lora_dim": 2, "alpha": 1}),
    "locon": ("LoConModule", CONV, {"lora_dim": 4, "alpha": 2}),
    "locon 1x1": ("LoConModule", POINT, {"lora_dim": 4, "alpha": 2}),
    "locon tucker": ("LoConModule", CONV, {"lora_dim": 4, "alpha": 2, "use_tucker": True}),
    "dora": ("LoConModule", CROSS, {"lora_dim": 4, "alpha": 2, "weight_decompose": True}),
    "dora by input": ("LoConModule", CROSS, {"lora_dim": 4, "alpha": 2, "weight_decompose": True, "wd_on_out": False}),
    "dora square by input": (
        "LoConModule",
        LINEAR,
        {"lora_dim": 4, "alpha": 2, "weight_decompose": True, "wd_on_out": False},
    ),
    "dora conv": ("LoConModule", CONV, {"lora_dim": 4, "alpha": 2, "weight_decompose": True}),
    "dora conv by input": (
        "LoConModule",
        CONV,
        {"lora_dim": 4, "alpha": 2, "weight_decompose": True, "wd_on_out": False},
    ),
    "loha": ("LohaModule", CROSS, {"lora_dim": 4, "alpha": 2}),
    "loha conv": ("LohaModule", CONV, {"lora_dim": 4, "alpha": 2}),
    "loha tucker": ("LohaModule", CONV, {"lora_dim": 4, "alpha": 2, "use_tucker": True}),
    "loha dora": ("LohaModule", CONV, {"lora_dim": 4, "alpha": 2, "weight_decompose": True}),
    "lokr": ("LokrModule", CROSS, {"lora_dim": 2, "alpha": 1, "factor": 4}),
    "lokr both": ("LokrModule", LINEAR, {"lora_dim": 1, "alpha": 3, "factor": 8, "decompose_both": True}),
    "lokr whole": ("LokrModule", LINEAR, {"lora_dim": 999, "alpha": 3, "factor": 4}),
    "lokr full matrix": ("LokrModule", CONV, {"lora_dim": 4, "alpha": 3, "factor": 4, "full_matrix": True}),
    "lokr conv": ("LokrModule", CONV, {"lora_dim": 2, "alpha": 1, "factor": 4}),
    "lokr tucker": ("LokrModule", CONV, {"lora_dim": 2, "alpha": 1, "factor": 4, "use_tucker": True}),
    "lokr dora": ("LokrModule", CROSS, {"lora_dim": 2, "alpha": 1, "factor": 4, "weight_decompose": True}),
    "ia3": ("IA3Module", CROSS, {}),
    "ia3 on input": ("IA3Module", CROSS, {"train_on_input": True}),
    "ia3 conv": ("IA3Module", CONV, {}),
    "ia3 conv on input": ("IA3Module", CONV, {"train_on_input": True}),
    "full": ("FullModule", CROSS, {}),
    "full conv": ("FullModule", CONV, {}),
    "norm": ("NormModule", NORM, {}),
    "glora": ("GLoRAModule", CROSS, {"lora_dim": 4, "alpha": 2}),
    "glora conv": ("GLoRAModule", CONV, {"lora_dim": 4, "alpha": 2}),
    "glora tucker": ("GLoRAModule", CONV, {"lora_dim": 4, "alpha": 2, "use_tucker": True}),
    "oft": ("DiagOFTModule", CROSS, {"lora_dim": 8}),
    "oft constrained": ("DiagOFTModule", CONV, {"lora_dim": 8, "constraint": 0.01}),
    "oft rescaled": ("DiagOFTModule", CONV, {"lora_dim": 8, "rescaled": True}),
    "boft": ("ButterflyOFTModule", CROSS, {"lora_dim": 8}),
    "boft rescaled": ("ButterflyOFTModule", CONV, {"lora_dim": 4, "rescaled": True, "constraint": 0.01}),
}


@pytest.mark.parametrize("case", LYCORIS_CASES)
def test_forms_equal_lycoris(case: str, tmp_path: Path, unet: UNet) -> None:
    lycoris = pytest.importorskip("lycoris.modules", reason="LyCORIS (test only) is the referee for the forms")
    kind, name, options = LYCORIS_CASES[case]
    module = unet.get_submodule(name)
    find = {cls.__name__: cls for cls in _subclasses(lycoris.base.LycorisBaseModule)}
    adapter = find[kind](kohya(name), copy.deepcopy(module), 1.0, **options).eval()
    torch.manual_seed(4)
    for parameter in adapter.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    adapter.apply_to()
    weight, bias = _norm_parameters(adapter) if kind == "NormModule" else _linear_map(adapter, module)
    tensors = adapter.custom_state_dict() or adapter.state_dict()
    lora = write(
        tmp_path / "x.safetensors", {f"{kohya(name)}.{key}": tensor.clone() for key, tensor in tensors.items()}
    )

    (patch,) = lora.bind(UNET, shapes(unet)).values()
    expected = weight - module.weight
    assert expected.abs().max() > 1e-3
    torch.testing.assert_close(patch.delta(module.weight), expected, rtol=1e-5, atol=1e-5)
    if module.bias is not None and not torch.allclose(bias, module.bias, atol=1e-5):
        torch.testing.assert_close(patch.bias_delta(module.bias), bias - module.bias, rtol=1e-5, atol=1e-5)
    else:
        assert not patch.changes_bias


def _subclasses(cls: type) -> set[type]:
    return {cls}.union(*(_subclasses(child) for child in cls.__subclasses__()))


@torch.no_grad()
def _linear_map(adapter: nn.Module, module: nn.Module) -> tuple[Tensor, Tensor]:
    """The weight and bias that the adapted layer acts with, read off its answers to zero and to unit impulses.

    LyCORIS's own `get_merged_weight` is no referee: it squares alpha/rank for LoHa and LoKr, unlike its forward pass.
    """
    width = module.weight.shape[1]
    impulses = torch.eye(width)
    if isinstance(module, nn.Linear):
        bias = adapter(torch.zeros(1, width))[0]
        return (adapter(impulses) - bias).T, bias
    size = module.kernel_size[0]
    images = torch.zeros(width, width, size, size)
    images[:, :, size // 2, size // 2] = impulses
    bias = adapter(torch.zeros_like(images[:1]))[0]
    return (adapter(images) - bias).flip(2, 3).transpose(0, 1), bias[:, 0, 0]


@torch.no_grad()
def _norm_parameters(adapter: nn.Module) -> tuple[Tensor, Tensor]:
    return adapter.get_merged_weight(1)


def test_missing_alpha_means_one(tmp_path: Path, unet: UNet) -> None:
    pieces = lora_pieces(64, 32)
    del pieces["alpha"]
    module = "down_blocks.1.resnets.0.conv_shortcut"
    lora = write(tmp_path / "x.safetensors", {f"{kohya(module)}.{k}": t for k, t in pieces.items()})
    weight = unet.get_submodule(module).weight
    expected = torch.einsum("or,ri->oi", pieces["lora_up.weight"].double(), pieces["lora_down.weight"].double())
    delta = lora.bind(UNET, shapes(unet))[module].delta(weight)
    torch.testing.assert_close(delta, expected.float()[:, :, None, None], rtol=1e-5, atol=1e-5)


def test_old_glora_order(tmp_path: Path, unet: UNet) -> None:
    """LyCORIS 1 wrote W a2 a1 + b2 b1 (A1111's network_glora.py)."""
    g = torch.Generator().manual_seed(5)
    weight = unet.get_submodule(CROSS).weight  # (128, 64)
    p = {"a1": (4, 64), "a2": (64, 4), "b1": (4, 64), "b2": (128, 4)}
    w = {k: torch.randn(*shape, generator=g) for k, shape in p.items()}
    lora = write(tmp_path / "x.safetensors", {f"{kohya(CROSS)}.{k}.weight": t for k, t in w.items()})
    expected = (w["b2"].double() @ w["b1"].double() + weight.double() @ w["a2"].double() @ w["a1"].double()).float()
    torch.testing.assert_close(lora.bind(UNET, shapes(unet))[CROSS].delta(weight), expected, rtol=1e-5, atol=1e-5)


# --- whole networks, by peft --------------------------------------------------------------------------------------

TARGETS = ["to_k", "to_out.0", "proj_in", "conv2"]


def _peft_config(peft: ModuleType, kind: str) -> object:
    if kind in ("lora", "dora"):
        return peft.LoraConfig(
            r=4, lora_alpha=3, target_modules=TARGETS, use_dora=kind == "dora", init_lora_weights=False
        )
    if kind == "loha":
        return peft.LoHaConfig(r=4, alpha=3, target_modules=TARGETS, init_weights=False, use_effective_conv2d=True)
    return peft.LoKrConfig(r=2, alpha=3, target_modules=TARGETS, init_weights=False, decompose_factor=4)


@pytest.mark.parametrize("kind", cases(["lora", "dora", "loha", "lokr"], quick=["dora", "loha"]))
def test_adapted_unet_equals_peft(kind: str, tmp_path: Path, unet: UNet) -> None:
    peft = pytest.importorskip("peft", reason="peft (test only) is the referee for whole networks")
    torch.manual_seed(6)
    adapted = peft.inject_adapter_in_model(_peft_config(peft, kind), copy.deepcopy(unet)).eval().requires_grad_(False)
    for name, parameter in adapted.named_parameters():
        if "magnitude" in name:
            parameter.data *= 1 + 0.1 * torch.randn_like(parameter)
        elif "hada_" in name:
            parameter.data += 0.2 * torch.randn_like(parameter)
    file = {f"unet.{name}": tensor.clone() for name, tensor in peft.get_peft_model_state_dict(adapted).items()}
    for name in list(file):
        if name.endswith(("lora_A.weight", "hada_w1_a", "lokr_w2_b")):  # peft keeps alpha in a config beside the file
            file[name.removesuffix(".weight").rpartition(".")[0] + ".alpha"] = torch.tensor(3.0)
    lora = write(tmp_path / "x.safetensors", file)
    g = torch.Generator().manual_seed(7)
    inputs = torch.randn(1, 4, 8, 8, generator=g), torch.tensor([500]), torch.randn(1, 5, 64, generator=g)
    with torch.inference_mode():
        base, expected = unet(*inputs), adapted(*inputs)
        with apply({"unet": unet}, [(lora, 0.0, 1.0)]):
            ours = unet(*inputs)
        restored = unet(*inputs)
    assert (expected - base).abs().max() > 1e-2
    torch.testing.assert_close(ours, expected, rtol=1e-4, atol=1e-5)
    assert torch.equal(restored, base)


@pytest.mark.parametrize("stabilised", [False, True])
def test_alpha_from_diffusers_header(stabilised: bool, tmp_path: Path, unet: UNet) -> None:
    g = torch.Generator().manual_seed(8)
    tensors = {}
    for module in (LINEAR, CROSS):
        out, width = unet.get_submodule(module).weight.shape
        tensors[f"unet.{module}.lora_A.weight"] = torch.randn(4, width, generator=g)
        tensors[f"unet.{module}.lora_B.weight"] = torch.randn(out, 4, generator=g)
    config = {"unet.lora_alpha": 3, "unet.r": 4, "unet.use_rslora": stabilised, "unet.alpha_pattern": {"attn2.to_k": 8}}
    lora = write(tmp_path / "x.safetensors", tensors, {"lora_adapter_metadata": json.dumps(config)})
    divisor = math.sqrt(4) if stabilised else 4
    for module, alpha in ((LINEAR, 3), (CROSS, 8)):
        product = tensors[f"unet.{module}.lora_B.weight"].double() @ tensors[f"unet.{module}.lora_A.weight"].double()
        delta = lora.bind(UNET, shapes(unet))[module].delta(unet.get_submodule(module).weight)
        torch.testing.assert_close(delta, (product * alpha / divisor).float(), rtol=1e-5, atol=1e-5)


# --- names --------------------------------------------------------------------------------------------------------

SPELLINGS = [
    ("lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_out_0.lora_{}.weight", LINEAR),
    ("lora_unet_input_blocks_1_1_transformer_blocks_0_attn1_to_out_0.lora_{}.weight", LINEAR),
    ("unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_out.0.lora_{AB}.weight", LINEAR),
    ("unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_out.0.lora_{AB}.default.weight", LINEAR),
    ("unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_out.0.lora_{AB}.my-style.weight", LINEAR),
    ("unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_out.0.lora.{}.weight", LINEAR),
    ("unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.processor.to_out_lora.{}.weight", LINEAR),
    ("down_blocks.0.attentions.0.transformer_blocks.0.attn1.processor.to_out_lora.{}.weight", LINEAR),
    ("base_model.model.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_out.0.lora_{AB}.weight", LINEAR),
    ("diffusion_model.input_blocks.1.1.transformer_blocks.0.attn1.to_out.0.lora_{AB}.weight", LINEAR),
    ("lora_unet_middle_block_1_transformer_blocks_0_attn2_to_k.lora_{}.weight", CROSS),
    ("lora_unet_input_blocks_4_0_in_layers_2.lora_{}.weight", CONV),
    ("lora_unet_output_blocks_3_1_proj_in.lora_{}.weight", POINT),
    ("lora_unet_input_blocks_3_0_op.lora_{}.weight", "down_blocks.0.downsamplers.0.conv"),
    ("lora_unet_output_blocks_2_1_conv.lora_{}.weight", "up_blocks.0.upsamplers.0.conv"),
    ("lora_unet_output_blocks_8_2_conv.lora_{}.weight", "up_blocks.2.upsamplers.0.conv"),
    ("lora_unet_middle_block_2_out_layers_3.lora_{}.weight", "mid_block.resnets.1.conv2"),
    ("lora_unet_input_blocks_4_0_skip_connection.lora_{}.weight", "down_blocks.1.resnets.0.conv_shortcut"),
    ("lora_unet_time_embed_2.lora_{}.weight", "time_embedding.linear_2"),
    ("lora_unet_out_2.lora_{}.weight", "conv_out"),
    ("lora_unet_conv_in.lora_{}.weight", "conv_in"),
    ("lora_unet_input_blocks_0_0.lora_{}.weight", "conv_in"),
    ("lora_te_text_model_encoder_layers_1_mlp_fc1.lora_{}.weight", TEXT_LINEAR),
    ("lora_te1_text_model_encoder_layers_1_mlp_fc1.lora_{}.weight", TEXT_LINEAR),
    ("text_encoder.text_model.encoder.layers.1.mlp.fc1.lora_{AB}.weight", TEXT_LINEAR),
    ("text_encoder.encoder.layers.1.mlp.fc1.lora_{AB}.weight", TEXT_LINEAR),
    ("text_encoder.text_model.encoder.layers.1.mlp.fc1.lora_linear_layer.{}.weight", TEXT_LINEAR),
    ("clip_l.text_model.encoder.layers.1.mlp.fc1.lora_{}.weight", TEXT_LINEAR),
    ("text_encoders.clip_l.transformer.text_model.encoder.layers.1.mlp.fc1.lora_{AB}.weight", TEXT_LINEAR),
    ("text_encoder.text_model.encoder.layers.0.self_attn.to_q_lora.{}.weight",
     "text_model.encoder.layers.0.self_attn.q_proj"),
]  # fmt: skip


@pytest.mark.parametrize(("spelling", "module"), SPELLINGS)
def test_spellings(spelling: str, module: str, tmp_path: Path, unet: UNet, text_encoder: CLIPText) -> None:
    part, network = (TEXT, text_encoder) if module.startswith("text_model") else (UNET, unet)
    out, width, *kernel = network.get_submodule(module).weight.shape
    down, up = (spelling.replace("{AB}", AB).replace("{}", word) for AB, word in (("A", "down"), ("B", "up")))
    lora = write(
        tmp_path / "x.safetensors", {down: torch.ones(2, width, *kernel), up: torch.ones(out, 2, *[1] * len(kernel))}
    )
    assert lora.targets == (part,) and lora.forms == ("LoRA",) and lora.name == "x"
    bound = lora.bind(part, shapes(network))
    assert list(bound) == [module]
    assert bound[module].delta(network.get_submodule(module).weight).eq(2).all()


@pytest.mark.parametrize(
    "names",
    [
        *([spelling.replace("{AB}", "A").replace("{}", "down")] for spelling, _ in SPELLINGS),
        [f"{kohya(CROSS).replace('lora_', 'oft_', 1)}.{piece}" for piece in ("oft_blocks", "alpha")],
        [f"diffusion_model.middle_block.1.proj_in.{piece}" for piece in ("diff", "diff_b")],
    ],
)
def test_every_spelling_is_recognised_as_a_lora(names: list[str], tmp_path: Path) -> None:
    save_file({name: torch.ones(2, 2) for name in names}, tmp_path / "x.safetensors")
    assert recognise(tmp_path / "x.safetensors") == "lora"


def test_a_network_under_names_that_loras_have_too_is_none(tmp_path: Path, unet: UNet) -> None:
    save_file(unet.state_dict(), tmp_path / "x.safetensors")
    assert recognise(tmp_path / "x.safetensors") is None


@pytest.mark.parametrize(
    ("end", "piece"),
    [
        ("lora_magnitude_vector", "magnitude"), ("lora_magnitude_vector.weight", "magnitude"),
        ("lora_magnitude_vector.style", "magnitude"), ("lora_magnitude_vector.style.weight", "magnitude"),
        ("lora_A.weight", "down"), ("lora_B.style.weight", "up"), ("lora_B.bias", None), ("lora_B.style.bias", None),
    ],
)  # fmt: skip
def test_an_adapter_s_own_name_is_none_of_the_module_s(end: str, piece: str | None) -> None:
    key = parse_key(f"unet.mid_block.proj.{end}")
    assert key == (LoraKey(UNET, "mid_block_proj", piece) if piece else None)


def test_every_module_has_a_stem_of_its_own(unet: UNet) -> None:
    """Flattening must not make two names one, in either spelling: 2 stems a module, less those spelled alike."""
    names = shapes(unet)
    modules = {name.rpartition(".")[0] for name in names}
    table = modules_by_stem(UNET, names)
    assert set(table.values()) == modules
    assert len(table) == 2 * len(modules)


def test_pickled_lora(tmp_path: Path, unet: UNet) -> None:
    out, width = unet.get_submodule(CROSS).weight.shape
    pieces = {f"{kohya(CROSS)}.{k}": t for k, t in lora_pieces(out, width).items()}
    torch.save(pieces, tmp_path / "x.pt")
    same = write(tmp_path / "x.safetensors", pieces).bind(UNET, shapes(unet))[CROSS]
    delta = open_lora(tmp_path / "x.pt").bind(UNET, shapes(unet))[CROSS].delta(unet.get_submodule(CROSS).weight)
    assert torch.equal(delta, same.delta(unet.get_submodule(CROSS).weight))


def test_of_two_ranks_in_a_kronecker_product_the_second_divides_alpha():
    """LyCORIS takes the rank of the second factor where both are low-rank and differ."""
    generator = torch.Generator().manual_seed(3)
    a1, b1, a2, b2 = (torch.randn(shape, generator=generator) for shape in ((2, 2), (2, 3), (4, 5), (5, 2)))
    pieces = {"lokr_w1_a": a1, "lokr_w1_b": b1, "lokr_w2_a": a2, "lokr_w2_b": b2, "alpha": 10.0}
    expected = 2.0 * torch.kron(a1 @ b1, a2 @ b2)
    torch.testing.assert_close(kronecker(pieces, torch.zeros(8, 6)), expected)


@pytest.mark.parametrize("name", ["diff", "w_norm"])
def test_an_alpha_beside_a_form_without_rank_is_ignored(name: str):
    difference = torch.arange(6.0).reshape(2, 3)
    patch = Patch("module", {name: difference, "alpha": 4.0})
    patch.check((2, 3), None)
    assert torch.equal(patch.delta(torch.ones(2, 3)), difference)


@pytest.mark.parametrize("kernel", [(), (3, 3)])
@pytest.mark.parametrize("form", ["LoRA", "LoHa"])
def test_a_low_rank_change_is_checked_without_torch_s_compiler(
    form: str, kernel: tuple[int, ...], meta_products: list[str]
):
    """Products of tensors without data import it, and sympy: seconds before the first picture."""
    up, down = (8, 2, *[1] * len(kernel)), (2, 6, *kernel)
    names = {"LoRA": ["up", "down"], "LoHa": ["hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b"]}[form]
    pieces = {name: unread(shape) for name, shape in zip(names, [up, down] * 2, strict=False)}
    Patch("module", {**pieces, "alpha": 1.0}).check((8, 6, *kernel), None)
    with pytest.raises(ModelError, match="made for another model"):
        Patch("module", pieces).check((8, 7, *kernel), None)
    with pytest.raises(ModelError, match="made for another model"):
        Patch("module", {**pieces, names[0]: unread((8, 3))}).check((8, 6, *kernel), None)
    assert meta_products == []


def unread(shape: tuple[int, ...]) -> LazyTensor:
    """A tensor of a file that nobody reads."""
    return LazyTensor("", shape, "float32", cast(WeightFile, None), 0)


@pytest.fixture
def meta_products() -> Iterator[list[str]]:
    """What torch was asked to multiply of tensors without data."""
    asked: list[str] = []

    class Asked(TorchFunctionMode):
        def __torch_function__(self, function, types, args=(), kwargs=None):
            if "mul" in (name := getattr(function, "__name__", "")) and any(getattr(a, "is_meta", False) for a in args):
                asked.append(name)
            return function(*args, **(kwargs or {}))

    with Asked():
        yield asked
