"""Merge of whole checkpoints: a weighted sum of two, or one plus the difference of two others, tensor by tensor.

Nothing is read until a tensor is written, and then that tensor of each model alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sdedge.errors import ModelError
from sdedge.weights.checkpoint import Checkpoint
from sdedge.weights.files import LazyTensor
from sdedge.weights.header_metadata import METADATA

if TYPE_CHECKING:
    import torch

CONV_IN = "conv_in.weight"
"""Whose channels an inpainting or InstructPix2Pix model has more of: those stay its own."""


class Part(StrEnum):
    """Whose VAE or text encoder a merge has."""

    FIRST = "first"
    SECOND = "second"
    MERGED = "merged"


@dataclass(frozen=True)
class MixedTensor:
    """A sum of tensors, each times its factor, that is made in float32 when it is asked for and kept in the first one's dtype.

    Some may have fewer input channels than others: what not all have stays as it is in the first.
    """

    name: str
    tensors: tuple[LazyTensor, ...]
    factors: tuple[float, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        return self.tensors[0].shape

    @property
    def dtype_name(self) -> str:
        return self.tensors[0].dtype_name

    @property
    def dtype(self) -> torch.dtype:
        return self.tensors[0].dtype

    @property
    def nbytes(self) -> int:
        return self.tensors[0].nbytes

    def copy(self, dtype: torch.dtype | None = None, device: str | torch.device = "cpu") -> torch.Tensor:
        """Returns the sum in memory of its own: at most twice its size in float32 is there besides."""
        import torch

        first, *others = self.tensors
        total = first.copy(torch.float32)
        common = total if total.ndim != 4 else total[:, : min(tensor.shape[1] for tensor in self.tensors)]
        common.mul_(self.factors[0])
        for tensor, factor in zip(others, self.factors[1:], strict=True):
            more = tensor.copy(torch.float32)
            common.add_(more if total.ndim != 4 else more[:, : common.shape[1]], alpha=factor)
        return total.to(device, dtype or self.dtype)

    def reshaped(self, shape: tuple[int, ...]) -> MixedTensor:
        """Returns the same sum under another shape with the same count."""
        return replace(self, tensors=tuple(tensor.reshaped(shape) for tensor in self.tensors))


@dataclass(frozen=True)
class MergeRecipe:
    """How checkpoints become one: first (1 - weight) + second weight, or first + (second - third) weight.

    vae, text_encoder  whose they are
    """

    weight: float = 0.5
    is_difference: bool = False
    vae: Part = Part.FIRST
    text_encoder: Part = Part.MERGED

    @property
    def factors(self) -> tuple[float, ...]:
        """Of first, second and, for a difference, third."""
        return (1.0, self.weight, -self.weight) if self.is_difference else (1 - self.weight, self.weight)


def merge_checkpoints(checkpoints: Sequence[Checkpoint], recipe: MergeRecipe) -> Checkpoint:
    """Returns the merge of two checkpoints, or of three by their difference, as the first with other lazy tensors.

    Raises ModelError for checkpoints of unequal architectures, of other predictions, or of other vocabularies.
    """
    first, *others = checkpoints
    for each in others:
        _check_alike(first, each, recipe)
    return replace(
        first,
        unet=_mixed("unet", checkpoints, recipe),
        vae=_part("vae", checkpoints, recipe, recipe.vae),
        text_encoder=_part("text_encoder", checkpoints, recipe, recipe.text_encoder),
        configs={**first.configs, **({"vae": others[0].configs["vae"]} if recipe.vae is Part.SECOND else {})},
    )


def _part(component: str, checkpoints: Sequence[Checkpoint], recipe: MergeRecipe, part: Part) -> dict[str, Any]:
    if part is Part.MERGED:
        return _mixed(component, checkpoints, recipe)
    return dict(checkpoints[0 if part is Part.FIRST else 1].components[component])


def _mixed(component: str, checkpoints: Sequence[Checkpoint], recipe: MergeRecipe) -> dict[str, Any]:
    parts = [checkpoint.components[component] for checkpoint in checkpoints]
    return {name: MixedTensor(name, tuple(part[name] for part in parts), recipe.factors) for name in parts[0]}


def _check_alike(first: Checkpoint, second: Checkpoint, recipe: MergeRecipe) -> None:
    names = f"{first.path.name} and {second.path.name}"
    if first.prediction_type != second.prediction_type:
        raise ModelError(
            f"{names} cannot be merged: one predicts {first.prediction_type} and the other {second.prediction_type}; choose "
            "models of one prediction."
        )
    if first.tokenizer_texts and second.tokenizer_texts and dict(first.tokenizer_texts) != dict(second.tokenizer_texts):
        raise ModelError(f"{names} cannot be merged: their vocabularies differ; choose models of one vocabulary.")
    merged = {"unet": True, "vae": recipe.vae is Part.MERGED, "text_encoder": recipe.text_encoder is Part.MERGED}
    for component in (component for component, is_merged in merged.items() if is_merged):
        ours, theirs = first.components[component], second.components[component]
        if fault := _difference(component, ours, theirs):
            raise ModelError(f"{names} cannot be merged: {fault}; choose models of one architecture.")
    if first.components["text_encoder"].keys() != second.components["text_encoder"].keys():
        raise ModelError(
            f"{names} cannot be merged: their text encoders are unequal; choose models of one architecture."
        )


def _difference(component: str, ours: Mapping[str, LazyTensor], theirs: Mapping[str, LazyTensor]) -> str:
    """Returns how the weights of a component are unequal, "" where they are not."""
    if missing := sorted(ours.keys() ^ theirs.keys()):
        return f"only one has the weight {missing[0]} in its {component}"
    for name, tensor in ours.items():
        shape, theirs_shape = tuple(tensor.shape), tuple(theirs[name].shape)
        if shape == theirs_shape:
            continue
        if name == CONV_IN and shape[0] == theirs_shape[0] and shape[2:] == theirs_shape[2:]:
            if shape[1] > theirs_shape[1] == 4:
                continue  # an inpainting model, to whose latents the other's are added
            return f"the UNets read {shape[1]} and {theirs_shape[1]} channels, and the one that reads more has to come first"
        return f"their {component}'s {name} is {list(shape)} in one and {list(theirs_shape)} in the other"
    return ""


def merge_metadata(recipe: MergeRecipe, models: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Returns the header's entries that say what a merge was made of: name and SHA-256 of each model, in the recipe's order.

    The A1111 web UI's own entry is among them, so that it shows them too.
    """
    method = "Add difference" if recipe.is_difference else "Weighted sum"
    ranks = ("primary", "secondary", "tertiary")
    web = {"type": "webui", "interp_method": method, "multiplier": recipe.weight}
    for rank, (name, digest) in zip(ranks, models):
        web |= {f"{rank}_model_name": name, f"{rank}_model_hash": digest}
    own = {
        "method": method, "weight": recipe.weight, "vae": recipe.vae, "text_encoder": recipe.text_encoder,
        "models": [{"name": name, "sha256": digest} for name, digest in models],
    }  # fmt: skip
    return {METADATA + "merge": json.dumps(own), "sd_merge_recipe": json.dumps(web)}
