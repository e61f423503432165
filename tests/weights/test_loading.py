"""Modules are filled with a checkpoint's weights: strictly, converted, aligned, and never writing to the file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from sdedge.errors import ModelError
from sdedge.models.config import UNetConfig
from sdedge.models.unet import UNet
from sdedge.models.unfilled import unfilled
from sdedge.weights.checkpoint import find_broken, load_into, open_checkpoint
from tests.weights.conftest import DTYPES, UNET, Tiny, same, write_folder


def test_load_into_is_strict_and_converts(tiny: Tiny, tmp_path: Path) -> None:
    save_file(tiny.ldm(), tmp_path / "m.safetensors")
    tensors = open_checkpoint(tmp_path / "m.safetensors").unet
    config = UNetConfig(**{k: tuple(v) if isinstance(v, list) else v for k, v in UNET.items()})
    for dtype in DTYPES:
        for mapped in (True, False, None):
            with unfilled():
                unet = UNet(config)
            assert load_into(unet, tensors, dtype, mapped=mapped) == []
            assert all(torch.equal(t, tiny.unet[n].to(dtype)) for n, t in unet.state_dict().items())
    with torch.device("meta"):
        unet = UNet(config)
    fewer = {name: tensor for name, tensor in tensors.items() if "conv_in" not in name}
    with pytest.raises(ModelError, match=r"2 tensors are missing \(conv_in.weight, conv_in.bias\)"):
        load_into(unet, fewer)
    more = {**tensors, "extra.weight": tensors["conv_in.bias"]}
    with pytest.raises(ModelError, match=r"1 tensors are unexpected \(extra.weight\)"):
        load_into(unet, more)
    assert load_into(unet, more, ignore={"extra.*"}) == []
    wrong = {**tensors, "conv_in.weight": tensors["conv_in.bias"]}
    with pytest.raises(ModelError, match=r"1 of \d+ tensors have the wrong shape \(first: conv_in.weight is \[8\]"):
        load_into(unet, wrong)


@pytest.mark.parametrize("container", ["safetensors", "zip", "legacy"])
def test_weights_are_aligned_whatever_the_file(tiny: Tiny, tmp_path: Path, container: str) -> None:
    """Kernels round differently on unaligned memory, so views of the file are used only where they are aligned."""
    path = tmp_path / "m"
    if container == "safetensors":
        save_file(tiny.ldm(), path)
    else:
        torch.save(tiny.ldm(), path, _use_new_zipfile_serialization=container == "zip")
    tensors = open_checkpoint(path).unet
    with torch.device("meta"):
        unet = UNet(UNetConfig(**{k: tuple(v) if isinstance(v, list) else v for k, v in UNET.items()}))
    load_into(unet, tensors)
    assert all(tensor.data_ptr() % 64 == 0 for tensor in unet.parameters())
    shared = sum(lazy.aligned for lazy in tensors.values())
    assert shared == len(tensors) if container == "zip" else shared < len(tensors)


def test_nan_weights_are_reported(tiny: Tiny, tmp_path: Path) -> None:
    unet = dict(tiny.unet)
    unet["conv_in.bias"] = torch.tensor([1.0, float("nan")] + [0.0] * 6)
    unet["conv_out.bias"] = torch.tensor([float("inf"), 0, 0, 0])
    folder = write_folder(tmp_path / "m", Tiny(unet, tiny.vae, tiny.text_encoder))
    tensors = open_checkpoint(folder).unet
    assert find_broken(tensors) == ["conv_in.bias", "conv_out.bias"]
    with torch.device("meta"):
        network = UNet(UNetConfig(**{k: tuple(v) if isinstance(v, list) else v for k, v in UNET.items()}))
    assert "conv_in.bias" in load_into(network, tensors, torch.float16)[0]


@pytest.mark.skipif(os.name != "posix", reason="an open file cannot be removed there")
def test_file_removed_or_truncated_while_open(tiny: Tiny, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    save_file(tiny.ldm(), path)
    tensors = open_checkpoint(path).unet
    shared = tensors["conv_in.weight"].read()
    path.unlink()
    same(tensors, tiny.unet)
    assert torch.equal(shared, tiny.unet["conv_in.weight"])
    save_file(tiny.ldm(), path)
    tensors = open_checkpoint(path).unet
    os.truncate(path, path.stat().st_size // 100)
    with pytest.raises(ModelError, match="ends at byte"):
        for lazy in tensors.values():
            lazy.copy()


def test_a_shared_tensor_never_writes_to_the_file(tiny: Tiny, tmp_path: Path) -> None:
    save_file(tiny.ldm(), tmp_path / "m.safetensors")
    before = (tmp_path / "m.safetensors").read_bytes()
    open_checkpoint(tmp_path / "m.safetensors").unet["conv_in.weight"].read().zero_()
    assert (tmp_path / "m.safetensors").read_bytes() == before
