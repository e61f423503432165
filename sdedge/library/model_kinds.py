"""What an installed model is, in the words people use for it: "ControlNet (canny)" rather than a control. No torch."""

from __future__ import annotations

from pathlib import Path

KINDS = {
    "model": "model", "vae": "VAE", "upscaler": "upscaler", "detector": "detector", "lora": "LoRA", "embedding": "embedding",
    "controlnet": "ControlNet", "t2i-adapter": "T2I-Adapter", "ip-adapter": "IP-Adapter",
    "image-encoder": "image encoder of IP-Adapters", "depth-network": "depth network", "pose-network": "pose network",
    "person-detector": "person detector",
}  # fmt: skip
"""By role, and for control models by kind."""
PURPOSEFUL = ("controlnet", "t2i-adapter")


def kind_key(role: str, kind: str) -> str:
    """Returns the key of KINDS: a control model's kind says more than its role."""
    return kind if role == "control" and kind in KINDS else role


def purpose(role: str, kind: str, path: Path) -> str:
    """Returns what a ControlNet or T2I-Adapter reads, such as "canny", as far as its name says it; no weights are opened."""
    from sdedge.weights.control_purpose import purpose_of

    return purpose_of(path, {}, {}) if kind_key(role, kind) in PURPOSEFUL else ""


def kind_in_words(role: str, kind: str, path: Path) -> str:
    """Returns what it is, with what it reads where its name says so."""
    word = KINDS.get(kind_key(role, kind), role)
    reads = purpose(role, kind, path)
    return f"{word} ({reads})" if reads else word
