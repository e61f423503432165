"""LoRA files: opened, applied to networks and taken off again, or baked into a checkpoint.

    lora = open_lora("style.safetensors")
    with apply({"unet": unet, "text_encoder": text_encoder}, [(lora, 1.0, 0.8)]):
        ...  # the networks carry the LoRA; behind the block they hold the very same base tensors again

All forms are turned into a change of the weight itself, so a network with LoRAs is exactly as fast as one without.
A weight w moves w of the way from the base to the adapted network: `W + w * delta`; several LoRAs add their deltas,
each computed from the base. (For DoRA that is A1111's and ComfyUI's reading; 0 is the base, 1 the trained network.)
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sdedge.errors import InvalidRequest, ModelError
from sdedge.weights.files import LazyTensor, TensorSource, open_tensors
from sdedge.weights.loading import is_finite
from sdedge.weights.lora_blocks import factors
from sdedge.weights.lora_config import add_alphas
from sdedge.weights.lora_deltas import MODIFIERS, SCALARS, Patch, effective
from sdedge.weights.lora_keys import TEXT, UNET, LoraKey, modules_by_stem, name_family, parse_key

_BUNDLED = ("bundle_emb.", ".string_to_param.*")


@dataclass(frozen=True)
class Lora:
    """An opened LoRA; its tensors are still in the file.

    `patches` maps a network ('unet', 'text_encoder') to stems as the file spells them. `embeddings` are the textual
    inversions bundled with it, by name (`textual_inversion.bundled` reads them). `metadata` is the trainer's. `unused` are
    names in the file that mean nothing known here, `notes` what else is to be said, `blocks` the factors of 26 blocks or
    None.
    """

    name: str
    path: Path
    patches: Mapping[str, Mapping[str, Patch]]
    embeddings: Mapping[str, LazyTensor]
    metadata: Mapping[str, str]
    unused: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    blocks: tuple[float, ...] | None = None

    def weighted(self, blocks: tuple[float, ...] | None) -> Lora:
        """Returns this LoRA with a factor for each of the 26 blocks (`text.tags.BLOCKS`); None is 1 for all."""
        return replace(self, blocks=blocks)

    @property
    def targets(self) -> tuple[str, ...]:
        return tuple(part for part, patches in self.patches.items() if patches)

    @property
    def forms(self) -> tuple[str, ...]:
        """The forms in the file, e.g. ('LoRA',) or ('LoHa', 'norm')."""
        return tuple(sorted({patch.form for patches in self.patches.values() for patch in patches.values()}))

    def bind(self, part: str, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Patch]:
        """Returns patches by the module they change, for a network whose tensors (diffusers names) have these shapes.

        Modules that the network lacks are left out; `fit` tells of them. Raises ModelError when a patch does not fit.
        """
        modules = modules_by_stem(part, shapes)
        patches = self.patches.get(part, {})
        bound: dict[str, Patch] = {}
        for stem, patch in patches.items():
            module = modules.get(stem)
            if module is None:
                continue
            if module in bound:
                raise ModelError(
                    f"The LoRA {self.name} names the module {module} twice; it is a bad merge, get it again."
                )
            try:
                patch.check(shapes.get(f"{module}.weight"), shapes.get(f"{module}.bias"))
            except ModelError as error:
                raise ModelError(f"The LoRA {self.name} cannot be used: {error}") from None
            bound[module] = patch
        return bound


LoraWeights = Sequence[tuple[Lora, float, float]]
"""(LoRA, text encoder weight, UNet weight): the order of A1111's `<lora:name:te:unet>`."""


