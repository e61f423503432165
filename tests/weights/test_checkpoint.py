"""Every container and layout opens to the same tensors; everything else is refused by name."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from sdedge.errors import ModelError
from sdedge.models.config import UNetConfig
from sdedge.models.unet import UNet
from sdedge.weights import keys
from sdedge.weights.checkpoint import find_broken, is_vae, load_into, open_checkpoint, open_vae
from sdedge.weights.files import open_tensors
from tests.weights.conftest import TEXT, UNET, VAE_CONFIG, Tiny, same, write_folder

DTYPES = (torch.float32, torch.float16, torch.bfloat16)


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


@pytest.mark.parametrize("modern", [True, False])
@pytest.mark.parametrize("dtype", DTYPES)
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


def test_model_without_vae_needs_one(tiny: Tiny, tmp_path: Path) -> None:
    state = {name: tensor for name, tensor in tiny.ldm().items() if not name.startswith("first_stage_model.")}
    save_file(state, tmp_path / "m.safetensors")
    save_file(tiny.vae, tmp_path / "vae.safetensors")
    with pytest.raises(ModelError, match="holds no VAE; name one"):
        open_checkpoint(tmp_path / "m.safetensors")
    check(tmp_path / "m.safetensors", tiny, vae=tmp_path / "vae.safetensors")


def with_unet(change: Callable[[dict[str, torch.Tensor]], None]) -> Callable[[Tiny], dict[str, torch.Tensor]]:
    def build(tiny: Tiny) -> dict[str, torch.Tensor]:
        state = tiny.ldm()
        change(state)
        return state

    return build


def widen(channels: int) -> Callable[[dict[str, torch.Tensor]], None]:
    return lambda state: state.update({"model.diffusion_model.input_blocks.0.0.weight": torch.ones(8, channels, 3, 3)})


def test_inpainting(tiny: Tiny, tmp_path: Path) -> None:
    save_file(with_unet(widen(9))(tiny), tmp_path / "m.safetensors")
    checkpoint = open_checkpoint(tmp_path / "m.safetensors")
    assert checkpoint.in_channels == 9 and checkpoint.configs["unet"]["in_channels"] == 9


def context_1024(state: dict[str, torch.Tensor]) -> None:
    for name in [name for name in state if ".attn2.to_k." in name or ".attn2.to_v." in name]:
        state[name] = torch.ones(state[name].shape[0], 1024)


def linear_projections(state: dict[str, torch.Tensor]) -> None:
    for name in [
        name for name in state if name.endswith((".proj_in.weight", ".proj_out.weight")) and "diffusion" in name
    ]:
        state[name] = state[name][:, :, 0, 0].clone()


POSITIONS = "cond_stage_model.transformer.text_model.embeddings.position_embedding.weight"
UNSUPPORTED: list[tuple[Callable[[Tiny], dict[str, torch.Tensor]], str]] = [
    (with_unet(widen(8)), "InstructPix2Pix"),
    (with_unet(widen(5)), "depth"),
    (with_unet(context_1024), "Stable Diffusion 2"),
    (with_unet(linear_projections), "Stable Diffusion 2"),
    (with_unet(lambda s: s.update({POSITIONS: torch.ones(248, 64)})), "LongCLIP"),
    (with_unet(lambda s: s.update({"cond_stage_model.model.ln_final.weight": torch.ones(1)})), "OpenCLIP"),
    (with_unet(lambda s: s.update({"conditioner.embedders.0.x": torch.ones(1)})), "Stable Diffusion XL"),
    (
        with_unet(lambda s: s.update({"model.diffusion_model.input_blocks.1.2.motion_modules.0.x": torch.ones(1)})),
        "AnimateDiff",
    ),
    (lambda _: {"lora_unet_x.lora_down.weight": torch.ones(1)}, "a LoRA"),
    (lambda _: {"lora_unet_x.hada_w1_a": torch.ones(1)}, "LoHa"),
    (lambda _: {"emb_params": torch.ones(1, 768)}, "textual inversion"),
    (lambda _: {"control_model.input_hint_block.0.weight": torch.ones(1)}, "ControlNet"),
    (lambda t: {f"first_stage_model.{n}": x for n, x in t.vae.items()}, "holds only a VAE"),
    (lambda _: {"x": torch.ones(1)}, "no Stable Diffusion v1 weights"),
    (with_unet(lambda s: s.update({"vae.decoder.conv_in.weight": torch.ones(1)})), "two VAEs"),
]


@pytest.mark.parametrize(("build", "said"), UNSUPPORTED, ids=[f"{i}-{said}" for i, (_, said) in enumerate(UNSUPPORTED)])
def test_refused_by_name(
    tiny: Tiny, tmp_path: Path, build: Callable[[Tiny], dict[str, torch.Tensor]], said: str
) -> None:
    save_file(build(tiny), tmp_path / "m.safetensors")
    with pytest.raises(ModelError, match=said) as caught:
        open_checkpoint(tmp_path / "m.safetensors")
    assert str(tmp_path) in str(caught.value) and "\n" not in str(caught.value)


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


def test_load_into_is_strict_and_converts(tiny: Tiny, tmp_path: Path) -> None:
    save_file(tiny.ldm(), tmp_path / "m.safetensors")
    tensors = open_checkpoint(tmp_path / "m.safetensors").unet
    config = UNetConfig(**{k: tuple(v) if isinstance(v, list) else v for k, v in UNET.items()})
    for dtype in DTYPES:
        for mapped in (True, False, None):
            with torch.device("meta"):
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
