"""The user's settings: typed values over QSettings in one file of the data folder, migrated between versions."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Generic, TypeVar, overload

from PySide6.QtCore import QByteArray, QObject, QSettings, QStandardPaths, Signal

from sdedge.files import make_private_file, make_private_folder
from sdedge.images.naming import TEMPLATE
from sdedge.images.output import Output
from sdedge.library.gallery_order import Order
from sdedge.library.models import EMBEDDED
from sdedge.places import data_folder, expanded

T = TypeVar("T", bound=str | int | float | bool)

# MIGRATIONS[i] takes the file from version i + 1 to i + 2.
MIGRATIONS: tuple[Callable[[QSettings], None], ...] = ()
VERSION = len(MIGRATIONS) + 1


class Setting(Generic[T]):
    """One value. What is stored but not of its type, its choices or its range counts as the default."""

    def __init__(
        self, key: str, default: T, choices: tuple[T, ...] = (), low: float | None = None, high: float | None = None
    ) -> None:
        self.key, self.default, self.choices, self.low, self.high = key, default, choices, low, high

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, owner: None, kind: type) -> Setting[T]: ...
    @overload
    def __get__(self, owner: Settings, kind: type) -> T: ...
    def __get__(self, owner: Settings | None, kind: type) -> Any:
        return self if owner is None else self._read(owner.file.value(self.key))

    def __set__(self, owner: Settings, value: T) -> None:
        if not self.accepts(value):
            raise ValueError(f"{value!r} is not a value of the setting {self.key}.")
        if value != self.__get__(owner, type(owner)):
            owner.file.setValue(self.key, value)
            owner.changed.emit(self.name)

    def accepts(self, value: Any) -> bool:
        """Returns whether it may be set."""
        if type(value) is not type(self.default) or (self.choices and value not in self.choices):
            return False
        low, high = self.low, self.high
        return (low is None or value >= low) and (high is None or value <= high)  # type: ignore[operator]

    def _read(self, stored: Any) -> T:
        if stored is None:
            return self.default
        try:
            value: Any = _TRUTH[str(stored).lower()] if isinstance(self.default, bool) else type(self.default)(stored)
        except (ValueError, TypeError, KeyError):
            return self.default
        return value if self.accepts(value) else self.default


def default_folder() -> Path:
    """Returns where pictures go unless a person chooses: "sdedge" in the system's folder of pictures."""
    return (
        Path(QStandardPaths.writableLocation(QStandardPaths.StandardLocation.PicturesLocation) or Path.home())
        / "sdedge"
    )


_TRUTH = {"true": True, "1": True, "false": False, "0": False}


class Settings(QObject):
    """Everything that is remembered between starts. Read and set as attributes; `changed` carries the attribute's name."""

    changed = Signal(str)

    theme = Setting("look/theme", "system", choices=("system", "light", "dark"))
    motion = Setting("look/motion", "system", choices=("system", "less"))
    """"less": nothing moves that need not, whatever the system is set to."""
    language = Setting("look/language", "system")
    """"system", or the code of one of `gui.languages.language.codes`; it counts from the next start on."""
    side_column = Setting("look/side_column", True)
    view = Setting("window/view", "create")
    form = Setting("window/form", "")
    """The form as versions before `form.json` left it, as a Request's JSON."""
    default_model = Setting("drawing/default_model", EMBEDDED)
    """The library's default model as it was when the form last followed it."""
    folder = Setting("pictures/folder", "")
    """Where pictures are saved; empty is the system's pictures folder."""
    file_format = Setting("pictures/format", "png", choices=("png", "jpeg", "webp"))
    file_name = Setting("pictures/name", "")
    """Template of file names; empty is the usual one."""
    private = Setting("pictures/private", False)
    """Leave the settings out of the files."""
    preview_rate = Setting("drawing/preview_rate", 1, low=0, high=50)
    """Show a preview every so many steps; 0 is never."""
    safety = Setting("drawing/safety", True)
    """Run the safety checker of models that ship one."""
    keep_awake = Setting("drawing/keep_awake", True)
    """While pictures are drawn, the computer does not fall asleep by itself."""
    battery = Setting("drawing/battery", 20, low=0, high=100)
    """On battery the queue rests below so many per cent; 0 is never."""
    heat = Setting("drawing/heat", "critical", choices=("off", "critical", "slow"))
    """What the queue does when the computer is hot, an `sdedge.process.power.HeatLimit`."""
    notify = Setting("drawing/notify", True)
    """Say when the queue is done and the window is not in front."""
    tags_file = Setting("prompt/tags", "")
    """A CSV of tags to complete in prompts; empty is none."""
    thumbnail = Setting("gallery/thumbnail", 168, low=96, high=320)
    """Pixels of a picture's place in the gallery, at the least."""
    order = Setting("gallery/order", "newest", choices=tuple(map(str, Order)))
    """What comes first in the gallery, an `sdedge.library.gallery_order.Order`."""
    serve = Setting("server/on", False)
    """Serve the page and the APIs of other programs on this machine."""
    serve_port = Setting("server/port", 7860, low=1024, high=65535)

    def __init__(self, path: Path | None = None) -> None:
        super().__init__()
        path = path or data_folder() / "settings.ini"
        with suppress(OSError):  # a full or read-only disk is no reason not to start
            make_private_folder(path.parent)
            make_private_file(path)  # prompts are in it
        self.file = QSettings(str(path), QSettings.Format.IniFormat)
        # Qt would otherwise flush the disk on the main thread at every change: seconds while a model is copied.
        self.file.setAtomicSyncRequired(False)
        self._migrate()

    def output(self) -> Output:
        """Returns where and how pictures are saved."""
        folder = expanded(self.folder) if self.folder else default_folder()
        return Output(folder, self.file_format, self.file_name or TEMPLATE, self.private)

    def save(self) -> None:
        """Writes to disk now; Qt also does from time to time."""
        self.file.sync()

    def state(self, name: str) -> QByteArray | None:
        """Returns the remembered state of a window or splitter."""
        value = self.file.value(f"state/{name}")
        return value if isinstance(value, QByteArray) else None

    def set_state(self, name: str, state: QByteArray) -> None:
        self.file.setValue(f"state/{name}", state)

    def texts(self, name: str) -> list[str]:
        """Returns a remembered list, such as the latest prompts."""
        value = self.file.value(f"lists/{name}")
        return [value] if isinstance(value, str) else [str(v) for v in value] if isinstance(value, list) else []

    def set_texts(self, name: str, texts: list[str]) -> None:
        self.file.setValue(f"lists/{name}", texts)

    def _migrate(self) -> None:
        stored = self.file.value("version")
        version = int(stored) if str(stored).isdigit() else VERSION if stored is None else 1
        for migrate in MIGRATIONS[max(version, 1) - 1 :]:
            migrate(self.file)
        self.file.setValue("version", max(version, VERSION))
