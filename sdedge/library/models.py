"""The model library: what is installed, where, under which licence. SQLite and files in the app's data folder; no torch."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sdedge.errors import MissingModel, ModelError, OutputError, Remedy
from sdedge.library.database import Damaged, open_database, transaction
from sdedge.library.schema import MIGRATIONS
from sdedge.liveness import is_running
from sdedge.places import data_folder, expanded
from sdedge.text.names import composed

EMBEDDED = "pocket"
ROLES = ("model", "vae", "control", "upscaler", "detector")
_ADDING = ".adding-"
_MARKER = ".unfinished"  # in a model's folder until its row is committed


@dataclass(frozen=True)
class Model:
    """One installed model, VAE, control model or upscaler. `sha256` of a folder is the hash of its list of files."""

    name: str
    role: str
    path: Path
    linked: bool
    kind: str
    base: str
    sha256: str
    legacy_hash: str | None
    size: int
    source: str
    licence: str
    added: str

    @property
    def short_hash(self) -> str | None:
        """The ten digits web UIs show; a folder has none."""
        return self.sha256[:10] if self.legacy_hash else None


class Library:
    """Open with a folder, by default the app's own. Every change is one transaction."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or data_folder()
        path = self.folder / "library.sqlite"
        try:
            self.database = open_database(path, MIGRATIONS)
        except Damaged as error:
            fault = str(error).rstrip(".")
            raise Damaged(
                f"{fault}; move it away and add the models again, their files are in {path.parent}."
            ) from error

    def close(self) -> None:
        self.database.close()

    def models(self) -> list[Model]:
        return [_model(row) for row in self.database.execute("SELECT * FROM models ORDER BY name COLLATE NOCASE")]

    def find(self, name: str) -> Model:
        """By name, or by the hash web UIs write (ten digits, more, or the legacy eight). Raises ModelError."""
        row = self.database.execute("SELECT * FROM models WHERE name = ?", (composed(name),)).fetchone()
        if row is None and 8 <= len(name) <= 64 and all(digit in "0123456789abcdef" for digit in name.lower()):
            query = "SELECT * FROM models WHERE legacy_hash = ?1 OR (length(?1) >= 10 AND substr(sha256, 1, length(?1)) = ?1)"
            row = self.database.execute(query, (name.lower(),)).fetchone()
        if row is None:
            raise MissingModel(
                f"There is no model named {name!r} in the library; {Remedy.SEE_MODELS}.",
                field="model",
                remedy=Remedy.SEE_MODELS,
            )
        return _model(row)

    def check_free(self, name: str) -> None:
        """Raises ModelError for a name that a model has already, or that none can have."""
        from sdedge.library import imports

        if self.database.execute("SELECT 1 FROM models WHERE name = ?", (imports.check_name(name),)).fetchone():
            raise _taken(name)

    def locate(self, name: str) -> Path:
        """Returns the path of an installed model that may be used.

        Raises ModelError when it is gone or its licence not accepted.
        """
        model = self.find(name)
        if not os.path.exists(model.path):
            raise ModelError(
                f"The model {name!r} is no longer at {model.path}; {Remedy.RESTORE_OR_REMOVE}.",
                field="model",
                remedy=Remedy.RESTORE_OR_REMOVE,
            )
        if self.needs_acceptance(model.licence):
            raise ModelError(
                f"{name!r} is under the {model.licence} licence, whose use restrictions apply: "
                f"{Remedy.ACCEPT.format(name=repr(name))}.",
                field="model",
                remedy=Remedy.ACCEPT,
            )
        return model.path

    def add(
        self, path: str | Path, name: str | None = None, *, link: bool = False, own: bool = False, source: str = "",
        base: str = "", licence: str | None = None, progress: Callable[[int, int], None] | None = None,
    ) -> Model:  # fmt: skip
        """Installs a model, VAE, control model or upscaler: checks that it loads, hashes it, and copies it in (`link` only notes
        its place). Files of our `own`, as a download's are, need no second copy where the disk gives one file two names.

        `licence` is the one its files name, if none is given. An interruption at any point leaves nothing behind.
        Raises ModelError or OutputError.
        """
        from sdedge.library import imports

        model = imports.examine(path)
        name = imports.check_name(name or _name_for(path, model.path))
        if self.database.execute("SELECT 1 FROM models WHERE name = ?", (name,)).fetchone():
            raise _taken(name)
        tell = _teller(model.size, progress)
        self.sweep()
        if not link and (installed := self._in_the_way(name)):
            raise _taken(installed)
        if link:
            hashed = {place: imports.hash_file(file, None, tell) for place, file in model.files.items()}
            return self._insert(name, model, hashed, model.path.resolve(), source or str(path), base, licence, None)
        if not own:
            self._check_space(model.size)
        work = Path(tempfile.mkdtemp(dir=self._models_folder(), prefix=f"{_ADDING}{os.getpid()}-"))
        try:
            (work / _MARKER).touch()
            hashed = {}
            for place, file in model.files.items():
                target = work / place
                target.parent.mkdir(parents=True, exist_ok=True)
                linked = own and _named_twice(file, target)
                hashed[place] = imports.hash_file(file, None if linked else target, tell)
            final = self._models_folder() / name / (model.path.name if model.path.is_file() else "")
            return self._insert(name, model, hashed, final, source or str(path), base, licence, work)
        finally:
            shutil.rmtree(work, ignore_errors=True)

    def _insert(
        self, name: str, imported: Any, hashed: dict[str, Any], path: Path, source: str, base: str, licence: str | None,
        work: Path | None,
    ) -> Model:  # fmt: skip
        from sdedge.library import imports, licences

        single = next(iter(hashed.values())) if imported.path.is_file() else None
        sha256 = single.sha256 if single else imports.hash_of_folder(hashed)
        if licence is None:
            licence = licences.OPENRAIL if imports.is_published(sha256) else licences.licence_of(imported.path)
        licence = licences.known_name(licence)
        model = Model(
            name=name, role=imported.role, path=path, linked=work is None, kind=imported.kind,
            base=base or imports.base_of(imported, f"{source} {name}", sha256), sha256=sha256,
            legacy_hash=single.legacy if single else None, size=sum(file.size for file in hashed.values()),
            source=source, licence=licence,
            added=datetime.now(UTC).isoformat(timespec="seconds"),
        )  # fmt: skip
        values = {**vars(model), "path": str(path), "linked": int(model.linked)}
        names = ", ".join(values)
        with transaction(self.database):
            if self.database.execute("SELECT 1 FROM models WHERE name = ?", (name,)).fetchone():
                raise _taken(name)  # by another process, while this one copied
            self.database.execute(
                f"INSERT INTO models ({names}) VALUES ({', '.join('?' * len(values))})", [*values.values()]
            )
            rows = [(name, place, file.size, file.sha256) for place, file in hashed.items()]
            self.database.executemany("INSERT INTO model_files VALUES (?, ?, ?, ?)", rows)
            if work is not None:
                self._place(work, self._models_folder() / name)
        if work is not None:
            (self._models_folder() / name / _MARKER).unlink(missing_ok=True)
        return model

    def _place(self, work: Path, final: Path) -> None:
        try:
            if final.exists():
                raise OutputError(f"{final} is in the way and not in the library; move it elsewhere.")
            work.chmod(0o755)
            os.replace(work, final)
        except OSError as error:
            raise OutputError(
                f"Cannot write {final}: {error.strerror or error}; check the library's folder."
            ) from error

    def remove(self, name: str) -> Model:
        """Forgets a model; files that were copied in are deleted, linked ones stay. Raises OutputError where that cannot be."""
        model = self.find(name)
        with transaction(self.database):
            self.database.execute("DELETE FROM models WHERE name = ?", (model.name,))
            self.database.execute("DELETE FROM settings WHERE key = 'default' AND value = ?", (model.name,))
        if not model.linked:
            self._delete(self._models_folder() / model.name)
        return model

    def _delete(self, folder: Path) -> None:
        """Deletes the files of a model that is forgotten; what cannot be deleted now the next `sweep` tries again."""
        _mark_unfinished(folder)  # should this process be killed
        shutil.rmtree(folder, ignore_errors=True)
        if folder.exists():
            _mark_unfinished(folder)
            raise OutputError(
                f"The model is forgotten, but its files in {folder} cannot be deleted; check the folder's permissions and delete "
                "them yourself."
            )

    def rehash(self, folder: Path, place: str) -> None:
        """A file of the installed model in `folder` was changed by sdedge itself: hash it anew. Nothing happens where no model
        is there, or it has no such file."""
        from sdedge.library import imports

        names = [model.name for model in self.models() if _is_same(model.path, folder)]
        if not names:
            return
        hashed = imports.hash_file(folder / place)
        with transaction(self.database):
            query = "UPDATE model_files SET size = ?, sha256 = ? WHERE model = ? AND path = ?"
            self.database.execute(query, (hashed.size, hashed.sha256, names[0], place))

    def verify(self, name: str, progress: Callable[[int, int], None] | None = None) -> list[str]:
        """Hash a model's files again; returns what is wrong, in sentences, nothing when all is as it was added."""
        from sdedge.library import imports

        model = self.find(name)
        faults: list[str] = []
        tell = _teller(model.size, progress)
        for row in self.database.execute("SELECT * FROM model_files WHERE model = ?", (model.name,)).fetchall():
            try:
                file = model.path / row["path"] if model.path.is_dir() else model.path
                if not file.is_file():
                    faults.append(f"{file} is missing")
                elif (size := file.stat().st_size) != row["size"]:
                    faults.append(f"{file} has {size} bytes, expected {row['size']}")
                elif imports.hash_file(file, None, tell).sha256 != row["sha256"]:
                    faults.append(f"{file} has changed since it was added")
            except OSError as error:  # no path at all, or a folder that may not be read
                faults.append(f"{str(model.path)[:200]} cannot be read ({error.strerror or error})")
            except OutputError as error:  # of a disk that fails in the middle of a file
                faults.append(str(error).rstrip("."))
        return faults

    # Licences

    def set_licence(self, name: str, licence: str) -> Model:
        """Records which licence a model is under; UNKNOWN forgets it. Raises ModelError for a name that is not installed."""
        from sdedge.library import licences

        model = self.find(name)
        with transaction(self.database):
            query = "UPDATE models SET licence = ? WHERE name = ?"
            self.database.execute(query, (licences.known_name(licence), model.name))
        return self.find(name)

    def needs_acceptance(self, licence: str) -> bool:
        """Returns whether this licence has conditions of use that were not accepted on this machine yet."""
        from sdedge.library import licences

        if licence not in licences.LICENCE_PAGES:
            return False
        return not self.has_accepted(licence)

    def has_accepted(self, licence: str) -> bool:
        """Returns whether somebody accepted this licence on this machine."""
        return self.database.execute("SELECT 1 FROM licences WHERE name = ?", (licence,)).fetchone() is not None

    def accept(self, licence: str) -> None:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        self.database.execute("INSERT OR IGNORE INTO licences VALUES (?, ?)", (licence, now))

    # The model used when a request names none

    @property
    def default(self) -> str:
        row = self.database.execute("SELECT value FROM settings WHERE key = 'default'").fetchone()
        return str(row["value"]) if row else EMBEDDED

    def set_default(self, name: str) -> None:
        value = EMBEDDED if name == EMBEDDED else self.find(name).name
        self.database.execute("INSERT OR REPLACE INTO settings VALUES ('default', ?)", (value,))

    # Files

    def _in_the_way(self, name: str) -> str | None:
        """Returns the installed model whose folder a new one of this name would have, where the drive takes both for one
        name.
        """
        folder = self._models_folder() / name
        for row in self.database.execute("SELECT name FROM models WHERE NOT linked").fetchall():
            with suppress(OSError):
                if os.path.samefile(folder, self._models_folder() / row["name"]):
                    return str(row["name"])
        return None

    def _models_folder(self) -> Path:
        folder = self.folder / "models"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"Cannot write {folder}: {error.strerror or error}; check the library's folder."
            ) from None
        return folder

    def _check_space(self, size: int) -> None:
        free = shutil.disk_usage(self._models_folder()).free
        if size > free:
            raise OutputError(
                f"The model needs {size / 1e9:.1f} GB and {self.folder} has {free / 1e9:.1f} GB free; "
                f"free some or {Remedy.LINK}.",
                remedy=Remedy.LINK,
            )

    def sweep(self) -> None:
        """Removes what an `add` that was killed left behind, and nothing else."""
        with transaction(self.database):  # no other process is between its rename and its commit
            names = {composed(row["name"]) for row in self.database.execute("SELECT name FROM models")}
            for left in self._models_folder().iterdir():
                owner = left.name.removeprefix(_ADDING).partition("-")[0]
                dead = (
                    left.name.startswith(_ADDING)
                    and owner.isdecimal()
                    and len(owner) < 20
                    and not is_running(int(owner))
                )
                if dead or (
                    composed(left.name) not in names and not left.name.startswith(_ADDING) and (left / _MARKER).exists()
                ):
                    shutil.rmtree(left, ignore_errors=True)


