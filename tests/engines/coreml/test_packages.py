"""A converted bundle answers as the torch engine does, and says what it cannot do. By torch, and by a stand-in for Core ML."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from converters.psnr import psnr
from converters.verify import verify
from sdedge.cli import cli
from sdedge.engines.coreml import compiled, first_load, native
from sdedge.engines.coreml.native import CoreMLEngine
from sdedge.engines.coreml.portable.engine import MILEngine
from sdedge.engines.coreml.portable.package import Package
from sdedge.engines.coreml.portable.runner import Runner
from sdedge.engines.open import EMBEDDED, load_engine, locate, open_bundle
from sdedge.engines.protocol import LoraUse
from sdedge.engines.torch.engine import TorchEngine
from sdedge.errors import EngineError, InvalidRequest, ModelError
from sdedge.generation.pipeline import Picture, Pipeline
from sdedge.library.adapters import install
from sdedge.library.manifest import Manifest
from sdedge.models.safety import prepare
from sdedge.models.unet_inputs import UNetInputs
from sdedge.process.worker import describe_failure
from sdedge.request import Request
from sdedge.weights.safety import open_checker
from tests.conftest import cases, convert_to_coreml, needs_embedded, switch_checker_on
from tests.engines.coreml.test_lora_packages import random_lora
from tests.models.test_safety import random_checker, save_checker
from tests.pictures_shown import shown

PROMPT = "a blue house on the grass by day with three trees"


@pytest.fixture(scope="module")
def engines(tiny_model, tiny_bundle):
    return TorchEngine.load(tiny_model, "cpu"), MILEngine(tiny_bundle, "float32")


def _draw(load, request: Request, count: int = 1, batch: int = 1) -> list[np.ndarray]:
    events = Pipeline(load).images(request, count, batch)
    return [event.pixels.astype(float) for event in events if isinstance(event, Picture)]


@needs_embedded
@pytest.mark.slow
def test_a_picture_from_the_bundle_equals_torchs_and_obeys_its_prompt(pocket_bundle):
    request = Request(prompt=PROMPT, seed=4, steps=12, width=128, height=128)
    (ours,) = _draw(load_engine(), request.replace(model=str(pocket_bundle)))
    (theirs,) = _draw(load_engine(dtype="float32"), request.replace(model=EMBEDDED))
    assert psnr(theirs, ours) >= 40
    assert all(shown(ours, PROMPT).values())


@pytest.mark.parametrize("rows", cases([1, 2, 3], quick=[3]))
def test_any_batch_is_drawn_in_calls_of_the_converted_one(engines, rows):
    theirs, ours = engines
    D = ours.facts.context_width
    x, t, context = torch.randn(rows, 4, 8, 8), torch.full((rows,), 261.0), torch.randn(rows, 77, D)
    y = ours.predict(UNetInputs(x, t, context))
    assert y.shape == (rows, 4, 8, 8)
    assert psnr(theirs.predict(UNetInputs(x, t, context)), y) > 60
    alone = torch.cat([ours.predict(UNetInputs(x[i : i + 1], t[:1], context[i : i + 1])) for i in range(rows)])
    assert torch.allclose(alone, y, atol=1e-4)


def test_text_is_encoded_as_by_torch(engines):
    theirs, ours = engines
    ids = torch.randint(0, len(ours.tokenizer.vocab), (3, 77))
    assert psnr(theirs.encode_text(ids), ours.encode_text(ids)) > 60
    assert ours.tokenizer == theirs.tokenizer


def test_latents_are_sampled_with_the_noise_given(engines):
    theirs, ours = engines
    images, noise = torch.rand(2, 3, 64, 64) * 2 - 1, torch.randn(2, 4, 8, 8)
    latents = ours.encode(images, noise)
    assert psnr(theirs.encode(images, noise), latents) > 60
    assert not torch.allclose(latents, ours.encode(images, -noise), atol=1e-3)
    assert psnr(theirs.decode(latents), ours.decode(latents)) > 60


def test_every_package_speaks_the_latents_of_stable_diffusion(engines, tiny_bundle, tmp_path):
    """Apps divide by 0.18215 and know no manifest; a bundle from before that was folded in keeps the model's factor."""
    theirs, ours = engines
    assert theirs.facts.scaling_factor != 0.18215
    latents, noise = torch.randn(1, 4, 8, 8), torch.randn(1, 4, 8, 8)
    image = torch.rand(1, 3, 64, 64) * 2 - 1
    app = ours.run_package("vae_decoder", {"z": latents / 0.18215})["image"]
    assert psnr(theirs.decode(latents), app) > 80
    mean, logvar = ours.run_package("vae_encoder", {"x": image})["latent"].chunk(2, dim=1)
    assert psnr(theirs.encode(image, noise), (mean + (logvar / 2).exp() * noise) * 0.18215) > 80
    old = shutil.copytree(tiny_bundle, tmp_path / "old")
    record = json.loads((old / "manifest.json").read_text())
    assert {part.pop("latent_factor") for part in record["components"].values()} == {None, 0.18215}
    (old / "manifest.json").write_text(json.dumps(record))
    before = MILEngine(old, "float32")
    asked = before.run_package("vae_decoder", {"z": latents / theirs.facts.scaling_factor})["image"]
    assert torch.equal(before.decode(latents), asked)


