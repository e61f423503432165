"""`sdedge convert mps`: a model to a bundle of half-precision graphs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click

from converters.commands.coreml import Fused
from converters.commands.progress import show
from sdedge.commands.terminal import echo
from sdedge.commands.values import NameType, integer
from sdedge.events import Progress


class Range(click.ParamType):  # type: ignore[type-arg]
    """256..1024, or 512 for that alone."""

    name = "PIXELS[..PIXELS]"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, int]:
        if isinstance(value, tuple):
            return value
        if not (match := re.fullmatch(r"(\d+)(?:\.\.(\d+))?", str(value).strip())):
            self.fail(f"{value!r} is no range of sizes; write 256..1024, or 512 for that alone.", param, ctx)
        return int(match[1]), int(match[2] or match[1])


@click.command()
@click.argument("model")
@click.option("-o", "--out", required=True, type=click.Path(path_type=Path), help="Folder: new, empty, or a bundle.")
@click.option(
    "--size", type=Range(), default="256..1024", show_default=True, help="Range of both sides, multiples of 64."
)
@click.option("--attention-budget", type=integer(1), help="MB of scores at a time.  [default: by the planner]")
@click.option("--batch", type=integer(1, 2), default=2, show_default=True, help="Latents per call of the UNet.")
@click.option("--dtype", type=NameType(["fp16", "bf16"]), default="fp16", show_default=True, help="bf16: macOS 14 on.")
@click.option("--lora", "loras", type=Fused(), multiple=True, help="Fuse a LoRA into the weights; may be repeated.")
@click.option("--json", "as_json", is_flag=True, help="One JSON event per line.")
def mps(
    model: str, out: Path, size: tuple[int, int], attention_budget: int | None, batch: int, dtype: str,
    loras: tuple[tuple[Path, float], ...], as_json: bool,
) -> None:  # fmt: skip
    """Convert MODEL (a name, folder or file) to graphs for MPS, on any system.

    Attention is cut so that its scores never exceed the budget at any size of the range; what is published breaks
    none of the rules of MPS.
    """
    from converters.mps import GraphRecipe, convert

    with show("networks", _overall, as_json) as tell:
        for event in convert(model, out, GraphRecipe(*size, attention_budget, batch, dtype, loras)):
            tell(event)


def _overall(event: Progress) -> None:
    echo(f"[{event.done + 1}/{event.total}] {event.phase}", err=True)
