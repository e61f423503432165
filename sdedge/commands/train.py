"""`sdedge train`: make the embedded model again."""

from __future__ import annotations

from pathlib import Path

import click

from sdedge.commands.terminal import echo


@click.group()
def train() -> None:
    """Train the embedded model from scratch, or measure one."""


@train.command()
@click.option("--out", type=click.Path(path_type=Path), default=Path("runs/pocket"), show_default=True)
@click.option("--device", default="cpu", show_default=True, help="cpu or cuda.")
@click.option("--quick", is_flag=True, help="A few steps of everything: to see that it works, not to learn.")
def pocket(out: Path, device: str, quick: bool) -> None:
    """Run the whole recipe; about two hours on two CPU cores.

    Interrupted, it goes on from its last checkpoint. OUT/model is the diffusers folder, OUT/*.png are sample grids.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from sdedge.training.grids import draw_grid
    from sdedge.training.recipe import QUICK, TrainingRecipe
    from sdedge.training.recipe import train as run

    recipe = QUICK if quick else TrainingRecipe()
    columns = (TextColumn("{task.description:10}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, TextColumn("loss {task.fields[loss]:.4f}")) as bar:
        tasks: dict[str, int] = {}
        for done in run(recipe, out, device):
            if done.stage not in tasks:
                tasks[done.stage] = bar.add_task(done.stage, total=done.steps, loss=0.0)
            bar.update(tasks[done.stage], completed=done.step, loss=done.loss)  # type: ignore[arg-type]
            if done.exported:
                echo(f"Samples: {draw_grid(out / 'model', out / f'samples-{done.stage}.png', device)}")


@train.command()
@click.option("--model", metavar="NAME", help="Model that draws the scenes.  [default: see `sdedge models default`]")
@click.option("--prompts", type=click.IntRange(1), default=200, show_default=True, help="Held-out prompts.")
@click.option("--seeds", type=click.IntRange(1), default=3, show_default=True, help="Pictures per prompt.")
@click.option("--steps", type=click.IntRange(1), default=20, show_default=True)
@click.option("--guidance", type=float, multiple=True, help="May be given several times.  [default: the model's]")
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
    from sdedge.training.evaluate import Drawn, Tally, ceiling, obedience, report, write_sheet
    from sdedge.training.scenes import sample, sample_any

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
