"""`sdedge train`: make the embedded model again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sdedge.commands.terminal import echo
from sdedge.commands.values import NameType, integer

if TYPE_CHECKING:
    from sdedge.training.fit import TrainingProgress


@click.group()
def train() -> None:
    """Train the embedded model from scratch, a LoRA of it, or the judge of its pictures; or look at a run."""


@train.command()
@click.option("--out", type=click.Path(path_type=Path), default=Path("runs/pocket"), show_default=True)
@click.option("--quick", is_flag=True, help="A few steps of everything: to see that it works, not to learn.")
def pocket(out: Path, quick: bool) -> None:
    """Train the embedded model, which draws two dozen kinds of things; many hours of two CPU cores.

    A line of log for every 50 steps. Ctrl-C and SIGTERM save and end it, and it goes on from there when it is started again, as
    it does from its last two minutes after a crash. OUT/model is the diffusers folder after each stage.
    """
    from sdedge.training.illustrations.log import run_with_log
    from sdedge.training.illustrations.recipe import QUICK, TrainingRecipe

    run_with_log(QUICK if quick else TrainingRecipe(), out, echo)


@train.command()
@click.option("--out", type=click.Path(path_type=Path), default=Path("judge.safetensors"), show_default=True)
@click.option(
    "--work", type=click.Path(path_type=Path), default=Path("runs/judge"), show_default=True, help="Its state."
)
@click.option("--pictures", type=integer(1), help="True renders to learn from.  [default: the recipe's]")
@click.option("--steps", type=integer(1), help="Of training.  [default: the recipe's]")
def judge(out: Path, work: Path, pictures: int | None, steps: int | None) -> None:
    """Train the judge that learns to read the scenes, for `sdedge evaluate --judge`; minutes on one CPU core.

    It learns from renders by seeds of its own. Interrupted, it goes on from its last checkpoint.
    """
    from dataclasses import replace

    from sdedge.evaluation.judge_training import JudgeRecipe, train_judge
    from sdedge.evaluation.world import WORLD

    recipe = JudgeRecipe()
    recipe = replace(recipe, pictures=pictures or recipe.pictures)
    recipe = replace(recipe, optimisation=replace(recipe.optimisation, steps=steps or recipe.optimisation.steps))
    for done in _shown(train_judge(WORLD, work, out, recipe)):
        if done.exported:
            echo(out)


@train.command()
@click.option("--style", type=NameType(("sepia", "grey")), default="sepia", show_default=True)
@click.option("--model", metavar="NAME", help="Model to train on.  [default: see `sdedge models default`]")
@click.option("--out", type=click.Path(path_type=Path), help="The file.  [default: STYLE.safetensors]")
@click.option(
    "--work", type=click.Path(path_type=Path), default=Path("runs/lora"), show_default=True, help="Its state."
)
@click.option("--rank", type=integer(1, 128), default=8, show_default=True)
@click.option("--steps", type=integer(1), help="Of training.  [default: the recipe's]")
@click.option("--device", default="cpu", show_default=True, help="cpu or cuda.")
def lora(
    style: str, model: str | None, out: Path | None, work: Path, rank: int, steps: int | None, device: str
) -> None:
    """Train a small LoRA on rendered scenes in a style, and write it as kohya's trainer does; minutes on a CPU.

    Draw with it by `sdedge generate "a red house <lora:sepia:1>"` once `sdedge models add` has installed it, and measure it by
    `sdedge evaluate --lora FILE`. Interrupted, it goes on from its last checkpoint.
    """
    from dataclasses import replace

    from sdedge.engines.open import default_model, locate
    from sdedge.training.lora import LoraRecipe, train_lora
    from sdedge.training.styles import STYLES

    recipe = LoraRecipe(rank=rank, alpha=float(rank))
    recipe = replace(recipe, optimisation=replace(recipe.optimisation, steps=steps or recipe.optimisation.steps))
    path = out or Path(f"{style}.safetensors")
    for done in _shown(train_lora(locate(model or default_model()), STYLES[style], path, work, recipe, device)):
        if done.exported:
            echo(path)


def _shown(progress: Iterator[TrainingProgress]) -> Iterator[TrainingProgress]:
    """Yields what it is passed, and shows it as a bar for each stage."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description:10}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, TextColumn("loss {task.fields[loss]:.4f}"), console=Console(stderr=True)) as bar:
        tasks: dict[str, Any] = {}
        for done in progress:
            if done.stage not in tasks:
                tasks[done.stage] = bar.add_task(done.stage, total=done.steps, loss=0.0)
            bar.update(tasks[done.stage], completed=done.step, loss=done.loss)
            yield done


@train.command()
@click.option("--out", type=click.Path(path_type=Path), default=Path("runs/pocket"), show_default=True)
@click.option("--pictures", type=integer(1), default=200, show_default=True, help="Scenes to judge.")
def reconstructions(out: Path, pictures: int) -> None:
    """Tell how many facts the judge reads on renders, and on what the autoencoder of the run in OUT makes of them."""
    from sdedge.training.illustrations.progress import autoencoder_so_far, fractions, judged_reconstructions
    from sdedge.training.illustrations.recipe import TrainingRecipe

    recipe = TrainingRecipe()
    judged = list(judged_reconstructions(autoencoder_so_far(recipe, out), recipe.size, pictures))
    rows = {
        "renders": [scene.render for scene in judged],
        "reconstructions": [scene.reconstruction for scene in judged],
        "of unseen combinations": [scene.reconstruction for scene in judged if scene.unseen],
    }
    for name, answers in rows.items():
        echo(
            f"{name} ({len(answers)}): "
            + ", ".join(f"{fact} {100 * part:.1f}" for fact, part in fractions(answers).items())
        )


@train.command()
@click.option("--out", type=click.Path(path_type=Path), default=Path("runs/pocket"), show_default=True)
@click.option("--size", type=integer(), default=128, show_default=True)
@click.option("--prompts", type=integer(1), default=24, show_default=True)
@click.option("--steps", type=integer(1), default=12, show_default=True)
def preview(out: Path, size: int, prompts: int, steps: int) -> None:
    """Draw held-out prompts by what the run in OUT has learnt so far: OUT/preview.png, with the judge's verdicts."""
    from sdedge.training.illustrations.progress import drawn_prompts, fractions, write_model_so_far
    from sdedge.training.illustrations.recipe import TrainingRecipe
    from sdedge.training.illustrations.sheet import write_sheet

    stage = write_model_so_far(TrainingRecipe(), out, out / "preview")
    drawn = list(drawn_prompts(out / "preview", size, prompts, steps))
    write_sheet(drawn, out / "preview.png", columns=8)
    answers = fractions([picture.answers for picture in drawn])
    echo(f"{stage}: " + ", ".join(f"{fact} {100 * part:.1f}" for fact, part in answers.items()))
