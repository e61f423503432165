"""`sdedge convert verify`: a bundle against the model it came from."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from converters.commands.coreml import Fused
from sdedge.commands.terminal import echo
from sdedge.commands.values import integer
from sdedge.errors import ModelError, Remedy
from sdedge.events import Progress, to_json
from sdedge.library.manifest import NAME as MANIFEST
from sdedge.library.manifest import Manifest

if TYPE_CHECKING:
    from converters.package_lint import RuleBreach
    from converters.verify import Compared, Verdict
    from sdedge.engines.torch.engine import TorchEngine


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("-m", "--model", metavar="NAME", help="The model it came from.  [default: as the bundle says]")
@click.option("--lora", "loras", type=Fused(), multiple=True, help="A LoRA that was fused; as given to the conversion.")
@click.option("--steps", type=integer(1), default=10, show_default=True, help="Of the whole picture.")
@click.option("--no-picture", is_flag=True, help="Leave out the whole picture.")
@click.option("--facts", type=integer(0), default=0, help="Pictures to judge by what they show; embedded model only.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
def verify(
    bundle: Path, model: str | None, loras: tuple[tuple[Path, float], ...], steps: int, no_picture: bool, facts: int,
    as_json: bool,
) -> None:  # fmt: skip
    """Compare each component of BUNDLE with torch in float32, and draw one picture with both.

    Every byte is compared with the manifest's hashes and every kernel with the model's first. The figures go into the bundle's
    manifest. Ends with an error for a bundle that should not be published: a component under its floor, which is 60 dB in half
    precision and lower with fewer bits. Weights of fewer than 8 bits pass as lossy, with their figures.
    """
    manifest = Manifest.read(bundle)
    from converters import verify as packages
    from converters import verify_graph as graphs
    from converters.bundle import check_hashes
    from sdedge.engines.bundles import check_tree

    if manifest.kind == "graph":
        check_tree(bundle, manifest)
        check_hashes(bundle, manifest)  # before anything else is opened
    compare = (graphs if manifest.kind == "graph" else packages).verify
    reference = _reference(manifest, model, loras)
    count, total = 0, packages.count_outputs(manifest, picture=not no_picture)
    for result in compare(bundle, reference, steps=steps, pictures=facts, picture=not no_picture):
        if as_json:
            count = min(total, count + 1)
            echo(to_json(Progress("Comparing", count, total)))
        if isinstance(result, packages.Verdict):
            _refresh_library(bundle)
            _conclude(bundle, result, as_json)
        elif as_json:
            echo(json.dumps(_finite(asdict(result))))
        else:
            echo(_line(result) if isinstance(result, packages.Compared) else _broken(result))


def _refresh_library(bundle: Path) -> None:
    """The figures are in the manifest now: that is no change that `sdedge models verify` is to find."""
    from sdedge.library.models import Library

    library = Library()
    try:
        library.rehash(bundle, MANIFEST)
    finally:
        library.close()


def _reference(manifest: Manifest, model: str | None, loras: tuple[tuple[Path, float], ...]) -> TorchEngine:
    """The model in float32, with the LoRAs that were fused. Raises ModelError where it is not what was converted."""
    from converters.source import open_source
    from sdedge.engines.open import locate, locate_installed
    from sdedge.engines.protocol import LoraUse
    from sdedge.engines.torch.engine import TorchEngine

    name = model or str(manifest.source.get("name", ""))
    try:
        path = locate(model) if model else locate_installed(name)  # a path that stands in a file is never followed
    except ModelError as error:
        raise ModelError(
            f"The model {name!r:.80} that the bundle came from was not found; {Remedy.NAME_SOURCE}.",
            remedy=Remedy.NAME_SOURCE,
        ) from error
    identity = open_source(str(path), loras).identify(manifest.source)
    if identity["sha256"] != manifest.source.get("sha256"):
        raise ModelError(
            f"The bundle was made from other weights than {path}; {Remedy.NAME_ITS_MODEL}.",
            remedy=Remedy.NAME_ITS_MODEL,
        )
    fused = _fused(manifest)
    if [lora[1:] for lora in identity["loras"]] != [lora[1:] for lora in fused]:
        names = ", ".join(f"{lora[0]!s:.80}:{lora[1]!s:.20}" for lora in fused) or "none"
        raise ModelError(f"The bundle has these LoRAs fused: {names}; {Remedy.SAME_LORAS}.", remedy=Remedy.SAME_LORAS)
    engine = TorchEngine.load(path, "cpu", "float32")
    engine.adapt([LoraUse(path, weight, weight) for path, weight in loras])
    return engine


def _fused(manifest: Manifest) -> list[list[Any]]:
    """Name, weight and hash of each LoRA in the bundle. Raises ModelError."""
    loras = manifest.source.get("loras", [])
    if not isinstance(loras, list) or not all(isinstance(entry, list) and len(entry) == 3 for entry in loras):
        raise ModelError(f"The bundle {manifest.name} does not say which LoRAs it has; convert the model again.")
    return loras


def _line(compared: Compared) -> str:
    figures = "   ".join(f"{precision} {db:6.1f} dB" for precision, db in compared.psnr.items())
    at = compared.stray
    stray = f"\n    strays at {at.type} {at.name} ({at.psnr:.1f} dB)" if at else ""
    return f"{compared.component:15} {compared.label:45.45} {figures}{stray}"


def _broken(breach: RuleBreach) -> str:
    return f"{breach.package:15} {breach.count} × {breach.rule}: {breach.why} (first: {breach.first})"


def _conclude(bundle: Path, verdict: Verdict, as_json: bool) -> None:
    if as_json:
        echo(json.dumps(_finite(asdict(verdict))))
    if verdict.outcome == "failed":
        raise ModelError(
            f"{bundle} should not be published: {_why(verdict)}; convert the model again, or with other options."
        )
    if not as_json:
        least = min(by["float16"] for by in verdict.floors.values())
        what = (
            f"lossy, weights of {verdict.bits} bits"
            if verdict.outcome == "lossy"
            else f"passed, {least:g} dB or better"
        )
        obeyed = verdict.figures.get("obeyed")
        echo(f"{what}; {100 * obeyed['mean']:.1f}% of the facts obeyed" if obeyed else what)


def _why(verdict: Verdict) -> str:
    """What is wrong with a bundle that failed: the weights first, for they explain the rest."""
    fatal = next((breach for breach in verdict.breaches if breach.fatal), None)
    if fatal:
        return f"in {fatal.package} {fatal.why} ({fatal.first})"
    if verdict.kernels:
        first, more = verdict.kernels[0], len(verdict.kernels) - 1
        others = f" and {more} other kernels" if more else ""
        return f"{first.wrong} of {first.size} numbers of {first.name}{others} are not what its model gives in {first.bits} bits"
    worst = min(verdict.shortfalls, key=lambda shortfall: shortfall.psnr - shortfall.floor)
    component = worst.component.replace("_", " ")
    return f"its {component} reaches {worst.psnr:g} dB in {worst.precision} of the {worst.floor:g} that it must"


def _finite(value: Any) -> Any:
    """JSON has no infinities."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
