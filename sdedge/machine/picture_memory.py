"""What a picture of a model takes and whether it fits, as the engine plans it and the app foretells it. No torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from sdedge.machine import memory_plan
from sdedge.machine.findings import DeviceFinding
from sdedge.machine.memory_plan import MemoryPlan, MemoryRequest, Sizes
from sdedge.weights.architecture import TINY_VAE
from sdedge.weights.checkpoint import Checkpoint
from sdedge.weights.files import LazyTensor

NARROW = 128
"""Networks with fewer channels at their widest resolution spend their time between kernels: what is measured is not for them."""
NARROW_FORMATS = {"cpu": "float32", "cuda": "float16", "mps": "float16"}
TINY_WIDTH = 64  # of TAESD
ITEMSIZES = {"float32": 4, "float16": 2, "bfloat16": 2}
INT8_RECIPE = "unet/int8.json"
"""In the folder of a model whose UNet runs in int8 on a CPU that can."""


def itemsize(finding: DeviceFinding | None, width: int, device: str = "cpu") -> int:
    """Bytes of a number while a UNet of `width` channels draws where nobody names a format; `finding` is the device's."""
    if width < NARROW or finding is None:
        return ITEMSIZES[NARROW_FORMATS[device]]
    return ITEMSIZES.get(finding.dtype, 4)


class SizedComponent(Protocol):
    """What is planned with of a network beside the model's own (`engines.protocol.AddedComponent`)."""

    @property
    def tensors(self) -> Mapping[str, LazyTensor]: ...

    @property
    def every_step(self) -> bool: ...


def read_sizes(checkpoint: Checkpoint, added: Iterable[SizedComponent] = ()) -> Sizes:
    """Returns what the planner needs to know of a checkpoint, and of networks beside its own, from the headers of their
    files.
    """
    counts = {name: _count(tensors) for name, tensors in checkpoint.components.items()}
    beside = [(component.every_step, _count(component.tensors)) for component in added]
    vae, usual = checkpoint.configs["vae"], Sizes()
    return Sizes(
        **counts,
        safety_checker=0 if checkpoint.safety_checker is None else memory_plan.CHECKER_SIZE,
        unet_width=_width(checkpoint.configs["unet"], usual.unet_width),
        vae_width=_width(vae, TINY_WIDTH if vae.get("_class_name") == TINY_VAE else usual.vae_width),
        every_step=tuple(count for every_step, count in beside if every_step),
        once=tuple(count for every_step, count in beside if not every_step),
    )


def _count(tensors: Mapping[str, LazyTensor]) -> int:
    return sum(tensor.numel for tensor in tensors.values())


def plan_picture(
    sizes: Sizes, width: int, height: int, batch: int, *, itemsize: int, device: str, free: int, safety: bool = True,
    mode: str = "auto", unet_itemsize: int = 0, branches: int = 2, is_single: bool = False,
    window: tuple[int, int] | None = None,
) -> MemoryPlan:  # fmt: skip
    """Returns how a picture is drawn on a kind of device ("cpu", "cuda", "mps") with `free` bytes, and whether it fits.

    width, height  pixels
    itemsize       bytes of a number while drawing
    free           of the device, what the drawing process holds already included
    safety         whether the model's safety checker will run
    mode           one of `memory_plan.CHOICES`
    unet_itemsize  bytes of the UNet's weights where they are others
    branches       rows of a step for each picture, and `is_single` and `window` as `MemoryRequest` has them
    """
    job = MemoryRequest(width, height, batch, itemsize, device, unet_itemsize, branches, is_single, window)
    checked = sizes if safety else Sizes(**{**vars(sizes), "safety_checker": 0})
    return memory_plan.plan(job, free, checked, mode)


def _width(config: Mapping[str, Any], usual: int) -> int:
    """Channels at the widest resolution: the decoder's where a VAE has others (TAESD)."""
    channels = config.get("decoder_block_out_channels") or config.get("block_out_channels")
    return int(channels[0]) if isinstance(channels, list | tuple) and channels else usual
