"""Every container of an IP-Adapter holds the same tensors, its kind is told from them, and what is none for v1 is refused."""

from __future__ import annotations

import pytest
import torch

from sdedge.errors import ModelError
from sdedge.models.config import UNetConfig
from sdedge.models.ip_adapter import IPAdapter
from sdedge.weights.control import ControlKind, holds_control, open_control
from sdedge.weights.loading import load_into
from tests.ip_adapter_models import SHAPES, nested, random_ip_adapter, write_bin, write_file
from tests.weights.conftest import UNET, same

BASE = UNetConfig.from_json(UNET)


@pytest.mark.parametrize("kind", list(SHAPES))
def test_every_container_holds_the_same_tensors(tmp_path, kind):
    state = random_ip_adapter(UNET, kind)
    legacy = tmp_path / "legacy.pth"
    torch.save(nested(state), legacy, _use_new_zipfile_serialization=False)
    for path in (
        write_bin(tmp_path / "ip-adapter.bin", state), write_file(tmp_path / "ip-adapter.safetensors", state), legacy
    ):  # fmt: skip
        model = open_control(path)
        assert model.kind is ControlKind.IP_ADAPTER and holds_control(path)
        same(model.tensors, state)
        config = model.ip_adapter_config(BASE)
        assert (config.kind, config.encoding) == (SHAPES[kind]["kind"], SHAPES[kind]["encoding"])
        with torch.device("meta"):
            network = IPAdapter(config)
        assert load_into(network, model.tensors, torch.float32) == []


def _keys(width: int) -> dict[str, tuple[int, ...]]:
    return {f"ip_adapter.1.to_{x}_ip.weight": (8, width) for x in "kv"}


@pytest.mark.parametrize(
    ("shapes", "what"),
    [
        ({"image_proj.proj.weight": (8192, 1280), **_keys(2048)}, "for Stable Diffusion XL"),
        ({"image_proj.latents": (1, 16, 1280), **_keys(2048)}, "for Stable Diffusion XL"),
        ({"image_proj.proj.weight": (3072, 1280), **_keys(768)}, "ViT-bigG"),
        ({"image_proj.perceiver_resampler.proj_in.weight": (8, 8), **_keys(768)}, "FaceID"),
        ({"image_proj.proj.0.weight": (1024, 512), "image_proj.proj.2.weight": (3072, 1024), "image_proj.norm.weight": (768,),
          **_keys(768)}, "FaceID"),
        ({"image_proj.latents": (1, 4, 8), "ip_adapter.0.to_q_lora.down.weight": (4, 8), **_keys(768)}, "FaceID"),
    ],
)  # fmt: skip
def test_what_is_none_for_v1_is_refused_by_its_name(tmp_path, shapes, what):
    path = write_file(tmp_path / "ip-adapter.safetensors", {name: torch.zeros(shape) for name, shape in shapes.items()})
    assert holds_control(path)
    with pytest.raises(ModelError, match=what) as refusal:
        open_control(path)
    assert str(refusal.value).endswith("choose a control model for Stable Diffusion v1.")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"ip_adapter.31.to_v_ip.weight": None}, "lacks ip_adapter.31.to_v_ip.weight"),
        ({"ip_adapter.31.to_v_ip.weight": (16, 9)}, "made for a UNet with 16 cross attentions"),
        ({"ip_adapter.33.to_k_ip.weight": (16, 8)}, "is made for a UNet with 17 cross attentions"),
        ({"ip_adapter.1.to_k_ip.weight": None}, "lacks ip_adapter.1.to_k_ip.weight"),
        ({"image_proj.proj.weight": (13, 24)}, "has image_proj.proj.weight of the shape"),
        ({"image_proj.proj.weight": None}, "lacks image_proj.latents"),
    ],
)
def test_one_that_does_not_fit_says_why(tmp_path, changes, sentence):
    state = random_ip_adapter(UNET)
    for name, shape in changes.items():
        state.pop(name, None)
        if shape is not None:
            state[name] = torch.zeros(shape)
    model = open_control(write_file(tmp_path / "cut.safetensors", state))
    with pytest.raises(ModelError, match=sentence):
        model.ip_adapter_config(BASE)
