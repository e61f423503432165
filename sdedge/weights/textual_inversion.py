"""Textual inversions: learned word vectors, from every format they are shared in.

A1111 `.pt` (`{"string_to_param": {"*": vectors}}`), diffusers `.bin` and `.safetensors` (`{"<token>": vectors}`),
safetensors with `emb_params`, and A1111's PNG cards (a `sd-ti-embedding` chunk of base64 JSON). No torch until opened.
"""

from __future__ import annotations

import base64
import binascii
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdedge.errors import ModelError
from sdedge.files import open_regular
from sdedge.json_values import read_json
from sdedge.weights.files import LazyTensor, open_tensors

if TYPE_CHECKING:
    from torch import Tensor

GENERIC = "learned_embeds"  # the stem of every file that diffusers' script writes
SUFFIXES = (".pt", ".bin", ".safetensors", ".png")
_PNG = b"\x89PNG\r\n\x1a\n"
CARD_KEYWORD = b"sd-ti-embedding\0"
CARD_LIMIT = 6 << 20  # bytes of text in a PNG; 75 vectors of 768 take 1.5 MB, of 2048 under 5 MB
CHUNKS_LIMIT = 1 << 16  # of a PNG before its card; pictures of 64 MB in pieces of 8 kB, as is usual, have 8,000
_VECTORS_LIMIT = 1 << 10
_FAMILIES = {
    768: "Stable Diffusion v1",
    1024: "Stable Diffusion 2",
    1280: "Stable Diffusion XL",
    2048: "Stable Diffusion XL",
}


@dataclass(frozen=True, eq=False)
class Embedding:
    """Word vectors (n, D), float32. In a prompt `name` (the file's stem, as in A1111) stands for n tokens.

    `token` is the name inside the file, such as diffusers' `<cat-toy>`, for who looks; None where the file has none.
    """

    name: str
    vectors: Tensor
    token: str | None = None

    def check_width(self, width: int) -> None:
        """Raise ModelError unless the vectors are as wide as the text encoder's (768 for v1)."""
        D = self.vectors.shape[1]
        if width != D:
            made = f", so it was made for {_FAMILIES[D]}" if D in _FAMILIES else ""
            raise ModelError(
                f"The embedding {self.name} is {D} wide{made}; this model needs {width}, choose another one."
            )


def open_embedding(path: str | Path, width: int | None = None) -> Embedding:
    """Reads a textual inversion; with `width`, also checks that it fits a text encoder of that width.

    Raises ModelError for a file that holds none, holds several, or was made for another model.
    """
    path = Path(path)
    card = _read_card(path)
    token: str | None
    if card is not None:
        token, vectors = read_card(path, card)
    else:
        token, tensor = _find_vectors(path)
        vectors = _copied(path.stem, tensor)
    embedding = _checked(path.stem, vectors, token)
    if width is not None:
        embedding.check_width(width)
    return embedding


def bundled(name: str, tensor: LazyTensor) -> Embedding:
    """Returns a textual inversion that came inside a LoRA (`Lora.embeddings`)."""
    return _checked(name, _copied(name, tensor), name)


def _copied(name: str, tensor: LazyTensor) -> Tensor:
    """In float32. A tensor that claims more numbers than an embedding has, or than its file has bytes, is not read."""
    if tensor.numel > min(_VECTORS_LIMIT * max(_FAMILIES), tensor.file.size):
        shape = list(tensor.shape)[:8]
        raise ModelError(f"The embedding {name[:80]} has the shape {shape}, not (vectors, width); choose another file.")
    return tensor.copy(_float32())


def find(folder: str | Path) -> dict[str, Path]:
    """Returns embedding name (file stem) -> file, for a folder and those inside it. Previews and other pictures are left out.

    A `learned_embeds` file, which is what diffusers calls all of them, is named by the folder it lies in.

    Of files with the same stem the first by path counts, as it would be ambiguous in a prompt.
    """
    files: dict[str, Path] = {}
    for path in sorted(Path(folder).rglob("*")):
        if path.suffix.lower() not in SUFFIXES or any(part.startswith(".") for part in path.relative_to(folder).parts):
            continue
        if not path.is_file() or (path.suffix.lower() == ".png" and not _has_card(path)):
            continue
        named_by_folder = path.stem == GENERIC and path.parent != Path(folder)
        files.setdefault(path.parent.name if named_by_folder else path.stem, path)
    return files


