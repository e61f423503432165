"""Every container and layout opens to the same tensors, and the report says what was found."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from sdedge.errors import ModelError
from sdedge.weights import keys
from sdedge.weights.checkpoint import is_vae, open_checkpoint, open_vae
from sdedge.weights.files import open_tensors
from tests.conftest import cases
from tests.weights.conftest import DTYPES, TEXT, UNET, VAE_CONFIG, Tiny, same, write_folder


def check(path: Path, model: Tiny, **options: Any) -> Any:
    checkpoint = open_checkpoint(path, **options)
    for name, state in model.parts.items():
        same(checkpoint.components[name], state)
    return checkpoint


@pytest.mark.parametrize("dtype", DTYPES)
def test_folder(tiny: Tiny, tmp_path: Path, dtype: torch.dtype) -> None:
    checkpoint = check(write_folder(tmp_path / "m", tiny.to(dtype)), tiny.to(dtype))
    assert checkpoint.kind == "diffusers folder" and checkpoint.in_channels == 4
    assert checkpoint.configs["unet"]["attention_head_dim"] == 8


@pytest.mark.parametrize("options", [{"variant": ".fp16"}, {"pickled": True}, {"shards": True}])
def test_folder_layouts(tiny: Tiny, tmp_path: Path, options: dict[str, Any]) -> None:
    check(write_folder(tmp_path / "m", tiny, **options), tiny)


def test_full_precision_is_preferred_and_non_ema_on_request(tiny: Tiny, tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "m", tiny)
    halved, plain = tiny.to(torch.float16), {n: t + 1 for n, t in tiny.unet.items()}
    save_file(halved.unet, folder / "unet" / "diffusion_pytorch_model.fp16.safetensors")
    save_file(plain, folder / "unet" / "diffusion_pytorch_model.non_ema.safetensors")
    check(folder, tiny)
    same(open_checkpoint(folder, ema=False).unet, plain)


def test_hub_cache(tiny: Tiny, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cached = tmp_path / "models--CompVis--stable-diffusion-v1-4"
    snapshot = write_folder(cached / "snapshots" / "abc", tiny)
    write_folder(cached / "snapshots" / "old", tiny.to(torch.float16))
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text("abc")
    weights = snapshot / "unet" / "diffusion_pytorch_model.safetensors"
    (cached / "blobs").mkdir()
    blob = cached / "blobs" / "0123"
    weights.rename(blob)
    weights.symlink_to(blob)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    check(cached, tiny)
    check(Path("CompVis/stable-diffusion-v1-4"), tiny)
    blob.unlink()
    with pytest.raises(ModelError, match="did not finish"):
        open_checkpoint(cached)
    with pytest.raises(ModelError, match="sdedge models fetch CompVis/other"):
        open_checkpoint("CompVis/other")


@pytest.mark.parametrize("dtype", DTYPES)
def test_single_safetensors(tiny: Tiny, tmp_path: Path, dtype: torch.dtype) -> None:
    save_file(tiny.to(dtype).ldm(), tmp_path / "m.safetensors")
    checkpoint = check(tmp_path / "m.safetensors", tiny.to(dtype))
    assert checkpoint.kind == "ldm safetensors"
    for name, config in {"unet": UNET, "vae": VAE_CONFIG, "text_encoder": TEXT}.items():
        assert {key: checkpoint.configs[name][key] for key in config} == config
    assert checkpoint.prediction_type == "epsilon"


@pytest.mark.parametrize(
    ("dtype", "modern"),
    cases(itertools.product(DTYPES, (True, False)), quick={(torch.float16, True), (torch.float32, False)}),
)
def test_ckpt_with_averages_and_lightning(
    tiny: Tiny, tmp_path: Path, lightning: dict[str, Any], modern: bool, dtype: torch.dtype
) -> None:
    model = tiny.to(dtype)
    state = model.ldm()
    averaged = {name: tensor + 1 for name, tensor in model.unet.items()}
    table = keys.invert(keys.unet_table(keys.unet_layout(model.unet)))
    state |= {keys.ema_name(str(keys.rename(name, table))): tensor for name, tensor in averaged.items()}
    path = tmp_path / "m.ckpt"
    torch.save({"state_dict": {"state_dict": state}, **lightning}, path, _use_new_zipfile_serialization=modern)
    plain = check(path, model)
    assert any("Plain weights used" in line for line in plain.report)
    same(open_checkpoint(path, ema=True).unet, averaged)
    assert any("EMA) weights used" in line for line in open_checkpoint(path, ema=True).report)


def test_ema_asked_of_a_file_without(tiny: Tiny, tmp_path: Path) -> None:
    save_file(tiny.ldm(), tmp_path / "m.safetensors")
    with pytest.raises(ModelError, match=r"no averaged \(EMA\) weights"):
        open_checkpoint(tmp_path / "m.safetensors", ema=True)


def test_ema_incomplete(tiny: Tiny, tmp_path: Path) -> None:
    state = tiny.ldm()
    state["model_ema.diffusion_modelout0weight"] = torch.ones(8)
    save_file(state, tmp_path / "m.safetensors")
    with pytest.raises(ModelError, match=f"{len(tiny.unet) - 1} tensors are missing"):
        open_checkpoint(tmp_path / "m.safetensors", ema=True)


def test_views_and_shared_storages(tiny: Tiny, tmp_path: Path) -> None:
    """Tensors that are slices and transposes of one storage come out as torch reads them."""
    base = torch.randn(6, 8)
    state = {
        "slice": base[1:4],
        "transposed": base.t(),
        "same": base,
        "scalar": torch.tensor(2.5),
        "none": torch.empty(0, 3),
    }
    for modern in (True, False):
        torch.save(state, tmp_path / "views.pt", _use_new_zipfile_serialization=modern)
        source = open_tensors(tmp_path / "views.pt")
        for name, tensor in state.items():
            assert torch.equal(source[name].read(), tensor) and torch.equal(source[name].copy(), tensor)
            assert torch.equal(source[name].copy(torch.float16), tensor.half())


def test_names_of_other_versions(tiny: Tiny, tmp_path: Path) -> None:
    """No `text_model.` (transformers 5, some mergers), the short VAE prefix, the VAE's attention names before 2023."""
    state = {
        name.replace("transformer.text_model.", "transformer.").replace("first_stage_model.", "vae."): tensor
        for name, tensor in tiny.ldm().items()
    }
    save_file(state, tmp_path / "m.safetensors")
    check(tmp_path / "m.safetensors", tiny)
    folder = write_folder(tmp_path / "m", tiny)
    old = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    vae = dict(tiny.vae)
    for name in [name for name in vae if ".attentions.0." in name]:
        new = name
        for modern, legacy in old.items():
            new = new.replace(modern, legacy)
        vae[new] = vae.pop(name)
    assert any("proj_attn" in name for name in vae)
    save_file(vae, folder / "vae" / "diffusion_pytorch_model.safetensors")
    text = {name.removeprefix("text_model."): tensor for name, tensor in tiny.text_encoder.items()}
    save_file(text, folder / "text_encoder" / "model.safetensors")
    check(folder, tiny)


