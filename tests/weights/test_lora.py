"""LoRA files against the trainers' own code: LyCORIS for every form, peft for whole networks."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from sdedge.errors import InvalidRequest, ModelError
from sdedge.models.clip import CLIPText
from sdedge.models.config import TextConfig, UNetConfig
from sdedge.models.unet import UNet
from sdedge.weights.files import open_tensors
from sdedge.weights.lora import Lora, apply, merge, open_lora
from sdedge.weights.lora_keys import TEXT, UNET, modules_by_stem

LINEAR = "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_out.0"
CROSS = "mid_block.attentions.0.transformer_blocks.0.attn2.to_k"
CONV = "down_blocks.1.resnets.0.conv1"
POINT = "up_blocks.1.attentions.0.proj_in"
NORM = "mid_block.resnets.0.norm1"
TEXT_LINEAR = "text_model.encoder.layers.1.mlp.fc1"


@pytest.fixture(scope="module")
def unet() -> UNet:
    torch.manual_seed(1)
    config = UNetConfig(block_out_channels=(32, 64, 128, 128), norm_num_groups=8, cross_attention_dim=64)
    return UNet(config).requires_grad_(False).eval()


@pytest.fixture(scope="module")
def text_encoder() -> CLIPText:
    torch.manual_seed(2)
    config = TextConfig(vocab_size=99, hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4)
    return CLIPText(config).requires_grad_(False).eval()


@pytest.fixture(scope="module")
def held(unet: UNet, text_encoder: CLIPText) -> Iterator[list[tuple[nn.Module, str, nn.Parameter]]]:
    """The parameters of the shared networks; when the tests are done their bits must be the first ones."""
    parameters = [(net, name, p) for net in (unet, text_encoder) for name, p in net.named_parameters()]
    bits = [p.clone() for _, _, p in parameters]
    yield parameters
    for (_, name, p), first in zip(parameters, bits, strict=True):
        assert torch.equal(p, first), f"{name} was written to"


@pytest.fixture(autouse=True)
def unharmed(held: list[tuple[nn.Module, str, nn.Parameter]]) -> Iterator[None]:
    """Every test must leave the shared networks with the same parameter objects."""
    yield
    for net, name, p in held:
        assert net.get_parameter(name) is p, f"{name} is another object"


def kohya(module: str, part: str = UNET) -> str:
    return ("lora_unet_" if part == UNET else "lora_te_") + module.replace(".", "_")


def write(path: Path, tensors: dict[str, Tensor], metadata: dict[str, str] | None = None) -> Lora:
    save_file({name: tensor.detach().contiguous() for name, tensor in tensors.items()}, path, metadata)
    return open_lora(path)


def shapes(network: nn.Module) -> dict[str, tuple[int, ...]]:
    return {name: tuple(p.shape) for name, p in network.named_parameters()}


def lora_pieces(out: int, width: int, rank: int = 4, seed: int = 3) -> dict[str, Tensor]:
    g = torch.Generator().manual_seed(seed)
    return {
        "lora_down.weight": torch.randn(rank, width, generator=g),
        "lora_up.weight": torch.randn(out, rank, generator=g),
        "alpha": torch.tensor(2.0),
    }


def simple(path: Path, unet: UNet, *modules: str, seed: int = 3, rank: int = 4) -> Lora:
    tensors = {}
    for module in modules or (LINEAR, CROSS):
        out, width = unet.get_submodule(module).weight.shape
        tensors |= {f"{kohya(module)}.{k}": t for k, t in lora_pieces(out, width, rank, seed).items()}
    return write(path, tensors)


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
    "dora square by input": ("LoConModule", LINEAR, {"lora_dim": 4, "alpha": 2, "weight_decompose": True, "wd_on_out": False}),
    "dora conv": ("LoConModule", CONV, {"lora_dim": 4, "alpha": 2, "weight_decompose": True}),
    "dora conv by input": ("LoConModule", CONV, {"lora_dim": 4, "alpha": 2, "weight_decompose": True, "wd_on_out": False}),
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
    lora = write(tmp_path / "x.safetensors", {f"{kohya(name)}.{key}": tensor.clone() for key, tensor in tensors.items()})

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
        return peft.LoraConfig(r=4, lora_alpha=3, target_modules=TARGETS, use_dora=kind == "dora", init_lora_weights=False)
    if kind == "loha":
        return peft.LoHaConfig(r=4, alpha=3, target_modules=TARGETS, init_weights=False, use_effective_conv2d=True)
    return peft.LoKrConfig(r=2, alpha=3, target_modules=TARGETS, init_weights=False, decompose_factor=4)


@pytest.mark.parametrize("kind", ["lora", "dora", "loha", "lokr"])
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
    ("text_encoders.clip_l.transformer.text_model.encoder.layers.1.mlp.fc1.lora_{AB}.weight", TEXT_LINEAR),
    ("text_encoder.text_model.encoder.layers.0.self_attn.to_q_lora.{}.weight",
     "text_model.encoder.layers.0.self_attn.q_proj"),
]  # fmt: skip


@pytest.mark.parametrize(("spelling", "module"), SPELLINGS)
def test_spellings(spelling: str, module: str, tmp_path: Path, unet: UNet, text_encoder: CLIPText) -> None:
    part, network = (TEXT, text_encoder) if module.startswith("text_model") else (UNET, unet)
    out, width, *kernel = network.get_submodule(module).weight.shape
    down, up = (spelling.replace("{AB}", AB).replace("{}", word) for AB, word in (("A", "down"), ("B", "up")))
    lora = write(tmp_path / "x.safetensors", {down: torch.ones(2, width, *kernel), up: torch.ones(out, 2, *[1] * len(kernel))})
    assert lora.targets == (part,) and lora.forms == ("LoRA",) and lora.name == "x"
    bound = lora.bind(part, shapes(network))
    assert list(bound) == [module]
    assert bound[module].delta(network.get_submodule(module).weight).eq(2).all()


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


# --- applying, removing, merging ----------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_remove_restores_the_same_tensors(dtype: torch.dtype, tmp_path: Path, unet: UNet, text_encoder: CLIPText) -> None:
    networks = {"unet": copy.deepcopy(unet).to(dtype), "text_encoder": copy.deepcopy(text_encoder).to(dtype)}
    held = {(part, name): p for part, net in networks.items() for name, p in net.named_parameters()}
    bits = {key: p.clone() for key, p in held.items()}
    te = {f"{kohya(TEXT_LINEAR, TEXT)}.{k}": t for k, t in lora_pieces(128, 64).items()}
    unet_part = {f"{kohya(CROSS)}.{k}": t for k, t in lora_pieces(128, 64).items()}
    norm = {f"{kohya(NORM)}.w_norm": torch.ones(128), f"{kohya(NORM)}.b_norm": torch.ones(128)}
    lora = write(tmp_path / "x.safetensors", te | unet_part | norm)
    assert lora.targets == (UNET, TEXT) and lora.forms == ("LoRA", "norm")

    applied = apply(networks, [(lora, 0.5, -0.7)])
    changed = {key for key, p in held.items() if networks[key[0]].get_parameter(key[1]) is not p}
    expected = {(UNET, f"{CROSS}.weight"), (UNET, f"{NORM}.weight"), (UNET, f"{NORM}.bias"), (TEXT, f"{TEXT_LINEAR}.weight")}
    assert changed == expected
    assert all(networks[part].get_parameter(name).dtype == dtype for part, name in changed)
    for key, p in held.items():
        assert torch.equal(p, bits[key])  # the base was not written to
    for _ in range(2):  # the second is idempotent
        applied.remove()
        for (part, name), p in held.items():
            assert networks[part].get_parameter(name) is p and torch.equal(p, bits[part, name])


def test_several_add_up_with_their_own_weights(tmp_path: Path, unet: UNet, text_encoder: CLIPText) -> None:
    one = simple(tmp_path / "one.safetensors", unet, LINEAR, CROSS)
    two = simple(tmp_path / "two.safetensors", unet, CROSS, seed=9, rank=8)
    te = write(tmp_path / "te.safetensors", {f"{kohya(TEXT_LINEAR, TEXT)}.{k}": t for k, t in lora_pieces(128, 64).items()})
    base = {m: unet.get_submodule(m).weight.clone() for m in (LINEAR, CROSS)}
    fc1 = text_encoder.get_submodule(TEXT_LINEAR).weight.clone()
    d1, d2 = one.bind(UNET, shapes(unet)), two.bind(UNET, shapes(unet))
    dt = te.bind(TEXT, shapes(text_encoder))[TEXT_LINEAR]
    with apply({"unet": unet, "text_encoder": text_encoder}, [(one, 9.0, 0.8), (two, 9.0, -0.3), (te, 0.25, 9.0)]):
        got = {m: unet.get_submodule(m).weight.clone() for m in base}
        text = text_encoder.get_submodule(TEXT_LINEAR).weight.clone()
    expected = base[CROSS] + 0.8 * d1[CROSS].delta(base[CROSS]) - 0.3 * d2[CROSS].delta(base[CROSS])
    torch.testing.assert_close(got[CROSS], expected, rtol=1e-6, atol=1e-5)
    torch.testing.assert_close(got[LINEAR], base[LINEAR] + 0.8 * d1[LINEAR].delta(base[LINEAR]), rtol=1e-6, atol=1e-5)
    torch.testing.assert_close(text, fc1 + 0.25 * dt.delta(fc1), rtol=1e-6, atol=1e-5)


def test_weight_zero_changes_nothing(tmp_path: Path, unet: UNet) -> None:
    lora = simple(tmp_path / "x.safetensors", unet)
    held = dict(unet.named_parameters())
    with apply({"unet": unet}, [(lora, 1.0, 0.0)]):
        assert all(p is held[name] for name, p in unet.named_parameters())


def test_mapped_base_is_not_written_to(tmp_path: Path, unet: UNet) -> None:
    from sdedge.weights.checkpoint import load_into

    path = tmp_path / "unet.safetensors"
    save_file({name: p.detach() for name, p in unet.named_parameters()}, path)
    before = path.read_bytes()
    with torch.device("meta"):
        mapped = UNet(unet.config)
    load_into(mapped, open_tensors(path))
    pointer = mapped.get_submodule(CROSS).weight.data_ptr()
    with apply({"unet": mapped}, [(simple(tmp_path / "x.safetensors", unet), 1.0, 1.0)]):
        assert mapped.get_submodule(CROSS).weight.data_ptr() != pointer
    assert mapped.get_submodule(CROSS).weight.data_ptr() == pointer
    assert torch.equal(mapped.get_submodule(CROSS).weight, unet.get_submodule(CROSS).weight)
    assert path.read_bytes() == before


def test_removing_in_the_wrong_order_is_an_error(tmp_path: Path, unet: UNet) -> None:
    first = apply({"unet": unet}, [(simple(tmp_path / "a.safetensors", unet), 1.0, 1.0)])
    second = apply({"unet": unet}, [(simple(tmp_path / "b.safetensors", unet, seed=5), 1.0, 1.0)])
    with pytest.raises(RuntimeError, match="replaced after"):
        first.remove()
    second.remove()
    first.remove()


def test_merge_equals_apply(tmp_path: Path, unet: UNet) -> None:
    save_file({name: p.detach().half() for name, p in unet.named_parameters()}, tmp_path / "unet.safetensors")
    tensors = dict(open_tensors(tmp_path / "unet.safetensors"))
    vae = dict(tensors)
    lora = simple(tmp_path / "x.safetensors", unet)
    merged = merge({"unet": tensors, "vae": vae}, [(lora, 1.0, 0.6)])
    assert merged["vae"] == vae
    half = copy.deepcopy(unet).half()
    with apply({"unet": half}, [(lora, 1.0, 0.6)]):
        for name, parameter in half.named_parameters():
            tensor = merged["unet"][name]
            assert (tensor.name, tensor.shape, tensor.dtype, tensor.nbytes) == (
                name, tuple(parameter.shape), torch.float16, tensors[name].nbytes
            )  # fmt: skip
            if name.startswith((LINEAR, CROSS)) and name.endswith("weight"):
                assert torch.equal(tensor.read(), parameter) and not torch.equal(tensor.read(), tensors[name].read())
                assert torch.equal(tensor.copy(torch.float32), parameter.float())
            else:
                assert tensor is tensors[name]


def test_inpainting_model_takes_a_plain_first_convolution(tmp_path: Path) -> None:
    conv = nn.Conv2d(9, 8, 3)
    diff = torch.randn(8, 4, 3, 3, generator=torch.Generator().manual_seed(1))
    lora = write(tmp_path / "x.safetensors", {"lora_unet_conv_in.diff": diff})
    delta = lora.patches[UNET]["conv_in"].delta(conv.weight)
    assert torch.equal(delta[:, :4], diff) and delta[:, 4:].eq(0).all()


def test_bundled_embeddings(tmp_path: Path, unet: UNet) -> None:
    from sdedge.weights.inversion import bundled

    vectors = torch.randn(2, 64, generator=torch.Generator().manual_seed(1))
    tensors = {f"{kohya(CROSS)}.{k}": t for k, t in lora_pieces(128, 64).items()}
    lora = write(tmp_path / "x.safetensors", tensors | {"bundle_emb.my.cat.string_to_param.*": vectors})
    assert list(lora.embeddings) == ["my.cat"]
    assert torch.equal(bundled("my.cat", lora.embeddings["my.cat"]).vectors, vectors)


# --- refusals -----------------------------------------------------------------------------------------------------

PAIR = {"lora_down.weight": torch.ones(2, 64), "lora_up.weight": torch.ones(128, 2)}
GOOD = {f"{kohya(CROSS)}.{k}": t for k, t in PAIR.items()}
WIDE = "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn2_to_k"

REFUSED_FILES = {
    "XL by second text encoder": (GOOD | {"lora_te2_text_model_x.lora_down.weight": torch.ones(2)}, {}, "Diffusion XL"),
    "XL by width": ({f"{WIDE}.lora_down.weight": torch.ones(2, 2048)}, {}, "Diffusion XL .context width 2048"),
    "XL by metadata": (GOOD, {"ss_base_model_version": "sdxl_base_v1-0"}, "Diffusion XL"),
    "XL by modelspec": (GOOD, {"modelspec.architecture": "stable-diffusion-xl-v1-base/lora"}, "Diffusion XL"),
    "v2 by width": ({f"{WIDE}.hada_w1_b": torch.ones(2, 1024)}, {}, "Diffusion 2 .context width 1024"),
    "v2 by metadata": (GOOD, {"ss_v2": "True"}, "Diffusion 2"),
    "v2 by depth": ({"lora_te_text_model_encoder_layers_22_mlp_fc1.alpha": torch.ones(1)}, {}, "Diffusion 2"),
    "FLUX": ({"lora_unet_double_blocks_0_img_attn_qkv.lora_down.weight": torch.ones(2, 2)}, {}, "FLUX"),
    "diffusers transformer": ({"transformer.blocks.0.attn.to_q.lora_A.weight": torch.ones(2, 2)}, {}, "transformer model"),
    "unknown piece": (GOOD | {f"{kohya(CROSS)}.vera_d": torch.ones(2)}, {}, "vera_d.*refused"),
    "unknown part": (GOOD | {"lora_vae_decoder_conv_in.lora_up.weight": torch.ones(2)}, {}, "lora_vae_decoder"),
    "no LoRA": ({"conv_in.weight.of.something": torch.ones(2)}, {}, "no LoRA weights"),
    "two spellings": (GOOD | {f"unet.{CROSS}.lora_A.weight": torch.ones(2, 64)}, {}, "two spellings"),
    "alpha no number": (GOOD | {f"{kohya(CROSS)}.alpha": torch.ones(2)}, {}, "one number"),
    "alpha NaN": (GOOD | {f"{kohya(CROSS)}.alpha": torch.tensor(math.nan)}, {}, "damaged"),
    "only embeddings": ({"bundle_emb.x.string_to_param.*": torch.ones(1, 64)}, {}, "embedding"),
    "bad header": ({f"unet.{CROSS}.lora_A.weight": torch.ones(2, 64)}, {"lora_adapter_metadata": "[1"}, "lora_adapter_metadata"),
}


@pytest.mark.parametrize("case", REFUSED_FILES)
def test_refused_at_opening(case: str, tmp_path: Path) -> None:
    tensors, metadata, message = REFUSED_FILES[case]
    with pytest.raises(ModelError, match=message) as refusal:
        write(tmp_path / "style.safetensors", tensors, metadata or None)
    assert "style.safetensors" in str(refusal.value)




def pieces(**tensors: Tensor) -> dict[str, Tensor]:
    """Pieces of CROSS, whose weight is (128, 64) without a bias."""
    return {f"{kohya(CROSS)}.{name}{'.weight' if name.startswith('lora_') else ''}": t for name, t in tensors.items()}


ONES = torch.ones
REFUSED_BINDINGS = {
    "missing module": ({f"lora_unet_up_blocks_0_attentions_0_proj_in.{k}": t for k, t in PAIR.items()}, "1 modules.*lacks"),
    "other width": (pieces(lora_down=ONES(2, 96), lora_up=ONES(128, 2)), "does not fit"),
    "other height": (pieces(lora_down=ONES(2, 64), lora_up=ONES(96, 2)), "does not fit"),
    "turned round": (pieces(lora_down=ONES(2, 128), lora_up=ONES(64, 2)), "does not fit"),
    "ranks differ": (pieces(lora_down=ONES(3, 64), lora_up=ONES(128, 2)), "does not fit"),
    "rank 0": (pieces(lora_down=ONES(0, 64), lora_up=ONES(128, 0)), "does not fit"),
    "scalar piece": (pieces(lora_down=torch.tensor(1.0), lora_up=ONES(128, 2)), "does not fit"),
    "no up": (pieces(lora_down=ONES(2, 64)), "lacks up"),
    "half a LoKr": (pieces(lokr_w1=ONES(2, 2), lokr_w2_a=ONES(2, 2)), "lacks lokr_w2_b"),
    "IA3 without a side": (pieces(weight=ONES(64)), "lacks on_input"),
    "IA3 of one": (pieces(weight=ONES(1), on_input=torch.tensor(1)), "does not fit"),
    "two forms": (pieces(hada_w1_a=ONES(2, 2)) | GOOD, "hada_w1_a beside LoRA"),
    "alpha alone": (pieces(alpha=ONES(1)), "alpha beside bias"),
    "DoRA of a difference": (pieces(diff=ONES(128, 64), dora_scale=ONES(128, 1)), "dora_scale beside full"),
    "DoRA of another size": (pieces(dora_scale=ONES(96, 1)) | GOOD, "does not fit"),
    "bias where none is": (pieces(diff_b=ONES(128)) | GOOD, "bias that the model's module does not have"),
    "bias of another size": ({f"{kohya(NORM)}.b_norm": ONES(2)}, "bias of"),
    "one module, two spellings": (
        {f"lora_unet_middle_block_1_transformer_blocks_0_attn2_to_k.{k}": t.clone() for k, t in PAIR.items()} | GOOD, "twice"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED_BINDINGS)
def test_refused_when_applied_and_nothing_changed(case: str, tmp_path: Path, unet: UNet) -> None:
    """A good LoRA beside the bad one must not be applied either (the fixture looks at the parameters)."""
    tensors, message = REFUSED_BINDINGS[case]
    good, bad = simple(tmp_path / "good.safetensors", unet), write(tmp_path / "style.safetensors", tensors)
    with pytest.raises(ModelError, match=message) as refusal:
        apply({"unet": unet}, [(good, 1.0, 1.0), (bad, 1.0, 1.0)])
    assert "style" in str(refusal.value)


def test_damaged_values_are_refused(tmp_path: Path, unet: UNet) -> None:
    nan = GOOD | {f"{kohya(CROSS)}.lora_up.weight": torch.full((128, 2), math.nan)}
    lora = write(tmp_path / "style.safetensors", nan)
    with pytest.raises(ModelError, match=r"NaN"):
        apply({"unet": unet}, [(simple(tmp_path / "good.safetensors", unet), 1.0, 1.0), (lora, 1.0, 1.0)])


@pytest.mark.parametrize("weight", [math.nan, math.inf])
def test_weight_must_be_a_number(weight: float, tmp_path: Path, unet: UNet) -> None:
    with pytest.raises(InvalidRequest, match="weight of the LoRA good"):
        apply({"unet": unet}, [(simple(tmp_path / "good.safetensors", unet), 1.0, weight)])
