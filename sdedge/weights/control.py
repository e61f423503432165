"""Control models, opened: ControlNets, T2I-Adapters and IP-Adapters from any container, told from their tensors. No torch.

`open_control` reads no weights and executes nothing; what is not made for Stable Diffusion v1 is refused by its name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from sdedge.errors import ModelError
from sdedge.models.config import ControlNetConfig, IPAdapterConfig, T2IAdapterConfig, UNetConfig
from sdedge.weights import folders, keys
from sdedge.weights.architecture import MODEL, VAE, unsupported_architecture, wrong_kind
from sdedge.weights.control_purpose import PHOTOS, purpose_of
from sdedge.weights.files import LazyTensor, open_tensors
from sdedge.weights.ip_adapter import holds_ip_adapter, ip_adapter_config, refused_ip_adapter
from sdedge.weights.loading import listing
from sdedge.weights.parts import FirstInputs, SummedTensor
from sdedge.weights.scaled import unscaled

Tensors = Mapping[str, LazyTensor]

HINT_FIRST = "input_hint_block.0.weight"  # of a ControlNet under LDM names
HINT_FIRST_DIFFUSERS = "controlnet_cond_embedding.conv_in.weight"
HINT_PREFIX = "controlnet_cond_embedding."
_WANTED = "a ControlNet, T2I-Adapter or IP-Adapter"
_LATENT_CHANNELS = 4  # the first of an inpainting model's nine, and of an InstructPix2Pix model's eight
_DIFFERENCE = "difference"  # a tensor of this name marks weights that are to be added to the UNet's own

# A piece of a key -> what the file is. Those of the first table stand in control models only; those of the second are other
# networks' too and are looked at where a ControlNet is there.
_REFUSED = (
    ("lllite_unet", "a ControlNet-LLLite, which is for Stable Diffusion XL"),
    ("control_add_embedding.", "a union ControlNet, which is for Stable Diffusion XL"),
    ("task_embedding", "a union ControlNet, which is for Stable Diffusion XL"),
    ("lora_controlnet", "a Control-LoRA"),
    ("style_embedding", "a T2I style adapter, which reads CLIP's vision tokens and is not available"),
    ("transformer_layes.", "a T2I style adapter, which reads CLIP's vision tokens and is not available"),
    ("controlnet_x_embedder.", "a ControlNet for FLUX"),
    ("pos_embed_input.", "a ControlNet for Stable Diffusion 3"),
)  # fmt: skip
_REFUSED_CONTROLNETS = (
    ("label_emb.", "a ControlNet for Stable Diffusion XL"),
    ("add_embedding.", "a ControlNet for Stable Diffusion XL"),
    ("motion_modules.", "a ControlNet for video (SparseCtrl)"),
)  # fmt: skip
_REFUSED_WIDTHS = {1024: "Stable Diffusion 2", 2048: "Stable Diffusion XL"}
_REFUSED_CLASSES = {
    "ControlNetUnionModel": "a union ControlNet, which is for Stable Diffusion XL",
    "FluxControlNetModel": "a ControlNet for FLUX",
    "SD3ControlNetModel": "a ControlNet for Stable Diffusion 3",
    "SparseControlNetModel": "a ControlNet for video (SparseCtrl)",
}


class ControlKind(StrEnum):
    """The networks that a hint enters by."""

    CONTROLNET = "controlnet"
    T2I_ADAPTER = "t2i-adapter"
    IP_ADAPTER = "ip-adapter"


@dataclass(frozen=True)
class ControlModel:
    """A control model whose tensors, under diffusers names, are still in their file.

    config         of its diffusers folder; empty for single files
    is_difference  its weights are to be added to those of the UNet (`with_base`)
    use            what it was trained to read, such as "canny", where its configuration, header or name says it; else ""
    """

    path: Path
    kind: ControlKind
    tensors: Tensors
    config: Mapping[str, Any] = field(default_factory=dict)
    is_difference: bool = False
    use: str = ""

    @property
    def purpose(self) -> str:
        """Which of the ControlNets with a hint of another kind it is, "inpaint", "tile", "shuffle" or "ip2p"; "" for others."""
        return self.use if self.use in PHOTOS else ""

    @property
    def name(self) -> str:
        """What people call it: the name of its file or folder."""
        return self.path.stem if self.path.is_file() else self.path.name

    @property
    def numel(self) -> int:
        """Returns how many parameters it has."""
        return sum(tensor.numel for tensor in self.tensors.values())

    def controlnet_config(self, base: UNetConfig) -> ControlNetConfig:
        """Returns the shape of a ControlNet for a UNet, from which a single file's takes what leaves no trace in shapes.

        Raises ModelError where it is made for a UNet of another shape.
        """
        encoder = self._encoder(base)
        if encoder.block_out_channels != base.block_out_channels:
            raise self._unfit(encoder.block_out_channels, base.block_out_channels)
        if _plan(encoder) != _plan(base):
            raise ModelError(
                f"The control model {self.name} is made for a UNet of other blocks than this model's, which is a smaller or "
                "larger one of v1's family; choose one that belongs to the model.",
                field="controls",
            )
        if encoder.cross_attention_dim != base.cross_attention_dim:
            raise self._unfit((encoder.cross_attention_dim,), (base.cross_attention_dim,))
        if encoder.in_channels != 4:
            raise ModelError(
                f"The control model {self.name} reads {encoder.in_channels} channels of latents, where Stable Diffusion v1 has "
                "4; choose another.",
                field="controls",
            )
        first, widths = self._shape("controlnet_cond_embedding.conv_in.weight", 4), list[int]()
        while (name := f"controlnet_cond_embedding.blocks.{2 * len(widths)}.weight") in self.tensors:
            widths.append(self._shape(name, 4)[0])
        widths.append(self._shape("controlnet_cond_embedding.conv_out.weight", 4)[1])
        is_pooled = self.config.get("global_pool_conditions") is True or self.purpose == "shuffle"
        is_bgr = self.config.get("controlnet_conditioning_channel_order") == "bgr"
        return ControlNetConfig(encoder, first[1], tuple(widths), is_pooled, is_bgr)

    def _encoder(self, base: UNetConfig) -> UNetConfig:
        if self.config:
            return UNetConfig.from_json(dict(self.config))
        layout = keys.unet_layout(self.tensors)
        widths = [self._shape(f"down_blocks.{i}.resnets.0.conv1.weight", 4)[0] for i in range(layout.depth)]
        condition = "time_embedding.cond_proj.weight"
        return replace(
            base, in_channels=self._shape("conv_in.weight", 4)[1], block_out_channels=tuple(widths),
            layers_per_block=layout.layers, attention=layout.attention, has_middle=layout.has_middle,
            cross_attention_dim=_context_width(self.tensors) or base.cross_attention_dim,
            time_cond_proj_dim=self._shape(condition, 2)[1] if condition in self.tensors else None,
        )  # fmt: skip

    def adapter_config(self, base: UNetConfig) -> T2IAdapterConfig:
        """Returns the shape of a T2I-Adapter. Raises ModelError where it is made for a UNet of another shape."""
        is_light = "adapter.conv_in.weight" not in self.tensors
        end = "out_conv" if is_light else "resnets.0.block1"
        depth = _count(self.tensors, "adapter.body.{}.resnets.0.block1.weight")
        widths = tuple(self._shape(f"adapter.body.{i}.{end}.weight", 4)[0] for i in range(depth))
        if widths != base.block_out_channels:
            raise self._unfit(widths, base.block_out_channels)
        blocks = _count(self.tensors, "adapter.body.0.resnets.{}.block1.weight")
        channels = self._shape("adapter.body.0.in_conv.weight" if is_light else "adapter.conv_in.weight", 4)[1]
        if channels not in (64, 192):
            raise ModelError(
                f"{self.path} is a T2I-Adapter that folds its hint into {channels} channels, where those for Stable Diffusion "
                "v1 have 64 or 192; it is for another model (768: Stable Diffusion XL)."
            )
        return T2IAdapterConfig(channels // 64, widths, blocks, is_light)

    def ip_adapter_config(self, base: UNetConfig) -> IPAdapterConfig:
        """Returns the shape of an IP-Adapter. Raises ModelError where it is made for a UNet of another shape."""
        return ip_adapter_config(self.path, self.tensors, base)

    def component(self, name: str, unet: Tensors | None = None) -> Tensors:
        """Returns the tensors of one of a ControlNet's two networks: "hint", which reads the hint, or "encoder", all others.

        `unet` are the tensors of the model's own UNet, to which those of a difference file are added.
        """
        tensors, is_hint = self.with_base(unet or {}), name == "hint"
        own = {n: tensor for n, tensor in tensors.items() if n.startswith(HINT_PREFIX) == is_hint}
        return {n.removeprefix(HINT_PREFIX): tensor for n, tensor in own.items()}

    def with_base(self, unet: Tensors) -> Tensors:
        """Returns its tensors for a UNet whose own are `unet`, to which those of a difference file are added: of an inpainting
        model's first layer what it makes of the latent. Raises ModelError where they do not fit."""
        if not self.is_difference:
            return self.tensors
        return {
            name: SummedTensor((tensor, self._base(name, unet))) if name in unet else tensor  # type: ignore[misc]
            for name, tensor in self.tensors.items()
        }

    def _base(self, name: str, unet: Tensors) -> LazyTensor | FirstInputs:
        own, base = self.tensors[name].shape, unet[name].shape
        if own == base:
            return unet[name]
        if name == "conv_in.weight" and len(own) == 4 and own == (*base[:1], _LATENT_CHANNELS, *base[2:]):
            return FirstInputs(unet[name], _LATENT_CHANNELS)
        raise ModelError(
            f"The control model {self.name} holds differences from a UNet whose {name} has the shape {list(own)} and this "
            f"model's has {list(base)}; choose one that belongs to the model.",
            field="controls",
        )

    def _unfit(self, own: tuple[int, ...], base: tuple[int, ...]) -> ModelError:
        return ModelError(
            f"The control model {self.name} is made for a UNet of the widths {list(own)} and this model's has {list(base)}; "
            "choose one that belongs to the model.",
            field="controls",
        )

    def _shape(self, name: str, axes: int) -> tuple[int, ...]:
        if name not in self.tensors:
            raise ModelError(f"The control model {self.path} lacks {name}; the file is incomplete, get it again.")
        shape = self.tensors[name].shape
        if len(shape) != axes or 0 in shape:
            raise ModelError(f"The control model {self.path} has {name} of the shape {list(shape)}; get it again.")
        return shape


