"""Getting a model from the hub into the library: what there is and what it asks for, the download, its checks, the installation.

What has come of a download lies in a folder of its own, `downloads/KEY`, until all of it is there and is what it should be; only
then does the library get it, in one step. A pause, a kill or a full disk leaves that folder, from which the next call goes on.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from sdedge.errors import InvalidRequest, ModelError, OutputError, Remedy, SdedgeError
from sdedge.files import atomic_write, inside, make_private_folder
from sdedge.json_values import read_json_file
from sdedge.library.hub_checks import Unusable, check_header, check_texts, lowered
from sdedge.library.hub_entries import HubEntry, entry_named
from sdedge.library.licences import LICENCE_PAGES, known_name
from sdedge.library.models import Library
from sdedge.locks import ProcessLock
from sdedge.places import data_folder
from sdedge.weights import download
from sdedge.weights.hub import (
    HubAddress,
    HubFile,
    HubRepository,
    check_permission,
    look_up,
    page,
    parse_address,
    request_headers,
)
from sdedge.weights.hub_files import Edition, editions

Progress = Callable[[int, int], None]
"""(bytes there, bytes in all)"""

WITHOUT_CONDITIONS = ("", "Apache-2.0", "MIT", "CC0-1.0", "CC-BY-4.0", "BSD-3-Clause", "bsd-3-clause")
"""Licences that ask nothing of who makes pictures; every other one is shown and accepted before the download."""
_RECORD = "download.json"


@dataclass(frozen=True)
class HubOffer:
    """What can be had under a name or address, before a byte of it is. `licence` is its name as the library keeps it."""

    wanted: str
    name: str
    role: str
    address: HubAddress
    repository: HubRepository
    editions: tuple[Edition, ...]
    licence: str
    accepted: bool

    @property
    def page(self) -> str:
        """The address of its page."""
        return page(self.repository.name)

    @property
    def licence_page(self) -> str:
        """Where its licence can be read."""
        return LICENCE_PAGES.get(self.licence, self.page)

    def edition(self, key: str = "") -> Edition:
        """Returns one of its editions, the first without a key. Raises InvalidRequest for one that there is not."""
        matches = [edition for edition in self.editions if not key or edition.key == key]
        if not matches:
            keys = ", ".join(edition.key for edition in self.editions[:8])
            raise InvalidRequest(f"{self.address} has no {key[:80]!r}; choose one of {keys}.", field="edition")
        return matches[0]


@dataclass(frozen=True)
class Unfinished:
    """A download that was paused or broke off: `done` of `size` bytes are there."""

    wanted: str
    name: str
    edition: str
    done: int
    size: int


def offer(wanted: str, token: str | None = None, name: str = "", revision: str = "") -> HubOffer:
    """Asks the hub what there is under the name of an entry of *Get models*, or under an address.

    Raises InvalidRequest for what is neither, ModelError for what the hub says or does not hold.
    """
    entry = entry_named(wanted.strip())
    address = parse_address(entry.repository if entry else wanted)
    repository = look_up(address.repository, revision or address.revision, token)
    check_permission(repository, token)
    paths = entry.files if entry else (address.file,) if address.file else ()
    offered = editions(repository, paths)
    licence = known_name(repository.licence)
    with opened_library() as library:
        accepted = licence in WITHOUT_CONDITIONS or library.has_accepted(licence)
    return HubOffer(
        wanted=entry.name if entry else str(address), name=name or _name(entry, address), role=entry.role if entry else "",
        address=address, repository=repository, editions=offered, licence=licence, accepted=accepted,
    )  # fmt: skip


def get(
    offered: HubOffer, edition: Edition, token: str | None = None, progress: Progress | None = None,
    phase: Callable[[str], None] = lambda text: None,
) -> tuple[str, str]:  # fmt: skip
    """Downloads one edition and installs it; returns its name and its role. A call after one that broke off goes on.

    Raises ModelError when what comes is not what was announced, or is not of use; OutputError for a full disk.
    """
    folder = _folder(offered.wanted)
    lock = ProcessLock(folder.with_name(f"{folder.name}.lock"))
    if not lock.acquire():
        raise ModelError(
            f"{offered.name} is being downloaded by another sdedge (process {lock.holder()}); wait for it."
        )
    try:
        _check_name(offered, edition)
        make_private_folder(folder)
        _write_record(folder, offered, edition)
        try:
            content = _bring(offered, edition, folder, token, progress)
            phase("Adding")
            installed = _install(offered, edition, content, progress)
        except ModelError as error:
            if isinstance(error, Unusable):
                shutil.rmtree(folder, ignore_errors=True)
            raise
        shutil.rmtree(folder, ignore_errors=True)
        return installed
    finally:
        lock.release()


def unfinished() -> list[Unfinished]:
    """Returns the downloads that can go on."""
    entries = []
    for path in sorted((data_folder() / "downloads").glob(f"*/{_RECORD}")):
        with suppress(SdedgeError, OSError, KeyError, TypeError):
            record = read_json_file(path, 1 << 16)
            wanted, name, edition = (str(record[key])[:500] for key in ("wanted", "name", "edition"))
            if _folder(wanted) == path.parent:
                done = sum(part.stat().st_size for part in path.parent.rglob("*") if part.is_file() and part != path)
                size = int(record["size"])
                entries.append(Unfinished(wanted, name, edition, min(done, size), size))
    return entries


def discard(wanted: str) -> bool:
    """Deletes what has come of a download; returns whether there was any. Raises ModelError while it runs."""
    folder = _folder(wanted.strip())
    lock = ProcessLock(folder.with_name(f"{folder.name}.lock"))
    if not lock.acquire():
        raise ModelError(f"{wanted} is being downloaded by process {lock.holder()}; end that first.")
    try:
        there = folder.is_dir()
        shutil.rmtree(folder, ignore_errors=True)
        return there
    finally:
        lock.release()


def installed_entries() -> dict[str, str]:
    """Returns, by the names of entries that are installed, the names that they have in the library."""
    from sdedge.library import adapters
    from sdedge.library.hub_entries import ENTRIES
    from sdedge.text import vocabulary

    with opened_library() as library:
        by_source = {model.source.partition("@")[0]: model.name for model in library.models()}
    names = {(adapter.role, adapter.name) for adapter in adapters.installed()}
    there = {}
    for entry in ENTRIES:
        if entry.role == "vocabulary":
            if vocabulary.installed() is not None:
                there[entry.name] = entry.name
        elif (entry.role, entry.name) in names:
            there[entry.name] = entry.name
        elif source(entry) in by_source:
            there[entry.name] = by_source[source(entry)]
    return there


def source(entry: HubEntry) -> str:
    """Returns what the library notes of where an entry is from, without the revision."""
    return "/".join((entry.repository, *entry.files[:1]))


@contextmanager
def opened_library() -> Iterator[Library]:
    library = Library()
    try:
        yield library
    finally:
        library.close()


# The download


def _bring(offered: HubOffer, edition: Edition, folder: Path, token: str | None, progress: Progress | None) -> Path:
    """Downloads what is missing: texts first, which tell whether the rest is worth it. Returns the folder of all of it."""
    folder = folder.resolve()  # as the places in it are
    content, parts = folder / "files", folder / "parts"
    wanted = sorted(edition.files, key=lambda file: (_is_weights(file), -file.size))
    targets = {file: inside(content, _place(file, edition)) for file in wanted}
    _forget_others(content, parts, targets, offered.repository)
    need = sum(download.missing(offered.repository.remote(file), target, parts) for file, target in targets.items())
    download.check_space(folder, need, offered.name)
    judged = False
    for file, target in targets.items():
        remote = offered.repository.remote(file)
        if target.is_file():
            continue
        if _is_weights(file) and not judged:
            judged = True
            check_texts(content, offered.address)
        if _is_weights(file) and not (parts / remote.partial).exists():
            check_header(remote, offered.address, token)

        def count(_: int, partial: Path = parts / remote.partial) -> None:
            if progress is not None:
                there = sum(target.stat().st_size for target in targets.values() if target.is_file())
                progress(min(there + _size(partial), edition.size), edition.size)

        download.download(remote, target, parts, request_headers(remote.url, token), count)
    return content


def _forget_others(content: Path, parts: Path, targets: dict[HubFile, Path], repository: HubRepository) -> None:
    """Deletes what is of another revision or edition: a file that is there counts only while it is the one that is wanted."""
    content.mkdir(parents=True, exist_ok=True)
    notes = content.parent / "contents.json"
    known = {}
    with suppress(SdedgeError, OSError):
        known = read_json_file(notes, 1 << 20)
    wanted = {str(target): file.content for file, target in targets.items()}
    for path in [path for path in content.rglob("*") if path.is_file()]:
        if not isinstance(known, dict) or str(path) not in wanted or known.get(str(path)) != wanted[str(path)]:
            path.unlink()
    stems = {Path(repository.remote(file).partial).stem for file in targets}
    if parts.is_dir():
        for path in [path for path in parts.iterdir() if path.stem not in stems]:
            path.unlink()
    with atomic_write(notes) as file:
        file.write(json.dumps(wanted).encode())


def _install(offered: HubOffer, edition: Edition, content: Path, progress: Progress | None) -> tuple[str, str]:
    """Puts what is there where it belongs. Raises Unusable for what sdedge does not draw with."""
    from sdedge.library import adapters
    from sdedge.text import vocabulary

    place = _place_of_all(edition, content)
    try:
        if offered.role == "vocabulary":
            vocabulary.install(place)
            return offered.name, "vocabulary"
        if role := adapters.recognise(place):
            _check_free(offered.name, role)
            return adapters.install(place, role, progress, offered.name).name, role
        noted = f"{'/'.join((offered.repository.name, *_noted(offered, edition)))}@{offered.repository.commit[:12]}"
        with _named(place, offered.name) as named, opened_library() as library:
            model = library.add(
                named, offered.name, own=True, source=noted, licence=offered.licence or None, progress=progress
            )
            return model.name, model.role
    except ModelError as error:
        if error.remedy is Remedy.OTHER_NAME or isinstance(error, OutputError):
            raise
        raise Unusable(f"{offered.address} is of no use here: {lowered(str(error), content)}") from error


def _noted(offered: HubOffer, edition: Edition) -> tuple[str, ...]:
    entry = entry_named(offered.wanted)
    return entry.files[:1] if entry else (edition.key,) if edition.is_file else ()


def _check_name(offered: HubOffer, edition: Edition) -> None:
    """Raises ModelError for a name that is taken or that none can have, as far as it is known what comes."""
    is_peft = edition.is_file and len(edition.files) > 1
    if (role := "lora" if is_peft else offered.role) != "vocabulary":
        _check_free(offered.name, role)


def _check_free(name: str, role: str) -> None:
    from sdedge.library.adapters import installed
    from sdedge.library.imports import check_name

    if role not in ("lora", "embedding"):
        with opened_library() as library:
            library.check_free(name)
    elif (check_name(name), role) in {(adapter.name, adapter.role) for adapter in installed()}:
        raise ModelError(f"There is one named {name!r} already; {Remedy.OTHER_NAME}.", remedy=Remedy.OTHER_NAME)


def _place(file: HubFile, edition: Edition) -> str:
    """Returns where a file lies in the folder of what has come, whatever it is to be named; a single one by itself, or with
    peft's configuration."""
    return PurePosixPath(file.path).name if edition.is_file else file.path


