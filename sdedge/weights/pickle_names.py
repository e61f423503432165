"""What the names in a checkpoint's pickle mean: tensors for the few torch writes, inert stubs, or a refusal.

The rule, instead of a list of known attacks: a name from Python's standard library must be on a short list of plain
types, and a name from anywhere else must look like a class (checkpoints mention Lightning callbacks and configuration
objects) or be on the list of how torch and NumPy spell data. Everything else is a request to call a function, which no
checkpoint needs, and the file is refused by that name.
"""

from __future__ import annotations

import math
import sys
from typing import Any

from sdedge.errors import ModelError
from sdedge.weights.headers import MAX_DIMENSIONS, MAX_ELEMENTS
from sdedge.weights.pickles import Inert, Machine, Name, Rules, Storage, StoredTensor

_STORAGES = {
    "DoubleStorage": "float64", "FloatStorage": "float32", "HalfStorage": "float16", "BFloat16Storage": "bfloat16",
    "LongStorage": "int64", "IntStorage": "int32", "ShortStorage": "int16", "CharStorage": "int8",
    "ByteStorage": "uint8", "BoolStorage": "bool", "UntypedStorage": "uint8",
}  # fmt: skip
_DTYPES = {
    "float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool",
    "float8_e4m3fn", "float8_e5m2",
}  # fmt: skip

_PLAIN_STANDARD = {
    "collections": {"OrderedDict", "defaultdict", "Counter", "deque"},
    "builtins": {
        "set", "frozenset", "dict", "list", "tuple", "int", "float", "complex", "bool", "str", "bytes", "bytearray",
        "object", "slice", "range",
    },
    "_codecs": {"encode"},
    "copyreg": {"_reconstructor"},
    "pathlib": {"Path", "PosixPath", "WindowsPath", "PurePath", "PurePosixPath", "PureWindowsPath"},
    "argparse": {"Namespace"},
    "types": {"SimpleNamespace"},
    "datetime": {"datetime", "date", "time", "timedelta", "timezone"},
    "decimal": {"Decimal"},
    "fractions": {"Fraction"},
    "uuid": {"UUID"},
    "typing": {"Any", "List", "Dict", "Tuple", "Union", "Optional"},
}  # fmt: skip
_SAME_MODULES = {  # as Python 2 and 3.13 spell them
    "__builtin__": "builtins", "copy_reg": "copyreg", "UserDict": "collections", "pathlib._local": "pathlib",
}  # fmt: skip
_OLD_STANDARD = {"commands", "cPickle", "StringIO", "cStringIO", "urllib2", "httplib", "thread", "__builtins__"}

_PLAIN_FUNCTIONS = {
    "torch._utils": {
        "_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_tensor_v3", "_rebuild_parameter",
        "_rebuild_parameter_with_state", "_rebuild_device_tensor_from_numpy",
    },
    "torch._tensor": {"_rebuild_from_type_v2"},
    "torch": {"device", "Size", *_DTYPES},
    "torch.serialization": {"_get_layout"},
    "numpy": {"dtype", "ndarray"},
    "numpy.random._pickle": {"__randomstate_ctor", "__bit_generator_ctor", "__generator_ctor"},
    "numpy.core.multiarray": {"scalar", "_reconstruct"},
    "numpy._core.multiarray": {"scalar", "_reconstruct"},
}  # fmt: skip
_HOSTILE_STATE = {
    "__setstate__", "__class__", "__reduce__", "__reduce_ex__", "__getattr__", "__getattribute__", "__call__",
    "__del__", "__init__", "__new__", "__builtins__", "__globals__", "__code__",
}  # fmt: skip


def torch_rules(storages: dict[str, Storage]) -> Rules:
    """Returns the rules for a torch pickle; every storage it refers to is entered into `storages`."""
    return Rules(check_name, _call, _build, lambda reference: _persistent(reference, storages))


def module_rules(storages: dict[str, Storage]) -> Rules:
    """Returns the rules for a pickle of whole modules, such as ultralytics writes: the methods its classes refer to, and what
    dill wraps types in, are inert records as well."""
    return Rules(_check_module_name, _call_in_module, _build, lambda reference: _class_or_storage(reference, storages))


