"""The safety checker from its folder, strictly: nothing missing, nothing left over, nothing made up."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn

from sdedge.errors import ModelError, Remedy
from sdedge.models.safety import SafetyChecker
from sdedge.models.unfilled import unfilled
from sdedge.weights.files import LazyTensor
from sdedge.weights.folders import open_component, read_config
from sdedge.weights.loading import load_into

_TOWER = re.compile(r"^(vision_model\.)+")


def open_checker(folder: Path) -> SafetyChecker:
    """Opens the checker of a model's folder `safety_checker/`, on the CPU in float32.

    Where the file holds float32 its pages are shared, so that 1.2 GB of weights cost no memory of their own. Raises
    ModelError for a folder that is incomplete, damaged or something else.
    """
    try:
        config, tensors = read_config(folder / "config.json"), open_component(folder, None).tensors
        with unfilled():
            checker = SafetyChecker(config)
        load_into(checker, _renamed(tensors, checker), torch.float32, ignore=("*position_ids",), mapped=True)
    except ModelError as error:
        raise ModelError(
            f"{str(error).rstrip('.')} (safety checker in {folder}; {Remedy.WITHOUT_CHECKER}).",
            remedy=Remedy.SAFETY_OFF,
        ) from None
    _count_positions(checker)
    return checker.eval()


def _renamed(tensors: Mapping[str, LazyTensor], checker: nn.Module) -> dict[str, LazyTensor]:
    """The published files nest the tower twice (`vision_model.vision_model.`); from 5.x on transformers does it once."""
    ours = {_TOWER.sub("", name): name for name in checker.state_dict()}
    return {ours.get(_TOWER.sub("", name), name): tensor for name, tensor in tensors.items()}


def _count_positions(checker: nn.Module) -> None:
    """Position numbers are no weights: on the meta device they were made without values."""
    for module in checker.modules():
        if (ids := module._buffers.get("position_ids")) is not None:
            module._buffers["position_ids"] = torch.arange(ids.shape[-1])[None]
