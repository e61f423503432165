"""`sdedge grid` and `sdedge compare`: one prompt under every pair of two settings, on a labelled sheet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from sdedge.commands.field_options import field_option
from sdedge.engines.open import default_model
from sdedge.request import Request


def _shared(command: Any) -> Any:
    """Adds the options that both commands take."""
    for option in (
        field_option("model"),
        field_option("negative", default=""),
        field_option("seed", default=1, show_default=True, help="The same for every cell."),
        click.option("--set", "settings", multiple=True, metavar="FIELD=VALUE", help="Any other setting, for all."),
        click.option("-o", "--out", type=click.Path(path_type=Path), default=Path("out"), show_default=True),
        click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1 or mps."),
        click.option("--dtype", metavar="NAME", help="float32, float16 or bfloat16.  [default: the device's]"),
        click.option("-q", "--quiet", is_flag=True, help="Print nothing but the path."),
    ):
        command = option(command)
    return command


@click.command()
@click.argument("prompt")
@click.option("--x", "across", required=True, metavar="AXIS", help='Columns, such as "steps=10,20,30".')
@click.option("--y", "down", metavar="AXIS", help='Rows, such as "sampler=Euler a,DDIM".')
@_shared
def grid(prompt: str, across: str, down: str | None, **options: Any) -> None:
    """Draw PROMPT under every pair of two settings and save one labelled sheet."""
    from sdedge import batch

    _draw_sheet(prompt, batch.axis(across), batch.axis(down) if down else None, options)


@click.command()
@click.argument("prompt")
@click.option("--samplers", default="euler,euler_a,dpmpp_2m,unipc", show_default=True, help="Names, comma-separated.")
@click.option("--steps", default="10,20", show_default=True, help="Numbers, comma-separated.")
@_shared
def compare(prompt: str, samplers: str, steps: str, **options: Any) -> None:
    """Draw PROMPT with several samplers and numbers of steps and save one labelled sheet."""
    from sdedge import batch

    _draw_sheet(prompt, batch.axis(f"steps={steps}"), batch.axis(f"sampler={samplers}"), options)


def _draw_sheet(prompt: str, across: Any, down: Any, options: dict[str, Any]) -> None:
    from sdedge import batch
    from sdedge.commands.progress import show
    from sdedge.engines.open import load_engine
    from sdedge.generation.pipeline import Pipeline
    from sdedge.generation.save import Picture, save_sheet
    from sdedge.images.output import output_at
    from sdedge.images.sheet import sheet
    from sdedge.process.prover import CanaryProver

    pairs = dict(setting.partition("=")[::2] for setting in options["settings"])
    base = Request(prompt, options["negative"], model=options["model"] or default_model(), seed=options["seed"])
    base = base.overlaid(**batch.overrides(pairs))
    cells = batch.grid(base, across, down)
    output = output_at(options["out"])
    output.check()
    prover = CanaryProver()
    pipeline = Pipeline(load_engine(options["device"], options["dtype"], allows=prover.allows), prover=prover)
    resolved = pipeline.resolve(base)
    pictures = []
    with show(len(cells.requests), quiet=options["quiet"]) as tell:
        for request in cells.requests:
            for event in pipeline.images(request):
                if isinstance(event, Picture):
                    pictures.append(event.pixels)
                else:
                    tell(event)
        tell(save_sheet(sheet(pictures, *cells.labels), output, resolved))
