"""Which of torch's operators run on an MPS device: read from torch's own list of them, so no Mac is needed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

LIST = "packaged/ATen/native/native_functions.yaml"

# Operators that pass although the list gives them no MPS entry, each with its reason.
EXCEPTIONS = {
    "aten::convolution": "its kernel hands tensors on MPS to _mps_convolution",
    "aten::copy_": "its kernel hands tensors on MPS to mps_copy_ before anything else",
    "aten::_unsafe_view": "a view whose aliasing the list leaves out on purpose; no kernel",
    "aten::sym_size.int": "reads a shape; no kernel",
    "aten::sym_numel": "reads a shape; no kernel",
    "aten::sym_stride.int": "reads a shape; no kernel",
}


@cache
def _entries() -> Mapping[str, Mapping[str, Any]]:
    """Returns the entries of native_functions.yaml by name, such as "aten::add.Tensor"."""
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    text = (files("torchgen") / LIST).read_text("utf-8")
    return {f"aten::{entry['func'].split('(')[0]}": entry for entry in yaml.load(text, loader)}


def full_name(func: torch._ops.OpOverload) -> str:
    """ "aten::add.Tensor", as the list spells it."""
    return func._schema.name + (f".{func._schema.overload_name}" if func._schema.overload_name else "")


def _dispatch(name: str) -> set[str]:
    keys = _entries().get(name, {}).get("dispatch", {})
    return {key.strip() for group in keys for key in group.split(",")}


def has_own_kernel(name: str) -> bool:
    """Returns whether the operator, its `structured_delegate` or its `.out` form has an MPS entry, or it is an exception."""
    name = name if "::" in name else f"aten::{name}"
    delegate = f"aten::{_entries().get(name, {}).get('structured_delegate', '')}"
    out = f"{name}_out" if "." in name else f"{name}.out"
    return name in EXCEPTIONS or any("MPS" in _dispatch(key) for key in (name, delegate, out))


def is_implicit(func: torch._ops.OpOverload) -> bool:
    """Returns whether the operator is nothing but calls of others: torch's CompositeImplicitAutograd."""
    entry = _entries().get(full_name(func), {})
    return (bool(entry) and ("dispatch" not in entry and "structured_delegate" not in entry)) or (
        "CompositeImplicitAutograd" in _dispatch(full_name(func))
    )


def is_view(func: torch._ops.OpOverload) -> bool:
    """Returns whether every result is another look at an argument's memory, which needs no kernel."""
    returns = func._schema.returns
    aliases = [alias.alias_info is not None and not alias.alias_info.is_write for alias in returns]
    return bool(aliases) and all(aliases) and not is_implicit(func)


class _Parts(TorchDispatchMode):
    """Notes the operators called inside."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[torch._ops.OpOverload, tuple[Any, ...], dict[str, Any]]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.calls.append((func, args, kwargs or {}))
        return func(*args, **(kwargs or {}))


def run_composite(func: torch._ops.OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Computes a composite operator by its C++ kernel, which is what every device runs, so that its parts are seen."""
    keys = torch._C.DispatchKey
    key = keys.CompositeImplicitAutograd if is_implicit(func) else keys.CompositeExplicitAutograd
    return func._op_dk(key, *args, **kwargs)


def parts(func: torch._ops.OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Computes a composite operator and returns the (operator, args, kwargs) that its kernel calls for these arguments."""
    with _Parts() as inner:
        run_composite(func, args, kwargs)
    return inner.calls


def missing(func: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None) -> Iterator[str]:
    """Yields the names of what an MPS device lacks for this call; nothing where it passes.

    An operator passes if it has a kernel of its own there, or is a view, or is a composite of which all parts pass
    for these arguments.
    """
    name = full_name(func) if isinstance(func, torch._ops.OpOverload) else str(func)
    if has_own_kernel(name) or (isinstance(func, torch._ops.OpOverload) and is_view(func)):
        return
    composite = isinstance(func, torch._ops.OpOverload) and (
        is_implicit(func) or "CompositeExplicitAutograd" in _dispatch(name)
    )
    called = [call for call in parts(func, args, kwargs or {}) if call[0] is not func] if composite else []
    if not called:
        yield name
    for call in called:
        yield from missing(*call)