def _plan(config: UNetConfig) -> tuple[object, ...]:
    """Returns which layers a UNet's way down and middle have."""
    return config.layers_per_block, config.attends, config.has_middle


def open_control(path: str | Path) -> ControlModel:
    """Opens a control model: a diffusers folder, or a file of any container, also one with a whole model beside it.

    Raises ModelError naming what the file is where it is none for Stable Diffusion v1.
    """
    location = folders.locate(path)
    config: dict[str, Any] = {}
    if location.is_dir():
        config = folders.read_config(location / "config.json", location) if (location / "config.json").is_file() else {}
        _refuse(location, _REFUSED_CLASSES.get(str(config.get("_class_name"))))
        if (location / "model_index.json").is_file() or (location / "unet").is_dir():
            raise wrong_kind(location, MODEL, _WANTED, "controls")
        tensors: Tensors = folders.open_component(location, None, location).tensors
    else:
        tensors = unscaled(open_tensors(location))
    kind, renamed = _classified(location, tensors)
    use = purpose_of(location, config, getattr(tensors, "metadata", {}))
    return ControlModel(location, kind, renamed, config, _DIFFERENCE in tensors, use)


def holds_control(location: Path) -> bool:
    """Returns whether a file or folder is a control model, be it one that is refused.

    A whole checkpoint with a ControlNet inside, as the first ones were published, is one where its name says so; others carry
    one along and are models. Raises ModelError for a file that cannot be read.
    """
    if location.is_dir():
        config = location / "config.json"
        name = folders.read_config(config, location).get("_class_name") if config.is_file() else ""
        return isinstance(name, str) and ("ControlNet" in name or name == "T2IAdapter")
    tensors = open_tensors(location)
    if any(name.startswith((keys.UNET_PREFIX, keys.TEXT_PREFIX)) for name in tensors):
        return "control" in location.stem.lower() and _prefix(tensors, (HINT_FIRST,)) is not None
    if holds_ip_adapter(tensors) or any(piece in name for name in tensors for piece, _ in _REFUSED):
        return True
    return _prefix(tensors, (HINT_FIRST, HINT_FIRST_DIFFUSERS)) is not None or _adapter_prefix(tensors) is not None


