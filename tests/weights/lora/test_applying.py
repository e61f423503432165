"""LoRAs put on, taken off and merged; and what is refused without a trace."""

from __future__ import annotations

import copy
import math
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from sdedge.errors import InvalidRequest, ModelError
from sdedge.models.clip import CLIPText
from sdedge.models.unet import UNet
from sdedge.weights.files import open_tensors
from sdedge.weights.lora import apply, merge
from sdedge.weights.lora_keys import TEXT, UNET
from tests.weights.lora.conftest import (
    CROSS,
    LINEAR,
    NORM,
    TEXT_LINEAR,
    kohya,
    lora_pieces,
    shapes,
    simple,
    write,
)

# --- applying, removing, merging ----------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_remove_restores_the_same_tensors(
    dtype: torch.dtype, tmp_path: Path, unet: UNet, text_encoder: CLIPText
) -> None:
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
    expected = {
        (UNET, f"{CROSS}.weight"),
        (UNET, f"{NORM}.weight"),
        (UNET, f"{NORM}.bias"),
        (TEXT, f"{TEXT_LINEAR}.weight"),
    }
    assert changed == expected
    assert all(networks[part].get_parameter(name).dtype == dtype for part, name in changed)
    for key, p in held.items():
        assert torch.equal(p, bits[key])  # the base was not written to
    for _ in range(2):  # the second is idempotent
        applied.remove()
        for (part, name), p in held.items():
            assert networks[part].get_parameter(name) is p and torch.equal(p, bits[part, name])


def test_several_add_up_with_their_own_weights(tmp_path: Path, unet: UNet, text_encoder: CLIPText) -> None:
    first = simple(tmp_path / "one.safetensors", unet, LINEAR, CROSS)
    second = simple(tmp_path / "two.safetensors", unet, CROSS, seed=9, rank=8)
    te = write(
        tmp_path / "te.safetensors", {f"{kohya(TEXT_LINEAR, TEXT)}.{k}": t for k, t in lora_pieces(128, 64).items()}
    )
    base = {m: unet.get_submodule(m).weight.clone() for m in (LINEAR, CROSS)}
    fc1 = text_encoder.get_submodule(TEXT_LINEAR).weight.clone()
    d1, d2 = first.bind(UNET, shapes(unet)), second.bind(UNET, shapes(unet))
    dt = te.bind(TEXT, shapes(text_encoder))[TEXT_LINEAR]
    with apply({"unet": unet, "text_encoder": text_encoder}, [(first, 9.0, 0.8), (second, 9.0, -0.3), (te, 0.25, 9.0)]):
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
    from sdedge.weights.textual_inversion import bundled

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
    "diffusers transformer": (
        {"transformer.blocks.0.attn.to_q.lora_A.weight": torch.ones(2, 2)},
        {},
        "transformer model",
    ),
    "alpha alone": ({f"{kohya(CROSS)}.alpha": torch.ones(1)}, {}, "no LoRA weights"),
    "no LoRA": ({"conv_in.weight.of.something": torch.ones(2)}, {}, "no LoRA weights"),
    "two spellings": (GOOD | {f"unet.{CROSS}.lora_A.weight": torch.ones(2, 64)}, {}, "two spellings"),
    "alpha no number": (GOOD | {f"{kohya(CROSS)}.alpha": torch.ones(2)}, {}, "one number"),
    "alpha NaN": (GOOD | {f"{kohya(CROSS)}.alpha": torch.tensor(math.nan)}, {}, "damaged"),
    "only embeddings": ({"bundle_emb.x.string_to_param.*": torch.ones(1, 64)}, {}, "embedding"),
    "bad header": (
        {f"unet.{CROSS}.lora_A.weight": torch.ones(2, 64)},
        {"lora_adapter_metadata": "[1"},
        "lora_adapter_metadata",
    ),
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
    "scalar piece": (pieces(lora_down=torch.tensor(1.0), lora_up=ONES(128, 2)), "does not fit"),
    "no up": (pieces(lora_down=ONES(2, 64)), "lacks up"),
    "half a LoKr": (pieces(lokr_w1=ONES(2, 2), lokr_w2_a=ONES(2, 2)), "lacks lokr_w2_b"),
    "IA3 without a side": (pieces(weight=ONES(64)), "lacks on_input"),
    "IA3 of one": (pieces(weight=ONES(1), on_input=torch.tensor(1)), "does not fit"),
    "two forms": (pieces(hada_w1_a=ONES(2, 2)) | GOOD, "hada_w1_a beside LoRA"),
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
