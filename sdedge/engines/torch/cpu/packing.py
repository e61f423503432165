"""Weights in oneDNN's own order as plain bytes, and back: what was packed once can be kept in a file and read from it.

torch keeps a packed weight in a tensor without strides, whose order only oneDNN knows. Its bytes and a description of
the order make the same tensor again over any memory, by the C interface that compiled models use (`aoti_torch_*`).
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

_ops = torch.ops.mkldnn


@dataclass(frozen=True)
class Form:
    """What a packed weight's bytes do not say: its shape, its dtype, and oneDNN's description of their order; None where they are
    those of a plain tensor."""

    shape: tuple[int, ...]
    dtype: torch.dtype
    order: Tensor | None


def bytes_of(weight: Tensor) -> tuple[Tensor, Form]:
    """Returns a packed weight's memory as uint8, not copied and valid as long as the weight is, and what makes it one again."""
    if not weight.is_mkldnn:
        return weight.detach().view(-1).view(torch.uint8), Form(tuple(weight.shape), weight.dtype, None)
    size = size_of(weight)
    memory = (ctypes.c_uint8 * size).from_address(_ops.data_ptr(weight))
    form = Form(tuple(weight.shape), weight.dtype, _ops._get_mkldnn_serialized_md(weight))
    return torch.frombuffer(memory, dtype=torch.uint8), form


def size_of(weight: Tensor) -> int:
    """Returns the bytes of a packed weight."""
    return int(_ops._nbytes(weight))


def weight_over(memory: Tensor, form: Form) -> Tensor:
    """Returns the packed weight whose bytes lie in `memory` (uint8), which must outlive it."""
    if form.order is None:
        return memory.view(form.dtype).view(form.shape)
    library, handle = torch_library(), ctypes.c_void_p()
    sizes = (ctypes.c_int64 * len(form.shape))(*form.shape)
    strides = (ctypes.c_int64 * len(form.shape))(*torch.empty(form.shape, device="meta").stride())
    failed = library.aoti_torch_create_tensor_from_blob_v2(
        memory.data_ptr(), len(form.shape), sizes, strides, 0, _dtypes()[form.dtype](), library.aoti_torch_device_type_cpu(),
        0, ctypes.byref(handle), library.aoti_torch_layout__mkldnn(), form.order.data_ptr(), form.order.numel(),
    )  # fmt: skip
    if failed:
        raise RuntimeError(f"torch made no packed weight of shape {form.shape}.")
    try:
        capsule = ctypes.pythonapi.PyCapsule_New(handle, None, None)
        return torch._C._aoti.alloc_tensor_by_stealing_from_void_ptr(capsule)  # which takes a reference of its own
    finally:
        library.aoti_torch_delete_tensor_object(handle)


@functools.cache
def available() -> bool:
    """Returns whether this torch has what it takes, found out by doing it once."""
    try:
        weight = torch.randn(32, 32)
        memory, form = bytes_of(packed := _ops._reorder_linear_weight(weight))
        x, copy = torch.ones(2, 32), memory.clone()
        results = [_ops._linear_pointwise(x, w, None, "none", [], "") for w in (packed, weight_over(copy, form))]
        return torch.equal(*results)
    except (AttributeError, RuntimeError, OSError):
        return False


@functools.cache
def torch_library() -> Any:
    names = ("libtorch_cpu.so", "libtorch_cpu.dylib", "torch_cpu.dll")
    paths = [path for name in names if (path := Path(torch.__file__).parent / "lib" / name).is_file()]
    if not paths:
        raise OSError("torch's library is not where it is expected.")
    library = ctypes.CDLL(str(paths[0]))
    place, number, code = ctypes.c_void_p, ctypes.c_int64, ctypes.c_int32
    create = library.aoti_torch_create_tensor_from_blob_v2
    create.argtypes = [place, number, place, place, number, code, code, code, place, code, place, number]
    ctypes.pythonapi.PyCapsule_New.restype = ctypes.py_object
    ctypes.pythonapi.PyCapsule_New.argtypes = [place, place, place]
    return library


@functools.cache
def _dtypes() -> dict[torch.dtype, Callable[[], int]]:
    library = torch_library()
    return {
        torch.float32: library.aoti_torch_dtype_float32, torch.float16: library.aoti_torch_dtype_float16,
        torch.bfloat16: library.aoti_torch_dtype_bfloat16, torch.int8: library.aoti_torch_dtype_int8,
    }  # fmt: skip