def _classified(location: Path, tensors: Tensors) -> tuple[ControlKind, dict[str, LazyTensor]]:
    """Returns what the tensors are, and those that belong to it under diffusers names; an IP-Adapter's keep those of its file."""
    if holds_ip_adapter(tensors):
        _refuse(location, refused_ip_adapter(tensors))
        return ControlKind.IP_ADAPTER, dict(tensors)
    prefix = _prefix(tensors, (HINT_FIRST, HINT_FIRST_DIFFUSERS))
    if prefix is None and (prefix := _adapter_prefix(tensors)) is not None:
        return ControlKind.T2I_ADAPTER, _adapter_tensors(location, tensors, prefix)
    own = _under(tensors, prefix or "")
    pieces = _REFUSED if prefix is None else _REFUSED + _REFUSED_CONTROLNETS
    _refuse(location, next((what for piece, what in pieces if any(piece in name for name in own)), None))
    if prefix is None:
        what = MODEL if any(n.startswith(keys.UNET_PREFIX) for n in tensors) else None
        what = what or unsupported_architecture(tensors) or (VAE if _holds_vae(tensors) else "no control model")
        raise wrong_kind(location, what, _WANTED, "controls")
    if (width := _context_width(own)) in _REFUSED_WIDTHS:
        _refuse(location, f"a ControlNet for {_REFUSED_WIDTHS[width]} (text width {width})")
    return ControlKind.CONTROLNET, _controlnet_tensors(location, own)


