"""`sdedge convert inspect`: what is in a package or bundle."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sdedge.commands.terminal import echo
from sdedge.commands.values import integer
from sdedge.files import atomic_write
from sdedge.library.manifest import Manifest, is_bundle

if TYPE_CHECKING:
    from converters.inspect import Inspection
    from sdedge.engines.coreml.portable.tensors import TensorType


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.option("--plot", type=click.Path(path_type=Path), help="SVG of memory over a graph; bundles of graphs only.")
@click.option("--component", default="unet", show_default=True, help="Whose memory is plotted.")
@click.option("--side", type=integer(64), default=512, show_default=True, help="At this size in pixels.")
def inspect(path: Path, as_json: bool, plot: Path | None, component: str, side: int) -> None:
    """Show interface, operations, weights, work and memory of PATH, a .mlpackage or a bundle."""
    if is_bundle(path) and Manifest.read(path).kind == "graph":
        _inspect_graphs(path, as_json, plot, component, side)
        return
    inspections: dict[str, Inspection] = {}
    for name, package in _packages(path).items():
        inspections |= _inspected(name, package)
    if as_json:
        echo(json.dumps({name: asdict(inspection) for name, inspection in inspections.items()}, indent=1))
        return
    for name, inspection in inspections.items():
        echo(inspection_lines(name, inspection))


def _inspect_graphs(bundle: Path, as_json: bool, plot: Path | None, component: str, side: int) -> None:
    from converters import inspect_graph as graphs

    if plot is not None:
        with atomic_write(plot) as file:
            file.write(graphs.plot(bundle, component, side).encode())
        return
    inspections = graphs.inspect_bundle(bundle)
    if as_json:
        echo(json.dumps({name: asdict(inspection) for name, inspection in inspections.items()}, indent=1))
        return
    for name, inspection in inspections.items():
        echo(graphs.inspection_lines(name, inspection))


def _packages(path: Path) -> dict[str, Path]:
    if not is_bundle(path):
        return {path.stem: path}
    return {name: path / part.file for name, part in Manifest.read(path).components.items()}


def _inspected(name: str, path: Path) -> dict[str, Inspection]:
    from converters.inspect import inspect as look
    from sdedge.engines.coreml.portable.package import Package

    package = Package.open(path)
    several = len(package.functions) > 1
    return {f"{name}.{function}" if several else name: look(package, function) for function in package.functions}


def inspection_lines(name: str, inspection: Inspection) -> str:
    """A few lines of text."""
    lines = [f"{name}   ({inspection.opset})"]
    lines += [f"  takes {key}: {_type(kind)}" for key, kind in inspection.inputs.items()]
    lines += [f"  gives {key}: {_type(kind)}" for key, kind in inspection.outputs.items()]
    lines += [f"  weights: {', '.join(f'{kind} {_bytes(size)}' for kind, size in inspection.weights.items())}"]
    lines += [f"  work: {inspection.macs / 1e9:.2f} GMAC; activations at most {_bytes(inspection.activations)}"]
    times = ", ".join(f"{unit} {_time(seconds)}" for unit, seconds in inspection.seconds.items())
    lines += [f"  estimated: {times}"]
    lines += [f"  operations: {', '.join(f'{count} {kind}' for kind, count in inspection.operations.items())}"]
    lines += [
        f"  not for the Neural Engine: {n} × {why} (first: {op})" for why, (n, op) in inspection.unfriendly.items()
    ]
    return "\n".join(lines) + "\n"


def _type(kind: TensorType) -> str:
    return f"{kind.dtype} ({', '.join('?' if n is None else str(n) for n in kind.shape)})"


def _time(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1e3:.3g} ms"


def _bytes(size: float) -> str:
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.2f} GB"
