"""`sdedge train`: make the embedded model again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sdedge.commands.terminal import echo
from sdedge.commands.values import NameType, integer, number

if TYPE_CHECKING:
    from sdedge.training.fit import TrainingProgress


@click.group()
def train() -> None:
    """Train the embedded model from scratch, a LoRA of it, or the judge of its pictures; or measure one."""


@train.command()
@click.option("--out", type=click.Path(path_type=Path), default=Path("runs/pocket"), show_default=True)
@click.option("--device", default="cpu", show_default=True, help="cpu or cuda.")
@click.option("--quick", is_flag=True, help="A few steps of everything: to see that it works, not to learn.")
def pocket(out: Path, device: str, quick: bool) -> None:
    """Run the whole recipe; about two hours on two CPU cores.

    Interrupted, it goes on from its last checkpoint. OUT/model is the diffusers folder, OUT/*.png are sample grids.
    """
    from sdedge.training.grids import draw_grid
    from sdedge.training.recipe import QUICK, TrainingRecipe
    from sdedge.training.recipe import train as run

    recipe = QUICK if quick else TrainingRecipe()
    for done in _shown(run(recipe, out, device)):
        if done.exported:
            echo(f"Samples: {draw_grid(out / 'model', out / f'samples-{done.stage}.png', device)}")


@train.command()
@click.option(
    "--world",
    type=NameType(("illustrations", "scenes")),
    default="illustrations",
    show_default=True,
    help="Its scenes.",
)
@click.option("--out", type=click.Path(path_type=Path), default=Path("judge.safetensors"), show_default=True)
@click.option(
    "--work", type=click.Path(path_type=Path), default=Path("runs/judge"), show_default=True, help="Its state."
)
@click.option("--pictures", type=integer(1), help="True renders to learn from.  [default: the recipe's]")
@click.option("--steps", type=integer(1), help="Of training.  [default: the recipe's]")
def judge(world: str, out: Path, work: Path, pictures: int | None, steps: int | None) -> None:
    """Train the judge that learns to read the scenes, for `sdedge evaluate --judge`; minutes on one CPU core.

    It learns from renders by seeds of its own. Interrupted, it goes on from its last checkpoint.
    """
    from dataclasses import replace

    from sdedge.evaluation.judge_training import JudgeRecipe, train_judge
    from sdedge.evaluation.worlds import WORLDS

    recipe = JudgeRecipe()
    recipe = replace(recipe, pictures=pictures or recipe.pictures)
    recipe = replace(recipe, optimisation=replace(recipe.optimisation, steps=steps or recipe.optimisation.steps))
    for done in _shown(train_judge(WORLDS[world], work, out, recipe)):
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
@click.option("--out", type=click.Path(path_type=Path), default=Path("runs/illustrations"), show_default=True)
@click.option("--quick", is_flag=True, help="A few steps of everything: to see that it works, not to learn.")
def illustrations(out: Path, quick: bool) -> None:
    """Train the next embedded model, which draws two dozen kinds of things; about six hours of two CPU cores.

    A line of log for every 50 steps. Ctrl-C and SIGTERM save and end it, and it goes on from there when it is started again, as
    it does from its last two minutes after a crash. OUT/model is the diffusers folder after each stage.
    """
    from sdedge.training.illustrations.log import run_with_log
    from sdedge.training.illustrations.recipe import QUICK, TrainingRecipe

    run_with_log(QUICK if quick else TrainingRecipe(), out, echo)


@train.command()
@click.option("--out", type=click.Path(path_type=Path), default=Path("runs/illustrations"), show_default=True)
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
@click.option("--out", type=click.Path(path_type=Path), default=Path("runs/illustrations"), show_default=True)
@click.option("--size", type=integer(), default=128, show_default=True)
@click.option("--prompts", type=integer(1), default=24, show_default=True)
@click.option("--steps", type=integer(1), default=12, show_default=True)
def preview(out: Path, size: int, prompts: int, steps: int) -> None:
    """Draw held-out prompts by what the run in OUT has learnt so far: OUT/preview.png, with the judge's verdicts."""
    from sdedge.training.evaluate import write_sheet
    from sdedge.training.illustrations.progress import drawn_prompts, fractions, write_model_so_far
    from sdedge.training.illustrations.recipe import TrainingRecipe

    stage = write_model_so_far(TrainingRecipe(), out, out / "preview")
    drawn = list(drawn_prompts(out / "preview", size, prompts, steps))
    write_sheet(drawn, out / "preview.png", columns=8)
    answers = fractions([picture.answers for picture in drawn])
    echo(f"{stage}: " + ", ".join(f"{fact} {100 * part:.1f}" for fact, part in answers.items()))


@train.command()
@click.option("--model", metavar="NAME", help="Model that draws the scenes.  [default: see `sdedge models default`]")
@click.option("--prompts", type=integer(1), default=200, show_default=True, help="Held-out prompts.")
@click.option("--seeds", type=integer(1), default=3, show_default=True, help="Pictures per prompt.")
@click.option("--steps", type=integer(1), default=20, show_default=True)
@click.option("--guidance", type=number(), multiple=True, help="May be given several times.  [default: the model's]")
@click.option("--sheet", type=click.Path(path_type=Path), help="PNG of the first pictures with their verdicts.")
@click.option("--device", default="cpu", show_default=True)
def measure(
    model: str | None,
    prompts: int,
    seeds: int,
    steps: int,
    guidance: tuple[float, ...],
    sheet: Path | None,
    device: str,
) -> None:
    """Print a table of how many facts of held-out prompts the pictures obey, and the VAE's ceiling."""
    from sdedge.engines.open import default_model, load_engine
    from sdedge.generation.pipeline import Pipeline
    from sdedge.request import Request
    from sdedge.training.evaluate import Drawn, ceiling, obedience, report, write_sheet
    from sdedge.training.scenes import sample, sample_any
    from sdedge.training.tally import Tally

    pipeline = Pipeline(load_engine(device))
    rows: dict[str, dict[str, float]] = {}
    model = model or default_model()
    for scale in guidance or (None,):
        request = Request(model=model, steps=steps, guidance=scale)
        everything, unseen = Tally(), Tally()
        drawn: list[Drawn] = []
        for picture in obedience(pipeline, request, prompts, range(1, seeds + 1)):
            everything.add(picture.answers)
            if picture.unseen_pair:
                unseen.add(picture.answers)
            drawn += [picture] if len(drawn) < 100 else []
        name = f"guidance {pipeline.resolve(request).guidance:g}"
        rows[f"{name}, held-out prompts"] = everything.fractions()
        if unseen.total:
            rows[f"{name}, unseen pairs"] = unseen.fractions()
        if sheet:
            write_sheet(drawn, sheet)
    engine = pipeline.engine(request)
    rows["ceiling: VAE on training scenes"] = ceiling(engine, sample).fractions()
    rows["ceiling: VAE on held-out scenes too"] = ceiling(engine, sample_any).fractions()
    echo(report(rows))
