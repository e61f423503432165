"""Files and folders that are no whole checkpoint are refused, and what is wrong with them is said."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from sdedge.errors import ModelError
from sdedge.weights.checkpoint import open_checkpoint
from tests.weights.conftest import Tiny, write_folder

FILES = [
    (b"", "empty"), (bytes(100), "all zeros"), (b"version https://git-lfs.github.com/spec/v1\noid", "git lfs pull"),
    (b"<!DOCTYPE html><html>", "a web page"), (b"GGUF" + bytes(60), "GGUF"), (b"\x1f\x8b" + bytes(60), "gzip"),
    (b"hello world, this is no model at all", "neither safetensors nor"), (b"PK\x03\x04" + bytes(60), "truncated"),
    (b"\x80\x02K\x01." + bytes(30), "not one torch wrote"), (b"\x89PNG\r\n\x1a\n" + bytes(60), "PNG"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "said"), FILES)
def test_files_that_are_no_checkpoints(tmp_path: Path, data: bytes, said: str) -> None:
    (tmp_path / "m.ckpt").write_bytes(data)
    with pytest.raises(ModelError, match=said):
        open_checkpoint(tmp_path / "m.ckpt")


def test_truncated_anywhere(tiny: Tiny, tmp_path: Path) -> None:
    """Cut at every kind of boundary, each container says so and nothing escapes as another error."""
    state = tiny.ldm()
    save_file(state, tmp_path / "st")
    torch.save({"state_dict": state}, tmp_path / "zip")
    torch.save({"state_dict": state}, tmp_path / "legacy", _use_new_zipfile_serialization=False)
    for name in ("st", "zip", "legacy"):
        intact = (tmp_path / name).read_bytes()
        header = 8 + int.from_bytes(intact[:8], "little") if name == "st" else 3000
        cuts = {1, 7, 8, 9, 64, header - 1, header, header + 1, len(intact) // 2, len(intact) - 23, len(intact) - 1}
        for cut in sorted(cuts):
            (tmp_path / "cut").write_bytes(intact[:cut])
            with pytest.raises(ModelError):
                open_checkpoint(tmp_path / "cut")
        (tmp_path / "more").write_bytes(intact + b"x")
        if name == "st":
            with pytest.raises(ModelError, match="after its last tensor"):
                open_checkpoint(tmp_path / "more")


def test_folder_faults(tiny: Tiny, tmp_path: Path) -> None:
    intact = write_folder(tmp_path / "whole", tiny)

    def broken(name: str) -> Path:
        return Path(shutil.copytree(intact, tmp_path / name))

    (folder := broken("a")) and shutil.rmtree(folder / "vae")
    with pytest.raises(ModelError, match="vae is missing"):
        open_checkpoint(folder)
    (folder := broken("b")) and (folder / "unet" / "diffusion_pytorch_model.safetensors").unlink()
    with pytest.raises(ModelError, match="has no weights"):
        open_checkpoint(folder)
    (folder := broken("c")) and (folder / "unet" / "config.json").write_text("{")
    with pytest.raises(ModelError, match="not valid JSON"):
        open_checkpoint(folder)
    (folder := broken("d")) and (folder / "model_index.json").write_text('{"_class_name": "StableDiffusionXLPipeline"}')
    with pytest.raises(ModelError, match="Stable Diffusion XL"):
        open_checkpoint(folder)
    index = "diffusion_pytorch_model.safetensors.index.json"
    folder = broken("e")
    (folder / "unet" / "diffusion_pytorch_model.safetensors").unlink()
    (folder / "unet" / index).write_text('{"weight_map": {"conv_in.weight": "../../secret.safetensors"}}')
    with pytest.raises(ModelError, match="outside its own folder"):
        open_checkpoint(folder)
    with pytest.raises(ModelError, match="no model at"):
        open_checkpoint(tmp_path / "nowhere")
    with pytest.raises(ModelError, match="not a model folder"):
        open_checkpoint(tmp_path)