def _class_or_storage(reference: Any, storages: dict[str, Storage]) -> Any:
    """`('module', class, file, source)` is how torch names a module's class in its legacy pickles."""
    if (
        isinstance(reference, tuple)
        and len(reference) == 4
        and reference[0] == "module"
        and isinstance(reference[1], Name)
    ):
        return reference[1]
    return _persistent(reference, storages)


def _check_module_name(name: Name) -> None:
    if not _is_method_reference(name) and name.module != "dill._dill":
        check_name(name)


def _is_method_reference(name: Name) -> bool:
    return (_SAME_MODULES.get(name.module, name.module), name.name) == ("builtins", "getattr")


def _call_in_module(machine: Machine, function: Name, args: tuple[Any, ...]) -> Any:
    """`getattr(Class, "method")` is how pickle spells a method; it is written down and never looked up."""
    if not _is_method_reference(function) and function.module != "dill._dill":
        return _call(machine, function, args)
    if _is_method_reference(function) and not (
        len(args) == 2
        and isinstance(args[0], Name | Inert)
        and isinstance(args[1], str)
        and args[1] not in _HOSTILE_STATE
    ):
        raise _refused(function)
    return Inert(function, args)


def check_name(name: Name) -> None:
    """Raise ModelError unless the name is one a checkpoint has reason to mention."""
    module = _SAME_MODULES.get(name.module, name.module)
    root = module.partition(".")[0]
    if module in _PLAIN_STANDARD and name.name in _PLAIN_STANDARD[module]:
        return
    if root in sys.stdlib_module_names or root in _OLD_STANDARD or not module:
        raise _refused(name)
    if name.name in _PLAIN_FUNCTIONS.get(module, ()):
        return
    if not all(part.lstrip("_")[:1].isupper() and part.isidentifier() for part in name.name.split(".")):
        raise _refused(name)


def _refused(name: Name) -> ModelError:
    shown = str(name)[:100]
    return ModelError(
        f"The file asks to run {shown!r} while loading, which no model needs: it may be malicious and nothing of it was run;"
        " get the model from a source you trust, best as .safetensors."
    )


def _call(machine: Machine, function: Name, args: tuple[Any, ...]) -> Any:
    module = _SAME_MODULES.get(function.module, function.module)
    if module == "torch._utils":
        return _rebuild(function, args)
    if (module, function.name) == ("torch._tensor", "_rebuild_from_type_v2"):
        if (
            len(args) == 4
            and isinstance(args[0], Name)
            and args[0].module == "torch._utils"
            and isinstance(args[2], tuple)
        ):
            return _rebuild(args[0], args[2])
        raise _malformed("a tensor subclass")
    if module == "collections" and function.name in ("OrderedDict", "defaultdict"):
        return _dictionary(machine, args if function.name == "OrderedDict" else ())
    if (module, function.name) == ("torch", "Size") and len(args) == 1 and isinstance(args[0], (tuple, list)):
        machine.spend(8 * len(args[0]))
        return tuple(args[0])
    if module == "copyreg" and args and isinstance(args[0], Name):
        return Inert(args[0])
    return Inert(function, args)


def _dictionary(machine: Machine, args: tuple[Any, ...]) -> dict[Any, Any]:
    """`OrderedDict()`, or `OrderedDict([[key, value], ...])` as Python 2 wrote it. Each item is charged, in each use."""
    result: dict[Any, Any] = {}
    for pair in args[0] if args and isinstance(args[0], (list, tuple)) else ():
        if not isinstance(pair, (list, tuple)) or len(pair) != 2 or not isinstance(pair[0], (str, int)):
            raise _malformed("an ordered dictionary")
        machine.set_items(result, list(pair))
    return result


