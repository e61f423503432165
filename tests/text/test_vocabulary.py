"""Where the vocabulary of a model is found, in which order, and how it is installed."""

from __future__ import annotations

import sys
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch

from sdedge.errors import ModelError
from sdedge.text import vocabulary
from sdedge.text.tokenizer import Tokenizer, from_vocabulary
from sdedge.text.vocabulary import BPE_NAME, install, resolve

BPE = Path(__file__).resolve().parents[2].parent / "shared" / "clip" / BPE_NAME
needs_bpe = pytest.mark.skipif(not BPE.exists(), reason="CLIP's vocabulary is not beside the repository")


@dataclass
class Model:
    tokens: int = 49408
    path: Path = Path("m.ckpt")
    tokenizer_files: Path | None = None
    tokenizer_texts: dict[str, str] = field(default_factory=dict)

    @property
    def text_encoder(self) -> dict[str, Any]:
        return {"text_model.embeddings.token_embedding.weight": torch.empty(self.tokens, 1)}


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SDEDGE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(vocabulary, "_PACKAGES", ("sdedge_carrier",))


def test_without_any_the_error_names_the_ways() -> None:
    with pytest.raises(ModelError) as caught:
        resolve(Model())
    for way in ("sdedge tokenizer install`", "sdedge tokenizer install PATH", BPE_NAME, "vocab.json"):
        assert way in str(caught.value)


def test_another_vocabulary_size_never_gets_clips() -> None:
    with pytest.raises(ModelError, match="600 tokens"):
        resolve(Model(tokens=600))


@needs_bpe
def test_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "site" / "sdedge_carrier"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('must not be imported')")
    (package / BPE_NAME).write_bytes(BPE.read_bytes())
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    assert resolve(Model()) == package / BPE_NAME
    assert "sdedge_carrier" not in sys.modules
    snapshot = tmp_path / "hub" / "models--CompVis--stable-diffusion-v1-4" / "snapshots" / "abc" / "tokenizer"
    Tokenizer.from_bpe_file(BPE).save(snapshot)
    assert resolve(Model()) == snapshot
    installed = install(BPE)
    assert resolve(Model()) == installed == tmp_path / "home" / "tokenizer" / BPE_NAME
    inside = from_vocabulary(["house"])
    inside.save(tmp_path / "inside")
    texts = {name: (tmp_path / "inside" / name).read_text() for name in ("vocab.json", "merges.txt")}
    unpacked = resolve(Model(tokenizer_texts={**texts, "../evil": "x"}))
    assert Tokenizer.from_folder(unpacked).vocab == inside.vocab
    assert sorted(path.name for path in unpacked.iterdir()) == ["merges.txt", "vocab.json"]
    assert resolve(Model(tokenizer_files=tmp_path, tokenizer_texts=texts)) == tmp_path


@needs_bpe
def test_install_from_folder_and_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel = tmp_path / "open_clip_torch-9.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.write(BPE, f"open_clip/{BPE_NAME}")
    asked: list[list[str]] = []

    def pip(command: list[str], **_: Any) -> Any:
        asked.append(command)
        (Path(command[command.index("--dest") + 1]) / wheel.name).write_bytes(wheel.read_bytes())
        return type("Done", (), {"returncode": 0})()

    monkeypatch.setattr(vocabulary.subprocess, "run", pip)
    assert install().read_bytes() == BPE.read_bytes()
    assert "--no-deps" in asked[0] and asked[0][-1] == "open_clip_torch"
    assert install(wheel).read_bytes() == BPE.read_bytes()
    Tokenizer.from_bpe_file(BPE).save(tmp_path / "m" / "tokenizer")
    assert install(tmp_path / "m") == tmp_path / "home" / "tokenizer"


def test_install_refuses_what_is_not_clips(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / BPE_NAME).write_bytes(b"other")
    with pytest.raises(ModelError, match="SHA-256 differs"):
        install(tmp_path / BPE_NAME)
    with pytest.raises(ModelError, match="no vocabulary at"):
        install(tmp_path / "nowhere")
    from_vocabulary(["house"]).save(tmp_path / "small")
    with pytest.raises(ModelError, match="49408 tokens"):
        install(tmp_path / "small")
    failed = type("Done", (), {"returncode": 1})()
    monkeypatch.setattr(vocabulary.subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(ModelError, match="check the network"):
        install()
    assert not (tmp_path / "home").exists()
