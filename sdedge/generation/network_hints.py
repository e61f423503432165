"""Hints that a network of the user's makes of a photograph: of depth and of poses, each made once and remembered."""

from __future__ import annotations

from collections import OrderedDict
from hashlib import sha256
from pathlib import Path

import numpy as np

from sdedge.generation.depth import depth
from sdedge.generation.pose import pose
from sdedge.library.hint_networks import find_hint_network, installed_person_detector
from sdedge.weights.hint_network import HintNetwork

REMEMBERED = 4
_made: OrderedDict[tuple[str, ...], np.ndarray] = OrderedDict()


def network_hint(pixels: np.ndarray, name: str, folder: Path | None = None) -> np.ndarray:
    """Returns the hint, uint8 (H, W, 3), that the preprocessor "depth" or "pose" makes of a photograph of that shape.

    `folder` is that of the network; None is the one that is installed. A hint is read when a request is checked and again when it
    is drawn, so that the last few are remembered. Raises ModelError where there is no network.
    """
    kind = HintNetwork.DEPTH if name == "depth" else HintNetwork.POSE
    place = folder or find_hint_network(kind)
    detector = installed_person_detector() if kind is HintNetwork.POSE else None
    changed = [str((each / "config.json").stat().st_mtime_ns) for each in (place, detector) if each is not None]
    key = name, str(place), str(detector), *changed, str(pixels.shape), sha256(pixels.tobytes()).hexdigest()
    if key not in _made:
        _made[key] = depth(pixels, place) if kind is HintNetwork.DEPTH else pose(pixels, place, detector)
        while len(_made) > REMEMBERED:
            _made.popitem(last=False)
    return _made[key]
