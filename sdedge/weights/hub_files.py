"""Which of a repository's files make a model, and in which editions it can be had: half or full precision, or single files."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from sdedge.errors import ModelError
from sdedge.weights.fetch import files_to_fetch
from sdedge.weights.hub import HubFile, HubRepository
from sdedge.weights.lora_config import CONFIG, PEFT_STEM

HALF, FULL = "half", "full"
"""The editions of a folder of components: with weights of 16 bits, or as the repository's own default has them."""
MOST_EDITIONS = 40

_WEIGHTS = (".safetensors", ".ckpt", ".pt", ".pth", ".bin")
_SAFE = ".safetensors"
_COMPONENT = re.compile(r"(diffusion_pytorch_model|model|pytorch_model)(\.fp16)?\.(safetensors|bin)")
_TEXTS = re.compile(r"README\.md|LICEN[CS]E(\.txt|\.md)?", re.IGNORECASE)
_LONGEST_TEXT = 1 << 20  # bytes of a model card that is taken along


@dataclass(frozen=True)
class Edition:
    """One way in which a repository's model can be had. `key` names it: HALF, FULL or the path of its only file of weights,
    beside which peft's configuration of a LoRA may be."""

    key: str
    files: tuple[HubFile, ...]
    is_file: bool = False

    @property
    def size(self) -> int:
        """Bytes of all of it."""
        return sum(file.size for file in self.files)

    @property
    def pickled(self) -> bool:
        """Whether its weights are pickles, which sdedge reads without running what is in them."""
        return any(file.path.endswith(_WEIGHTS) and not file.path.endswith(_SAFE) for file in self.files)


def editions(repository: HubRepository, wanted: Iterable[str] = ()) -> tuple[Edition, ...]:
    """Returns the ways in which a model can be had, the smallest sound one first.

    `wanted` are paths, where it is known which files make the model. Raises ModelError when there is nothing of use.
    """
    files = {file.path: file for file in repository.files}
    if wanted := tuple(wanted):
        return (_named(repository, files, wanted),)
    of_folder = _folder_editions(repository, files)
    singles = [_single(path, files) for path in sorted(files) if path.endswith(_WEIGHTS) and not _is_part(path, files)]
    singles.sort(key=lambda edition: (edition.pickled, edition.key))
    offered = (*of_folder, *singles[:MOST_EDITIONS])
    if not offered:
        raise ModelError(
            f"{repository.name} holds no weights that sdedge reads; look at its page for another repository."
        )
    return offered


def _named(repository: HubRepository, files: dict[str, HubFile], wanted: tuple[str, ...]) -> Edition:
    if absent := [path for path in wanted if path not in files]:
        raise ModelError(f"{repository.name} has no file {absent[0]}; look at its page for the name.")
    if len(wanted) == 1 and wanted[0].endswith(_WEIGHTS):
        return _single(wanted[0], files)
    return Edition(FULL, tuple(files[path] for path in wanted))


def _single(path: str, files: dict[str, HubFile]) -> Edition:
    """Returns the edition of one file of weights; where peft's configuration beside it is its own, which says at what strength
    it counts, that too."""
    folder = PurePosixPath(path).parent
    beside = files.get((folder / CONFIG).as_posix())
    weights = [name for name in files if PurePosixPath(name).parent == folder and name.endswith(_WEIGHTS)]
    is_its_own = beside is not None and (PurePosixPath(path).stem == PEFT_STEM or weights == [path])
    return Edition(path, (files[path], *([beside] if beside and is_its_own else [])), is_file=True)


def _folder_editions(repository: HubRepository, files: dict[str, HubFile]) -> list[Edition]:
    """Returns those of a diffusers model, or of one component with its configuration: a VAE, a ControlNet, an adapter."""
    choices = []
    for key, variant in ((HALF, "fp16"), (FULL, None)):
        names = (
            _pipeline(files, variant, repository.name) if "model_index.json" in files else _component(files, variant)
        )
        if names:
            choices.append(Edition(key, tuple(files[name] for name in sorted(names))))
    return choices


def _pipeline(files: dict[str, HubFile], variant: str | None, repository: str) -> list[str]:
    try:
        return files_to_fetch(files, variant, repository)
    except ModelError:  # of files that there are not in this precision
        return []


def _component(files: dict[str, HubFile], variant: str | None) -> list[str]:
    if "config.json" not in files:
        return []
    matches = [(path, match) for path in files if (match := _COMPONENT.fullmatch(path))]
    of_variant = [path for path, match in matches if bool(match[2]) == (variant is not None)]
    weights = sorted(of_variant, key=lambda path: (not path.endswith(_SAFE), path))[:1]
    return [*weights, "config.json", *_texts(files)] if weights else []


def _texts(files: dict[str, HubFile]) -> list[str]:
    return [path for path, file in files.items() if _TEXTS.fullmatch(path) and file.size <= _LONGEST_TEXT]


def _is_part(path: str, files: dict[str, HubFile]) -> bool:
    """Returns whether a file of weights is a component of a folder, or a shard: of no use by itself."""
    if re.search(r"-\d{5}-of-\d{5}", path):
        return True
    folder, _, name = path.rpartition("/")
    beside = f"{folder}/config.json" if folder else "config.json"
    return beside in files and bool(re.fullmatch(r"[\w-]*(model|pytorch_model)(\.\w+)?\.(safetensors|bin)", name))