def test_position_ids_cast_by_mergers(tiny: Tiny, tmp_path: Path) -> None:
    state = tiny.ldm()
    name = "cond_stage_model.transformer.text_model.embeddings.position_ids"
    state[name] = (torch.arange(77) + 0.3).half()
    save_file(state, tmp_path / "m.safetensors")
    checkpoint = check(tmp_path / "m.safetensors", tiny)
    assert "position_ids are stored as float16; regenerated" in checkpoint.report
    del state[name]
    save_file(state, tmp_path / "n.safetensors")
    check(tmp_path / "n.safetensors", tiny)


def test_mixed_precision_and_leftovers_are_reported(tiny: Tiny, tmp_path: Path) -> None:
    state = tiny.ldm()
    state["model.diffusion_model.out.2.weight"] = state["model.diffusion_model.out.2.weight"].half()
    state["control_model.input_hint_block.0.weight"] = torch.ones(1)
    save_file(state, tmp_path / "m.safetensors")
    report = " ".join(open_checkpoint(tmp_path / "m.safetensors").report)
    assert "Mixed precision" in report and "1 float16" in report and "control_model" in report


def test_v_prediction_marker(tiny: Tiny, tmp_path: Path) -> None:
    save_file(tiny.ldm() | {"v_pred": torch.empty(0)}, tmp_path / "m.safetensors")
    assert open_checkpoint(tmp_path / "m.safetensors").prediction_type == "v_prediction"


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({"modelspec.predict_key": "v"}, "v_prediction"),
        ({"modelspec.prediction_type": "v"}, "v_prediction"),
        ({"ss_v_parameterization": "True"}, "v_prediction"),
        ({"modelspec.predict_key": "epsilon", "ss_v_parameterization": "False"}, "epsilon"),
        ({}, "epsilon"),
    ],
)
def test_headers_that_say_what_the_unet_predicts(
    tiny: Tiny, tmp_path: Path, metadata: dict[str, str], expected: str
) -> None:
    save_file(tiny.ldm(), tmp_path / "m.safetensors", metadata=metadata)
    assert open_checkpoint(tmp_path / "m.safetensors").prediction_type == expected