def _mark_unfinished(folder: Path) -> None:
    with suppress(OSError):  # a folder that is gone, or may not be written
        (folder / _MARKER).touch()


def _is_same(path: Path, folder: Path) -> bool:
    with suppress(OSError):  # a folder that is gone is no other's
        return os.path.samefile(path, folder)
    return False


def _named_twice(file: Path, name: Path) -> bool:
    """Gives a file a second name; returns whether the disk can."""
    try:
        os.link(file, name)
    except OSError:  # another disk, or one of a camera
        return False
    return True


def _taken(name: str) -> ModelError:
    return ModelError(f"There is a model named {name!r} already; {Remedy.OTHER_NAME}.", remedy=Remedy.OTHER_NAME)


def _name_for(path: str | Path, located: Path) -> str:
    if not expanded(path).exists():
        return Path(str(path)).name  # owner/name in the Hugging Face cache
    if located.parent.name == "snapshots":
        return located.parent.parent.name.rpartition("--")[2]
    return located.stem if located.is_file() else located.name


def _teller(total: int, progress: Callable[[int, int], None] | None) -> Callable[[int], None]:
    done = 0

    def tell(count: int) -> None:
        nonlocal done
        done += count
        if progress:
            progress(done, total)

    return tell


def _model(row: sqlite3.Row) -> Model:
    """Raises Damaged for a row that this library did not write."""
    known = {name: value for name, value in dict(row).items() if name in Model.__dataclass_fields__}
    model = Model(**{**known, "path": Path(str(row["path"])), "linked": bool(row["linked"])})
    texts = [getattr(model, name) for name in ("name", "role", "kind", "base", "sha256", "source", "licence", "added")]
    if not all(
        isinstance(text, str) and "\0" not in text for text in (*texts, model.legacy_hash or "", row["path"])
    ) or (type(model.size) is not int or model.role not in ROLES):
        name = str(row["name"])[:80]
        raise Damaged(
            f"The library's row of the model {name!r} is damaged; move library.sqlite away and add the models again."
        )
    return model
