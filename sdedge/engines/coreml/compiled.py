"""Compiled copies of packages, which is what Core ML loads: made once, kept among the caches, removed when stale. No torch."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from sdedge.errors import ModelError, Remedy
from sdedge.places import cache_folder

UNITS = {"all": "ALL", "cpu-and-ne": "CPU_AND_NE", "cpu-and-gpu": "CPU_AND_GPU", "cpu-only": "CPU_ONLY"}
"""Our names of compute units, and coremltools'."""

UNUSED = 30 * 86_400.0  # seconds after which a copy that nobody has loaded goes


def core_ml() -> Any:
    """Returns coremltools, which takes seconds to import. Raises ModelError anywhere but on a Mac."""
    if sys.platform != "darwin":
        raise ModelError(f"Core ML runs on a Mac only; {Remedy.DRAWN_ON_CPU}.", field="model", remedy=Remedy.CPU)
    import coremltools

    return coremltools


class CompiledCopy:
    """The compiled copy of one package: a folder that Core ML loads, as large as the package.

    Beside it lie a file that names the package, whose time is that of the last use, and a mark for each choice of compute
    units on which this version of the system has loaded it.
    """

    def __init__(self, package: Path) -> None:
        self.package = package.resolve()
        place = hashlib.sha256(os.fsencode(self.package)).hexdigest()[:8]
        self._series = f"{package.stem}-{place}-"
        self.path = cache_folder() / "coreml" / f"{self._series}{_fingerprint(self.package)}.mlmodelc"
        self._named = self.path.with_suffix(".package")

    def make(self, ct: Any) -> float | None:
        """Compiles the package where no copy of it is there; returns the seconds, None where one was. Raises what Core ML does.

        Of two processes that compile it at once the later one takes the copy of the other.
        """
        if self.path.is_dir():
            self._used()
            return None
        start = time.monotonic()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=self.path.parent, prefix=".compiling-"))
        try:
            made = ct.models.utils.compile_model(str(self.package), str(temporary / self.path.name))
            try:
                os.rename(made, self.path)  # refused where another process has put its copy
            except OSError:
                if not self.path.is_dir():
                    raise
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        self._used()
        self._remove_stale()
        return time.monotonic() - start

    def was_loaded(self, function: str, units: str) -> bool:
        """Returns whether this version of the system has loaded it on these units, so that it does so quickly again."""
        with suppress(OSError):
            return self.path.is_dir() and self._mark(function, units).read_text() == platform.version()
        return False

    def note_loaded(self, function: str, units: str, loaded: bool = True) -> None:
        """Remembers that it was loaded, and so is in use, or, before a load that may be cut short, that this is not known."""
        with suppress(OSError):
            if loaded:
                self._mark(function, units).write_text(platform.version())
                self._used()
            else:
                self._mark(function, units).unlink(missing_ok=True)

    def _mark(self, function: str, units: str) -> Path:
        name = hashlib.sha256(function.encode()).hexdigest()[:8]
        return self.path.with_suffix(f".{units}-{name}")

    def _used(self) -> None:
        with suppress(OSError):
            self._named.write_bytes(os.fsencode(self.package))

    def _remove_stale(self) -> None:
        """Removes copies of what this package was before, of packages that are gone, and those that nobody uses."""
        for named in self.path.parent.glob("*.package"):
            with suppress(OSError):
                earlier = named.name.startswith(self._series)
                gone = not Path(os.fsdecode(named.read_bytes())).exists()
                if named != self._named and (earlier or gone or time.time() - named.stat().st_mtime > UNUSED):
                    _remove(named)
        for temporary in self.path.parent.glob(".compiling-*"):
            with suppress(OSError):
                if time.time() - temporary.stat().st_mtime > 86_400:  # of a process that was killed
                    shutil.rmtree(temporary, ignore_errors=True)


def remove_copies_of(package: Path) -> None:
    """Removes the compiled copies of a package that is about to go."""
    for named in (cache_folder() / "coreml").glob(f"{package.stem}-*.package"):
        with suppress(OSError):
            if Path(os.fsdecode(named.read_bytes())) == package.resolve():
                _remove(named)


def _remove(named: Path) -> None:
    """Removes a copy with all that lies beside it; the file that names its package last, so that an interrupted one goes on."""
    shutil.rmtree(named.with_suffix(".mlmodelc"), ignore_errors=True)
    for beside in named.parent.glob(f"{named.stem}.*"):
        if beside != named:
            beside.unlink(missing_ok=True)
    named.unlink(missing_ok=True)


def _fingerprint(package: Path) -> str:
    """Of the files' names, sizes and times; reading gigabytes to recognise them would cost more than it saves."""
    files = sorted(path for path in package.rglob("*") if path.is_file())
    facts = [(path.relative_to(package).as_posix(), path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]