def _rebuild(function: Name, args: tuple[Any, ...]) -> Any:
    if function.name == "_rebuild_device_tensor_from_numpy":
        raise ModelError("The file keeps its tensors as NumPy arrays (saved from a TPU); save it again from the CPU.")
    if function.name.startswith("_rebuild_parameter"):
        if not args or not isinstance(args[0], StoredTensor):
            raise _malformed("a parameter")
        return args[0]
    if function.name not in ("_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_tensor_v3") or len(args) < 4:
        raise _malformed("a tensor")
    storage, offset, shape, stride = args[:4]
    if not isinstance(storage, Storage):
        raise _malformed("a tensor without a storage")
    dtype_name, numel = storage.dtype_name, storage.numel
    if function.name == "_rebuild_tensor_v3":
        dtype_name, numel = _typed(storage, args)
    _check_view(offset, shape, stride, numel)
    return StoredTensor(storage, dtype_name, offset, tuple(shape), tuple(stride))


def _typed(storage: Storage, args: tuple[Any, ...]) -> tuple[str, int]:
    """Version 3 of the spelling puts a dtype on an untyped storage."""
    from sdedge.weights.files import ITEM_SIZES

    dtype = args[6] if len(args) > 6 else None
    if not isinstance(dtype, Name) or dtype.module != "torch" or dtype.name not in _DTYPES:
        raise _malformed("a tensor of unknown dtype")
    return dtype.name, storage.numel * ITEM_SIZES[storage.dtype_name] // ITEM_SIZES[dtype.name]


def _check_view(offset: Any, shape: Any, stride: Any, numel: int) -> None:
    """The view must lie inside its storage and not repeat it (a stride of 0 would turn one number into gigabytes)."""
    if not _naturals((offset,)) or not _naturals(shape) or not _naturals(stride) or len(shape) != len(stride):
        raise _malformed("a tensor whose offset, shape or stride is not made of counts")
    elements, last = math.prod(shape), offset
    for extent, step in zip(shape, stride, strict=True):
        last += (extent - 1) * step
    is_beyond = math.prod(extent or 1 for extent in shape) > MAX_ELEMENTS
    if is_beyond or (elements and (last >= numel or elements > numel - offset)):
        raise ModelError(
            f"The file describes a tensor of shape {list(shape)[:MAX_DIMENSIONS]} that its storage of {numel} elements"
            " cannot hold; it is damaged or hostile, get it again."
        )


def _naturals(values: Any) -> bool:
    if not isinstance(values, (tuple, list)) or len(values) > MAX_DIMENSIONS:
        return False
    return all(type(value) is int and 0 <= value < MAX_ELEMENTS for value in values)


def _persistent(reference: Any, storages: dict[str, Storage]) -> Storage:
    """`('storage', torch.FloatStorage, key, location, numel)`, and a view in the legacy era, always None."""
    if not isinstance(reference, tuple) or len(reference) not in (5, 6) or reference[0] != "storage":
        raise _malformed("a reference that is not to a storage")
    kind, key, _, numel = reference[1:5]
    if not isinstance(kind, Name) or kind.module not in ("torch", "torch.storage", "torch.cuda"):
        raise _malformed("a storage of unknown type")
    if kind.name not in _STORAGES or not isinstance(key, str) or len(key) > 100 or not _naturals((numel,)):
        raise _malformed(f"a storage of type {str(kind)[:60]!r}")
    if len(reference) == 6 and reference[5] is not None:
        raise _malformed("a storage that is a view, as torch wrote before 2018; save it again")
    storage = Storage(_STORAGES[kind.name], key, numel)
    known = storages.setdefault(key, storage)
    if known != storage:
        raise _malformed(f"the storage {key!r} described in two ways")
    return storage


def _build(machine: Machine, target: Any, state: Any) -> None:
    """BUILD: state for inert stubs is kept, for the rest (an OrderedDict's `_metadata`) dropped. Nothing is set on anything."""
    states = state if isinstance(state, tuple) else (state,)
    machine.spend(64 * (len(states) + sum(len(part) for part in states if isinstance(part, dict))))
    for part in states:
        if isinstance(part, dict) and any(isinstance(key, str) and key in _HOSTILE_STATE for key in part):
            raise ModelError(
                "The file overwrites methods of an object while loading: it is malicious; nothing of it was run."
            )
    if isinstance(target, Inert):
        target.state = state
    elif not isinstance(target, (dict, list, StoredTensor)):
        raise _malformed("state for something that has none")


def _malformed(what: str) -> ModelError:
    return ModelError(f"The pickle in the file has {what}; it is damaged or not a checkpoint, get it again.")
