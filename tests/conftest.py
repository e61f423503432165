"""Shared by all tests: offline, few threads, and small random models in diffusers folders."""

from __future__ import annotations

import gc
import json
import os
import shutil
import sys
import tempfile
import time

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_OFFLINE"] = "1"
# No test starts the canary unless it is about it.
os.environ["SDEDGE_CANARY"] = "off"
# A screen that the window fits on; the one that Qt makes up has 800 x 800 pixels.
os.environ.setdefault("QT_QPA_PLATFORM", f"offscreen:configfile={os.path.dirname(__file__)}/screen.json")
# Whatever this machine speaks, Qt, the system's messages and the app speak English.
os.environ["LC_ALL"] = "C.UTF-8"
os.environ["LANGUAGE"] = os.environ["SDEDGE_LANGUAGE"] = ""
# Several tests run side by side; threads of each would only wait for one another.
os.environ.setdefault("OMP_NUM_THREADS", "1")

from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# Nothing here imports torch before a test wants it: xdist's controller reads this file as well, and all workers wait for it.
from sdedge.engines.open import EMBEDDED, locate
from sdedge.locks import ProcessLock
from sdedge.machine import findings
from sdedge.machine.findings import DeviceFinding

# Hundreds of processes are started; without bytecode each would compile the same files again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# How long a case takes says how busy the machine is, not whether the code is right.
settings.register_profile("sdedge", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("sdedge")

embedded_is_here = (locate(EMBEDDED) / "unet" / "diffusion_pytorch_model.safetensors").is_file()
needs_embedded = pytest.mark.skipif(not embedded_is_here, reason="the embedded model's weights are not in this tree")


if sys.platform == "darwin":
    # Tests that name no device are about something else, and compare with the CPU; tests/mps names its own. Packages are not
    # compiled, which takes Xcode and minutes, but where that is tested.
    os.environ["SDEDGE_DEVICE"] = "cpu"
    import converters.bundle

    converters.bundle.compiles_here = lambda: False


def cases(every: Iterable[Any], quick: Container[Any]) -> list[Any]:
    """Returns every case of a parametrised test; those that are not among the quick ones are slow: more of the same kind."""
    slow = pytest.mark.slow
    return [
        case if case in quick else pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=slow)
        for case in every
    ]


MEASURED = (
    "converters",
    "engines",
    "evaluation",
    "generation",
    "models",
    "training",
    "test_guidance_embedding.py",
    "test_interface.py",
)
"""Folders and files whose tests find the machine measured already; the others see one that never was."""


@pytest.fixture(scope="session")
def measured_machine(tmp_path_factory) -> bytes:
    """A plain finding of a CPU, as the file that keeps it. It is the same on every machine; tests/machine runs the probe."""
    folder = tmp_path_factory.mktemp("measured")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SDEDGE_HOME", str(folder))
        findings.keep(DeviceFinding("cpu", "a CPU", "float32", "contiguous", 0, "No other format was timed."))
    return (folder / "machine.json").read_bytes()


# What is imported and collected for thousands of tests stays; looking through it again and again frees nothing.
gc.disable()


def pytest_collection_finish() -> None:
    leave_out_imports()
    gc.enable()


def leave_out_imports() -> None:
    """Keeps what was imported out of each later garbage collection, of which releasing a network is one."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="module", autouse=True)
def _late_imports() -> Iterator[None]:
    """Does so again after a file whose tests imported a library of many modules, such as torch's compiler."""
    before = len(sys.modules)
    yield
    if len(sys.modules) > before + 100:
        leave_out_imports()


@pytest.fixture(autouse=True)
def _own_environment() -> Iterator[None]:
    """What a test leaves in the environment, as a worker of a batch does that runs in this process, goes with it; so does the
    number of threads that it leaves to torch, as two processes on as many threads as there are cores take ten times as long."""
    before = dict(os.environ)
    yield
    if os.environ != before:
        os.environ.clear()
        os.environ.update(before)
    threads = int(os.environ["OMP_NUM_THREADS"])
    if "torch" in sys.modules and sys.modules["torch"].get_num_threads() != threads:
        sys.modules["torch"].set_num_threads(threads)


@pytest.fixture(autouse=True)
def _own_data_folder(request, tmp_path_factory, _own_environment, monkeypatch):
    """No test reads or writes the user's library."""
    homes = tmp_path_factory.getbasetemp() / "homes"
    homes.mkdir(exist_ok=True)
    folder = Path(
        tempfile.mkdtemp(dir=homes)
    )  # `mktemp` reads all names there are, of thousands of tests, for the next number
    monkeypatch.setenv("SDEDGE_HOME", str(folder))
    if request.path.relative_to(Path(__file__).parent).parts[0] in MEASURED:
        (folder / "machine.json").write_bytes(request.getfixturevalue("measured_machine"))


