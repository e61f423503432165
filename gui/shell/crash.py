"""When the app itself goes wrong: a log on this machine, offered at the next start. Nothing is sent anywhere."""

from __future__ import annotations

import faulthandler
import logging
import logging.handlers
import os
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from io import TextIOWrapper
from pathlib import Path
from types import TracebackType
from typing import IO

from gui.languages.texts import tr
from sdedge.files import make_private_file, make_private_folder
from sdedge.liveness import is_running
from sdedge.places import data_folder

LOG, LAST = "app.log", "crash-last.log"
CRASHES = "crash-*.log"
"""One per process that runs, by its id; one that is not empty after its process has ended is a crash."""
LIMIT = 1 << 20  # bytes of the log, then the one of before is kept beside it

log = logging.getLogger("gui")


class _PrivateLog(logging.handlers.RotatingFileHandler):
    """Its files are their owner's alone, each from its first byte on: prompts may be in them."""

    def _open(self) -> TextIOWrapper:
        make_private_file(Path(self.baseFilename))
        return super()._open()


class CrashLog:
    """Native crashes are written by faulthandler, exceptions by the hook; an empty file means that all went well."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or data_folder()
        self._own = self.folder / f"crash-{os.getpid()}.log"
        self._file: IO[str] | None = None
        self.tell: Callable[[str], object] = lambda text: None
        """Called with a sentence for an exception that the app survives."""

    @property
    def log(self) -> Path:
        """Where exceptions are written."""
        return self.folder / LOG

    def begin(self) -> Path | None:
        """Starts to watch. Returns the log of the last run if it crashed."""
        last = self._keep_last()
        try:
            make_private_folder(self.folder)
            make_private_file(self._own)
            self._file = open(self._own, "w", encoding="utf-8")  # noqa: SIM115
            faulthandler.enable(self._file, all_threads=True)
            handler = _PrivateLog(self.folder / LOG, maxBytes=LIMIT, backupCount=1, encoding="utf-8")
            handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
            logging.getLogger().addHandler(handler)
            logging.getLogger().setLevel(logging.INFO)
        except OSError as error:  # a full or read-only disk is no reason not to start
            log.warning("There is no log: %s", error)
        sys.excepthook = self._report
        threading.excepthook = lambda args: self._report(args.exc_type, args.exc_value, args.exc_traceback)
        return last

    def end(self) -> None:
        """All went well."""
        faulthandler.disable()
        sys.excepthook, threading.excepthook = sys.__excepthook__, threading.__excepthook__
        for handler in list(logging.getLogger().handlers):
            if isinstance(handler, logging.handlers.RotatingFileHandler):
                logging.getLogger().removeHandler(handler)
                handler.close()
        if self._file is not None:
            self._file.close()
            with suppress(OSError):  # the folder may be gone by now
                if not os.path.getsize(self._own):
                    self._own.unlink()

    def _keep_last(self) -> Path | None:
        """Returns the latest log of a process that crashed, under one name; what belongs to one that runs is left alone."""
        last, is_replaced = self.folder / LAST, False
        for crash in sorted(self.folder.glob(CRASHES), key=_changed):
            name = crash.stem.partition("-")[2]
            if not (name.isdecimal() and len(name) < 12):
                continue
            owner = int(name)
            if owner != os.getpid() and is_running(owner):
                continue
            with suppress(OSError):
                if crash.stat().st_size:
                    os.replace(crash, last)
                    is_replaced = True
                else:
                    crash.unlink()
        return last if is_replaced else None

    def _report(self, kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error or kind(), trace)
            return
        log.error("Something unexpected happened.", exc_info=(kind, error or kind(), trace))
        text = tr("Something unexpected happened ({name}: {message}); the log says where.")
        self.tell(text.format(name=kind.__name__, message=error))


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
