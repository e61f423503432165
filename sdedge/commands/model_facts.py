"""What `sdedge models info` tells of a file or folder. No torch before it is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sdedge.errors import ModelError


def describe(path: str) -> dict[str, Any]:
    """Returns what a model's files say, by opening them. Raises ModelError."""
    from sdedge.library.manifest import Manifest, is_bundle
    from sdedge.weights.checkpoint import is_vae, open_checkpoint
    from sdedge.weights.detector import holds_detector, open_detector
    from sdedge.weights.folders import locate
    from sdedge.weights.upscaler import holds_upscaler, open_upscaler

    file = locate(path)
    if is_bundle(file):
        manifest = Manifest.read(file)
        return {
            "path": str(file), "kind": f"converted bundle ({manifest.kind})", "name": manifest.name,
            "made from": str(manifest.source.get("name", "")), "sizes": [f"{width}x{height}" for width, height in manifest.sizes],
            **{name: f"{part.file}, {size_in_words(part.bytes)}" for name, part in manifest.components.items()},
        }  # fmt: skip
    if holds_detector(file):
        detector = open_detector(file)
        return {"path": str(file), "kind": "detector (YOLOv8)", "finds": ", ".join(detector.classes)[:500]}
    if (kind := _kind_of_control(file)) is not None:
        return {"path": str(file), "kind": kind}
    if holds_upscaler(file):
        upscaler = open_upscaler(file)
        scale = {} if upscaler.config is None else {"enlarges": f"{upscaler.config.scale} times"}
        return {"path": str(file), "kind": f"upscaler ({upscaler.architecture})", **scale}
    if is_vae(file):
        return {"path": str(file), "kind": "VAE"}
    checkpoint = open_checkpoint(file)
    counts = {name: sum(t.numel for t in part.values()) for name, part in checkpoint.components.items()}
    return {
        "path": str(checkpoint.path), "kind": checkpoint.kind, "predicts": checkpoint.prediction_type,
        "input channels": checkpoint.in_channels, "vocabulary": _vocabulary(checkpoint),
        **{name: f"{count:,} parameters" for name, count in counts.items()}, "notes": checkpoint.report,
    }  # fmt: skip


def _kind_of_control(file: Path) -> str | None:
    """Returns what a control model is and reads, or what else is kept among them: what an IP-Adapter or a hint is made by."""
    from sdedge.weights.control import holds_control, open_control
    from sdedge.weights.hint_network import hint_network_kind
    from sdedge.weights.image_encoder import holds_image_encoder

    if holds_control(file):
        control = open_control(file)
        return f"control ({control.kind}{f', reads {control.use}' if control.use else ''})"
    if holds_image_encoder(file):
        return "image encoder of IP-Adapters"
    kind = hint_network_kind(file)
    return None if kind is None else f"network for hints ({kind})"


def _vocabulary(checkpoint: Any) -> str:
    from sdedge.text.vocabulary import resolve

    try:
        return str(resolve(checkpoint))
    except ModelError:
        return "none; run `sdedge tokenizer install`"


def size_in_words(size: int) -> str:
    """Returns a number of bytes as people say it."""
    return f"{size / 1e9:.2f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"
