"""Conversions go on where they stopped, and make again only what another recipe shapes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from converters.coreml import convert
from converters.fitting import differing
from converters.recipe import PackageRecipe
from sdedge.events import Notice, Progress
from sdedge.library.manifest import BundleComponent, Manifest
from sdedge.library.models import Library
from tests.conftest import convert_to_coreml


def _phases(model: Path, folder: Path, **recipe) -> dict[str, str]:
    """Each component and what was done about it."""
    events = convert(str(model), folder, PackageRecipe(**{"sizes": ((64, 64),), **recipe}))
    phases = [event.phase for event in events if isinstance(event, Progress) and ": " in event.phase]
    return dict(phase.split(": ") for phase in phases)


@pytest.mark.slow
def test_only_what_another_recipe_shapes_is_made_again(tiny_model, tiny_bundle, tmp_path):
    folder = tmp_path / "b"
    shutil.copytree(tiny_bundle, folder)
    assert set(_phases(tiny_model, folder).values()) == {"kept"}
    phases = _phases(tiny_model, folder, chunk=True)
    assert phases == {"TextEncoder": "kept", "Unet": "converting", "VAEDecoder": "kept", "VAEEncoder": "kept"}
    assert not (folder / "Unet.mlpackage").exists()  # apps take what they find
    assert set(Manifest.read(folder).components) == {
        "text_encoder", "unet_chunk1", "unet_chunk2", "vae_decoder", "vae_encoder",
    }  # fmt: skip


def test_a_bundle_never_mixes_sizes(tiny_model, tiny_bundle, tmp_path):
    folder = tmp_path / "b"
    shutil.copytree(tiny_bundle, folder)
    convert_to_coreml(tiny_model, folder, sizes=((128, 64),), components=("vae_decoder",))
    assert set(Manifest.read(folder).components) == {"text_encoder", "vae_decoder"}
    assert {path.stem for path in folder.glob("*.mlpackage")} == {"TextEncoder", "VAEDecoder"}


def test_what_was_made_with_other_choices_is_left_out_by_name(tiny_model, checker_bundle, checked_model, tmp_path):
    """Here the safety checker, of another target; with the same choices it stays."""
    folder = tmp_path / "b"
    shutil.copytree(checker_bundle, folder)
    recipe = {"sizes": ((128, 64),), "attention": "original", "components": ("vae_encoder",)}

    def notices(**choices) -> list[str]:
        events = convert(str(checked_model), folder, PackageRecipe(**recipe, **choices))
        return [event.message for event in events if isinstance(event, Notice) and "left out" in event.message]

    assert notices() == [] and "safety_checker" in Manifest.read(folder).components
    (notice,) = notices(target="macOS15")
    assert "left out: safety checker (target); convert it with these choices as well" in notice
    assert set(Manifest.read(folder).components) == {"vae_encoder"}


@pytest.mark.parametrize(
    ("name", "choice", "is_apart"),
    [
        ("controlnet_canny", {"batch": 1}, True), ("controlled_unet", {"batch": 1}, True), ("unet", {"batch": 1}, False),
        ("unet", {"compress": "6bit"}, False), ("vae_decoder", {"compress": "6bit"}, False), ("unet", {"chunk": True}, False),
        ("vae_decoder", {"attention": "original"}, False), ("text_encoder", {"sizes": ((128, 64),)}, False),
    ],
)  # fmt: skip
def test_what_matters_to_each_component(name, choice, is_apart):
    source = {"sha256": "0", "loras": []}
    made = PackageRecipe(((64, 64),)).of(name, source, "a control's")
    part = BundleComponent("x", {}, {}, 1, "", {"recipe": made})
    wanted = PackageRecipe(**{"sizes": ((64, 64),), **choice})
    assert differing(name, part, source, wanted) == (list(choice) if is_apart else [])


@pytest.mark.slow
def test_a_package_that_was_tampered_with_is_made_again(tiny_model, tiny_bundle, tmp_path):
    folder = tmp_path / "b"
    shutil.copytree(tiny_bundle, folder)
    weights = next((folder / "VAEDecoder.mlpackage").rglob("weight.bin"))
    weights.write_bytes(weights.read_bytes()[:-1])
    assert _phases(tiny_model, folder)["VAEDecoder"] == "converting"
    assert _phases(tiny_model, folder)["VAEDecoder"] == "kept"


@pytest.mark.slow
def test_an_interrupted_conversion_goes_on(tiny_model, tmp_path):
    folder, recipe = tmp_path / "b", PackageRecipe(((64, 64),))
    running = convert(str(tiny_model), folder, recipe)
    for event in running:
        if isinstance(event, Progress) and event.phase.startswith("Unet"):
            break
    running.close()
    (folder / ".Unet-killed.part").mkdir()
    assert not (folder / "manifest.json").exists()
    phases = _phases(tiny_model, folder)
    assert (phases["TextEncoder"], phases["Unet"]) == ("kept", "converting")
    left = {path.name for path in folder.iterdir() if path.suffix != ".mlpackage"}
    assert left == {"manifest.json", "vocab.json", "merges.txt", "compile.sh"}


def test_the_library_takes_a_bundle(tiny_bundle, tmp_path):
    library = Library(tmp_path / "library")
    model = library.add(tiny_bundle, "converted")
    assert model.kind == "coreml" and library.verify("converted") == []
    library.close()
