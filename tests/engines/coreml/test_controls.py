"""Pictures with controls come out of a bundle as torch draws them, and a bundle without them says what to do."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from converters.psnr import psnr
from sdedge.cli import cli
from sdedge.controls import Control, ControlMode
from sdedge.engines.coreml.native import CoreMLEngine
from sdedge.engines.coreml.portable.engine import MILEngine
from sdedge.engines.open import load_engine
from sdedge.engines.protocol import Capability
from sdedge.engines.torch.engine import TorchEngine
from sdedge.errors import InvalidRequest
from sdedge.generation.pipeline import Picture, Pipeline
from sdedge.images import metadata
from sdedge.library.manifest import Manifest
from sdedge.models.unet_inputs import UNetInputs
from sdedge.request import Request
from tests.conftest import convert_to_coreml
from tests.control_models import random_controlnet
from tests.engines.coreml.test_packages import core_ml as core_ml

EQUAL = 60  # dB of pictures of the portable runner without rounding; 67 were found
CONTROLNETS = ("canny", "depth")


@pytest.fixture(scope="session")
def control_files(tiny_model, made_once) -> Path:
    """Two random ControlNets for the tiny model, strong enough to change its pictures."""

    def write(folder: Path) -> None:
        unet = json.loads((tiny_model / "unet" / "config.json").read_text())
        for seed, name in enumerate(CONTROLNETS):
            random_controlnet(unet, seed, 0.5).save_pretrained(folder / name)

    return made_once("bundle-controls", write)


@pytest.fixture(scope="session")
def controlled_bundle(tiny_model, control_files, made_once) -> Path:
    """The tiny model with both and without the plain UNet; copy it before changing it."""
    components = ("text_encoder", "vae_decoder", "vae_encoder")
    recipe = {"components": components, "controlnets": tuple(str(control_files / name) for name in CONTROLNETS)}
    return made_once("controlled-coreml", lambda folder: convert_to_coreml(tiny_model, folder, **recipe))


@pytest.fixture(scope="session")
def pictures(made_once) -> Path:
    """Two hints, a mask and a photo of the tiny model's size."""

    def write(folder: Path) -> None:
        folder.mkdir()
        rng = np.random.default_rng(5)
        for name in ("a", "b", "photo"):
            Image.fromarray(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(folder / f"{name}.png")
        Image.fromarray(np.repeat([[255, 0]], 32, axis=1).repeat(64, 0).astype(np.uint8)).save(folder / "mask.png")

    return made_once("bundle-hints", write)


def _draw(load: Callable, request: Request) -> np.ndarray:
    events = Pipeline(load).images(request)
    return next(event.pixels for event in events if isinstance(event, Picture)).astype(float)


def _request(model: Path, *controls: Control, **more) -> Request:
    settings = {"prompt": "a red house", "negative": "trees", "model": str(model), "seed": 3, "steps": 4}
    return Request(**{**settings, "controls": controls, **more})


CASES = {
    "whole": [Control("canny", "a.png")],
    "light and late": [Control("canny", "a.png", 0.6, (0.25, 1.0))],
    "guess mode": [Control("canny", "a.png", mode=ControlMode.CONTROL)],
    "prompt counts more": [Control("depth", "b.png", mode=ControlMode.PROMPT)],
    "two, one of them early": [Control("canny", "a.png", 0.5), Control("depth", "b.png", 0.8, (0.0, 0.5))],
    "masked": [Control("canny", "a.png", mask="mask.png")],
    "its own picture": [Control("canny")],
}


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_a_picture_with_controls_is_torchs(tiny_model, controlled_bundle, control_files, pictures, case):
    """Weights, spans, modes, masks and sums are outside of the packages, as they are outside of torch's networks."""
    controls = [
        replace(each, **{key: str(pictures / name) for key in ("hint", "mask") if (name := getattr(each, key))})
        for each in CASES[case]
    ]
    more = {"image": str(pictures / "photo.png"), "strength": 0.8} if case == "its own picture" else {}
    ours = _draw(load_engine("cpu", "float32"), _request(controlled_bundle, *controls, **more))
    files = [replace(each, model=str(control_files / each.model)) for each in controls]
    theirs = _draw(load_engine("cpu", "float32"), _request(tiny_model, *files, **more))
    free = _draw(load_engine("cpu", "float32"), _request(tiny_model, **more))
    assert psnr(theirs, ours) >= EQUAL
    assert psnr(theirs, free) < 40  # the control is seen


@pytest.mark.slow
def test_without_controls_the_controlled_unet_draws_the_plain_ones_picture(tiny_bundle, controlled_bundle):
    """A bundle needs one of them: residuals of zero change nothing, to the last bit of half precision."""
    assert "unet" not in Manifest.read(controlled_bundle).components
    ours, theirs = (_draw(lambda m, v, b=b: MILEngine(b), _request(b)) for b in (controlled_bundle, tiny_bundle))
    assert np.array_equal(ours, theirs)


@pytest.mark.slow
@pytest.mark.parametrize("rows", [1, 2, 3])
def test_any_batch_gets_its_own_residuals(tiny_model, controlled_bundle, rows):
    """One row or pixel may stand for all, as in torch."""
    theirs, ours = TorchEngine.load(tiny_model, "cpu"), MILEngine(controlled_bundle, "float32")
    torch.manual_seed(rows)
    ports = Manifest.read(controlled_bundle).components["controlled_unet"].inputs
    shapes = [port.shape for name, port in ports.items() if name.startswith("additional_residual_")]
    for N, pixel in ((rows, False), (1, False), (1, True)):
        skips = tuple(torch.randn(N, C, 1 if pixel else h, 1 if pixel else w) for _, C, h, w in shapes)
        x, context = torch.randn(rows, 4, 8, 8), torch.randn(rows, 77, ours.facts.context_width)
        inputs = UNetInputs(x, torch.full((rows,), 261.0), context, skips=skips)
        assert psnr(theirs.predict(inputs), ours.predict(inputs)) > 60


@pytest.mark.slow
def test_core_ml_draws_the_portable_runners_picture_with_controls(core_ml, controlled_bundle, pictures):
    """Both ControlNets and the controlled UNet are loaded first, in other processes, and go when the UNet goes."""
    request = _request(
        controlled_bundle, Control("canny", str(pictures / "a.png")), Control("dep", str(pictures / "b.png"))
    )
    native = CoreMLEngine(controlled_bundle)
    loads = list(native.first_load(64, 64, False, False, ["canny", "dep"]))
    made = set(core_ml.compiled)
    assert loads and made == {"TextEncoder", "ControlledUnet", "ControlNet_canny", "ControlNet_depth", "VAEDecoder"}
    ours = _draw(lambda model, vae: native, request)
    assert np.array_equal(ours, _draw(lambda model, vae: MILEngine(controlled_bundle), request))
    native.release("unet")
    assert not any(name.startswith("control") for name, _ in native.models)


@pytest.mark.slow
def test_the_commands_draw_with_a_control_and_repeat_it(controlled_bundle, control_files, pictures, tmp_path):
    """The file that a ControlNet was made from stands for it; the picture records the name, with which `--like` repeats it."""
    hint, out = str(pictures / "a.png"), tmp_path / "out"
    common = ["--model", str(controlled_bundle), "--steps", "2", "--seed", "1"]
    first = [
        "generate",
        "a house",
        *common,
        "--control",
        f"{control_files / 'canny'}:{hint}:0.7",
        "-o",
        str(out / "1.png"),
    ]
    done = CliRunner().invoke(cli, first)
    assert done.exit_code == 0, done.output
    (control,) = metadata.read(out / "1.png").fields["controls"]
    assert (control.model, control.weight) == ("canny", 0.7)
    again = ["generate", "--like", str(out / "1.png"), "--model", str(controlled_bundle), "-o", str(out / "2.png")]
    done = CliRunner().invoke(cli, again)
    assert done.exit_code == 0, done.output
    ours, theirs = (np.asarray(Image.open(out / f"{n}.png")) for n in (1, 2))
    assert np.array_equal(ours, theirs)
    done = CliRunner().invoke(cli, ["queue", "add", "a house", *common, "--control", f"can:{hint}"])
    assert done.exit_code == 0, done.output
    done = CliRunner().invoke(cli, ["queue", "add", "a house", *common, "--control", f"pose:{hint}"])
    with pytest.raises(InvalidRequest, match=r"has no ControlNet 'pose' \(it has canny, depth\)"):
        raise done.exception


@pytest.mark.slow
def test_a_size_that_was_not_converted_is_refused_with_a_control_as_without(controlled_bundle, pictures):
    request = _request(controlled_bundle, Control("canny", str(pictures / "a.png")), width=128, height=64)
    with pytest.raises(InvalidRequest, match="draws 64x64, not 128x64"):
        _draw(load_engine("cpu"), request)


def test_a_bundle_without_controls_says_what_to_do(tiny_bundle, pictures):
    engine = MILEngine(tiny_bundle)
    assert Capability.RESIDUALS not in engine.can and Capability.CONVERTED_CONTROLS not in engine.can
    with pytest.raises(
        InvalidRequest, match=r"has no ControlledUnet; add one .* `sdedge convert controlnet`, or draw with"
    ):
        _draw(lambda model, vae: engine, _request(tiny_bundle, Control("canny", str(pictures / "a.png"))))
    done = CliRunner().invoke(
        cli, ["queue", "add", "x", "--model", str(tiny_bundle), "--control", f"canny:{pictures / 'a.png'}"]
    )
    with pytest.raises(InvalidRequest, match="was converted without ControlledUnet") as refused:
        raise done.exception
    assert refused.value.field == "controls"


def test_a_bundle_without_one_of_two_chunks_takes_no_controls(tiny_bundle, tmp_path):
    folder = shutil.copytree(tiny_bundle, tmp_path / "b")
    manifest = Manifest.read(folder)
    half = {"controlled_unet_chunk1": manifest.components["unet"]}
    replace(manifest, components={**manifest.components, **half}).write(folder)
    assert Capability.RESIDUALS not in MILEngine(folder).can
