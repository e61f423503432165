"""Packages are compiled by Xcode or by the system, and a failure is said."""

from __future__ import annotations

import os
import shutil

import pytest

from converters import bundle
from sdedge.library.manifest import Manifest
from tests.engines.coreml import stand_in


@pytest.mark.skipif(os.name == "nt", reason="a shell script stands in for xcrun")
@pytest.mark.parametrize(
    "code, said", [(0, ""), (1, "xcrun coremlcompiler said 'no space'"), (None, "it comes with Xcode")]
)
def test_a_failed_compilation_is_said(tiny_bundle, tmp_path, monkeypatch, code, said):
    """Without Xcode and without Core ML, which this machine has not."""
    folder, bin = shutil.copytree(tiny_bundle, tmp_path / "b"), tmp_path / "bin"
    bin.mkdir()
    if code is not None:
        (bin / "xcrun").write_text(f"#!/bin/sh\necho first >&2; echo 'no space' >&2; echo >&2\nexit {code}\n")
        (bin / "xcrun").chmod(0o755)
    monkeypatch.setenv("PATH", str(bin))
    monkeypatch.setattr("converters.bundle.sys.platform", "darwin")
    manifest = Manifest.read(folder)
    (folder / "VAEDecoder.mlmodelc").mkdir()  # of an earlier recipe
    remarks = bundle.compile_packages(folder, manifest.components)
    assert (said in remarks[0] and "compile.sh" in remarks[0]) if said else remarks == []
    assert not (folder / "VAEDecoder.mlmodelc").exists()
    assert (folder / "compile.sh").exists() == bool(said)


@pytest.mark.skipif(os.name == "nt", reason="the stand-in's links")
@pytest.mark.parametrize("complete", [True, False])
def test_without_xcode_the_system_compiles(tiny_bundle, tmp_path, monkeypatch, complete):
    folder = shutil.copytree(tiny_bundle, tmp_path / "b")
    for name, value in stand_in.install(tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("converters.bundle.sys.platform", "darwin")
    if complete:
        monkeypatch.setattr(bundle, "METADATA", "source")  # what the stand-in writes
    components = {"vae_decoder": Manifest.read(folder).components["vae_decoder"]}
    remarks = bundle.compile_packages(folder, components)
    assert (folder / "VAEDecoder.mlmodelc").is_dir()
    assert (folder / "compile.sh").exists() != complete
    assert remarks == [] if complete else "without Xcode" in remarks[0]