def _holds_vae(tensors: Tensors) -> bool:
    return any(f"{prefix}decoder.conv_in.weight" in tensors for prefix in ("", *keys.VAE_PREFIXES))


def _controlnet_tensors(location: Path, own: Tensors) -> dict[str, LazyTensor]:
    own = {name: tensor for name, tensor in own.items() if name != _DIFFERENCE}
    if HINT_FIRST not in own:
        return own
    table = keys.control_table(keys.ldm_unet_layout(own))
    renamed = {name: keys.rename(name, table) for name in own}
    if unknown := [name for name, ours in renamed.items() if ours is None]:
        raise ModelError(f"The ControlNet {location} is not v1's: {listing('unknown', unknown)}; get it again.")
    return {str(renamed[name]): tensor for name, tensor in own.items()}


def _adapter_tensors(location: Path, tensors: Tensors, prefix: str) -> dict[str, LazyTensor]:
    """Returns an adapter's tensors under diffusers names; those of the authors number the blocks through, two a level."""
    renamed: dict[str, LazyTensor] = {}
    own = _under(tensors, prefix)
    blocks = 2
    for name, tensor in own.items():
        if light := re.fullmatch(r"body\.(\d+)\.body\.(\d+)\.(block[12]\..*)", name):
            ours = f"body.{light[1]}.resnets.{light[2]}.{light[3]}"
        elif full := re.fullmatch(r"body\.(\d{1,3})\.(block[12]\..*|in_conv\..*)", name):
            level, block = divmod(int(full[1]), blocks)
            flat = "body.0.block1.weight" in own
            inner = full[2] if full[2].startswith("in_conv") else f"resnets.{block}.{full[2]}"
            ours = f"body.{level}.{inner}" if flat else name
        else:
            ours = name
        renamed[f"adapter.{ours}"] = tensor
    if extra := [name for name in renamed if not name.startswith(("adapter.body.", "adapter.conv_in."))]:
        raise ModelError(f"The T2I-Adapter {location} is not v1's: {listing('unknown', extra)}; get it again.")
    return renamed


def _refuse(location: Path, what: str | None) -> None:
    if what is not None:
        raise ModelError(f"{location} is {what}; choose a control model for Stable Diffusion v1.", field="controls")


def _prefix(tensors: Tensors, names: tuple[str, ...]) -> str | None:
    """Returns what stands before any of these names in a key; the shortest of several."""
    prefixes = [name.removesuffix(wanted) for wanted in names for name in tensors if name.endswith(wanted)]
    return min(prefixes, key=len, default=None)


def _adapter_prefix(tensors: Tensors) -> str | None:
    firsts = ("body.0.block1.weight", "body.0.resnets.0.block1.weight", "body.0.body.0.block1.weight")
    return _prefix(tensors, firsts)


def _under(tensors: Tensors, prefix: str) -> dict[str, LazyTensor]:
    return {name[len(prefix) :]: tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _context_width(tensors: Tensors) -> int | None:
    shapes = (tensor.shape for name, tensor in tensors.items() if name.endswith(".attn2.to_k.weight"))
    return next((shape[1] for shape in shapes if len(shape) == 2), None)


def _count(tensors: Tensors, pattern: str) -> int:
    count = 0
    while pattern.format(count) in tensors:
        count += 1
    return count
