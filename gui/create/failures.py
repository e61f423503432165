"""What a person can do about each kind of failure. No Qt."""

from __future__ import annotations

from sdedge.request import Request

RETRY, SMALLER, SHOW_LOG, CHOOSE_FOLDER, SHOW_MODELS = "retry", "smaller", "show-log", "choose-folder", "show-models"

# By sdedge.events.Failed.kind.
REMEDIES: dict[str, tuple[str, ...]] = {
    "memory": (SMALLER, RETRY),
    "crash": (RETRY, SHOW_LOG),
    "hung": (RETRY, SHOW_LOG),
    "bug": (SHOW_LOG, RETRY),
    "output": (CHOOSE_FOLDER, RETRY),
    "database": (RETRY,),
    "model": (SHOW_MODELS, RETRY),
    "request": (),
    "other": (RETRY,),
}


def remedies(kind: str) -> tuple[str, ...]:
    """What helps, the likeliest first."""
    return REMEDIES.get(kind, (RETRY,))


def smaller(request: Request, side: int) -> tuple[int, int] | None:
    """The next smaller size in the same proportions, a quarter less on each side; None when it is small already.

    `side` is the model's own, for a request that leaves the size open.
    """
    width, height = request.width or side, request.height or side
    less = tuple(max(64, int(length * 0.75) // 8 * 8) for length in (width, height))
    return None if less == (width, height) else (less[0], less[1])
