"""Networks of transformers that make hints of photographs, told from a folder's config.json. No weights are read, no torch."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from sdedge.errors import ModelError
from sdedge.weights.files import LazyTensor
from sdedge.weights.folders import open_component, read_config


class HintNetwork(StrEnum):
    """What a network finds in a photograph; also its kind among the installed control models."""

    DEPTH = "depth-network"
    POSE = "pose-network"
    PERSONS = "person-detector"


_ENDINGS = {"ForDepthEstimation": HintNetwork.DEPTH, "ForPoseEstimation": HintNetwork.POSE}
_DETECTORS = ("RTDetrForObjectDetection", "RTDetrV2ForObjectDetection")


def hint_network_kind(folder: Path) -> HintNetwork | None:
    """Returns what the network of a folder finds; None for a folder of anything else. Raises ModelError for a damaged config."""
    config = folder / "config.json"
    if not config.is_file():
        return None
    classes = read_config(config, folder).get("architectures")
    names = [name for name in classes if isinstance(name, str)] if isinstance(classes, list) else []
    if any(name in _DETECTORS for name in names):
        return HintNetwork.PERSONS
    return next((kind for name in names for ending, kind in _ENDINGS.items() if name.endswith(ending)), None)


def open_hint_network(folder: Path) -> dict[str, LazyTensor]:
    """Returns the tensors of such a folder. Raises ModelError where there are none that can be read safely."""
    tensors = open_component(folder, None, folder).tensors
    if any(not str(tensor.file.path).endswith(".safetensors") for tensor in tensors.values()):
        raise ModelError(
            f"{folder} holds pickled weights, which transformers would execute; get its model.safetensors."
        )
    return dict(tensors)
