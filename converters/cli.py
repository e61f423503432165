"""`sdedge convert …`. Each command is imported when it runs."""

from __future__ import annotations

import click

from sdedge.commands.lazy import LazyGroup

COMMANDS = {
    "coreml": ("converters.commands.coreml:coreml", "Convert a model to Core ML packages."),
    "apply-lora": ("converters.commands.apply_lora:apply_lora", "Put LoRAs into a copy of a Core ML bundle."),
    "controlnet": ("converters.commands.controlnet:controlnet", "Add ControlNets to a Core ML bundle."),
    "mps": ("converters.commands.mps:mps", "Convert a model to half-precision graphs for MPS."),
    "verify": ("converters.commands.verify:verify", "Compare a bundle with the model it came from."),
    "inspect": ("converters.commands.inspect:inspect", "Show what is in a package or bundle."),
}


@click.group(cls=LazyGroup, table=COMMANDS)
def convert() -> None:
    """Convert models for Apple devices, and prove the result."""
