"""`sdedge tokens`: how a prompt is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from sdedge.commands.terminal import echo, note
from sdedge.commands.values import integer

if TYPE_CHECKING:
    from sdedge.text.prompt import Description


@click.command()
@click.argument("prompt")
@click.option("-m", "--model", metavar="NAME", help="Whose vocabulary to use.  [default: see `sdedge models default`]")
@click.option("--steps", type=integer(1), default=20, show_default=True, help="For scheduled prompts.")
@click.option("--seed", type=integer(), default=0, show_default=True, help="Of the picture; it chooses of wildcards.")
def tokens(prompt: str, model: str | None, steps: int, seed: int) -> None:
    """Show the tokens, chunks and weights of PROMPT, what its wildcards become, and its LoRAs and embeddings."""
    from sdedge.engines.open import default_model, find_tokenizer
    from sdedge.library.adapters import look_up_lora, wildcards_chosen
    from sdedge.text.clean import clean
    from sdedge.text.prompt import describe_prompt
    from sdedge.text.tags import extract_loras, left_out

    chosen = wildcards_chosen(clean(prompt), seed)
    loras = [look_up_lora(tag.name) for tag in extract_loras(chosen.text)[1]]
    vectors, notes = _vectors(chosen.text, steps)
    tokenizer = find_tokenizer(model or default_model())
    description = describe_prompt(chosen.text, tokenizer, steps, vectors)
    for choice in chosen.choices:
        echo(f"{choice.wildcard}: {choice.chosen}")
    _show(description)
    for name, count in vectors.items():
        echo(f"embedding {name}: {count} vectors")
    for tag, lora in zip(description.loras, loras, strict=True):
        echo(f"LoRA {lora.path.name}: text {tag.text_weight:g}, UNet {tag.unet_weight:g}")
    for text in dict.fromkeys([*(lora.note for lora in loras if lora.note), *left_out(chosen.text), *notes]):
        note(text)


def _vectors(prompt: str, steps: int) -> tuple[dict[str, int], list[str]]:
    """How many vectors each embedding in a prompt has, installed or in one of its LoRAs, and what is to be said of others."""
    from sdedge.library.adapters import find_embeddings, has_embeddings
    from sdedge.text.prompt import read_texts
    from sdedge.text.tags import extract_loras

    if not has_embeddings() and not extract_loras(prompt)[1]:
        return {}, find_embeddings(read_texts(prompt, steps))[1]  # without torch
    from sdedge.generation.prompts import embeddings_in

    embeddings, notes = embeddings_in(prompt, read_texts(prompt, steps))
    return {embedding.name: len(embedding.vectors) for embedding in embeddings}, notes


def _show(description: Description) -> None:
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
