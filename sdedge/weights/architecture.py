"""What a set of weights is: configurations inferred from shapes, and refusal, by name, of what is not v1."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sdedge.errors import ModelError, Remedy
from sdedge.models.config import MAX_DEPTH
from sdedge.weights.files import LazyTensor
from sdedge.weights.keys import UNET_PREFIX, unet_layout, vae_layout
from sdedge.weights.lora_keys import is_lora

V1_VOCABULARY = 49408
TINY_VAE = "AutoencoderTiny"  # diffusers' class for TAESD
POSITIONS = 77

Tensors = Mapping[str, LazyTensor]

MODEL, VAE = "a Stable Diffusion model", "a VAE"
CONTROLNET, T2I_ADAPTER = "a ControlNet", "a T2I-Adapter"
ESRGAN = "an ESRGAN upscaler"
LORA = "a LoRA"
V2 = "a Stable Diffusion 2 checkpoint (its text encoder is OpenCLIP)"

# A piece of a key that only another kind of file has -> what that file is. The first found names it.
_FAMILIES = (
    ("conditioner.embedders.", "a Stable Diffusion XL checkpoint"),
    ("model.diffusion_model.joint_blocks.", "a Stable Diffusion 3 checkpoint"),
    ("double_blocks.", "a FLUX checkpoint"),
    ("model.diffusion_model.label_emb.", "a Stable Diffusion XL or unCLIP checkpoint"),
    ("cond_stage_model.model.", V2),
    (".time_stack.", "a Stable Video Diffusion checkpoint"),
    ("add_embedding.", "a Stable Diffusion XL UNet"),
    ("effnet_mapper.", "a Stable Cascade checkpoint"),
    ("motion_modules.", "an AnimateDiff motion module"),
    (".quant_map", "a model quantised by bitsandbytes (NF4 or fp4); get the one in fp16, or in scaled fp8"),
    (".absmax", "a model quantised by bitsandbytes (NF4 or fp4); get the one in fp16, or in scaled fp8"),
)  # fmt: skip
_ADAPTER_FILES = (
    (".lokr_w", "a LyCORIS LoKr"),
    (".hada_w", "a LyCORIS LoHa"),
    (".lora_down.", LORA),
    (".lora_A.", LORA),
    (".lora.down.", LORA),
    ("string_to_param", "a textual inversion"),
    ("emb_params", "a textual inversion"),
    ("input_hint_block.", CONTROLNET),
    ("controlnet_cond_embedding.", CONTROLNET),
    ("body.0.block1.", T2I_ADAPTER),
    ("body.0.resnets.0.block1.", T2I_ADAPTER),
    ("body.0.body.0.block1.", T2I_ADAPTER),
    ("image_proj.", "an IP-Adapter"),
    ("vision_model.", "a CLIP vision model or safety checker"),
    ("RDB1.conv", ESRGAN),
    ("rdb1.conv", ESRGAN),
)  # fmt: skip
_USES = {
    MODEL: Remedy.GIVE_MODEL, VAE: Remedy.GIVE_VAE, CONTROLNET: Remedy.GIVE_CONTROL, T2I_ADAPTER: Remedy.GIVE_CONTROL,
    "an IP-Adapter": Remedy.GIVE_CONTROL, LORA: Remedy.USE_LORA, "a LyCORIS LoKr": Remedy.USE_LORA,
    "a LyCORIS LoHa": Remedy.USE_LORA, "a textual inversion": Remedy.USE_EMBEDDING,
    ESRGAN: Remedy.USE_UPSCALER,
}  # fmt: skip
_NETWORKS = (UNET_PREFIX, "conditioner.", "cond_stage_model.")

_NOT_V1_CHANNELS = {
    5: "a Stable Diffusion 2 depth model (5 input channels)",
    7: "a Stable Diffusion x4 upscaler (7 input channels)",
}  # fmt: skip
_NOT_V1_WIDTHS = {
    1024: "Stable Diffusion 2",
    2048: "Stable Diffusion XL",
    1280: "an OpenCLIP bigG model",
    4096: "a T5 model",
}
_NOT_V1_POSITIONS = {248: "LongCLIP"}

SCHEDULER = {
    "_class_name": "PNDMScheduler", "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear",
    "num_train_timesteps": 1000, "prediction_type": "epsilon", "set_alpha_to_one": False, "skip_prk_steps": True,
    "steps_offset": 1, "timestep_spacing": "leading", "trained_betas": None,
}  # fmt: skip


def unsupported_architecture(names: Mapping[str, Any]) -> str | None:
    """Returns what the file is when its keys give away that it is no v1 checkpoint, e.g. 'a LoRA'; else None.

    Beside a UNet under LDM's names only another family's networks count: checkpoints carry safety checkers, ControlNets, LoRAs,
    embeddings and more with them, and are whole without them.
    """
    unet = all(UNET_PREFIX + name in names for name in ("input_blocks.0.0.weight", "out.2.weight"))
    judged = [name for name in names if name.startswith(_NETWORKS)] if unet else names
    pieces = _FAMILIES if unet else (*_FAMILIES, *_ADAPTER_FILES)
    named = next((what for piece, what in pieces if any(piece in name for name in judged)), None)
    return named or (LORA if not unet and is_lora(names) else None)


def other_family(names: Mapping[str, Any]) -> str | None:
    """Returns which other family's model a file is, by its keys, as `unsupported_architecture` does; None for v1 and for all that
    goes with it."""
    what = unsupported_architecture(names)
    return what if what in {family for _, family in _FAMILIES} else None


def check_unet_config(config: Mapping[str, Any]) -> None:
    """Raises ModelError when the configuration of a UNet or a ControlNet, in diffusers' words, says that it is not v1."""
    width = config.get("cross_attention_dim")
    if isinstance(width, int) and width in _NOT_V1_WIDTHS:
        raise ModelError(
            f"It is {_NOT_V1_WIDTHS[width]} (text width {width}), not Stable Diffusion v1 (text width 768)."
        )