@pytest.mark.parametrize("factor", ["0.18215", 0, -1, float("nan"), float("inf"), [0.2], {}])
def test_a_manifest_with_another_kind_of_factor_is_damaged(tiny_bundle, tmp_path, factor):
    record = json.loads((tiny_bundle / "manifest.json").read_text())
    record["components"]["vae_decoder"]["latent_factor"] = factor
    (tmp_path / "manifest.json").write_text(json.dumps(record))
    with pytest.raises(ModelError, match=r"no usable manifest\.json"):
        Manifest.read(tmp_path)


@pytest.mark.slow
@needs_embedded
def test_the_embedded_decoder_answers_apps_as_well_as_it_answers_us(pocket_bundle):
    """Its own factor is not v1's; the picture of one latent, in half precision, was 37 dB as bytes with that."""
    theirs, ours = TorchEngine.load(locate(EMBEDDED), "cpu", "float32"), MILEngine(pocket_bundle)
    latents = torch.randn(1, 4, 16, 16, generator=torch.Generator().manual_seed(0))
    assert psnr(theirs.decode(latents), ours.run_package("vae_decoder", {"z": latents / 0.18215})["image"]) > 60


def test_timesteps_are_those_that_half_precision_holds(engines):
    """A fraction is rounded where it enters, for Core ML and the portable runner alike: torch gives the same there."""
    theirs, ours = engines
    calls = []

    def unet(inputs):
        calls.append(inputs["timestep"].clone())
        return {"noise_pred": torch.zeros(2, 4, 8, 8)}

    x, context = torch.randn(2, 4, 8, 8), torch.randn(2, 77, ours.facts.context_width)
    steps = torch.tensor([741.3, 100.03])
    assert (
        psnr(
            theirs.predict(UNetInputs(x, torch.tensor([741.5, 100.0]), context)),
            ours.predict(UNetInputs(x, steps, context)),
        )
        > 60
    )
    opened, ours.models["unet", "main"] = ours.models["unet", "main"], unet
    ours.predict(UNetInputs(x, steps, context))
    ours.models["unet", "main"] = opened
    assert calls[0].tolist() == [741.5, 100.0]


def test_facts_are_the_models(engines):
    theirs, ours = engines
    assert ours.facts == theirs.facts
    assert theirs.facts.scaling_factor == ours.facts.scaling_factor