def open_lora(path: str | Path) -> Lora:
    """Opens a LoRA file of any form and naming (safetensors or pickle). Only its scalars are read.

    Names that mean nothing known here are kept as `Lora.unused`. A module of rank 0, and an alpha left alone, change
    nothing. Raises ModelError for a LoRA of another model family, and for a file without any weights known here.
    """
    path = Path(path)
    source = open_tensors(path)
    family = name_family(source, source.metadata)
    if family:
        raise ModelError(f"{path.name} is a LoRA for {family}; this is Stable Diffusion v1, choose a LoRA made for it.")
    patches: dict[str, dict[str, dict[str, LazyTensor | float]]] = {UNET: {}, TEXT: {}}
    embeddings: dict[str, LazyTensor] = {}
    unmatched = []
    for name, tensor in source.items():
        key = parse_key(name)
        if tensor.numel > tensor.file.size:
            claim = f"{path.name} claims {tensor.numel} numbers for {name[:80]!r}"
            raise ModelError(f"{claim}, more than it has bytes; get it again.")
        if name.startswith(_BUNDLED[0]) and name.endswith(_BUNDLED[1]):
            embeddings[name.removeprefix(_BUNDLED[0]).removesuffix(_BUNDLED[1])] = tensor
        elif key is None:
            unmatched.append(name)
        else:
            _add(patches[key.part].setdefault(key.stem, {}), key, tensor, path.name)
    if not any(patches.values()):
        _refuse(path, source, unmatched)
    notes = add_alphas(patches, source)
    effective_patches: dict[str, dict[str, Patch]] = {}
    for part, stems in patches.items():
        changes = {stem: effective(pieces) for stem, pieces in stems.items()}
        unmatched += [f"{stem}.{name}" for stem, pieces in stems.items() if not changes[stem] for name in _lone(pieces)]
        effective_patches[part] = {stem: Patch(stem, pieces) for stem, pieces in changes.items() if pieces}
    if not any(effective_patches.values()) and all(
        set(pieces) <= set(SCALARS) for stems in patches.values() for pieces in stems.values()
    ):
        _refuse(path, source, list(source))
    return Lora(path.stem, path, effective_patches, embeddings, source.metadata, tuple(unmatched), notes)


def _lone(pieces: Mapping[str, LazyTensor | float]) -> list[str]:
    """Returns pieces that say how to change a weight and stand without the change; an alpha alone is nothing to tell of."""
    return [name for name in pieces if name in MODIFIERS] if set(pieces) <= {*MODIFIERS, *SCALARS} else []


def _add(pieces: dict[str, LazyTensor | float], key: LoraKey, tensor: LazyTensor, file: str) -> None:
    if key.piece in pieces:
        raise ModelError(f"{file} holds {key.piece} of {key.stem} in two spellings; it is a bad merge, get it again.")
    if key.piece not in SCALARS:
        pieces[key.piece] = tensor
        return
    if tensor.numel != 1:
        raise ModelError(
            f"{file} has {tensor.name} of the shape {list(tensor.shape)} where one number belongs; get it again."
        )
    value = float(tensor.copy(torch.float32))
    if not math.isfinite(value):
        raise ModelError(f"{file} has {tensor.name} = {value}; the file is damaged, get it again.")
    pieces[key.piece] = value


def _refuse(path: Path, source: TensorSource, unmatched: list[str]) -> None:
    if len(unmatched) == len(source):
        first = f" (its first tensor is {unmatched[0]!r})" if unmatched else ""
        raise ModelError(f"{path.name} holds no LoRA weights known here{first}; choose a LoRA for Stable Diffusion v1.")
    if not unmatched:
        raise ModelError(f"{path.name} holds textual inversions and no LoRA weights; use it as an embedding.")
    raise ModelError(f"{path.name} holds no LoRA weights known here; choose a LoRA for Stable Diffusion v1.")


