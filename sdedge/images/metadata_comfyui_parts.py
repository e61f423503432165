"""What nodes of ComfyUI hold several of: LoRAs of a loader or a stack, and texts that are joined. No torch.

Node packs name them alike: `lora_name_1` beside `model_weight_1`, `model_str_1` or `lora_wt_1`; `text_a`, `string1` or `text 1`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from sdedge.images.metadata_fields import is_off, to_float
from sdedge.images.metadata_graph import Graph, Link, Node
from sdedge.images.naming import last_part

MAX_JOINED = 20  # texts that are joined into one
MAX_LENGTH = 100_000  # characters of it
_STACKS = 20  # that follow each other
_NAME = re.compile(r"lora_name(_\d{1,3}|)")
_UNET = (
    "strength_model{}",
    "lora_model_strength{}",
    "model_weight{}",
    "model_str{}",
    "lora_wt{}",
    "lora_weight{}",
    "strength{}",
)
_TEXT_ENCODER = ("strength_clip{}", "lora_clip_strength{}", "clip_weight{}", "clip_str{}")
_SWITCHES = ("switch{}", "toggle{}", "enabled{}")
"""Names of a LoRA's weights and of what switches it off, {} being its number."""
_PART = re.compile(r"(?:text|string|str|prompt)(?:[_ ][a-z]|[_ ]?\d{1,2})")
_SINGLE_TEXTS = ("text", "string", "value", "prompt", "Text", "populated_text")

Loras = list[tuple[str, float, float]]


def loras_of(graph: Graph, node: Node) -> Loras:
    """Returns name, weight in the UNet and weight in the text encoder of each LoRA that a node loads, and those of its stacks."""
    loras: Loras = []
    stack: Node | None = node
    for _ in range(_STACKS):
        if stack is None:
            break
        for name, unet, text in (*_numbered(graph, stack), *_switched(graph, stack)):
            try:
                weights = to_float(unet), 0.0 if text is None else to_float(text)
            except (ValueError, TypeError, OverflowError):
                continue
            if isinstance(name, str) and name not in ("", "None") and weights != (0, 0):
                loras.append((last_part(name), *weights))
        stack = graph.source(stack, "lora_stack", "optional_lora_stack")
    return loras


def _numbered(graph: Graph, node: Node) -> Iterator[tuple[Any, Any, Any]]:
    """Yields the LoRAs of inputs with numbered names, or of the only ones; one weight alone counts for both networks."""
    is_loader = node.type == "LoraLoaderModelOnly"
    count = graph.value(node, "lora_count")
    for key in node.inputs:
        if (match := _NAME.fullmatch(key)) is None:
            continue
        number = match[1]
        if number and isinstance(count, int) and int(number[1:]) > count:
            continue
        unet, text = (graph.value(node, *(each.format(number) for each in names)) for names in (_UNET, _TEXT_ENCODER))
        lora, switch = graph.value(node, key), graph.value(node, *(each.format(number) for each in _SWITCHES))
        if switch is None or not (is_off(switch) or str(switch).lower() == "off"):
            yield lora, unet, unet if text is None and not is_loader else text


def _switched(graph: Graph, node: Node) -> Iterator[tuple[Any, Any, Any]]:
    """Yields the LoRAs of rgthree's Power Lora Loader."""
    for key, entry in node.inputs.items():
        if not isinstance(entry, dict) or not ("lora" in entry or "type" in entry):
            continue
        graph.seen.add((node.name, key))
        if entry.get("on") and "lora" in entry:
            text = entry.get("strengthTwo")
            yield entry["lora"], entry.get("strength"), entry.get("strength") if text is None else text


def joined_text(graph: Graph, node: Node, hops: int = 3) -> str | None:
    """Returns the text of a node that joins several, such as `Text Concatenate`; None for one that joins none."""
    keys = sorted(key for key in node.inputs if _PART.fullmatch(key))[:MAX_JOINED]
    if len(keys) < 2 or hops <= 0:
        return None
    between = graph.value(node, "delimiter", "separator")
    parts = [_said(graph, node, key, hops) for key in keys]
    said = [part for part in parts if part]
    return (
        str(between if isinstance(between, str) else "").replace("\\n", "\n").join(said)[:MAX_LENGTH] if said else None
    )


def _said(graph: Graph, node: Node, key: str, hops: int) -> str | None:
    """Returns the text of one input: as it stands there, or as the node says it that it leads to."""
    if isinstance(value := graph.value(node, key), str):
        return value
    giver = graph.source(node, key) if isinstance(node.inputs.get(key), Link) else None
    if giver is None:
        return None
    joined = joined_text(graph, giver, hops - 1)
    text = graph.value(giver, *_SINGLE_TEXTS) if joined is None else joined
    return text if isinstance(text, str) else None
