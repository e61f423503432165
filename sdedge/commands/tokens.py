"""`sdedge tokens`: how a prompt is read."""

from __future__ import annotations

from pathlib import Path

import click

from sdedge.commands.terminal import echo


@click.command()
@click.argument("prompt")
@click.option("-m", "--model", metavar="NAME", help="Whose vocabulary to use.  [default: see `sdedge models default`]")
@click.option("--steps", type=click.IntRange(1), default=20, show_default=True, help="For scheduled prompts.")
def tokens(prompt: str, model: str | None, steps: int) -> None:
    """Show the tokens, chunks and weights of PROMPT."""
    from sdedge.engines import default_model, find_tokenizer
    from sdedge.text.clean import clean
    from sdedge.text.prompt import describe

    description = describe(clean(prompt), find_tokenizer(model or default_model()), steps)
    several = len(description.stages) > 1
    for stage in description.stages:
        if several:
            joined = f"part {stage.part + 1}, weight {stage.part_weight:g}, " if stage.part_weight != 1 else ""
            echo(f"{joined}steps {stage.first} to {stage.last}: {stage.text}", bold=True)
        for number, chunk in enumerate(stage.chunks, 1):
            echo(f"chunk {number}, {len(chunk)} of 75 tokens", bold=True)
            for token in chunk:
                id = "" if token.id is None else str(token.id)
                weight = "" if token.weight == 1 else f"  x {token.weight:.3g}"
                echo(f"  {id:>6}  {token.text.removesuffix('</w>')}{weight}")
    for lora in description.loras:
        echo(f"LoRA {Path(lora.name).name}: text {lora.text_weight:g}, UNet {lora.unet_weight:g}")
