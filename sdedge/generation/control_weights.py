"""How much a control counts: by layer, by branch of guidance and by step, as A1111 and diffusers have it."""

from __future__ import annotations

from sdedge.catalog import Preset
from sdedge.controls import Control, ControlMode
from sdedge.weights.control import ControlKind

DECAY = 0.825
"""Of a ControlNet's layers from the middle outwards, in the modes that are not balanced (Zhang's guess mode, A1111)."""
ADAPTER_WEIGHTS = (0.25, 0.62, 0.825, 1.0)
"""Of a T2I-Adapter's levels in these modes (A1111)."""


def layer_weights(
    control: Control, kind: ControlKind, preset: Preset, places: int, is_pooled: bool
) -> tuple[float, ...]:
    """Returns the weight of each of the places that a control's residuals or features enter at, outermost first."""
    if control.mode is ControlMode.BALANCED:
        factors = (1.0,) * places
    elif kind is ControlKind.T2I_ADAPTER:
        factors = ADAPTER_WEIGHTS if places == len(ADAPTER_WEIGHTS) else (1.0,) * places
    elif preset is Preset.DIFFUSERS and control.mode is ControlMode.CONTROL:
        # diffusers' guess mode; it leaves pooled residuals as they are
        factors = tuple(1.0 if is_pooled else 10 ** (i / (places - 1) - 1) for i in range(places))
    else:
        factors = tuple(DECAY ** (places - 1 - i) for i in range(places))
    return tuple(control.weight * factor for factor in factors)


def is_conditional_only(control: Control, is_pooled: bool) -> bool:
    """Returns whether a control acts under the prompt and not under the negative one."""
    return is_pooled or control.mode is ControlMode.CONTROL


def acts(control: Control, step: int, steps: int, preset: Preset) -> bool:
    """Returns whether a control acts at one of the steps: A1111 asks where a step begins, diffusers also where it ends."""
    start, end = control.span
    if preset is Preset.A1111:
        return start <= step / steps <= end
    return step / steps >= start and (step + 1) / steps <= end
