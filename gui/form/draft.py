"""The form as it is, kept on disk a moment after each change, so that not even a power cut takes what was typed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from PySide6.QtCore import QObject, QTimer

from gui.form.model import MAX_BATCH, MAX_COUNT, FormModel
from gui.shell.background import Background
from sdedge.errors import InvalidRequest, SdedgeError
from sdedge.files import atomic_write, make_private_folder
from sdedge.json_values import read_json_file
from sdedge.places import data_folder
from sdedge.regions import MAX_REGIONS, Region, checked_region
from sdedge.request import Request
from sdedge.text.tags import without_loras

FILE = "form.json"
DELAY = 500  # milliseconds after a change; more changes meanwhile do not put it off


class FormDraft(QObject):
    """Writes the form whenever it changed. A form that comes to no request, such as half a number, stays as it was before."""

    def __init__(self, form: FormModel, background: Background, parent: QObject) -> None:
        super().__init__(parent)
        self._form, self._background = form, background
        self._written = b""
        """What is on disk."""
        self._is_writing = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(DELAY)
        self._timer.timeout.connect(self.save)
        self.destroyed.connect(form.watch(self._changed))

    def _changed(self) -> None:
        if not self._timer.isActive():
            self._timer.start()

    def save(self) -> None:
        """Writes now, off the main thread; what cannot be written is tried again with the next change."""
        data = self._data()
        if data is None or data == self._written:
            return
        if self._is_writing:  # one after the other, or an older one might come last
            self._changed()
            return
        self._is_writing = True
        self._background.run(lambda: _write(data), lambda _: self._rest(data), lambda error: self._rest(b""))

    def close(self) -> None:
        """Writes the last one, before the program ends."""
        self._timer.stop()
        data = self._data()
        if data is not None and data != self._written:
            try:
                _write(data)
            except (OSError, SdedgeError):
                return  # a full or read-only disk is no reason not to close

    def restore(self, older: str = "") -> bool:
        """Fills the form with what was kept, or with a Request's JSON of an `older` version; returns whether it now starts
        from a picture."""
        try:
            saved = read_json_file(data_folder() / FILE)
        except (OSError, SdedgeError, ValueError):
            saved = {"request": older} if older else {}
        if not isinstance(saved, dict):
            return False
        try:
            request = Request.from_json(str(saved.get("request", "")))
        except InvalidRequest:  # of another version, or damaged
            return False
        form = self._form
        form.restore(request)
        form.put(count=_between(saved.get("count"), MAX_COUNT), batch=_between(saved.get("batch"), MAX_BATCH))
        form.put(**_with_loras_off(form.prompt, saved), **_regions_of(saved))
        form.seed_locked = False  # another session, other pictures; the seed of the last one is shown
        return request.image is not None

    def _data(self) -> bytes | None:
        request, form = self._form.draft(), self._form
        if request is None:
            return None
        saved: dict[str, Any] = {"request": request.to_json(), "count": form.count, "batch": form.batch}
        if form.loras_off:
            saved |= {"prompt": form.prompt, "loras_off": sorted(form.loras_off)}
        if request.regions != form.regions:  # one of which has no prompt yet
            saved["regions"] = [region.to_json() for region in form.regions]
        return json.dumps(saved, indent=1).encode()

    def _rest(self, written: bytes) -> None:
        self._written, self._is_writing = written, False


def _with_loras_off(drawn: str, saved: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the prompt with the LoRAs that were switched off in it, where it is still the one that is drawn without them."""
    prompt, names = saved.get("prompt"), saved.get("loras_off")
    if not isinstance(prompt, str) or not isinstance(names, list):
        return {}
    off = frozenset(name for name in names if isinstance(name, str))
    return {"prompt": prompt, "loras_off": off} if without_loras(prompt, off) == drawn else {}


def _regions_of(saved: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the regions that were kept beside the request; nothing where there are none, or one is damaged."""
    records = saved.get("regions")
    if not isinstance(records, list):
        return {}
    try:
        regions = tuple(Region.from_json(record) for record in records[:MAX_REGIONS])
        for region in regions:
            checked_region(replace(region, prompt=region.prompt.strip() or "-"), "regions")
        return {"regions": regions}
    except (InvalidRequest, TypeError, ValueError, AttributeError):
        return {}


def _between(value: Any, top: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= top else 1


def _write(data: bytes) -> None:
    """Writes whole or not at all, and readable by its owner alone: a prompt is in it."""
    path = data_folder() / FILE
    make_private_folder(path.parent)
    with atomic_write(path, private=True) as file:
        file.write(data)