@pytest.fixture(scope="session")
def made_once(tmp_path_factory) -> Callable[[str, Callable[[Path], object]], Path]:
    """Makes a folder by `make(folder)` in the first test process that asks for its name, for all of them: never change it."""
    basis = tmp_path_factory.getbasetemp()
    shared = (basis.parent if "PYTEST_XDIST_WORKER" in os.environ else basis) / "shared"

    def folder(name: str, make: Callable[[Path], object]) -> Path:
        place, complete, lock = shared / name, shared / f"{name}.complete", ProcessLock(shared / f"{name}.lock")
        while not lock.acquire():
            time.sleep(0.05)
        try:
            if not complete.exists():
                shutil.rmtree(place, ignore_errors=True)  # of a process that was killed
                make(place)
                complete.touch()
        finally:
            lock.release()
        return place

    return folder


def write_tiny_model(folder: Path, layers: int = 1, channels: tuple[int, ...] = (8, 16, 16, 16)) -> Path:
    """A diffusers folder of random weights, 64 pixels, drawn in a blink: the v1 topology with one layer to a block.

    That is half of the layers, whose number and not whose size is what loading takes. `deep_model` has all; `channels` are those
    of the UNet's levels.
    """
    import torch

    from sdedge.training.illustrations.recipe import QUICK, random_networks
    from sdedge.training.networks import export

    widths = {"block_out_channels": channels, "layers_per_block": layers, "norm_num_groups": 4, "sample_size": 8}
    recipe = replace(
        QUICK,
        unet=replace(QUICK.unet, **widths),
        vae=replace(QUICK.vae, block_out_channels=(4, 8, 8, 8), layers_per_block=1),
    )
    nets = random_networks(recipe)
    torch.manual_seed(3)
    torch.nn.init.normal_(nets.conditioned.unet.conv_out.weight, std=0.1)
    export(recipe, nets, folder)
    return folder


@pytest.fixture(scope="session")
def tiny_model(made_once) -> Path:
    """The folder that `write_tiny_model` makes; copy it before changing it."""
    return made_once("tiny", write_tiny_model)


@pytest.fixture(scope="session")
def deep_model(made_once) -> Path:
    """The same with v1's two layers to a block, for what counts them."""
    return made_once("tiny-deep", partial(write_tiny_model, layers=2))


@pytest.fixture(scope="session")
def shallow_model(made_once) -> Path:
    """The tiny model with two of v1's four levels, for how a layer is converted, many times over."""
    return made_once("tiny-shallow", partial(write_tiny_model, channels=(8, 16)))


def switch_checker_on(model: Path) -> None:
    """Let `model_index.json` name the safety checker; the tiny model's switches it off with nulls."""
    index = json.loads((model / "model_index.json").read_text())
    index["safety_checker"] = ["stable_diffusion", "StableDiffusionSafetyChecker"]
    (model / "model_index.json").write_text(json.dumps(index))


def convert_to_coreml(model: str | Path, folder: Path, **recipe) -> Path:
    """A bundle of Core ML packages, by default of the model's own size."""
    from converters.coreml import convert, native_size
    from converters.recipe import PackageRecipe

    for _ in convert(str(model), folder, PackageRecipe(**{"sizes": (native_size(str(model)),), **recipe})):
        pass
    return folder


@pytest.fixture(scope="session")
def tiny_bundle(tiny_model, made_once) -> Path:
    """The tiny model as Core ML packages with split attention; copy it before changing it."""
    return made_once("tiny-coreml", lambda folder: convert_to_coreml(tiny_model, folder))


@pytest.fixture(scope="session")
def mixed_bundle(shallow_model, made_once) -> Path:
    """The shallow model's UNet in a mix of bits that keeps 45 dB; copy it before changing it."""
    recipe = {"components": ("unet",), "attention": "original", "compress": "mixed-45"}
    return made_once("tiny-mixed", lambda folder: convert_to_coreml(shallow_model, folder, **recipe))


@pytest.fixture(scope="session")
def pocket_bundle(made_once) -> Path:
    """The embedded model as Core ML packages of 128x128 with split attention; copy it before changing it."""
    return made_once("pocket-coreml", lambda folder: convert_to_coreml(EMBEDDED, folder, sizes=((128, 128),)))
