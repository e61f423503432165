"""From the name of a model to a running engine: embedded, installed, or a path. No torch until one is loaded."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from sdedge.engines.coreml.compiled import UNITS
from sdedge.engines.openvino.devices import is_openvino
from sdedge.errors import EngineError, InvalidRequest, Remedy, SdedgeError
from sdedge.library.manifest import Manifest, is_bundle
from sdedge.library.models import EMBEDDED, Library
from sdedge.machine.canary import is_usable
from sdedge.machine.memory_plan import CHOICES
from sdedge.weights.folders import existing
from sdedge.weights.folders import locate as cached

if TYPE_CHECKING:
    from sdedge.engines.protocol import Engine
    from sdedge.text.tokenizer import Tokenizer

LoadEngine = Callable[[str, str | None], "Engine"]


def locate(model: str) -> Path:
    """Returns where a model is: the path itself where there is one, the embedded model by its name, an installed one by its
    name or hash, or one in the Hugging Face cache by its repository's name.

    Raises ModelError when there is no such model, or its licence was not accepted yet.
    """
    path = existing(model)
    if path is not None:
        return path
    if model == EMBEDDED:
        return Path(str(files("sdedge.resources"))) / "models" / EMBEDDED
    library = Library()
    try:
        installed = model in {known.name for known in library.models()}
        return library.locate(model) if installed or "/" not in model else cached(model)
    finally:
        library.close()


def locate_installed(name: str) -> Path:
    """Returns where a model is whose name stands in a file: the embedded one or an installed one, never a path.

    Raises ModelError.
    """
    if name == EMBEDDED:
        return Path(str(files("sdedge.resources"))) / "models" / EMBEDDED
    library = Library()
    try:
        return library.locate(name)
    finally:
        library.close()


def installed_name(model: str) -> str | None:
    """Returns what the library calls the model of a name, hash or path, None for one that is not installed. Raises ModelError."""
    if model == EMBEDDED:
        return EMBEDDED
    path = locate(model).resolve()
    with suppress(SdedgeError), closing(Library()) as library:  # one that cannot be read knows no model
        return next((known.name for known in library.models() if Path(known.path) == path), None)
    return None


def default_model() -> str:
    """Returns the model that is used when none is named."""
    library = Library()
    try:
        return library.default
    finally:
        library.close()


def load_engine(
    device: str = "auto", dtype: str | None = None, ema: bool | None = None, memory: str = "auto",
    allows: Callable[[str], bool] = is_usable,
) -> LoadEngine:  # fmt: skip
    """Returns a function (model, vae) -> engine on the given device, as the Pipeline wants it.

    An engine that `allows`, by its description, does not allow is passed over for the next best: the same device in float32,
    then the CPU. Raises InvalidRequest for a memory mode that there is not.
    """
    from sdedge.engines.torch.engine import TorchEngine

    if memory not in CHOICES:
        raise InvalidRequest(f"Unknown memory mode {memory!r}; choose one of {', '.join(CHOICES)}.")

    def open_model(path: Path, vae_path: Path | None, device: str, dtype: str | None) -> Engine:
        if is_bundle(path):
            return open_bundle(path, device, dtype)
        if is_openvino(device) or (device == "auto" and memory == "auto" and _by_openvino(path, dtype)):
            from sdedge.engines.openvino.engine import OpenVINOEngine

            place = device if is_openvino(device) else "openvino"
            return OpenVINOEngine.open(path, dtype, device=place, vae=vae_path, ema=ema)
        return TorchEngine.load(path, device, dtype or _made_for(path, device), vae=vae_path, ema=ema, memory=memory)

    def load(model: str, vae: str | None) -> Engine:
        path = locate(model)
        if vae and is_bundle(path):
            raise InvalidRequest(
                f"The bundle {path.name} has a VAE of its own, and {vae} cannot take its place; leave the VAE out, or draw with "
                "the model that the bundle was made from.",
                field="vae",
            )
        vae_path = locate(vae) if vae else None
        places = dict.fromkeys(((device, dtype), *_next_best(path, device)))
        return _first_allowed((partial(open_model, path, vae_path, *place) for place in places), allows)

    return load


def _next_best(path: Path, device: str) -> Iterator[tuple[str, str | None]]:
    """Yields the devices and formats that stand in for an engine that is switched off, the best first."""
    if is_bundle(path):
        if sys.platform == "darwin" and Manifest.read(path).kind == "coreml":
            yield from ((units, None) for units in UNITS if units != "all")
    elif not is_openvino(device):
        yield device, "float32"
    yield "cpu", None
    if not is_bundle(path):
        yield "cpu", "float32"


def _first_allowed(openers: Iterable[Callable[[], Engine]], allows: Callable[[str], bool]) -> Engine:
    """Opens engines until one is allowed. Raises EngineError where none is."""
    refused: list[str] = []
    for open_engine in openers:
        engine = open_engine()
        if engine.description not in refused and allows(engine.description):
            return engine
        refused.append(engine.description)
    names = ", ".join(dict.fromkeys(refused))
    raise EngineError(
        f"No engine is left that computes as it should on this machine: {names} failed the check; {Remedy.TRUST_ENGINE}.",
        remedy=Remedy.TRUST_ENGINE,
    )


def _by_openvino(path: Path, dtype: str | None) -> bool:
    """Returns whether "auto" means OpenVINO: the probe found it faster, there is memory for it, and no GPU."""
    from sdedge.machine.findings import openvino_version

    if not openvino_version() or dtype == "int8":
        return False
    from sdedge.engines.openvino.timing import prefers_openvino
    from sdedge.machine.formats import choose_device
    from sdedge.models.config import UNetConfig
    from sdedge.weights.checkpoint import open_checkpoint

    if choose_device("auto").type != "cpu" or _made_for(path, "cpu"):
        return False
    unet = UNetConfig.from_json(open_checkpoint(path).configs["unet"])
    return not unet.time_cond_proj_dim and prefers_openvino(unet.block_out_channels[0])


def _made_for(path: Path, device: str) -> str | None:
    """ "int8" for a copy that `sdedge models quantize` made, on a processor that runs it; None is what suits the device."""
    import torch

    from sdedge.engines.torch.cpu import fused_unet, int8_unet
    from sdedge.machine.formats import choose_device

    made = (path / int8_unet.FILE).is_file()
    return "int8" if made and choose_device(device).type == "cpu" and fused_unet.available(torch.float32) else None


def open_bundle(path: Path, device: str = "auto", dtype: str | None = None) -> Engine:
    """Returns the engine of a converted bundle; "auto" is what SDEDGE_DEVICE names.

    That is for all models: where it names what only others run on, Core ML's bundles run as if it named nothing. Raises
    ModelError, and InvalidRequest for a device that the bundle does not run on.
    """
    kind, named = Manifest.read(path).kind, os.environ.get("SDEDGE_DEVICE") or "auto"
    if device in ("auto", named):
        device = named if kind != "coreml" or named in ("cpu", *UNITS) else "auto"
    if kind == "coreml":
        return _open_packages(path, device, dtype)
    from sdedge.engines.graph.engine import GraphEngine

    return GraphEngine(path, device, dtype, find_model=locate_installed)


def _open_packages(path: Path, device: str, dtype: str | None) -> Engine:
    """Opens packages on a Mac by Core ML, on the compute units that `device` names; elsewhere, or on "cpu", by torch."""
    if device == "cpu" or (device == "auto" and sys.platform != "darwin"):
        from sdedge.engines.coreml.portable.engine import MILEngine

        return MILEngine(path, dtype, find_model=locate_installed)
    if sys.platform != "darwin":
        raise InvalidRequest(f"The device {device!r} cannot run Core ML bundles here; choose auto or cpu.")
    from sdedge.engines.coreml.native import CoreMLEngine

    engine = CoreMLEngine(path, None if device == "auto" else device, find_model=locate_installed)
    if dtype is not None:
        notice = f"The number format {dtype} has no effect: Core ML runs the packages of {path.name} in their own."
        engine.facts = replace(engine.facts, report=(*engine.facts.report, notice))
    return engine


def find_tokenizer(model: str) -> Tokenizer:
    """Returns the vocabulary of a model or bundle, without its weights and without torch. Raises ModelError."""
    from sdedge.text.tokenizer import Tokenizer
    from sdedge.text.vocabulary import resolve
    from sdedge.weights.checkpoint import open_checkpoint

    path = locate(model)
    vocabulary = path if is_bundle(path) else resolve(open_checkpoint(path))
    return Tokenizer.from_folder(vocabulary) if vocabulary.is_dir() else Tokenizer.from_bpe_file(vocabulary)
