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
from sdedge.engines.open import installed_name, load_engine
from sdedge.library.models import EMBEDDED, Library
from sdedge.weights.checkpoint import open_checkpoint


@pytest.fixture
def mac(monkeypatch) -> None:
    """Core ML's engine opens as on a Mac, without its packages."""

    def without_packages(self, folder, kind, find_model):
        self.manifest = SimpleNamespace(recipe={})

    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(native.PackageEngine, "__init__", without_packages)


def test_what_stands_in_for_an_engine_of_core_ml_opens(tiny_bundle, mac):
    """Each choice of compute units once, the best first."""
    asked: list[str] = []
    load = load_engine(allows=lambda description: asked.append(description) or description == "coreml cpu-only")
    assert load(str(tiny_bundle), None).description == "coreml cpu-only"
    assert asked == ["coreml all", "coreml cpu-and-ne", "coreml cpu-and-gpu", "coreml cpu-only"]


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
