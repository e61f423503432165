"""Which files a fetch takes, and what it says when it cannot. No network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sdedge.errors import InvalidRequest, ModelError
from sdedge.weights import fetch as fetching
from sdedge.weights.fetch import explain, fetch, files_to_fetch

V1_4 = [
    ".gitattributes", "README.md", "model_index.json", "feature_extractor/preprocessor_config.json",
    "safety_checker/config.json", "safety_checker/flax_model.msgpack", "safety_checker/model.fp16.safetensors",
    "safety_checker/model.safetensors", "safety_checker/pytorch_model.bin", "scheduler/scheduler_config.json",
    "text_encoder/config.json", "text_encoder/model.fp16.safetensors", "text_encoder/model.safetensors",
    "text_encoder/pytorch_model.bin", "tokenizer/merges.txt", "tokenizer/vocab.json", "unet/config.json",
    "unet/diffusion_pytorch_model.bin", "unet/diffusion_pytorch_model.fp16.safetensors",
    "unet/diffusion_pytorch_model.non_ema.safetensors", "unet/diffusion_pytorch_model.safetensors", "vae/config.json",
    "vae/diffusion_pytorch_model.bin", "vae/diffusion_pytorch_model.fp16.safetensors",
    "vae/diffusion_pytorch_model.safetensors", "sd-v1-4.ckpt", "vae_encoder/model.onnx",
]  # fmt: skip


def weights(names: list[str]) -> list[str]:
    return [name for name in names if name.endswith((".safetensors", ".bin", ".ckpt", ".msgpack", ".onnx"))]


def test_one_weight_file_per_component() -> None:
    chosen = files_to_fetch(V1_4, None, "x/y")
    assert weights(chosen) == [
        "safety_checker/model.safetensors", "text_encoder/model.safetensors",
        "unet/diffusion_pytorch_model.safetensors", "vae/diffusion_pytorch_model.safetensors",
    ]  # fmt: skip
    assert {"model_index.json", "tokenizer/merges.txt", "tokenizer/vocab.json", "unet/config.json"} <= set(chosen)
    assert all("fp16" in name for name in weights(files_to_fetch(V1_4, "fp16", "x/y")))
    pickled = [name for name in V1_4 if not name.endswith(".safetensors")]
    assert "unet/diffusion_pytorch_model.bin" in files_to_fetch(pickled, None, "x/y")
    shards = [f"unet/diffusion_pytorch_model-0000{i}-of-00002.safetensors" for i in (1, 2)]
    sharded = [name for name in V1_4 if not name.startswith("unet/diff")] + shards
    assert set(shards) <= set(files_to_fetch(sharded, None, "x/y"))
    with pytest.raises(ModelError, match="bf16 variant of the unet"):
        files_to_fetch(V1_4, "bf16", "x/y")
    with pytest.raises(ModelError, match="not a diffusers model"):
        files_to_fetch(["x.ckpt"], None, "x/y")


def test_a_safety_checker_comes_with_weights_or_not_at_all() -> None:
    full = [name for name in V1_4 if name != "safety_checker/model.fp16.safetensors"]
    assert "safety_checker/model.safetensors" in files_to_fetch(full, "fp16", "x/y")
    texts = [name for name in V1_4 if not name.startswith("safety_checker/") or name.endswith(".json")]
    for variant in ("fp16", None):
        assert not [name for name in files_to_fetch(texts, variant, "x/y") if name.startswith("safety_checker/")]


def test_names_and_offline_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidRequest, match="CompVis/stable-diffusion-v1-4"):
        fetch("not a name")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ModelError, match="HF_HUB_OFFLINE"):
        fetch("CompVis/stable-diffusion-v1-4")


def test_errors_of_the_hub_are_explained(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    hub = pytest.importorskip("huggingface_hub")
    import httpx2
    from huggingface_hub import errors

    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    response = httpx2.Response(403, request=httpx2.Request("GET", "https://hub.invalid"))
    for error, said in (
        (errors.GatedRepoError("x", response=response), "accept its conditions"),
        (errors.RepositoryNotFoundError("x", response=response), "check the name"),
        (errors.RevisionNotFoundError("x", response=response), "no revision 'main'"),
        (httpx2.ConnectError("x"), "check the network"),
        (errors.LocalEntryNotFoundError("x"), "check the network"),
        (OSError(28, "no space"), "disk is full"),
        (RuntimeError("strange\nthing"), "strange; try again"),
    ):
        message = str(explain(error, "CompVis/stable-diffusion-v1-4"))
        assert said in message and "\n" not in message

        def fail(*_: Any, error: Exception = error, **__: Any) -> Any:
            raise error

        monkeypatch.setattr(hub.HfApi, "list_repo_files", fail)
        with pytest.raises(ModelError, match=said):
            fetch("CompVis/stable-diffusion-v1-4")


def test_fetch_hands_over_what_was_chosen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    hub = pytest.importorskip("huggingface_hub")
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setattr(hub.HfApi, "list_repo_files", lambda *_, **__: V1_4)
    asked: dict[str, Any] = {}

    def snapshot(repository: str, **options: Any) -> str:
        asked.update(options, repository=repository)
        return str(tmp_path)

    monkeypatch.setattr(hub, "snapshot_download", snapshot)
    monkeypatch.setattr(fetching, "bring", lambda repository, revision, names, token: asked.update(brought=names))
    assert fetch("CompVis/stable-diffusion-v1-4", variant="fp16", token="t") == tmp_path
    assert asked["token"] == "t" and asked["revision"] == "main"
    assert asked["brought"] == asked["allow_patterns"] == files_to_fetch(V1_4, "fp16", "x/y")