def test_what_a_bundle_cannot_do_is_said(engines, tiny_bundle):
    _, ours = engines
    with pytest.raises(InvalidRequest, match=r"draws 64x64, not 128x64"):
        ours.check_size(128, 64)
    with pytest.raises(InvalidRequest, match=r"fills 2 chunks of 77 tokens, and .* takes 1"):
        ours.predict(
            UNetInputs(torch.randn(1, 4, 8, 8), torch.tensor([1.0]), torch.randn(1, 154, ours.facts.context_width))
        )
    with pytest.raises(InvalidRequest, match="clip skip 2"):
        ours.encode_text(torch.zeros(1, 77, dtype=torch.long), skip=1)
    with pytest.raises(InvalidRequest, match="embeddings"):
        ours.encode_text(torch.zeros(1, 77, dtype=torch.long), 0, [(0, 1, torch.zeros(1, 8))])
    with pytest.raises(ModelError, match=r"Cannot open ink\.safetensors"):
        ours.adapt([LoraUse(Path("ink.safetensors"), 1, 1)])
    ours.adapt([])
    with pytest.raises(InvalidRequest, match="float16 or float32, not bfloat16"):
        MILEngine(tiny_bundle, "bfloat16")
    with pytest.raises(InvalidRequest, match="'cuda' cannot run Core ML bundles"):
        open_bundle(tiny_bundle, "cuda")


def test_a_long_prompt_is_refused_on_the_command_line(tiny_bundle, tmp_path):
    prompt = " ".join(["red house tree"] * 40)
    done = CliRunner().invoke(cli, ["generate", prompt, "--model", str(tiny_bundle), "-o", str(tmp_path)])
    assert isinstance(done.exception, InvalidRequest)
    assert "chunks of 77 tokens" in str(done.exception)


def test_a_bundle_without_a_component_says_so(tiny_bundle, tmp_path):
    bundle = shutil.copytree(tiny_bundle, tmp_path / "part")
    manifest = Manifest.read(bundle)
    components = {name: manifest.components[name] for name in ("text_encoder", "vae_decoder")}
    replace(manifest, components=components).write(bundle)
    engine = MILEngine(bundle)
    with pytest.raises(ModelError, match="without its vae encoder"):
        engine.encode(torch.zeros(1, 3, 64, 64), torch.zeros(1, 4, 8, 8))
    with pytest.raises(ModelError, match="without its unet"):
        engine.predict(UNetInputs(torch.zeros(1, 4, 8, 8), torch.zeros(1), torch.zeros(1, 77, 8)))


def _colours(n: int) -> np.ndarray:
    """Coarse coloured squares, uint8 (n, 40, 56, 3)."""
    return np.random.default_rng(0).integers(0, 256, (n, 5, 7, 3), dtype=np.uint8).repeat(8, 1).repeat(8, 2)


def test_the_safety_checker_judges_as_torchs(tiny_model, tmp_path):
    model, pictures = shutil.copytree(tiny_model, tmp_path / "model"), _colours(12)
    switch_checker_on(model)
    referee = random_checker()
    save_checker(referee, model / "safety_checker")
    checker = open_checker(model / "safety_checker")
    with torch.inference_mode():
        cosines, _ = checker(torch.stack([prepare(picture, checker.image_size) for picture in pictures]))
    highest = cosines.max(1).values.sort().values
    gap = int(highest.diff()[3:-3].argmax()) + 3
    referee.concept_embeds_weights.data.fill_(float(highest[gap : gap + 2].mean()))  # between two pictures
    referee.special_care_embeds_weights.data.fill_(2.0)
    save_checker(referee, model / "safety_checker")
    bundle = convert_to_coreml(model, tmp_path / "bundle", components=("safety_checker",))
    theirs, ours = TorchEngine.load(model, "cpu"), MILEngine(bundle)
    assert ours.facts.has_safety_checker
    verdicts = ours.check_safety(pictures)
    assert verdicts == theirs.check_safety(pictures)
    assert set(verdicts) == {True, False}
    *compared, verdict = verify(bundle, theirs, picture=False)
    assert [comparison.label for comparison in compared] == ["scores"]
    assert verdict.outcome == "passed"


def test_released_networks_come_back(engines):
    _, ours = engines
    z = torch.randn(1, 4, 8, 8)
    before = ours.decode(z)
    ours.release("vae")
    assert not ours.models.keys() & {("vae_decoder", "main")}
    assert torch.equal(ours.decode(z), before)


