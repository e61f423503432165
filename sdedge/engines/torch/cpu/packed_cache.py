"""The packed weights that are kept among the caches: whether they may be, listed, bounded, removed. No torch.

A network's weights are one file; its time is that of the last use, and the one that was not used for longest goes first. What was
used lately goes for nothing but a lower limit.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from sdedge.errors import ModelError, OutputError, Remedy
from sdedge.files import atomic_write, sweep_parts
from sdedge.json_values import read_json_file
from sdedge.places import cache_folder, data_folder

SETTING = "SDEDGE_KEEP_PACKED"
SUFFIX = ".packed"
LIMIT = 8 * 10**9
"""Bytes of all entries together, unless somebody chose another number."""
LEAST = 100 * 10**6
"""Bytes of a network's weights from which on they are worth keeping: what is smaller is packed in a moment."""
SPARED = 10**9
"""Bytes of the disk that stay free."""
LATELY = 3 * 24 * 3600.0
"""Seconds in which an entry was used that does not go for another one: two models that take turns would write each other's away
at every start, and a model above the limit parts of itself."""
_SWITCH = {"1": True, "on": True, "yes": True, "true": True, "0": False, "off": False, "no": False, "false": False}


@dataclass(frozen=True)
class Choice:
    """What the user chose: whether packed weights are kept (None while nobody said), how many bytes of them at most, and whether
    it was asked."""

    keep: bool | None = None
    limit: int = LIMIT
    asked: bool = False


@dataclass(frozen=True)
class Entry:
    """The weights of one network on disk; `used` is when they were read last, in seconds of the epoch."""

    path: Path
    size: int
    used: float

    @property
    def name(self) -> str:
        return self.path.stem


def packed_folder() -> Path:
    return cache_folder() / "packed"


def choice_file() -> Path:
    return data_folder() / "packed.json"


def choice() -> Choice:
    """Returns what was chosen, on this machine or by SDEDGE_KEEP_PACKED; a damaged file counts as nothing chosen."""
    stored = _stored()
    said = _SWITCH.get(os.environ.get(SETTING, "").strip().lower())
    return stored if said is None else replace(stored, keep=said)


def choose(*, keep: bool | None = None, limit: int | None = None) -> Choice:
    """Writes down what the user chose, where it is given, and returns all of it; entries above the limit go. Raises OutputError,
    and ValueError for a limit below zero."""
    if limit is not None and limit < 0:
        raise ValueError(f"{limit} bytes cannot be kept.")
    stored = _stored()
    chosen = Choice(stored.keep if keep is None else keep, stored.limit if limit is None else limit, True)
    _write(chosen)
    make_room(0, chosen.limit)
    return chosen


def mark_asked() -> bool:
    """Returns whether nobody chose and it was not asked yet, which it is from now on."""
    now = choice()
    if now.keep is not None or now.asked:
        return False
    with suppress(OutputError):  # a data folder that cannot be written is told of elsewhere, and asked again
        _write(replace(_stored(), asked=True))
    return True


def entries() -> list[Entry]:
    """Returns what is kept, the one that was not used for longest first."""
    listed = []
    for path in packed_folder().glob(f"*{SUFFIX}"):
        with suppress(OSError):
            status = path.lstat()
            listed.append(Entry(path, status.st_size, status.st_mtime))
    return sorted(listed, key=lambda entry: (entry.used, entry.name))


def clear() -> int:
    """Removes all of it; returns the bytes given back. What a process has mapped it keeps until it ends."""
    sweep_parts(packed_folder())
    return sum(map(_remove, entries()))


def make_room(size: int, limit: int, spared: float = 0.0) -> bool:
    """Removes entries until `size` more bytes stay below the limit, and returns whether they can. What was used in the last
    seconds that are `spared` stays, and nothing goes in vain."""
    listed = entries()
    total = sum(entry.size for entry in listed)
    old = [entry for entry in listed if entry.used <= time.time() - spared]
    if total - sum(entry.size for entry in old) + size > limit:
        return False
    for entry in old:
        if total + size <= limit:
            break
        total -= _remove(entry)
    return total + size <= limit


def has_disk_for(size: int) -> bool:
    """Returns whether the disk has so many bytes to spare; where it does not say, it has."""
    place = next((folder for folder in (packed_folder(), *packed_folder().parents) if folder.is_dir()), Path())
    try:
        return shutil.disk_usage(place).free >= size + SPARED
    except OSError:
        return True


def entry_path(title: str, identity: Mapping[str, Any]) -> Path:
    """Returns where the weights of a network are kept: named for people, and told apart by what it is."""
    digest = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()
    plain = "".join(letter if letter.isalnum() or letter in "-_" else "-" for letter in title)
    while len(plain.encode()) > 120:
        plain = plain[:-1]
    return packed_folder() / f"{plain}-{digest[:16]}{SUFFIX}"


def use(path: Path) -> None:
    """Notes that an entry is used now."""
    with suppress(OSError):
        os.utime(path)


def discard(path: Path) -> None:
    """Removes an entry that cannot be used, as far as the system lets it."""
    with suppress(OSError):
        path.unlink()


def _remove(entry: Entry) -> int:
    try:
        entry.path.unlink()
    except FileNotFoundError:  # another process was faster
        return entry.size
    except OSError:
        return 0
    return entry.size


def _stored() -> Choice:
    try:
        record = read_json_file(choice_file())
        keep, limit, asked = record["keep"], record["limit"], record["asked"]
    except (ModelError, KeyError, TypeError):
        return Choice()
    if not (keep is None or isinstance(keep, bool)) or type(limit) is not int or limit < 0:
        return Choice()
    return Choice(keep, limit, asked is True)


def _write(chosen: Choice) -> None:
    with atomic_write(choice_file()) as file:
        file.write(json.dumps(asdict(chosen)).encode())


def state_in_words() -> str:
    """Returns one sentence for people: whether packed weights are kept, how many there are, and what they would take."""
    from sdedge.machine.memory_plan import Sizes, spoken_size

    chosen, listed = choice(), entries()
    there = f"{spoken_size(sum(entry.size for entry in listed))} of {spoken_size(chosen.limit)} at most are there"
    if chosen.keep:
        return f"Packed weights are kept, so that a model starts faster: {there}."
    v1 = sum((Sizes().text_encoder, Sizes().unet, Sizes().vae))
    sizes = ", ".join(f"{spoken_size(v1 * size)} in {name}" for name, size in (("half precision", 2), ("float32", 4)))
    left = f" {there[0].upper()}{there[1:]}." if listed else ""
    return (
        f"Packed weights are not kept; {Remedy.KEEP_PACKED}, for a v1 model {sizes}, and it then starts faster.{left}"
    )
