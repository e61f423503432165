"""Upscalers told from their tensors alone, in every container and by every set of names, and what is none of them."""

from __future__ import annotations

import pytest
import torch
from safetensors.torch import save_file

from sdedge.engines.torch.upscalers import load_upscaler
from sdedge.errors import ModelError, Remedy
from sdedge.models.upscaler_config import RRDBConfig, SRVGGConfig
from sdedge.weights.upscaler import holds_upscaler, open_upscaler
from tests.upscaler_models import TINY, old_names, random_state, rrdbnet, second_names

CPU = torch.device("cpu")


def _written(path, state, wrapper=None):
    if path.suffix == ".safetensors":
        save_file({f"{wrapper}.{name}" if wrapper else name: tensor for name, tensor in state.items()}, path)
    else:
        torch.save({wrapper: state} if wrapper else state, path)
    return path


@pytest.mark.parametrize("doublings", [0, 1, 2, 3])
@pytest.mark.parametrize("names", ["old", "second", "new"])
def test_a_file_is_the_same_network_by_all_three_sets_of_names(tmp_path, names, doublings):
    config = RRDBConfig(8, 2, 4, doublings)
    state = random_state(config)
    renamed = {"old": old_names(state, config), "second": second_names(state), "new": state}[names]
    model = open_upscaler(_written(tmp_path / "4x_any.pth", renamed))
    assert (model.config, model.architecture, model.name) == (config, "RRDBNet", "4x_any")
    image = torch.rand(1, 3, 6, 5)
    (rows,) = load_upscaler(model, CPU).enlarge([image])
    with torch.inference_mode():
        assert torch.allclose(rows, rrdbnet(state, image), atol=1e-5)


@pytest.mark.parametrize(
    "config", [RRDBConfig(8, 1, 4, 2, 2), RRDBConfig(8, 1, 4, 2, 4), RRDBConfig(8, 6, 4), SRVGGConfig(8, 3)]
)
@pytest.mark.parametrize(("suffix", "wrapper"), [("pth", "params"), ("safetensors", None), ("ckpt", "state_dict")])
def test_scale_and_size_are_told_from_tensors_in_every_container(tmp_path, config, suffix, wrapper):
    path = _written(tmp_path / f"x.{suffix}", random_state(config), wrapper)
    assert holds_upscaler(path) and open_upscaler(path).config == config


def test_of_averaged_and_plain_weights_the_averaged_are_taken(tmp_path):
    plain, averaged = random_state(TINY, 1), random_state(TINY, 2)
    torch.save({"params": plain, "params_ema": averaged}, tmp_path / "both.pth")
    tensor = open_upscaler(tmp_path / "both.pth").tensors["conv_first.weight"].copy()
    assert torch.equal(tensor, averaged["conv_first.weight"])


def _refusal(path):
    with pytest.raises(ModelError) as error:
        load_upscaler(open_upscaler(path), CPU)
    assert str(error.value).count("\n") == 0
    return error.value


def test_what_is_no_upscaler_is_refused_by_what_it_is(tmp_path):
    lora = {"lora_unet_x.lora_down.weight": torch.zeros(2, 2)}
    refused = _refusal(_written(tmp_path / "style.safetensors", lora))
    assert "is a LoRA, not an upscaler" in str(refused) and refused.remedy is Remedy.USE_LORA
    assert "is no upscaler" in str(
        _refusal(_written(tmp_path / "x.safetensors", {"a": torch.zeros(1), "b": torch.zeros(1)}))
    )
    (tmp_path / "empty.pth").write_bytes(b"")
    assert "empty" in str(_refusal(tmp_path / "empty.pth"))
    assert "is a folder" in str(_refusal(tmp_path))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda s: s.pop("conv_hr.bias"), "missing"),
        (lambda s: s.pop("conv_last.weight"), "incomplete"),
        (lambda s: s.update(extra=torch.zeros(1)), "unexpected"),
        (lambda s: s.update({"conv_first.weight": torch.zeros(8, 4, 3, 3)}), "4 channels"),
        (lambda s: s.update({"conv_first.weight": torch.zeros(8)}), "shape"),
        (lambda s: s.update({"conv_up1.weight": torch.zeros(32, 8, 3, 3)}), "shuffling pixels"),
        (lambda s: s["conv_body.bias"].fill_(torch.nan), "damaged"),
    ],
)
def test_a_damaged_or_odd_file_is_refused_in_a_sentence(tmp_path, change, sentence):
    state = random_state(TINY)
    change(state)
    assert sentence in str(_refusal(_written(tmp_path / "bad.pth", state)))


def test_other_networks_are_named_and_go_through_spandrel_where_it_is_installed(tmp_path, monkeypatch):
    state = {
        "layers.0.residual_group.blocks.0.norm1.weight": torch.ones(4),
        "conv_first.weight": torch.ones(1, 3, 3, 3),
    }
    path = _written(tmp_path / "swin.pth", state, "params")
    monkeypatch.setitem(__import__("sys").modules, "spandrel", None)
    refused = _refusal(path)
    assert "architecture SwinIR" in str(refused) and "pip install spandrel" in str(refused)

    class Descriptor:
        scale, input_channels, output_channels = 3, 3, 3

        def eval(self):
            return self

        def __call__(self, image):
            return image.repeat_interleave(3, 2).repeat_interleave(3, 3)

    class Spandrel:
        @staticmethod
        def ModelLoader(device):
            return Spandrel

        @staticmethod
        def load_from_state_dict(loaded):
            assert {name: tensor.tolist() for name, tensor in loaded.items()} == {
                f"params.{name}": tensor.tolist() for name, tensor in state.items()
            }
            return Descriptor()

    monkeypatch.setitem(__import__("sys").modules, "spandrel", Spandrel)
    network = load_upscaler(open_upscaler(path), CPU)
    (rows,) = network.enlarge([torch.rand(1, 3, 4, 5)])
    assert network.scale == 3 and rows.shape == (1, 3, 12, 15)