def test_vae_replacement(tiny: Tiny, tmp_path: Path) -> None:
    replacement = Tiny(tiny.unet, {name: tensor + 1 for name, tensor in tiny.vae.items()}, tiny.text_encoder)
    save_file(tiny.ldm(), tmp_path / "m.safetensors")
    bare = {
        n.removeprefix("first_stage_model."): t
        for n, t in replacement.ldm().items()
        if n.startswith("first_stage_model.")
    }
    torch.save({"state_dict": bare | {"loss.logvar": torch.tensor(0.0)}}, tmp_path / "bare.pt")
    save_file(replacement.ldm(), tmp_path / "other.safetensors")
    save_file(replacement.vae, tmp_path / "diffusers.safetensors")
    folder = write_folder(tmp_path / "folder", replacement)
    for vae in ("bare.pt", "other.safetensors", "diffusers.safetensors", "folder", "folder/vae"):
        checkpoint = check(tmp_path / "m.safetensors", replacement, vae=tmp_path / vae)
        assert any("VAE replaced" in line for line in checkpoint.report)
        assert checkpoint.configs["vae"]["block_out_channels"] == VAE_CONFIG["block_out_channels"]
    assert is_vae(tmp_path / "bare.pt") and is_vae(folder / "vae")
    assert not is_vae(tmp_path / "m.safetensors") and not is_vae(folder)
    assert set(open_vae(tmp_path / "bare.pt")[0]) == set(tiny.vae)


def test_the_vae_of_another_family_s_checkpoint_is_refused(tiny: Tiny, tmp_path: Path) -> None:
    vae = {name: tensor for name, tensor in tiny.ldm().items() if name.startswith("first_stage_model.")}
    save_file(vae | {"conditioner.embedders.0.weight": torch.ones(1)}, tmp_path / "xl.safetensors")
    save_file(vae | {"cond_stage_model.model.weight": torch.ones(1)}, tmp_path / "v2.safetensors")
    with pytest.raises(ModelError, match="is a Stable Diffusion XL checkpoint, whose VAE"):
        open_vae(tmp_path / "xl.safetensors")
    assert set(open_vae(tmp_path / "v2.safetensors")[0]) == set(tiny.vae)


def test_model_without_vae_needs_one(tiny: Tiny, tmp_path: Path) -> None:
    state = {name: tensor for name, tensor in tiny.ldm().items() if not name.startswith("first_stage_model.")}
    save_file(state, tmp_path / "m.safetensors")
    save_file(tiny.vae, tmp_path / "vae.safetensors")
    with pytest.raises(ModelError, match="holds no VAE; name one"):
        open_checkpoint(tmp_path / "m.safetensors")
    check(tmp_path / "m.safetensors", tiny, vae=tmp_path / "vae.safetensors")