def _place_of_all(edition: Edition, content: Path) -> Path:
    if edition.is_file:
        return content / _place(edition.files[0], edition)
    parents = [PurePosixPath(file.path).parent.as_posix() for file in edition.files]
    return content if "." in parents else content / os.path.commonpath(parents)


@contextmanager
def _named(place: Path, name: str) -> Iterator[Path]:
    """Gives a single file the name of its model while it is added; where that fails, it is there for another name."""
    if place.is_dir():
        yield place
        return
    named = place.with_name(f"{name}{place.suffix}")
    os.replace(place, named)
    try:
        yield named
    finally:
        os.replace(named, place)


def _name(entry: HubEntry | None, address: HubAddress) -> str:
    """Returns the name in the library: the entry's, the file's or the repository's."""
    if entry is not None:
        return entry.name
    stem = PurePosixPath(address.file).stem
    plain = (
        stem
        if stem and not re.fullmatch(r"(pytorch_lora_weights|diffusion_pytorch_model|(adapter_)?model)", stem)
        else ""
    )
    return re.sub(r"[^\w .+-]", "-", plain or address.repository.rpartition("/")[2]).strip(" .+-")[:80]


def _folder(wanted: str) -> Path:
    """Returns where a download lies, by what was asked for."""
    digest = hashlib.sha256(wanted.encode("utf-8", "replace")).hexdigest()[:10]
    return data_folder() / "downloads" / f"{re.sub(r'[^A-Za-z0-9]+', '-', wanted)[:60]}-{digest}"


def _write_record(folder: Path, offered: HubOffer, edition: Edition) -> None:
    record = {"wanted": offered.wanted, "name": offered.name, "edition": edition.key, "size": edition.size}
    with atomic_write(folder / _RECORD) as file:
        file.write(json.dumps(record).encode())


def _is_weights(file: HubFile) -> bool:
    return file.path.endswith((".safetensors", ".ckpt", ".pt", ".pth", ".bin"))


def _size(path: Path) -> int:
    with suppress(OSError):
        return path.stat().st_size
    return 0