def fit(loras: Sequence[Lora], names: Mapping[str, Collection[str]]) -> tuple[str, ...]:
    """Returns what to say of LoRAs on networks ('unet', 'text_encoder') with tensors of these names: notes, and what is not used.

    Raises ModelError for a LoRA that changes no module of them, where all networks that it was made for are given.
    """
    notes: list[str] = []
    for lora in loras:
        unmatched, count = list(lora.unused), 0
        for part in lora.targets:
            modules = modules_by_stem(part, names[part]) if part in names else lora.patches[part]
            missing = [stem for stem in lora.patches[part] if stem not in modules]
            unmatched += missing
            count += len(lora.patches[part]) - len(missing)
        if not count and lora.targets:
            raise ModelError(
                f"The LoRA {lora.name} changes {len(unmatched)} modules that this model lacks (first {unmatched[0][:80]}); it "
                "was made for another kind of model, choose one for Stable Diffusion v1."
            )
        notes += lora.notes
        if unmatched:
            has = f"{len(unmatched)} names that match nothing in this model (first {unmatched[0][:80]})"
            notes.append(f"The LoRA {lora.name} has {has}; they are not used, the rest is.")
    return tuple(dict.fromkeys(notes))


Change = tuple[Patch, float]


def _plan(
    part: str, shapes: Mapping[str, tuple[int, ...]], loras: LoraWeights
) -> tuple[dict[str, list[Change]], dict[str, list[Change]]]:
    """Returns changes by tensor name: of weights, and of biases."""
    weights: dict[str, list[Change]] = {}
    biases: dict[str, list[Change]] = {}
    for lora, text_weight, unet_weight in loras:
        weight = {TEXT: text_weight, UNET: unet_weight}[part]
        if not math.isfinite(weight):
            raise InvalidRequest(f"The weight of the LoRA {lora.name} is {weight}; use a number such as 0.8.")
        if weight == 0 or part not in lora.targets:
            continue
        by_module = factors(part, shapes, lora.blocks) if lora.blocks else {}
        for module, patch in lora.bind(part, shapes).items():
            w = weight * by_module.get(module, 1.0)
            if patch.changes_weight and w:
                weights.setdefault(f"{module}.weight", []).append((patch, w))
            if patch.changes_bias and w:
                biases.setdefault(f"{module}.bias", []).append((patch, w))
    return weights, biases


def _changed(name: str, base: Tensor, changes: Sequence[Change], bias: bool, is_own: bool = False) -> Tensor:
    """Returns `base` plus the weighted deltas, summed in float32, in base's dtype and on its device.

    A base that is the caller's own memory may be written to. Nothing here asks for gradients: parameters come detached.
    """
    # Metal lacks some of the linear algebra, and its memory is the CPU's anyway.
    origin = base.cpu() if base.device.type == "mps" else base
    origin = origin.to(torch.float32)
    is_own = (is_own or origin is not base) and not any(patch.reads_weight for patch, _ in changes)
    total = origin if is_own and not bias else origin.clone()
    dtype, device, was_finite = base.dtype, base.device, True
    if is_own:  # memory goes as soon as it can: the largest kernel is 118 MB in float32
        was_finite = _all_finite(base)
        del base, origin
        origin = total
    for patch, weight in changes:
        if bias:
            total.add_(patch.bias_delta(origin), alpha=weight)
        else:
            patch.add_to(total, origin, weight)
    result = total.to(device=device, dtype=dtype)
    del total
    if not _all_finite(result) and (was_finite if is_own else _all_finite(base)):
        raise ModelError(
            f"The LoRAs make {name} infinite or NaN in {str(dtype).removeprefix('torch.')}; "
            "a LoRA file is damaged or its weight too large."
        )
    return result


def _all_finite(x: Tensor) -> bool:
    """Returns whether no number is infinite or NaN; on a CPU in one pass without memory of its own."""
    return is_finite(x) if x.device.type == "cpu" else bool(x.isfinite().all())


@dataclass(frozen=True)
class _Replaced:
    owner: nn.Module
    attribute: str
    base: nn.Parameter
    placed: nn.Parameter


