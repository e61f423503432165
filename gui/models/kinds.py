"""What an item of the library is, in words a person can translate."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from gui.models.items import Item
from sdedge.library.model_kinds import kind_key, purpose


def QT_TRANSLATE_NOOP(context: str, text: str) -> str:
    """Marks a text for lupdate, which looks for this name; it is translated where it is shown."""
    return text


KIND_TEXTS = {
    "model": QT_TRANSLATE_NOOP("kinds", "Model"),
    "vae": QT_TRANSLATE_NOOP("kinds", "VAE"),
    "control": QT_TRANSLATE_NOOP("kinds", "Control model"),
    "upscaler": QT_TRANSLATE_NOOP("kinds", "Upscaler"),
    "detector": QT_TRANSLATE_NOOP("kinds", "Detector"),
    "lora": QT_TRANSLATE_NOOP("kinds", "LoRA"),
    "embedding": QT_TRANSLATE_NOOP("kinds", "Embedding"),
    "controlnet": QT_TRANSLATE_NOOP("kinds", "ControlNet"),
    "t2i-adapter": QT_TRANSLATE_NOOP("kinds", "T2I-Adapter"),
    "ip-adapter": QT_TRANSLATE_NOOP("kinds", "IP-Adapter"),
    "image-encoder": QT_TRANSLATE_NOOP("kinds", "Image encoder"),
    "depth-network": QT_TRANSLATE_NOOP("kinds", "Depth network"),
    "pose-network": QT_TRANSLATE_NOOP("kinds", "Pose network"),
    "person-detector": QT_TRANSLATE_NOOP("kinds", "Person detector"),
}


def kind_text(item: Item) -> str:
    """Returns what an item is; of a control model also what it reads, of a model its format."""
    word = QCoreApplication.translate("kinds", KIND_TEXTS[kind_key(item.role, item.kind)])
    if item.role == "model":
        return f"{word}, {item.kind}"
    reads = purpose(item.role, item.kind, item.path)
    return f"{word} ({reads})" if reads else word