def test_a_manifest_of_another_version_is_said(tiny_bundle, tmp_path):
    bundle = shutil.copytree(tiny_bundle, tmp_path / "old")
    manifest = (bundle / "manifest.json").read_text().replace('"downscale"', '"shrink"')
    (bundle / "manifest.json").write_text(manifest)
    with pytest.raises(ModelError, match="from another version"):
        MILEngine(bundle)


# ---- Core ML itself, by a stand-in --------------------------------------------------------------------------------


class _CompiledModel:
    """What coremltools' class of this name does, by the portable runner; takes what Core ML takes and nothing else."""

    loads: list[str] = []
    calls: list[dict[str, np.ndarray]] = []
    fault = ""

    def __init__(self, path: str, compute_units: str, function_name: str = "") -> None:
        assert path.endswith(".mlmodelc")
        if compute_units == "CPU_AND_GPU":
            raise RuntimeError("Error compiling for the GPU")
        self.loads.append(compute_units)
        self._runner = Runner(Package.open((Path(path) / "source").read_text()), function_name or None)

    def predict(self, data):
        assert all(type(value) is np.ndarray and value.dtype == np.float32 for value in data.values())
        if self.fault:
            raise RuntimeError(self.fault)
        self.calls.append(dict(data))
        made = self._runner({name: torch.from_numpy(value) for name, value in data.items()})
        return {name: value.numpy() for name, value in made.items()}


@pytest.fixture
def core_ml(monkeypatch):
    made = []

    def compile_model(model: str, destination_path: str) -> str:
        made.append(Path(model).stem)
        Path(destination_path).mkdir()
        (Path(destination_path) / "source").write_text(model)
        return destination_path

    units = SimpleNamespace(**{name: name for name in ("ALL", "CPU_ONLY", "CPU_AND_NE", "CPU_AND_GPU")})
    models = SimpleNamespace(CompiledMLModel=_CompiledModel, utils=SimpleNamespace(compile_model=compile_model))
    for module in (first_load, native):
        monkeypatch.setattr(module, "core_ml", lambda: SimpleNamespace(ComputeUnit=units, models=models))
    monkeypatch.setattr(native, "first_load", _first_load_here)
    _CompiledModel.loads, _CompiledModel.calls, _CompiledModel.fault = [], [], ""
    return SimpleNamespace(compiled=made, models=models)


def _first_load_here(package, function, units):
    """In this process what the other one does; that there is another one is tests/engines/coreml/test_first_load.py's matter."""
    yield 0.0
    try:
        return first_load.load_once(package.path, function, units)
    except RuntimeError as error:
        raise first_load.cannot_load(package.path, units, error) from error


def test_core_ml_draws_the_portable_runners_picture(core_ml, tiny_bundle):
    request = Request(prompt="a red house", model=str(tiny_bundle), seed=1, steps=2)
    native = CoreMLEngine(tiny_bundle)
    (ours,) = _draw(lambda model, vae: native, request)
    (theirs,) = _draw(lambda model, vae: MILEngine(tiny_bundle), request)
    assert np.array_equal(ours, theirs)
    assert native.description == "coreml cpu-and-ne"
    assert set(_CompiledModel.loads) == {"CPU_AND_NE"}
    assert sum("Unet on cpu-and-ne: compiled in" in line for line in native.facts.report) == 1


def test_compiled_packages_are_kept(core_ml, tiny_bundle):
    z = torch.zeros(1, 4, 8, 8)
    CoreMLEngine(tiny_bundle).decode(z)
    again = CoreMLEngine(tiny_bundle, "cpu-only")
    again.decode(z)
    assert core_ml.compiled == ["VAEDecoder"]
    assert "compiled" not in again.facts.report[-1]


