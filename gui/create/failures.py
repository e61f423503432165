"""What a person can do about each kind of failure. No Qt."""

from __future__ import annotations

from sdedge.errors import Remedy
from sdedge.request import Request

RETRY, SMALLER, SHOW_LOG, CHOOSE_FOLDER, SHOW_MODELS = "retry", "smaller", "show-log", "choose-folder", "show-models"
CHECKER_OFF = "checker-off"

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

# By the name of the sdedge.errors.Remedy that the message speaks of: what the window can do itself.
BY_REMEDY = {
    Remedy.SAFETY_OFF.name: CHECKER_OFF,
    Remedy.WITHOUT_CHECKER.name: CHECKER_OFF,
    Remedy.SEE_MODELS.name: SHOW_MODELS,
    Remedy.ACCEPT.name: SHOW_MODELS,
    Remedy.RESTORE_OR_REMOVE.name: SHOW_MODELS,
}


def remedies(kind: str, remedy: str = "") -> tuple[str, ...]:
    """Returns what helps, the likeliest first."""
    first = (BY_REMEDY[remedy],) if remedy in BY_REMEDY else ()
    return tuple(dict.fromkeys((*first, *REMEDIES.get(kind, (RETRY,)))))


def smaller(request: Request, side: int, batch: int = 1) -> tuple[int, int] | None:
    """Returns the next smaller size in the same proportions, a quarter less on each side; None when it is small already.
    Of a batch it is the same size, to be drawn one at a time.

    `side` is the model's own, for a request that leaves the size open.
    """
    width, height = request.width or side, request.height or side
    if batch > 1:
        return width, height
    less = tuple(max(64, int(length * 0.75) // 8 * 8) for length in (width, height))
    return None if less == (width, height) else (less[0], less[1])
