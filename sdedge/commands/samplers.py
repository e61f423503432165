"""`sdedge samplers`: what there is to choose from."""

from __future__ import annotations

import click

from sdedge import catalog
from sdedge.commands.terminal import echo
from sdedge.sampler_options import describe_options


@click.command()
@click.option("--schedules", "what", flag_value="schedules", help="List the spacings of the noise levels instead.")
@click.option("--presets", "what", flag_value="presets", help="List whose numerics can be followed instead.")
@click.argument("name", required=False)
def samplers(what: str | None, name: str | None) -> None:
    """List the samplers, or tell all about NAME.

    Order is that of convergence, noise says whether fresh noise enters at each step, and calls are UNet evaluations
    per step.
    """
    from rich.console import Console
    from rich.table import Table

    if name is not None:
        _describe(catalog.SAMPLERS[catalog.resolve(name)[0]])
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    columns, rows = _rows(what)
    for column in columns:
        table.add_column(column, no_wrap=column in ("name", "label", "noise", "calls"))
    for row in rows:
        table.add_row(*row)
    Console(soft_wrap=False).print(table)


def _rows(what: str | None) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Returns the columns of a list and its rows."""
    if what == "schedules":
        return ("name", "label", "over", "what it does"), [
            (s.name, s.label, s.over, s.text) for s in catalog.SCHEDULES.values()
        ]
    if what == "presets":
        return ("name", "label", "what it follows", "samplers"), [
            (p.name, p.label, p.text, str(len(p.samplers))) for p in catalog.PRESETS.values()
        ]
    return ("name", "order", "noise", "calls", "advice"), [
        (s.name, str(s.order), "yes" if s.stochastic else "", f"{s.calls_per_step:g}", s.advice)
        for s in catalog.SAMPLERS.values()
    ]


def _describe(info: catalog.SamplerInfo) -> None:
    echo(f"{info.label} ({info.name}): {info.advice}")
    echo(f"  order {info.order}, {info.calls_per_step:g} UNet calls a step, noise: {info.noise}")
    echo(f"  schedules: {', '.join(info.schedules)} (default {info.default_schedule})")
    for name, option in info.options.items():
        echo(f"  --option {name}={option.default}: {option.text}, {describe_options(option)}")
    presets = [preset.name for preset in catalog.PRESETS.values() if info.name in preset.samplers]
    echo(f"  presets: {', '.join(presets)}")