def wrong_kind(path: Path, what: str, wanted: str, field: str) -> ModelError:
    """Returns the error for a file that is something else than is wanted in its place, and where it belongs."""
    remedy = _USES.get(what)
    name = path.parent.name if path.stem == "adapter_model" else path.stem
    advice = "choose another file" if remedy is None else remedy.format(name=name)
    return ModelError(f"{path} is {what}, not {wanted}; {advice}.", field=field, remedy=remedy)


def check_v1(unet: Tensors, vae: Tensors, text: Tensors) -> None:
    """Raise ModelError naming the family when shapes say that this is not v1.

    Widths other than v1's own are let through (small models of the same topology) unless they are another family's.
    """
    channels = _shape(unet, "conv_in.weight", "UNet", 4)[1]
    if channels not in (4, 8, 9):
        what = _NOT_V1_CHANNELS.get(channels, f"a model with {channels} input channels")
        raise ModelError(
            f"It is {what}, not Stable Diffusion v1 (4 channels, 8 for InstructPix2Pix, or 9 for inpainting)."
        )
    width = cross_attention_width(unet)
    if width in _NOT_V1_WIDTHS:
        raise ModelError(
            f"It is {_NOT_V1_WIDTHS[width]} (text width {width}), not Stable Diffusion v1 (text width 768)."
        )
    for name, tensor in unet.items():
        if name.endswith("attentions.0.proj_in.weight") and len(tensor.shape) == 2:
            raise ModelError("Its UNet projects with linear layers, as Stable Diffusion 2 does; it is not v1.")
    _check_numbers({**unet, **vae, **text})
    check_text_encoder(text)
    table = _shape(text, "text_model.embeddings.token_embedding.weight", "text encoder", 2)
    if table[1] != width:
        raise ModelError(
            f"Its text encoder is {table[1]} wide and its UNet expects {width}; it is not v1 or a bad merge."
        )
    check_vae(vae)


def _check_numbers(tensors: Tensors) -> None:
    """Raises ModelError for weights that are integers: what they stand for only the program knows that made them."""
    for tensor in tensors.values():
        if "float" not in tensor.dtype_name:
            raise ModelError(
                f"Its weight {tensor.name[:120]!r} is stored as {tensor.dtype_name}, as quantised models have it; get the one in "
                "fp16, or in scaled fp8."
            )


def check_text_encoder(text: Tensors) -> None:
    positions = _shape(text, "text_model.embeddings.position_embedding.weight", "text encoder", 2)[0]
    if positions != POSITIONS:
        what = _NOT_V1_POSITIONS.get(positions, "another text encoder")
        raise ModelError(f"Its text encoder has {positions} positions ({what}); Stable Diffusion v1 has {POSITIONS}.")


def check_vae(vae: Tensors) -> None:
    first = "decoder.layers.0.weight" if "decoder.layers.0.weight" in vae else "decoder.conv_in.weight"
    channels = _shape(vae, first, "VAE", 4)[1]
    if channels != 4:
        raise ModelError(f"The VAE has {channels} latent channels; Stable Diffusion v1 has 4.")


def cross_attention_width(unet: Tensors) -> int:
    for name in unet:
        if name.endswith(".attn2.to_k.weight"):
            return _shape(unet, name, "UNet", 2)[1]
    raise ModelError("The UNet has no cross attention; it is not a Stable Diffusion v1 model.")


