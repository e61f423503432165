"""What the metadata in a safetensors header says of the model, besides its tensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sdedge.errors import ModelError
from sdedge.json_values import read_json
from sdedge.weights.files import TensorSource
from sdedge.weights.headers import MAX_HEADER

METADATA = "sdedge."  # prefix of what our own exports keep in a safetensors header


def says_v(metadata: Mapping[str, str]) -> bool:
    """Returns whether the header says that the UNet predicts v, in the words of the Model Spec or of kohya's scripts."""
    types = [metadata.get(f"modelspec.{key}", "") for key in ("predict_key", "prediction_type")]
    return "v" in types or "v_prediction" in types or metadata.get("ss_v_parameterization", "").lower() == "true"


def embedded(source: TensorSource, what: str) -> dict[str, Any]:
    """Returns what our own export put in the header: configurations (head counts leave no trace in shapes), vocabulary."""
    try:
        value = read_json(source.metadata.get(METADATA + what, "{}"), f"The {what} in the header", MAX_HEADER)
    except ModelError:
        return {}
    return value if isinstance(value, dict) else {}
