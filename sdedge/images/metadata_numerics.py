"""What of other programs' numerics no preset here follows, listed as not honoured where a picture depends on it. No torch."""

from __future__ import annotations

from sdedge import catalog
from sdedge.images.metadata_fields import Draft
from sdedge.text.scheduling import is_scheduled

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
_LATER = (
    "What changes while drawing does so by evaluations there, the first time an evaluation later; here by steps, so that [a|b] "
    "draws a, b, a, b and not a, a, b, a."
)
_GOES_ON = (
    "In the second pass of hires fix the steps of a change go on counting from the first pass's there, since version 1.6, and "
    "its fractions from 1; here it comes at the same noise level in both."
)


def note_schedules(draft: Draft) -> None:
    """Lists the prompts of the web UI that change while a picture is drawn."""
    passes = draft.fields.get("passes", ())
    for name in ("prompt", "negative"):
        first = is_scheduled(draft.fields.get(name, ""))
        if first:
            draft.leave_out(name, "", _LATER, note=False)
        if any(is_scheduled(each.changes.get(name, "")) or (first and name not in each.changes) for each in passes):
            draft.leave_out(name, "", _GOES_ON, note=False)


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
