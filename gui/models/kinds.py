"""What an item of the library is, in words a person can translate."""

from __future__ import annotations

from PySide6.QtCore import QDate, QLocale, Qt

from gui.languages.texts import mark, tr
from gui.models.items import Item
from sdedge.library.model_kinds import kind_key, purpose

KIND_TEXTS = {
    "model": mark("Model"),
    "vae": mark("VAE"),
    "control": mark("Control model"),
    "upscaler": mark("Upscaler"),
    "detector": mark("Detector"),
    "lora": mark("LoRA"),
    "embedding": mark("Embedding"),
    "controlnet": mark("ControlNet"),
    "t2i-adapter": mark("T2I-Adapter"),
    "ip-adapter": mark("IP-Adapter"),
    "image-encoder": mark("Image encoder"),
    "depth-network": mark("Depth network"),
    "pose-network": mark("Pose network"),
    "person-detector": mark("Person detector"),
}
FORMAT_TEXTS = {"folder": mark("folder"), "diffusers folder": mark("diffusers folder"), "graph": mark("MPS graph")}
"""Those whose names are words; all others, such as safetensors, are the same in every language."""
BASE_TEXTS = (mark("v1 topology"),)


def kind_text(item: Item) -> str:
    """Returns what an item is; of a control model also what it reads, of a model its format."""
    word = tr(KIND_TEXTS[kind_key(item.role, item.kind)])
    if item.role == "model":
        return f"{word}, {format_text(item)}"
    reads = purpose(item.role, item.kind, item.path)
    return f"{word} ({reads})" if reads else word


def format_text(item: Item) -> str:
    """Returns the format that an item's files are in."""
    return tr(FORMAT_TEXTS.get(item.kind, item.kind))


def base_text(item: Item) -> str:
    """Returns the model that an item is made for."""
    return tr(item.base)


def note_texts(item: Item) -> list[str]:
    """Returns what a converted model says of itself: the sizes that it draws, and what is wrong with it."""
    sizes = [f"{width} × {height}" for width, height in item.sizes]
    if item.kind == "graph" and len(sizes) == 2:
        return [tr("Draws every size from {0} to {1}").format(*sizes), *item.notes]
    return [*([tr("Draws {0}").format(", ".join(sizes))] if sizes else []), *item.notes]


def day_text(day: str) -> str:
    """Returns a day, YYYY-MM-DD, as it is written in the app's language."""
    date = QDate.fromString(day, Qt.DateFormat.ISODate)
    return QLocale().toString(date, QLocale.FormatType.ShortFormat) if date.isValid() else day
