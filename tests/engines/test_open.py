"""From a model's name to an engine: what stands in for one that is switched off, and choices that an engine cannot heed."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from sdedge.engines.coreml import native
from sdedge.engines.open import load_engine


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
