"""Textual inversions in every format they are shared in."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
import torch
from PIL import Image, PngImagePlugin
from safetensors.torch import save_file
from torch import Tensor, nn

from sdedge.errors import ModelError
from sdedge.library import adapters
from sdedge.weights.textual_inversion import find, open_embedding


@pytest.fixture
def vectors() -> Tensor:
    return torch.randn(3, 768, generator=torch.Generator().manual_seed(1))


def write_card(path: Path, text: str | None) -> Path:
    """A picture as A1111 writes its cards; Pillow is the independent writer of the chunk."""
    info = PngImagePlugin.PngInfo()
    info.add_text("parameters", "a cat")
    if text is not None:
        info.add_text("sd-ti-embedding", text)
    Image.new("RGB", (4, 4)).save(path, pnginfo=info)
    return path


def card_text(vectors: Tensor, name: str = "kitty") -> str:
    data = {
        "string_to_token": {"*": 265},
        "string_to_param": {"*": {"TORCHTENSOR": vectors.tolist()}},
        "name": name,
        "step": 9,
    }
    return base64.b64encode(json.dumps(data).encode()).decode()


def write(kind: str, folder: Path, vectors: Tensor) -> Path:
    if kind.startswith("a1111"):
        parameters = nn.ParameterDict({"*": nn.Parameter(vectors)}) if "Dict" in kind else {"*": vectors}
        data = {"string_to_token": {"*": torch.tensor(265)}, "string_to_param": parameters, "name": "kitty", "step": 9}
        torch.save(data, folder / "cat.pt", _use_new_zipfile_serialization=kind != "a1111 legacy")
        return folder / "cat.pt"
    if kind == "diffusers bin":
        torch.save({"<cat-toy>": vectors}, folder / "cat.bin")
        return folder / "cat.bin"
    if kind == "png":
        return write_card(folder / "cat.png", card_text(vectors))
    save_file({"emb_params" if kind == "emb_params" else "<cat-toy>": vectors}, folder / "cat.safetensors")
    return folder / "cat.safetensors"


@pytest.mark.parametrize(
    ("kind", "token"),
    [
        ("a1111", "kitty"), ("a1111 ParameterDict", "kitty"), ("a1111 legacy", "kitty"), ("diffusers bin", "<cat-toy>"),
        ("diffusers safetensors", "<cat-toy>"), ("emb_params", None), ("png", "kitty"),
    ],
)  # fmt: skip
def test_formats(kind: str, token: str | None, tmp_path: Path, vectors: Tensor) -> None:
    embedding = open_embedding(write(kind, tmp_path, vectors), width=768)
    assert (embedding.name, embedding.token) == ("cat", token)
    assert embedding.vectors.dtype == torch.float32
    assert torch.equal(embedding.vectors, vectors)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_single_vector_of_any_precision_is_one_float32_row(dtype: torch.dtype, tmp_path: Path, vectors: Tensor) -> None:
    save_file({"emb_params": vectors[0].to(dtype)}, tmp_path / "x.safetensors")
    embedding = open_embedding(tmp_path / "x.safetensors")
    assert embedding.vectors.dtype == torch.float32 and embedding.vectors.shape == (1, 768)
    assert torch.equal(embedding.vectors[0], vectors[0].to(dtype).float())


REFUSED = {
    "v2": ({"emb_params": torch.zeros(2, 1024)}, "1024 wide.*Stable Diffusion 2.*768"),
    "another width": ({"emb_params": torch.zeros(2, 100)}, "100 wide.*768"),
    "XL": ({"clip_l": torch.zeros(2, 768), "clip_g": torch.zeros(2, 1280)}, "Stable Diffusion XL"),
    "several": ({"<a>": torch.zeros(2, 768), "<b>": torch.zeros(2, 768)}, "2 tensors .'<a>', '<b>'"),
    "three axes": ({"emb_params": torch.zeros(2, 3, 768)}, r"\[2, 3, 768\]"),
    "no vectors": ({"emb_params": torch.zeros(0, 768)}, r"\[0, 768\]"),
    "NaN": ({"emb_params": torch.full((1, 768), torch.nan)}, "damaged"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str, tmp_path: Path) -> None:
    tensors, message = REFUSED[case]
    save_file(tensors, tmp_path / "style.safetensors")
    with pytest.raises(ModelError, match=message) as refusal:
        open_embedding(tmp_path / "style.safetensors", width=768)
    assert "style" in str(refusal.value)


def _encoded(data: object) -> str:
    return base64.b64encode(json.dumps(data).encode()).decode()


@pytest.mark.parametrize(
    "text",
    [
        None, "", "no base64!", _encoded([1]), _encoded({}), _encoded({"string_to_param": {"*": {"TORCHTENSOR": [[1], [1, 2]]}}}),
        _encoded({"string_to_param": {"*": {"TORCHTENSOR": "x"}}}), _encoded({"string_to_param": {}}),
        base64.b64encode(b"[" * 100_000).decode(),
    ],
)  # fmt: skip
def test_pictures_without_a_readable_card_are_refused(text: str | None, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"x\.png"):
        open_embedding(write_card(tmp_path / "x.png", text))


def test_cut_off_card_is_refused(tmp_path: Path, vectors: Tensor) -> None:
    intact = write_card(tmp_path / "x.png", card_text(vectors)).read_bytes()
    (tmp_path / "x.png").write_bytes(intact[: len(intact) // 2])
    with pytest.raises(ModelError, match=r"x\.png"):
        open_embedding(tmp_path / "x.png")


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"gone\.pt"):
        open_embedding(tmp_path / "gone.pt")


def test_find(tmp_path: Path, vectors: Tensor) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / ".hidden").mkdir()
    for path in ("b.pt", "inner/c.BIN", "inner/b.safetensors", ".hidden/d.pt", "notes.txt", "c.preview.jpg"):
        (tmp_path / path).write_bytes(b"x")
    write_card(tmp_path / "a.png", card_text(vectors))
    write_card(tmp_path / "b.preview.png", None)
    assert find(tmp_path) == {"a": tmp_path / "a.png", "b": tmp_path / "b.pt", "c": tmp_path / "inner" / "c.BIN"}
    assert find(tmp_path / "none") == {}


def test_files_that_diffusers_calls_all_the_same_are_named_by_their_token(vectors: Tensor, tmp_path: Path) -> None:
    source = tmp_path / "download" / "learned_embeds.bin"
    source.parent.mkdir()
    torch.save({"<cat-toy>": vectors[:1]}, source)
    installed = adapters.install(source, "embedding")
    assert (installed.name, installed.path.name) == ("cat-toy", "cat-toy.bin")
    (embedding,), notes = adapters.find_embeddings(["a <cat-toy> on a mat"])
    assert embedding.name == "cat-toy" and not notes
    assert find(source.parent) == {"learned_embeds": source} and find(tmp_path) == {"download": source}


@pytest.mark.parametrize("token", ["../up", "a/b", "con:", "<>", "x\ty", ""])
def test_tokens_that_are_no_names_are_not_used_as_one(vectors: Tensor, tmp_path: Path, token: str) -> None:
    torch.save({token: vectors[:1]}, tmp_path / "learned_embeds.bin")
    assert adapters.install(tmp_path / "learned_embeds.bin", "embedding").name == "learned_embeds"
