"""Filling a module with lazy tensors: strictly, one by one, without a second copy of the model."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from sdedge.errors import ModelError
from sdedge.weights.files import LazyTensor

if TYPE_CHECKING:
    import torch
    from torch import nn


def load_into(
    module: nn.Module, tensors: Mapping[str, LazyTensor], dtype: torch.dtype | None = None,
    device: str | torch.device = "cpu", ignore: Collection[str] = frozenset(), mapped: bool | None = None,
    skip: Collection[str] = frozenset(),
) -> list[str]:  # fmt: skip
    """Fills a module, usually built on the meta device, tensor by tensor; returns what is worth reporting.

    Strict: keys missing from the file, unexpected ones (but for the `ignore` patterns) and wrong shapes raise
    ModelError with counts and names. Floating tensors become `dtype` (None keeps the file's). Non-finite weights are
    reported, not refused, where they are copied. Those to `skip` are checked by name and shape and left unfilled. At most
    2 MB are used above the module's own weights.

    On the CPU a tensor that has the dtype already can view the file's pages: nothing is copied, and the system drops
    and re-reads them. `mapped=None` does so for half precision, and for float32 where the file keeps it aligned as torch
    would (`.ckpt`, our exports); True everywhere, which moves float32 results by rounding, because kernels differ with
    alignment; False nowhere. Deleting
    or replacing the file (a rename, as everything here does) is safe; truncating it in place, or unplugging its
    disk, kills the process, so pass False for such places.
    """
    import torch

    wanted = dict(module.state_dict(keep_vars=True))
    _check_names(wanted, tensors, ignore)
    broken: list[str] = []
    for name, target in wanted.items():
        if name in skip:
            continue
        lazy = tensors[name]
        storage = lazy.dtype if dtype is None or not lazy.dtype.is_floating_point else dtype
        shared = (
            storage == lazy.dtype
            and torch.device(device).type == "cpu"
            and ((lazy.aligned or lazy.dtype.itemsize < 4) if mapped is None else mapped)
        )
        value = lazy.read() if shared else lazy.copy(storage, device)
        if not shared and not is_finite(value):
            broken.append(name)
        _assign(module, name, value, isinstance(target, torch.nn.Parameter))
    return report_broken(broken)


def report_broken(names: list[str]) -> list[str]:
    """Returns what to tell of weights with NaN or infinite values; nothing where there are none."""
    return [listing("not finite (NaN or infinite)", names, "weights are")] if names else []


def find_broken(tensors: Mapping[str, LazyTensor]) -> list[str]:
    """Returns the names of tensors with NaN or infinite values. Reads everything; leaves no pages mapped."""
    broken = []
    for name, lazy in tensors.items():
        if not is_finite(lazy.copy()):
            broken.append(name)
    return broken


def is_finite(tensor: torch.Tensor) -> bool:
    """Returns whether all is finite, in one pass at memory speed: the extremes of a tensor are NaN or infinite exactly when
    something in it is.
    """
    import torch

    if not tensor.is_floating_point() or tensor.numel() == 0:
        return True
    if tensor.itemsize == 1:
        tensor = tensor.to(torch.float16)
    low, high = torch.aminmax(tensor)
    return math.isfinite(low.item()) and math.isfinite(high.item())


def _assign(module: nn.Module, name: str, value: torch.Tensor, parameter: bool) -> None:
    import torch

    path, _, leaf = name.rpartition(".")
    owner = module.get_submodule(path)
    if parameter:
        owner._parameters[leaf] = torch.nn.Parameter(value, requires_grad=False)
    else:
        owner._buffers[leaf] = value


def _check_names(
    wanted: Mapping[str, torch.Tensor], tensors: Mapping[str, LazyTensor], ignore: Collection[str]
) -> None:
    missing = [name for name in wanted if name not in tensors]
    extra = [name for name in tensors if name not in wanted and not any(fnmatchcase(name, p) for p in ignore)]
    wrong = [name for name in wanted if name in tensors and tuple(wanted[name].shape) != tensors[name].shape]
    faults = [listing("missing", missing), listing("unexpected", extra)]
    if wrong:
        first = f"{_shown(wrong[0])} is {list(tensors[wrong[0]].shape)}, expected {list(wanted[wrong[0]].shape)}"
        faults.append(f"{len(wrong)} of {len(wanted)} tensors have the wrong shape (first: {first})")
    faults = [fault for fault in faults if fault]
    if faults:
        raise ModelError(
            f"The weights do not fit the model: {'; '.join(faults)}. Check that its files belong together."
        )


def listing(what: str, names: list[str], verb: str = "tensors are") -> str:
    if not names:
        return ""
    shown = ", ".join(_shown(name) for name in names[:3]) + (", ..." if len(names) > 3 else "")
    return f"{len(names)} {verb} {what} ({shown})"


def _shown(name: str) -> str:
    """Returns a file's name for a weight, fit for a sentence."""
    return name if len(name) <= 120 and name.isprintable() else f"{name[:80]!r}"