@pytest.mark.slow
def test_with_a_lora_only_what_it_changes_is_compiled_before_the_first_picture(
    core_ml, tiny_model, tiny_bundle, tmp_path
):
    lora = random_lora(tmp_path / "ink.safetensors", tiny_model, networks=("text_encoder",))
    install(lora, "lora")
    engine = CoreMLEngine(tiny_bundle)
    request = Request(prompt="a house", model=str(tiny_bundle), seed=1, steps=1)
    (plain,) = _draw(lambda model, vae: engine, request)
    assert sorted(core_ml.compiled) == ["TextEncoder", "Unet", "VAEDecoder"]
    del core_ml.compiled[:]
    (ours,) = _draw(lambda model, vae: engine, request.replace(prompt="a house <lora:ink:0.8>"))
    (name,) = core_ml.compiled
    assert name.startswith("TextEncoder-") and not np.array_equal(ours, plain)
    (theirs,) = _draw(lambda model, vae: MILEngine(tiny_bundle), request.replace(prompt="a house <lora:ink:0.8>"))
    assert np.array_equal(ours, theirs)
    (again,) = _draw(lambda model, vae: engine, request)
    assert np.array_equal(again, plain) and core_ml.compiled == [name]


def test_a_failed_compilation_leaves_nothing(core_ml, tiny_bundle, monkeypatch):
    def fail(model: str, destination_path: str) -> str:
        (Path(destination_path)).mkdir()
        raise RuntimeError("no space left")

    core_ml.models.utils.compile_model = fail
    with pytest.raises(ModelError, match=r"cannot load .*VAEDecoder.mlpackage on cpu-and-ne: no space left"):
        CoreMLEngine(tiny_bundle).decode(torch.zeros(1, 4, 8, 8))
    assert list((compiled.cache_folder() / "coreml").iterdir()) == []


def test_input_arrays_are_the_same_ones_and_are_never_freed(core_ml, tiny_bundle):
    """Core ML drops them later on a thread of its own: an array that is freed or made anew is a crash."""
    engine = CoreMLEngine(tiny_bundle)
    for value in (1.0, 2.0):
        engine.decode(torch.full((1, 4, 8, 8), value))
    engine.release("vae")
    engine.decode(torch.full((1, 4, 8, 8), 3.0))
    _, *ours = [data["z"] for data in _CompiledModel.calls]  # the first is of the first load, whose process ends
    assert len({id(array) for array in ours}) == 1 and len(ours) == 3
    assert np.allclose(ours[0], 3.0 / 0.18215)
    assert sys.getrefcount(ours[0]) > 1000


def test_what_core_ml_says_of_a_prediction_is_one_sentence(core_ml, tiny_bundle, monkeypatch):
    engine = CoreMLEngine(tiny_bundle)
    engine.decode(torch.zeros(1, 4, 8, 8))
    monkeypatch.setattr(_CompiledModel, "fault", "Error computing NN outputs.")
    with pytest.raises(
        EngineError, match=r"^Core ML failed while it ran VAEDecoder on cpu-and-ne: Error computing NN "
    ) as e:
        engine.decode(torch.zeros(1, 4, 8, 8))
    failed = describe_failure(e.value)
    assert failed.kind == "other" and failed.remedy == "CPU" and str(e.value).count(". ") == 0
    monkeypatch.setattr(_CompiledModel, "fault", "Insufficient memory to run this model")
    with pytest.raises(RuntimeError) as e:
        engine.decode(torch.zeros(1, 4, 8, 8))
    assert describe_failure(e.value).kind == "memory"


def test_compute_units_are_chosen_by_the_bundle_or_the_device(core_ml, tiny_bundle, monkeypatch):
    assert Manifest.read(tiny_bundle).recipe["compute_units"] == "cpu-and-ne"
    monkeypatch.setattr("sys.platform", "darwin")
    assert open_bundle(tiny_bundle).description == "coreml cpu-and-ne"
    assert open_bundle(tiny_bundle, "all").description == "coreml all"
    assert open_bundle(tiny_bundle, "cpu").description == "mil float16"
    with pytest.raises(InvalidRequest, match="Unknown compute units 'mps'; choose one of all, cpu-and-ne"):
        open_bundle(tiny_bundle, "mps")


def test_without_a_mac_core_ml_says_so(tiny_bundle, monkeypatch):
    monkeypatch.setattr("sys.platform", "linux")
    with pytest.raises(ModelError, match="on a Mac only"):
        CoreMLEngine(tiny_bundle).decode(torch.zeros(1, 4, 8, 8))
    assert isinstance(load_engine()(str(locate(str(tiny_bundle))), None), MILEngine)