def _find_vectors(path: Path) -> tuple[str | None, LazyTensor]:
    """Returns the token's name and its tensor in a torch or safetensors file."""
    source = open_tensors(path)
    trained = {name: tensor for name, tensor in source.items() if name.startswith("string_to_param.")}
    tensors = trained or dict(source)
    if any(name.rpartition(".")[2] == "clip_g" for name in tensors):
        raise ModelError(
            f"{path.name} is a textual inversion for Stable Diffusion XL (clip_g); choose one made for v1."
        )
    if len(tensors) != 1:
        names = ", ".join(repr(name) for name in list(tensors)[:3])
        raise ModelError(
            f"{path.name} holds {len(tensors)} tensors ({names}), a textual inversion has one; choose another file."
        )
    ((name, tensor),) = tensors.items()
    if trained or name == "emb_params":
        called = source.tree.get("name") if isinstance(source.tree, dict) else None
        return (called if isinstance(called, str) and called else None), tensor
    return name, tensor


def _checked(name: str, vectors: Tensor, token: str | None) -> Embedding:
    vectors = vectors.unsqueeze(0) if vectors.ndim == 1 else vectors
    n, D = vectors.shape if vectors.ndim == 2 else (0, 0)
    if not 0 < n <= _VECTORS_LIMIT or D == 0:
        raise ModelError(
            f"The embedding {name} has the shape {list(vectors.shape)}, not (vectors, width); choose another file."
        )
    if not bool(vectors.isfinite().all()):
        raise ModelError(f"The embedding {name} contains NaN or infinite values; the file is damaged, get it again.")
    return Embedding(name, vectors, token)


def _float32() -> Any:
    import torch

    return torch.float32


def read_card(path: Path, card: bytes) -> tuple[str | None, Tensor]:
    """Returns token and vectors of A1111's JSON, in which tensors are `{"TORCHTENSOR": nested lists}`."""
    import torch

    try:
        data = read_json(base64.b64decode(card, validate=True), path.name, CARD_LIMIT)
        (tensor,) = data["string_to_param"].values()
        rows = tensor["TORCHTENSOR"]
        if not isinstance(rows, list) or not 0 < len(rows) <= _VECTORS_LIMIT * max(_FAMILIES):
            raise ValueError("no vectors")
        vectors = torch.tensor(rows, dtype=torch.float32)
        token = data.get("name")
    except (ModelError, ValueError, TypeError, KeyError, AttributeError, OverflowError, RuntimeError, binascii.Error):
        raise ModelError(
            f"{path.name} has an unreadable sd-ti-embedding chunk; the picture is damaged, get it again."
        ) from None
    return (token if isinstance(token, str) and token else None), vectors


def _read_card(path: Path) -> bytes | None:
    """Returns the text of a PNG's embedding chunk; None when the file is no PNG. ModelError when the PNG has no such chunk."""
    try:
        with open_regular(path) as file:
            if file.read(len(_PNG)) != _PNG:
                return None
            for text in iterate_cards(file):
                return text
    except OSError as error:
        raise ModelError(f"Cannot open {path}: {error.strerror or error}; check the path.") from None
    raise ModelError(
        f"{path.name} carries no textual inversion (no sd-ti-embedding chunk); a picture that was saved again or sent "
        "through a chat has lost it, get the original."
    )


def _has_card(path: Path) -> bool:
    try:
        with open_regular(path) as file:
            return file.read(len(_PNG)) == _PNG and next(iterate_cards(file, read=False), None) is not None
    except OSError:
        return False


def iterate_cards(file: Any, read: bool = True) -> Iterator[bytes]:
    """Walks the chunks behind a PNG signature and yields the text of those that hold an embedding, empty without `read`."""
    for _ in range(CHUNKS_LIMIT):
        if len(head := file.read(8)) < 8:
            return
        length, kind = struct.unpack(">I4s", head)
        if kind == b"IEND":
            return
        if kind != b"tEXt" or not len(CARD_KEYWORD) < length <= CARD_LIMIT:
            file.seek(length + 4, 1)
            continue
        name = file.read(len(CARD_KEYWORD))
        if name == CARD_KEYWORD:
            yield file.read(length - len(name)) if read else b""
            return
        file.seek(length - len(name) + 4, 1)
