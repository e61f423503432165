"""Where a package keeps the weights of its checkpoint: by the checkpoint's names, in which form, at which bytes of which file.

A conversion writes this into the manifest (`record`), with what the checkpoint's own numbers were; of bundles from before that it
is read out of the program, whose constants are named by the layers (`read_weights`). No torch.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sdedge.engines.coreml.portable.blobs import DTYPES
from sdedge.engines.coreml.portable.package import MODEL_PATH, Package
from sdedge.engines.coreml.portable.program import CONSTANT, Function, Operation, Stored
from sdedge.engines.coreml.portable.tensors import TensorType
from sdedge.errors import ModelError
from sdedge.library.manifest import BundleComponent, is_count

KEY = "weights"
"""Of a component's figures in the manifest."""
VERSION = 1
LAYOUT = "rows of outputs, as in the checkpoint; nothing folded in"
"""How numbers lie: a linear layer (out, in) is the convolution (out, in, 1, 1), vectors have further axes of 1, and those of
group norms may stand there several times in a row, for each picture of a batch."""
_MOST_REPEATS = 8
CONVERTERS = (1, 2, 3)
"""Those of bundles without a record whose packages lie like that."""
FORMS = {
    CONSTANT: ("dense", ("val",)),
    "constexpr_lut_to_dense": ("palette", ("indices", "lut")),
    "constexpr_affine_dequantize": ("linear", ("quantized_data", "scale")),
    "constexpr_blockwise_shift_scale": ("linear", ("data", "scale")),
}
"""Of operations that give weights: the form's name, and the arguments that hold its numbers."""


@dataclass(frozen=True)
class Place:
    """Numbers of one argument: in a file of weights at the metadata's `offset`, or in the program itself where that is None.

    `shared` says that weights of other names lie at the same place.
    """

    file: str
    offset: int | None
    type: TensorType
    shared: bool = False


