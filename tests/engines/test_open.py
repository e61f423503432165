"""From a model's name to an engine: what stands in for one that is switched off, and choices that an engine cannot heed."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from converters.source import open_source
from sdedge.engines.coreml import native
from sdedge.engines.facts import read_facts
from sdedge.engines.open import installed_name, load_engine, open_bundle
from sdedge.engines.protocol import ModelFacts
from sdedge.errors import InvalidRequest
from sdedge.library.models import EMBEDDED, Library
from sdedge.weights.checkpoint import open_checkpoint


@pytest.fixture
def mac(monkeypatch) -> None:
    """Core ML's engine opens as on a Mac, without its packages."""

    def without_packages(self, folder, kind, find_model):
        self.manifest, self.facts = SimpleNamespace(recipe={}), ModelFacts("tiny", 64, 64, 8, 4)

    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(native.PackageEngine, "__init__", without_packages)


def test_what_stands_in_for_an_engine_of_core_ml_opens(tiny_bundle, mac):
    """Each choice of compute units once, the best first."""
    asked: list[str] = []
    load = load_engine(allows=lambda description: asked.append(description) or description == "coreml cpu-only")
    assert load(str(tiny_bundle), None).description == "coreml cpu-only"
    assert asked == ["coreml all", "coreml cpu-and-ne", "coreml cpu-and-gpu", "coreml cpu-only"]


@pytest.mark.parametrize(("named", "units"), [("cuda", "all"), ("mps", "all"), ("cpu-and-gpu", "cpu-and-gpu")])
def test_a_device_that_is_named_for_all_models_refuses_no_bundle_of_core_ml(
    tiny_bundle, mac, monkeypatch, named, units
):
    """By auto, and as the app's engine process passes it on; one that was asked for is refused still."""
    monkeypatch.setenv("SDEDGE_DEVICE", named)
    assert open_bundle(tiny_bundle).description == open_bundle(tiny_bundle, named).description == f"coreml {units}"
    with pytest.raises(InvalidRequest, match="Unknown compute units 'openvino'"):
        open_bundle(tiny_bundle, "openvino")


def test_choices_that_a_bundle_cannot_heed_are_said(tiny_bundle, mac):
    (notice,) = open_bundle(tiny_bundle, dtype="float32").facts.report
    assert (
        notice
        == f"The number format float32 has no effect: Core ML runs the packages of {tiny_bundle.name} in their own."
    )
    assert open_bundle(tiny_bundle).facts.report == ()
    with pytest.raises(
        InvalidRequest, match=f"The bundle {tiny_bundle.name} has a VAE of its own, and large cannot"
    ) as e:
        load_engine()(str(tiny_bundle), "large")
    assert e.value.field == "vae"


def test_a_model_is_called_what_its_folder_is_or_the_library_says(tiny_model, tmp_path):
    """A dot is no ending there. What a conversion records is found again by the library's name."""
    folder = Path(shutil.copytree(tiny_model, tmp_path / "realistic-vision-v5.1"))
    assert read_facts(open_checkpoint(folder)).name == "realistic-vision-v5.1"
    assert installed_name(str(folder)) is None and open_source(str(folder)).name == "realistic-vision-v5.1"
    library = Library()
    installed = library.add(folder, "vision", link=True)
    library.close()
    assert {installed_name(model) for model in ("vision", str(folder), installed.sha256[:12])} == {"vision"}
    assert open_source(str(folder)).identify()["name"] == "vision" and installed_name(EMBEDDED) == EMBEDDED
