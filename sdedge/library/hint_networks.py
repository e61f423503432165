"""Networks that make hints of photographs, where they may be on this machine. No torch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from sdedge.errors import MissingModel, ModelError, Remedy
from sdedge.library.control_models import ROLE
from sdedge.library.models import Library
from sdedge.weights.folders import locate
from sdedge.weights.hint_network import HintNetwork, hint_network_kind

PUBLISHED = {
    HintNetwork.DEPTH: "depth-anything/Depth-Anything-V2-Small-hf",
    HintNetwork.POSE: "usyd-community/vitpose-base-simple",
    HintNetwork.PERSONS: "PekingU/rtdetr_r18vd_coco_o365",
}
"""The repository of the Hugging Face Hub that suits each."""
_CACHED = {
    HintNetwork.DEPTH: (PUBLISHED[HintNetwork.DEPTH], "depth-anything/Depth-Anything-V2-Base-hf", "Intel/dpt-large"),
    HintNetwork.POSE: (PUBLISHED[HintNetwork.POSE], "usyd-community/vitpose-plus-base"),
    HintNetwork.PERSONS: (PUBLISHED[HintNetwork.PERSONS], "PekingU/rtdetr_r50vd_coco_o365"),
}
_NAMES = {HintNetwork.DEPTH: "depth network", HintNetwork.POSE: "pose network", HintNetwork.PERSONS: "person detector"}


def find_hint_network(kind: HintNetwork, field: str = "controls") -> Path:
    """Returns the folder of a network that finds `kind`: an installed one, or one in the Hugging Face cache. No weights are read.

    Raises ModelError, naming what to get, where there is none.
    """
    place = next(_places(kind), None)
    if place is None:
        name = _NAMES[kind]
        raise MissingModel(
            f"There is no {name} here; get one that transformers knows, such as {PUBLISHED[kind]} from "
            f"https://huggingface.co/{PUBLISHED[kind]} (config.json, preprocessor_config.json and model.safetensors), and "
            f"{Remedy.ADD_IMAGE_ENCODER}.",
            field=field,
            remedy=Remedy.ADD_IMAGE_ENCODER,
        )
    return place


def installed_person_detector() -> Path | None:
    """Returns the folder of the network that finds persons, None where there is none: then a picture counts as one person's."""
    return next(_places(HintNetwork.PERSONS), None)


def named_hint_network(folder: str, kind: HintNetwork) -> Path:
    """Returns a folder that a person typed. Raises ModelError where it holds no network of the kind."""
    name = _NAMES[kind]
    with suppress(ModelError):
        place = locate(folder)
        if hint_network_kind(place) is kind:
            return place
    raise MissingModel(
        f"There is no {name} at {folder} (no config.json of one); name the folder of one, such as "
        f"{PUBLISHED[kind].partition('/')[2]}."
    )


def _places(kind: HintNetwork) -> Iterator[Path]:
    """Yields the folders of networks of a kind, in the order in which they count."""
    library = Library()
    try:
        for model in library.models():
            if model.role == ROLE and model.kind == kind:
                yield library.locate(model.name)
    finally:
        library.close()
    for repository in _CACHED[kind]:
        with suppress(ModelError):  # it is not in the cache, or is damaged
            place = locate(repository)
            if hint_network_kind(place) is kind:
                yield place
