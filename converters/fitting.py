"""Whether packages that are in a folder already belong with those that a conversion makes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from converters.recipe import PackageRecipe
from sdedge.library.bundle_controls import CONTROLNET
from sdedge.library.manifest import BundleComponent

_SAID = {"converter": "version of the converter", "source": "model", "loras": "LoRAs"}


def differing(name: str, part: BundleComponent, source: Mapping[str, Any], recipe: PackageRecipe) -> list[str]:
    """Returns what a component was made with that a conversion of this source and recipe has otherwise, by the names of choices;
    nothing of one that belongs.

    Parts work together whatever their compression and attention. A plain UNet works with any batch beside it, whereas the
    controlled one takes what ControlNets of its own batch give. Whole UNets and chunks fit, and which file a ControlNet came from
    is its own affair.
    """
    made, wanted = part.figures.get("recipe"), recipe.of(name, source)
    passed = {"attention", "chunk", "compress", "control", *(["batch"] if name.startswith("unet") else [])}
    made = made if isinstance(made, dict) else {}
    return [key for key in wanted if key not in passed and made.get(key) != wanted[key]]


def in_words(name: str, choices: list[str]) -> str:
    """Returns what differs in a component, such as "vae decoder (sizes, target)"."""
    called = name.removeprefix(CONTROLNET) if name.startswith(CONTROLNET) else name.replace("_", " ")
    return f"{called} ({', '.join(_SAID.get(choice, choice) for choice in choices)})"
