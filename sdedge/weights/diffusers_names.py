"""The networks of a checkpoint under diffusers names, from whatever names its file has; what belongs to none is reported.

Raises ModelError where a network is not v1's, is there twice or lacks what every one has.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase

from sdedge.errors import ModelError
from sdedge.weights import keys
from sdedge.weights.files import LazyTensor, TensorSource
from sdedge.weights.loading import listing

# LDM keys outside the three networks that every loader ignores: the schedule, the averages, training leftovers.
_IGNORED = (
    "alphas_cumprod*", "betas", "log_one_minus_alphas_cumprod", "posterior_*", "sqrt_*", "logvar", "scale_factor",
    "model_ema.*", "loss.*", "*.loss.*", "lvlb_weights", "cond_stage_model.logit_scale",
    "cond_stage_model.text_projection*", "cond_stage_model.transformer.text_projection*", "v_pred", "ztsnr",
)  # fmt: skip
# Layers that trainers and tools hang into a network; the network is whole without them.
_ADDED = re.compile(
    r"(?:^|[._])(?:lora|loha|lokr|hada|dora|lycoris)(?:[._]|$)|_ip\.|\.processor\.|ip_adapter|hypernet|embedding_manager"
)


def under(source: Mapping[str, LazyTensor], prefix: str) -> dict[str, LazyTensor]:
    return {name: tensor for name, tensor in source.items() if name.startswith(prefix)}


def ldm_unet(source: TensorSource, ema: bool | None, report: list[str]) -> dict[str, LazyTensor]:
    plain = {name[len(keys.UNET_PREFIX) :]: tensor for name, tensor in under(source, keys.UNET_PREFIX).items()}
    averages = under(source, keys.EMA_PREFIX + "diffusion_model")
    if averages and not plain:
        raise ModelError("It has averaged (EMA) weights only, whose names cannot be read without the plain ones.")
    if averages:
        plain = _choose_ema(plain, averages, ema, report)
    elif ema and plain:
        raise ModelError("It has no averaged (EMA) weights; load it without asking for them.")
    plain = without_added(plain, report)
    if not plain:
        return {}
    return _renamed(plain, keys.unet_table(keys.ldm_unet_layout(plain)), "UNet")


def _choose_ema(
    plain: dict[str, LazyTensor], averages: dict[str, LazyTensor], ema: bool | None, report: list[str]
) -> dict[str, LazyTensor]:
    named = {name: keys.ema_name(name) for name in plain}
    absent = [name for name, average in named.items() if average not in averages]
    if not ema:
        report.append("Plain weights used; averaged (EMA) ones are in the file too")
        return plain
    if absent:
        raise ModelError(
            f"Its averaged (EMA) weights are incomplete: {listing('missing', absent)}; load the plain ones."
        )
    report.append("Averaged (EMA) weights used")
    return {name: averages[average] for name, average in named.items()}


def vae_tensors(source: Mapping[str, LazyTensor], report: list[str]) -> dict[str, LazyTensor]:
    """Returns a VAE under any prefix and naming, in diffusers keys; empty when there is none.

    What is beside it goes to `report`.
    """
    prefixes = [prefix for prefix in (*keys.VAE_PREFIXES, "") if f"{prefix}decoder.conv_in.weight" in source]
    if len(prefixes) > 1 and prefixes[1]:
        raise ModelError("It holds two VAEs (first_stage_model. and vae.); choose one with a VAE file of its own.")
    if not prefixes:
        return {}
    prefix = prefixes[0]
    named = {name[len(prefix) :]: tensor for name, tensor in (under(source, prefix) if prefix else source).items()}
    plain = {
        n: t for n, t in named.items() if n.startswith(("encoder.", "decoder.", "quant_conv.", "post_quant_conv."))
    }
    beside = [prefix + n for n in named if n not in plain and not _is_ignored(n)] if prefix else []
    if beside:
        report.append(listing("not used", beside))
    plain = without_added(plain, report)
    if any(name.startswith(("encoder.down.", "decoder.up.")) for name in plain):
        plain = _renamed(plain, keys.vae_table(keys.ldm_vae_layout(plain)), "VAE")
    renamed: dict[str, LazyTensor] = {}
    for name, tensor in plain.items():
        _add(renamed, keys.modern_vae_name(name), tensor)
    return complete({name: _as_linear(name, tensor, renamed) for name, tensor in renamed.items()}, "vae")


def _as_linear(name: str, tensor: LazyTensor, tensors: Mapping[str, LazyTensor]) -> LazyTensor:
    """LDM keeps the VAE's attention as 1x1 convolutions, diffusers as linear layers, others as convolutions along one axis or as
    flat runs, biases and norms too: the same bytes."""
    module, attention, part = name.partition("mid_block.attentions.0.")
    norm = tensors.get(f"{module}{attention}group_norm.weight")
    if not attention or norm is None or tensor.stride is not None:
        return tensor
    width = norm.numel
    shape = (width,) if part.startswith("group_norm.") or part.endswith(".bias") else (width, width)
    # Axes of one element, or none at all, are another way to write the shape; any other shape is another network's.
    extents = tuple(extent for extent in tensor.shape if extent != 1)
    ones = tuple(extent for extent in shape if extent != 1)
    same = extents == ones or (len(tensor.shape) == 1 and tensor.numel == width * width)
    return tensor.reshaped(shape) if same and tensor.shape != shape else tensor


def text_tensors(source: Mapping[str, LazyTensor], report: list[str]) -> dict[str, LazyTensor]:
    renamed: dict[str, LazyTensor] = {}
    beside: list[str] = []
    for name, tensor in without_added(source, report).items():
        if name.endswith("embeddings.position_ids"):
            # arange(77) by definition; mergers average it into fractions. The engine makes its own.
            if tensor.dtype_name != "int64":
                report.append(f"position_ids are stored as {tensor.dtype_name}; regenerated")
        elif name.startswith(("text_model.", "embeddings.", "encoder.", "final_layer_norm.")):
            _add(renamed, keys.text_name(name), tensor)
        elif "text_projection" not in name and "logit_scale" not in name:
            beside.append(tensor.name)
    if beside:
        report.append(listing("not used", beside))
    return complete(renamed, "text_encoder") if renamed else renamed


def _renamed(tensors: Mapping[str, LazyTensor], table: dict[str, str], part: str) -> dict[str, LazyTensor]:
    renamed: dict[str, LazyTensor] = {}
    unknown: list[str] = []
    for name, tensor in tensors.items():
        ours = keys.rename(name, table)
        if ours is None:
            unknown.append(name)
        else:
            _add(renamed, ours, tensor)
    if unknown:
        raise ModelError(f"Its {part} is not v1's: {listing('unknown', unknown)}.")
    return complete(renamed, part.lower())


def _add(tensors: dict[str, LazyTensor], name: str, tensor: LazyTensor) -> None:
    if name in tensors:
        raise ModelError(f"{tensors[name].name!r} and {tensor.name!r} are the same weight {name}; remove one of them.")
    tensors[name] = tensor


# One key that every complete part has; without it shapes cannot even be judged.
_LANDMARKS = {
    "unet": ("conv_in.weight", "conv_out.weight", "down_blocks.0.resnets.0.conv1.weight"),
    "vae": ("encoder.conv_in.weight", "decoder.conv_in.weight", "decoder.conv_out.weight"),
    "text_encoder": ("text_model.embeddings.token_embedding.weight", "text_model.embeddings.position_embedding.weight"),
}  # fmt: skip


def complete(tensors: dict[str, LazyTensor], part: str) -> dict[str, LazyTensor]:
    missing = [name for name in _LANDMARKS[part] if name not in tensors]
    if missing:
        raise ModelError(f"The {part.replace('_', ' ')} is incomplete: {listing('missing', missing)}; get it again.")
    return tensors


def report_unused(source: TensorSource, report: list[str]) -> None:
    prefixes = (keys.UNET_PREFIX, keys.TEXT_PREFIX, *keys.VAE_PREFIXES)
    used = [
        prefix for prefix in prefixes if prefix not in keys.VAE_PREFIXES or f"{prefix}decoder.conv_in.weight" in source
    ]
    unused = [n for n in source if not n.startswith(tuple(used)) and not _is_ignored(n)]
    if unused:
        report.append(listing("not used", unused))


def _is_ignored(name: str) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in _IGNORED)


def without_added(tensors: Mapping[str, LazyTensor], report: list[str]) -> dict[str, LazyTensor]:
    """Returns a network's tensors without the layers that were hung into it (LoRA, IP-Adapter), which `report` names."""
    added = [name for name in tensors if _ADDED.search(name)]
    if added:
        report.append(listing("not used", [tensors[name].name for name in added]))
    return {name: tensor for name, tensor in tensors.items() if name not in set(added)} if added else dict(tensors)
