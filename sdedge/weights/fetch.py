"""Fetching a model from the Hugging Face Hub, for when there is a network. huggingface_hub says what there is and
keeps its cache; the bytes come through sdedge.weights.download, which goes on where a call before stopped."""

from __future__ import annotations

import fnmatch
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from sdedge.errors import InvalidRequest, ModelError, Remedy, SdedgeError
from sdedge.locks import ProcessLock
from sdedge.places import data_folder, hub_cache
from sdedge.weights import download

_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")
_TEXTS = ("model_index.json", "*/*.json", "tokenizer/*.txt", "README.md", "LICENSE*")
_CONTENT = re.compile(r"[\w-]{1,128}")
_LARGEST = 1 << 40  # bytes of one file
_NEEDED = ("unet", "vae", "text_encoder")
_OPTIONAL = ("safety_checker",)


def fetch(repository: str, revision: str = "main", variant: str | None = None, token: str | None = None) -> Path:
    """Downloads a diffusers repository into the Hugging Face cache; a second call resumes or finds it complete.

    Returns the snapshot's folder. Raises InvalidRequest for a malformed name, ModelError saying what to do when the
    network, the repository or the permission is not there.
    """
    if not _REPOSITORY.fullmatch(repository):
        raise InvalidRequest(f"{repository!r} is not a repository name; write it as CompVis/stable-diffusion-v1-4.")
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE"):
        raise ModelError(f"Cannot fetch {repository}: HF_HUB_OFFLINE is set, so nothing may be downloaded; unset it.")
    try:
        import huggingface_hub
    except ImportError:
        raise ModelError("Fetching needs the package huggingface_hub; install it with pip.") from None
    try:
        names = huggingface_hub.HfApi(token=token).list_repo_files(repository, revision=revision)
        chosen = files_to_fetch(names, variant, repository)
        bring(repository, revision, chosen, token)
        options: dict[str, Any] = {"token": token, "allow_patterns": chosen, "cache_dir": hub_cache()}
        folder = huggingface_hub.snapshot_download(
            repository, revision=revision, **options
        )  # all is there: only links are made
    except SdedgeError:
        raise
    except Exception as error:  # the hub's errors, its HTTP client's and the system's, told apart by name below
        raise explain(error, repository, revision) from error
    return Path(folder)


def bring(repository: str, revision: str, names: Iterable[str], token: str | None = None) -> None:
    """Downloads what is missing of these files into the Hugging Face cache.

    Raises ModelError, OutputError or the hub's errors.
    """
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

    staging = data_folder() / "downloads" / repository.replace("/", "--")
    lock = ProcessLock(staging.with_name(f"{staging.name}.lock"))
    if not lock.acquire():
        raise ModelError(
            f"{repository} is being fetched by another sdedge (process {lock.holder()}); wait for that one."
        )
    try:
        blobs = hub_cache() / f"models--{repository.replace('/', '--')}" / "blobs"
        wanted = [(remote, blobs / remote.content) for remote in _remotes(repository, revision, names, token)]
        size = sum(download.missing(remote, target, staging) for remote, target in wanted)
        download.check_space(blobs, size, repository)
        download.check_space(staging, size, repository)
        headers = build_hf_headers(token=token)
        for remote, target in wanted:
            if not target.is_file():
                download.download(remote, target, staging, headers)
        shutil.rmtree(staging, ignore_errors=True)
    finally:
        lock.release()


def _remotes(repository: str, revision: str, names: Iterable[str], token: str | None) -> Iterator[download.Remote]:
    """Yields where the hub has the files, and how it names their content."""
    import huggingface_hub

    seen = set()
    for name in names:
        url = huggingface_hub.hf_hub_url(repository, name, revision=revision)
        metadata = huggingface_hub.get_hf_file_metadata(url, token=token)
        if (
            not metadata.etag
            or not _CONTENT.fullmatch(metadata.etag)
            or metadata.size is None
            or not 0 <= metadata.size < _LARGEST
        ):
            raise ModelError(f"{repository} does not say what {name} is; try again later.")
        if metadata.etag not in seen:
            seen.add(metadata.etag)
            commit = metadata.commit_hash or revision
            url = huggingface_hub.hf_hub_url(repository, name, revision=commit)
            yield download.Remote(url, metadata.size, metadata.etag, name)


def files_to_fetch(names: Iterable[str], variant: str | None, repository: str) -> list[str]:
    """Returns one weight file (or one set of shards) per component: safetensors before pickles, the variant when asked for.

    A component that a model can be without comes in full precision where there is no such variant, and not at all without
    weights.
    """
    names = list(names)
    chosen = {name for name in names for pattern in _TEXTS if fnmatch.fnmatchcase(name, pattern)}
    if "model_index.json" not in names:
        raise ModelError(
            f"{repository} is not a diffusers model (no model_index.json); download its checkpoint and add that."
        )
    for component in (*_NEEDED, *_OPTIONAL):
        own = [name for name in names if name.startswith(f"{component}/")]
        weights = _choose(own, variant) or (_choose(own, None) if component in _OPTIONAL else [])
        if not weights and component in _NEEDED:
            what = f"the {variant} variant of the {component}" if variant else f"weights for the {component}"
            raise ModelError(f"{repository} has no {what}; try another variant.")
        chosen = chosen.union(weights) if weights else chosen.difference(own)
    return sorted(chosen)


def _choose(names: list[str], variant: str | None) -> list[str]:
    stems = r"(diffusion_pytorch_model|model|pytorch_model)"
    part = rf"\.{re.escape(variant)}" if variant else ""
    shard = r"(-\d{5}-of-\d{5})?"
    for suffix in ("safetensors", "bin"):
        pattern = re.compile(rf"[^/]+/{stems}({part}{shard}|{shard}{part})\.{suffix}")
        matches = [name for name in names if pattern.fullmatch(name)]
        if matches:
            return matches
    return []


def explain(error: Exception, repository: str, revision: str = "main") -> ModelError:
    """Returns a sentence for what the hub, its HTTP client or the network said."""
    kinds = {kind.__name__ for kind in type(error).__mro__}
    page = f"https://huggingface.co/{repository}"
    if "GatedRepoError" in kinds:
        return ModelError(
            f"{repository} is gated: sign in at {page}, accept its conditions, then {Remedy.TOKEN}.",
            remedy=Remedy.TOKEN,
        )
    if "RepositoryNotFoundError" in kinds:
        return ModelError(
            f"There is no repository {repository}, or it is private; check the name, or {Remedy.GIVE_TOKEN}.",
            remedy=Remedy.GIVE_TOKEN,
        )
    if "RevisionNotFoundError" in kinds:
        return ModelError(f"{repository} has no revision {revision!r}; see {page}/tree/main.")
    if kinds & {
        "LocalEntryNotFoundError",
        "OfflineModeIsEnabled",
        "ConnectError",
        "ConnectionError",
        "TimeoutException",
    }:
        return ModelError(
            f"Cannot reach the Hugging Face Hub to fetch {repository}; check the network, nothing was lost."
        )
    if isinstance(error, OSError) and error.errno == 28:
        return ModelError(f"The disk is full; free some space and fetch {repository} again, it resumes.")
    said = (str(error).splitlines() or [type(error).__name__])[0][:200]
    return ModelError(f"Cannot fetch {repository}: {said}; try again.")
