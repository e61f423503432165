"""What of other programs' numerics no preset here follows, listed as not honoured where a picture depends on it. No torch."""

from __future__ import annotations

from sdedge import catalog
from sdedge.images.metadata_fields import Draft

_ROUNDED = (
    "It tells the network the nearest whole timestep of each noise level, where the timestep is a fraction here, so that the "
    "picture differs a little."
)
_STEP_NOISE = {
    "ComfyUI": "The noise of its steps comes from a generator of its own, on the device that drew the picture.",
    "Civitai": "The noise of its steps comes from a generator of its own, on the device that drew the picture.",
    "Fooocus": "The noise of its steps comes from a generator of its own, on the device that drew the picture.",
    "SwarmUI": "The noise of its steps comes from a generator of its own, on the device that drew the picture.",
    "InvokeAI": "The noise of its steps comes from a generator of its own, whose seed is the picture's with every bit turned.",
}
_LEFT_OUT = "With this sampler it takes the noise levels of one step more, and leaves out the one before the last."
_LEAVES_OUT = ("dpm2", "dpm2_a", "unipc")
_ROUNDS = ("ComfyUI", "Civitai", "Fooocus", "SwarmUI")


def note_numerics(draft: Draft) -> None:
    """Lists what the draft's program does otherwise; `put_preset` has chosen the numerics that come nearest."""
    sampler = catalog.SAMPLERS.get(str(draft.fields.get("sampler")))
    if draft.source in _ROUNDS and sampler is not None:
        draft.leave_out("timesteps", draft.source, _ROUNDED, note=False)
    if draft.source in _ROUNDS and sampler is not None and sampler.name in _LEAVES_OUT:
        draft.leave_out("sigmas", sampler.name, _LEFT_OUT, note=False)
    if draft.source in _STEP_NOISE and sampler is not None and sampler.stochastic:
        draft.leave_out("step noise", draft.source, _STEP_NOISE[draft.source], note=False)


def unipc_options(name: object, steps: int) -> dict[str, int | str]:
    """Returns the options of UniPC as ComfyUI names it, for so many steps; none for another sampler."""
    variant = {"uni_pc": "bh1", "uni_pc_bh2": "bh2"}.get(str(name))
    return {} if variant is None else {"order": max(1, min(3, steps - 1)), "variant": variant}
