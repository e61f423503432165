"""Packages are compiled by Xcode or by the system, and a failure is said."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from converters import bundle
from sdedge.library.manifest import Manifest
from tests.engines.coreml import stand_in

WRITES = 'name=${3##*/}; made="$4/${name%.mlpackage}.mlmodelc"; /bin/mkdir "$made" && : > "$made/new"'


def _write_xcrun(bin: Path, does: str) -> None:
    (bin / "xcrun").write_text(f"#!/bin/sh\n{does}\n")
    (bin / "xcrun").chmod(0o755)


def _compile_earlier(folder: Path) -> None:
    for package in folder.glob("*.mlpackage"):
        package.with_suffix(".mlmodelc").mkdir()
        (package.with_suffix(".mlmodelc") / "earlier").touch()


@pytest.mark.skipif(os.name == "nt", reason="a shell script stands in for xcrun")
@pytest.mark.parametrize(
    "code, said", [(0, ""), (1, "xcrun coremlcompiler said 'no space'"), (None, "it comes with Xcode")]
)
def test_a_failed_compilation_is_said(tiny_bundle, tmp_path, monkeypatch, code, said):
    """Without Xcode and without Core ML, which this machine has not."""
    folder, bin = shutil.copytree(tiny_bundle, tmp_path / "b"), tmp_path / "bin"
    bin.mkdir()
    if code is not None:
        _write_xcrun(bin, f"echo first >&2; echo 'no space' >&2; echo >&2; exit {code}" if code else WRITES)
    monkeypatch.setenv("PATH", str(bin))
    monkeypatch.setattr("converters.bundle.sys.platform", "darwin")
    manifest = Manifest.read(folder)
    _compile_earlier(folder)
    (folder / ".compiling-1").mkdir()  # of a process that was killed
    remarks = bundle.compile_packages(folder, manifest.components)
    assert (said in remarks[0] and "compile.sh" in remarks[0]) if said else remarks == []
    assert not list(folder.glob("*.mlmodelc/earlier")) and not list(folder.glob(".compiling*"))
    assert len(list(folder.glob("*.mlmodelc/new"))) == (0 if said else len(manifest.components))
    assert (folder / "compile.sh").exists() == bool(said)


@pytest.mark.skipif(os.name == "nt", reason="a shell script stands in for xcrun")
@pytest.mark.parametrize("exchanges", [True, False])
def test_an_interrupted_compilation_loses_nothing(tiny_bundle, tmp_path, monkeypatch, exchanges):
    """Neither what was compiled before nor a part of it: an app loads all packages of one model."""
    folder, components = shutil.copytree(tiny_bundle, tmp_path / "b"), Manifest.read(tiny_bundle).components
    _compile_earlier(folder)
    _write_xcrun(tmp_path, WRITES)
    monkeypatch.setenv("PATH", str(tmp_path))
    runs, run = [], subprocess.run

    def interrupted(command, **options):
        runs.append(command)
        if len(runs) == len(components):
            raise KeyboardInterrupt
        return run(command, **options)

    monkeypatch.setattr(bundle.subprocess, "run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        bundle.compile_packages(folder, components)
    assert len(list(folder.glob("*.mlmodelc/earlier"))) == len(list(folder.glob("*.mlmodelc"))) == len(components)
    assert not list(folder.glob(".compiling*"))
    if not exchanges:
        monkeypatch.setattr(sys, "platform", "a system that cannot exchange two names")
    assert bundle.compile_packages(folder, components) == []
    assert len(list(folder.glob("*.mlmodelc/new"))) == len(components)
    assert not list(folder.glob("*.mlmodelc/earlier")) and not list(folder.glob(".compiling*"))


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
    assert bundle.hash_files(folder / "VAEDecoder.mlpackage") == components["vae_decoder"].sha256  # both are shipped
    assert (folder / "compile.sh").exists() != complete
    assert remarks == [] if complete else "without Xcode" in remarks[0]