class Applied:
    """LoRAs on networks. `remove()`, or leaving the `with` block, puts back the same base parameters.

    Take them off in the reverse order of applying, and before moving a network to another device or dtype.
    """

    def __init__(self, replaced: Sequence[_Replaced]) -> None:
        self._replaced = tuple(replaced)

    def __enter__(self) -> Applied:
        return self

    def __exit__(self, *exception: object) -> None:
        self.remove()

    def remove(self) -> None:
        """Puts the base parameters back, once. Raises RuntimeError when something else has replaced them since."""
        for r in self._replaced:
            if getattr(r.owner, r.attribute) is not r.placed:
                raise RuntimeError(
                    f"{r.attribute} of {type(r.owner).__name__} was replaced after the LoRAs were applied"
                )
        for r in self._replaced:
            setattr(r.owner, r.attribute, r.base)
        self._replaced = ()


def apply(modules: Mapping[str, nn.Module], loras: LoraWeights) -> Applied:
    """Puts LoRAs on networks: {'unet': ..., 'text_encoder': ...}, either may be absent; a weight of 0 leaves one alone.

    Base parameters are replaced, never written to (they may view a file's map). Nothing is changed when any LoRA
    does not fit: ModelError. Needs memory for a second copy of the weights that change, until removed.
    """
    replaced = []
    fit(
        [lora for lora, _, _ in loras],
        {part: [name for name, _ in net.named_parameters()] for part, net in modules.items()},
    )
    for part, network in modules.items():
        parameters = dict(network.named_parameters(remove_duplicate=False))
        plans = _plan(part, {name: tuple(p.shape) for name, p in parameters.items()}, loras)
        for bias, plan in enumerate(plans):
            for name, changes in plan.items():
                owner, _, attribute = name.rpartition(".")
                base = parameters[name]
                value = _changed(f"{part} {name}", base.detach(), changes, bool(bias))
                placed = nn.Parameter(value, requires_grad=False)
                replaced.append(_Replaced(network.get_submodule(owner), attribute, base, placed))
    for r in replaced:
        setattr(r.owner, r.attribute, r.placed)
    return Applied(replaced)


@dataclass(frozen=True)
class MergedTensor:
    """A checkpoint's tensor with LoRAs baked in when it is read; answers what LazyTensor answers."""

    base: LazyTensor
    changes: tuple[Change, ...]
    bias: bool

    @property
    def name(self) -> str:
        return self.base.name

    @property
    def shape(self) -> tuple[int, ...]:
        return self.base.shape

    @property
    def dtype(self) -> torch.dtype:
        return self.base.dtype

    @property
    def dtype_name(self) -> str:
        return self.base.dtype_name

    @property
    def numel(self) -> int:
        return self.base.numel

    @property
    def nbytes(self) -> int:
        return self.base.nbytes

    def read(self) -> Tensor:
        return _changed(self.name, self.base.copy(), self.changes, self.bias, is_own=True)

    def copy(self, dtype: torch.dtype | None = None, device: str | torch.device = "cpu") -> Tensor:
        return self.read().to(device, dtype or self.dtype)

    def release(self) -> None:
        """Nothing is mapped."""


def merge(components: Mapping[str, Mapping[str, LazyTensor]], loras: LoraWeights) -> dict[str, dict[str, Any]]:
    """Returns `Checkpoint.components` with LoRAs baked in, lazily: tensors that change are MergedTensor, others as they were.

    Reading every tensor in turn needs the memory of the largest one. Raises ModelError when a LoRA does not fit.
    """
    merged: dict[str, dict[str, Any]] = {part: dict(tensors) for part, tensors in components.items()}
    fit([lora for lora, _, _ in loras], {part: tensors for part, tensors in components.items() if tensors})
    for part in (UNET, TEXT):
        tensors = components.get(part, {})
        plans = _plan(part, {name: tensor.shape for name, tensor in tensors.items()}, loras) if tensors else ()
        for bias, plan in enumerate(plans):
            for name, changes in plan.items():
                merged[part][name] = MergedTensor(tensors[name], tuple(changes), bool(bias))
    return merged
