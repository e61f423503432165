"""`sdedge convert apply-lora`: a bundle with LoRAs is what a conversion with them is, and what fails leaves nothing."""

from __future__ import annotations

import errno
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from converters import apply_lora
from converters.commands.verify import verify
from converters.package import read_spec
from sdedge.cli import cli
from sdedge.engines.coreml.portable.engine import MILEngine
from sdedge.errors import ModelError, OutputError
from sdedge.library.manifest import Manifest
from tests.conftest import convert_to_coreml
from tests.engines.coreml.test_lora_packages import random_lora, weight_bytes


@pytest.fixture
def style(tmp_path, tiny_model) -> Path:
    return random_lora(tmp_path / "style.safetensors", tiny_model, networks=("text_encoder",))


def _apply(bundle: Path, out: Path, *loras: str, options: tuple[str, ...] = ()) -> Result:
    chosen = [part for lora in loras for part in ("--lora", lora)]
    return CliRunner().invoke(cli, ["convert", "apply-lora", str(bundle), "-o", str(out), *chosen, *options])


def _described(bundle: Path) -> Manifest:
    """A manifest but for what differs between two conversions: identifiers in packages and so their hashes."""
    manifest = Manifest.read(bundle)
    parts = {name: replace(part, sha256="", bytes=0) for name, part in manifest.components.items()}
    return replace(manifest, components=parts)


@pytest.mark.slow
def test_a_copy_is_what_a_conversion_with_the_loras_is(tiny_model, style, tmp_path):
    parts = ("text_encoder",)
    second = random_lora(tmp_path / "other.safetensors", tiny_model, 2, parts)
    plain = convert_to_coreml(tiny_model, tmp_path / "plain", components=parts)
    fused = convert_to_coreml(tiny_model, tmp_path / "fused", components=parts, loras=((style, 0.7), (second, 0.2)))
    out = tmp_path / "out"
    assert _apply(plain, out, f"{style}:0.7", f"{second}:0.2").exit_code == 0
    assert _described(out) == _described(fused)
    assert {path.name for path in out.iterdir()} == {path.name for path in fused.iterdir()}
    ours, theirs = (read_spec(each / "TextEncoder.mlpackage") for each in (out, fused))
    assert ours == theirs and "style.safetensors:0.7" in str(ours.description.metadata)
    assert weight_bytes(out) == weight_bytes(fused)
    options = [str(out), "--model", str(tiny_model), "--no-picture"]
    loras = ["--lora", f"{style}:0.7", "--lora", f"{second}:0.2"]
    assert "passed" in CliRunner().invoke(verify, [*options, *loras]).output


def test_a_copy_is_drawn_from_as_the_bundle_with_the_lora(tiny_bundle, style, tmp_path):
    import torch

    from sdedge.engines.protocol import LoraUse

    done = _apply(tiny_bundle, tmp_path / "out", f"{style}:0.7", options=("--json",))
    assert done.exit_code == 0
    assert [json.loads(line)["event"] for line in done.stdout.splitlines()][-1] == "Finished"
    ids, engine = torch.zeros(1, 77, dtype=torch.long), MILEngine(tiny_bundle)
    engine.adapt([LoraUse(style, 0.7, 0.7)])
    assert torch.equal(MILEngine(tmp_path / "out").encode_text(ids), engine.encode_text(ids))
    assert Manifest.read(tmp_path / "out").source["loras"][0][:2] == ["style.safetensors", 0.7]


def test_what_cannot_be_made_is_one_sentence_and_leaves_nothing(tiny_bundle, style, tmp_path, monkeypatch):
    taken, out = tmp_path / "taken", tmp_path / "out"
    taken.mkdir()
    (taken / "mine.txt").touch()
    refused = _apply(tiny_bundle, taken, str(style))
    assert isinstance(refused.exception, OutputError) and "holds other things" in str(refused.exception)
    assert [*taken.iterdir()] == [taken / "mine.txt"]
    missing = _apply(tiny_bundle, out, str(tmp_path / "none.safetensors"))
    assert isinstance(missing.exception, ModelError)
    graph = shutil.copytree(tiny_bundle, tmp_path / "graph", ignore=shutil.ignore_patterns("*.mlpackage"))
    text = (graph / "manifest.json").read_text().replace('"kind": "coreml"', '"kind": "graph"')
    (graph / "manifest.json").write_text(text)
    assert "holds graphs" in str(_apply(graph, out, str(style)).exception)

    def full(*arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(apply_lora, "write_changes", full)
    failed = _apply(tiny_bundle, out, str(style))
    assert isinstance(failed.exception, OutputError)
    assert str(failed.exception).startswith(f"Cannot write {out}: No space left on device;")
    assert not out.exists() and not list(tmp_path.glob(".out-*"))


def test_a_copy_that_is_cut_off_leaves_nothing(tiny_bundle, style, tmp_path):
    making = apply_lora.apply_loras(tiny_bundle, tmp_path / "out", [(style, 1.0)], None)
    for event in making:
        if "Unet" in str(event):
            break
    assert list(tmp_path.glob(".out-*"))
    making.close()
    assert not (tmp_path / "out").exists() and not list(tmp_path.glob(".out-*"))
