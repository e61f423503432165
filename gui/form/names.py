"""What is installed, by name, for lists and completion. No Qt, no torch."""

from __future__ import annotations

from dataclasses import dataclass, field

from sdedge.library.models import EMBEDDED


@dataclass(frozen=True)
class Names:
    """In the order in which they are shown."""

    models: list[str]
    loras: list[str]
    embeddings: list[str]
    wildcards: list[str] = field(default_factory=list)
    upscalers: list[str] = field(default_factory=list)
    detectors: list[str] = field(default_factory=list)
    vaes: list[str] = field(default_factory=list)
    controls: list[tuple[str, str]] = field(default_factory=list)
    """Control models with their kinds."""
    default: str = EMBEDDED
    """The model that is used when none is named."""


def find_names() -> Names:
    """Looks into the library and two folders."""
    from gui.models.card import installed_models
    from sdedge.engines.open import default_model
    from sdedge.library.adapters import embedding_folder, loras, wildcard_names
    from sdedge.library.by_name import installed
    from sdedge.library.control_models import installed_controls
    from sdedge.weights.textual_inversion import find

    folder = embedding_folder()
    embeddings = sorted(find(folder)) if folder.is_dir() else []
    roles = {role: [model.name for model in installed(role)] for role in ("upscaler", "detector", "vae")}
    return Names(
        installed_models(), sorted(loras()), embeddings, wildcard_names(), roles["upscaler"], roles["detector"],
        roles["vae"], [(model.name, model.kind) for model in installed_controls()], default_model(),
    )  # fmt: skip