@dataclass(frozen=True)
class StoredWeight:
    """A weight of the checkpoint as a package keeps it.

    shape   the checkpoint's
    form    "dense", "palette" or "linear"
    places  by argument, for each function that keeps numbers of its own; functions usually share them
    source  the number format that the checkpoint has it in, such as "float32"; "" where nobody recorded it
    sample  a hash of some of the checkpoint's numbers, by which the same weight is known again
    """

    name: str
    shape: tuple[int, ...]
    form: str
    places: tuple[Mapping[str, Place], ...]
    source: str = ""
    sample: str = ""

    @property
    def label(self) -> str:
        """The name of the operation that gives it."""
        return label_of(self.name)

    @property
    def kernel(self) -> tuple[int, ...]:
        """The shape as that of a convolution's kernel (out, in, h, w)."""
        return self.shape if len(self.shape) == 4 else (*self.shape, 1, 1)

    @property
    def integers(self) -> str:
        """The argument that holds the integers of a linear form."""
        return "quantized_data" if "quantized_data" in self.places[0] else "data"

    @property
    def palettes(self) -> tuple[int, int]:
        """How many palettes there are, each for a run of output channels, and how many entries each has."""
        place = self.places[0]["lut"]
        shape = place.type.static
        entries = shape[-2] if len(shape) > 1 else place.type.elements
        return place.type.elements // max(1, entries), entries

    @property
    def bits(self) -> int:
        """Of one number."""
        if self.form == "palette":
            return max(1, self.palettes[1]).bit_length() - 1
        return self.places[0][self.integers].type.bits if self.form == "linear" else 16

    @property
    def is_sound(self) -> bool:
        """Whether its places hold as many numbers as its shape needs, in formats that are known here."""
        size, is_kernel = math.prod(self.shape), len(self.shape) in (2, 4) and min(self.shape) > 0
        return all(self._is_sound(copy, size, is_kernel) for copy in self.places)

    def _is_sound(self, copy: Mapping[str, Place], size: int, is_kernel: bool) -> bool:
        if self.form == "dense":
            kind = copy["val"].type
            return kind.dtype == "float16" and size > 0 and kind.elements in range(size, _MOST_REPEATS * size + 1, size)
        if not is_kernel:
            return False
        out = self.kernel[0]
        if self.form == "palette":
            (groups, entries), kind = self.palettes, copy["indices"].type
            fits = entries == 2**self.bits and self.bits in (1, 2, 3, 4, 6, 8) and groups > 0 and out % groups == 0
            return fits and kind.bytes == -(-size * self.bits // 8) and copy["lut"].type.dtype == "float16"
        scales, data = copy["scale"].type, copy[self.integers].type
        fits = data.elements == size and data.dtype in ("int8", "int4") and scales.dtype == "float16"
        return (
            fits
            and scales.elements > 0
            and scales.elements % out == 0
            and self.kernel[1] % max(1, scales.elements // out) == 0
        )


def label_of(name: str) -> str:
    return name.replace(".", "_")


# Out of the program


def read_weights(package: Package, shapes: Mapping[str, tuple[int, ...]] | None = None) -> dict[str, StoredWeight]:
    """Returns the weights and biases of a package by their names in the checkpoint.

    `shapes` are the checkpoint's; without them names and shapes are told from the operations'.
    """
    names = None if shapes is None else {label_of(name): name for name in shapes}
    stored: dict[tuple[str, str], list[dict[str, Place]]] = {}
    for function in package.functions.values():
        for label, form, places in _weights_of(function):
            copies = stored.setdefault((label, form), [])
            if places not in copies:
                copies.append(places)
    shared, forms = _shared_places(stored), Counter(label for label, _ in stored)
    weights: dict[str, StoredWeight] = {}
    for (label, form), copies in stored.items():
        name = names.get(label) if names is not None else name_of(label)
        if name is None or forms[label] > 1:
            continue
        marked = tuple({key: replace(at, shared=_key(at) in shared) for key, at in copy.items()} for copy in copies)
        shape = shapes[name] if shapes is not None else _plain_shape(name, form, marked[0])
        weight = StoredWeight(name, shape, form, marked)
        if weight.is_sound:
            weights[name] = weight
    return weights


def _weights_of(function: Function) -> Iterator[tuple[str, str, dict[str, Place]]]:
    """Yields label, form and places of each constant operation that keeps numbers in halves, or decodes them."""
    constants = {op.name: op for op in function.operations if op.type == CONSTANT}
    for op in function.operations:
        if op.type not in FORMS or not op.name.endswith(("_weight", "_bias")):
            continue
        form, arguments = FORMS[op.type]
        places = {name: place for name in arguments if (place := _place(op, name, constants)) is not None}
        if len(places) == len(arguments) and op.outputs[0][1].dtype == "float16":
            yield op.name, form, places | _shape_of(op)


def _place(op: Operation, argument: str, constants: Mapping[str, Operation]) -> Place | None:
    bound = op.inputs[argument][0] if argument in op.inputs else None
    if isinstance(bound, str):
        bound = constants[bound].inputs["val"][0] if bound in constants else None
    if bound is None or isinstance(bound, str):
        return None
    return Place(bound.file, bound.offset, bound.type) if isinstance(bound, Stored) else Place("", None, bound.type)


def _shape_of(op: Operation) -> dict[str, Place]:
    """The shape that a packed form decodes to is its result's; it is kept as a place without numbers."""
    return {} if op.type == CONSTANT else {"result": Place("", None, op.outputs[0][1])}


def _key(place: Place) -> tuple[str, int | None]:
    return place.file, place.offset


def _shared_places(stored: Mapping[tuple[str, str], list[dict[str, Place]]]) -> set[tuple[str, int | None]]:
    """Returns the places at which the numbers of several labels lie."""
    users: dict[tuple[str, int | None], set[str]] = {}
    for (label, _), copies in stored.items():
        for place in (place for copy in copies for place in copy.values() if place.offset is not None):
            users.setdefault(_key(place), set()).add(label)
    return {key for key, labels in users.items() if len(labels) > 1}


_PARTS = (
    "down_blocks|up_blocks|mid_block|transformer_blocks|conv_in|conv_out|conv_norm_out|conv_shortcut|time_embedding|time_emb_proj|"
    "linear_1|linear_2|to_q|to_k|to_v|to_out|proj_in|proj_out|text_model|self_attn|q_proj|k_proj|v_proj|out_proj|layer_norm1|"
    "layer_norm2|final_layer_norm|token_embedding|position_embedding|[^_]+"
)


def name_of(label: str) -> str:
    """Returns the checkpoint's name of an operation's label: dots between the parts that Stable Diffusion's layers have."""
    return ".".join(re.findall(_PARTS, label))


def _plain_shape(name: str, form: str, places: Mapping[str, Place]) -> tuple[int, ...]:
    """Returns the checkpoint's shape of what a program keeps: without the axes of 1 that convolutions and norms need."""
    shape = places["val" if form == "dense" else "result"].type.static
    if len(shape) == 4 and shape[2:] == (1, 1) and shape[0] > 1:
        is_convolution = any(part in name for part in ("conv", "proj_in", "proj_out"))
        return shape if is_convolution else shape[:2]
    if name.endswith("position_embedding.weight"):
        return shape[-2:]
    return shape if len(shape) == 2 or (len(shape) == 4 and shape[0] > 1) else (math.prod(shape),)


# In the manifest


def record(weights: Mapping[str, StoredWeight]) -> dict[str, Any]:
    """Returns what the manifest holds of a component's weights."""
    tensors = {name: _entry(weight) for name, weight in weights.items()}
    return {"version": VERSION, "layout": LAYOUT, "tensors": tensors}


def _entry(weight: StoredWeight) -> dict[str, Any]:
    places = [{key: [at.file, at.offset, at.type.dtype, list(at.type.static), at.shared] for key, at in copy.items()}
              for copy in weight.places]  # fmt: skip
    known = {"source": weight.source, "sample": weight.sample}
    return {"shape": list(weight.shape), "form": weight.form, "places": places, **{k: v for k, v in known.items() if v}}


def recorded_weights(component: BundleComponent, name: str) -> dict[str, StoredWeight] | None:
    """Returns the record in a component's figures; None for a bundle from before it was kept, of a converter that is known.

    Raises ModelError for a record of another version, one that cannot be, and for unknown converters without one.
    """
    recorded = component.figures.get(KEY)
    if recorded is None:
        recipe = component.figures.get("recipe")
        converter = recipe.get("converter", CONVERTERS[0]) if isinstance(recipe, dict) else CONVERTERS[0]
        if converter not in CONVERTERS:
            raise ModelError(
                f"The bundle {name} was converted by a version of sdedge that is not known here (converter {converter!r:.20}); "
                "update sdedge, or convert the model again."
            )
        return None
    try:
        if (recorded["version"], recorded["layout"]) != (VERSION, LAYOUT):
            raise ModelError(
                f"The bundle {name} records its weights in a way that this version of sdedge does not know (version "
                f"{recorded['version']!r:.20}); update sdedge, or convert the model again."
            )
        return {key: _parse_entry(key, entry) for key, entry in recorded["tensors"].items()}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelError(
            f"The bundle {name} has a damaged record of its weights ({str(error)[:80]}); convert the model again."
        ) from error


def _parse_entry(name: str, entry: Mapping[str, Any]) -> StoredWeight:
    if entry["form"] not in {form for form, _ in FORMS.values()}:
        raise ValueError(f"{name[:60]!r} has no known form")
    places = tuple({key: _parse_place(at) for key, at in copy.items()} for copy in entry["places"])
    needed = [set(arguments) for form, arguments in FORMS.values() if form == entry["form"]]
    if not places or not all(any(arguments <= copy.keys() for arguments in needed) for copy in places):
        raise ValueError(f"{name[:60]!r} lacks a place")
    source, sample = entry.get("source", ""), entry.get("sample", "")
    if not isinstance(source, str) or not isinstance(sample, str):
        raise TypeError(f"{name[:60]!r} has no source")
    weight = StoredWeight(name, _parse_shape(entry["shape"]), entry["form"], places, source, sample)
    if not weight.is_sound:
        raise ValueError(f"{name[:60]!r} does not fit its place")
    return weight


def _parse_place(entry: Any) -> Place:
    file, offset, dtype, shape, shared = entry
    if not (isinstance(file, str) and (offset is None or is_count(offset, 2**48)) and dtype in _KINDS):
        raise ValueError(f"{entry!r:.60} is no place")
    if offset is not None and not file.startswith(MODEL_PATH):
        raise ValueError(f"{file[:60]!r} is outside of the package")
    return Place(file, offset, TensorType(dtype, _parse_shape(shape)), bool(shared))


_KINDS: Collection[str] = frozenset(DTYPES.values())


def _parse_shape(shape: Any) -> tuple[int, ...]:
    if not isinstance(shape, list) or len(shape) > 16 or not all(is_count(n, 2**31) for n in shape):
        raise ValueError(f"{shape!r:.60} is no shape")
    return tuple(shape)