def infer_unet(unet: Tensors) -> dict[str, Any]:
    """Returns the diffusers UNet configuration that fits the tensors. Head count and groups leave no trace: v1's are taken."""
    layout = unet_layout(unet)
    channels = _widths(unet, "down_blocks.{}.resnets.0.conv1.weight", layout.depth, "UNet")
    cross = ["CrossAttn" if attends else "" for attends in layout.attention]
    config: dict[str, Any] = {
        "_class_name": "UNet2DConditionModel", "act_fn": "silu", "attention_head_dim": _divisor(8, channels),
        "block_out_channels": channels, "center_input_sample": False,
        "cross_attention_dim": cross_attention_width(unet),
        "down_block_types": [f"{kind}DownBlock2D" for kind in cross], "downsample_padding": 1,
        "flip_sin_to_cos": True, "freq_shift": 0, "in_channels": _shape(unet, "conv_in.weight", "UNet", 4)[1],
        "layers_per_block": layout.layers, "mid_block_scale_factor": 1, "norm_eps": 1e-05,
        "norm_num_groups": _divisor(32, channels), "out_channels": _shape(unet, "conv_out.weight", "UNet", 4)[0],
        "sample_size": 64, "up_block_types": [f"{kind}UpBlock2D" for kind in reversed(cross)],
    }  # fmt: skip
    if not layout.has_middle:
        config["mid_block_type"] = None
    if "time_embedding.cond_proj.weight" in unet:  # a latent consistency model, which embeds the guidance scale
        config["time_cond_proj_dim"] = _shape(unet, "time_embedding.cond_proj.weight", "UNet", 2)[1]
    return config


def infer_vae(vae: Tensors) -> dict[str, Any]:
    layout = vae_layout(vae)
    channels = _widths(vae, "encoder.down_blocks.{}.resnets.0.conv1.weight", layout.depth, "VAE")
    return {
        "_class_name": "AutoencoderKL", "act_fn": "silu", "block_out_channels": channels,
        "down_block_types": ["DownEncoderBlock2D"] * layout.depth,
        "in_channels": _shape(vae, "encoder.conv_in.weight", "VAE", 4)[1],
        "latent_channels": _shape(vae, "decoder.conv_in.weight", "VAE", 4)[1], "layers_per_block": layout.layers,
        "norm_num_groups": _divisor(32, channels), "out_channels": _shape(vae, "decoder.conv_out.weight", "VAE", 4)[0],
        "sample_size": 512, "scaling_factor": 0.18215, "up_block_types": ["UpDecoderBlock2D"] * layout.depth,
    }  # fmt: skip


def infer_text_encoder(text: Tensors) -> dict[str, Any]:
    vocabulary, width = _shape(text, "text_model.embeddings.token_embedding.weight", "text encoder", 2)
    layers = 0
    while f"text_model.encoder.layers.{layers}.layer_norm1.weight" in text:
        layers += 1
    return {
        "architectures": ["CLIPTextModel"], "attention_dropout": 0.0, "bos_token_id": vocabulary - 2,
        "eos_token_id": vocabulary - 1, "hidden_act": "quick_gelu", "hidden_size": width,
        "intermediate_size": _shape(text, "text_model.encoder.layers.0.mlp.fc1.weight", "text encoder", 2)[0],
        "layer_norm_eps": 1e-05, "max_position_embeddings": POSITIONS, "model_type": "clip_text_model",
        "num_attention_heads": max(1, width // 64), "num_hidden_layers": layers, "pad_token_id": vocabulary - 1,
        "projection_dim": width, "vocab_size": vocabulary,
    }  # fmt: skip


def _divisor(wanted: int, channels: list[int]) -> int:
    return math.gcd(wanted, *channels)


def _widths(tensors: Tensors, name: str, depth: int, part: str) -> list[int]:
    if not 1 <= depth <= MAX_DEPTH:
        raise ModelError(
            f"The {part} has {depth} levels, where Stable Diffusion v1 has 4; it is damaged or another model."
        )
    return [_shape(tensors, name.format(level), part, 4)[0] for level in range(depth)]


def _shape(tensors: Tensors, name: str, part: str, axes: int) -> tuple[int, ...]:
    """Returns the shape of a tensor that must be there and have so many axes, none of them empty."""
    if name not in tensors:
        raise ModelError(f"The {part} lacks {name}; the file is incomplete, get it again.")
    shape = tensors[name].shape
    if len(shape) != axes or 0 in shape:
        raise ModelError(f"The {part} has {name} of the shape {list(shape)}, which is not v1's; get the file again.")
    return shape
