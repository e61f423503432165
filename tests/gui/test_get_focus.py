"""The keyboard's focus on *Get Models*: it waits where nothing is lost by a further press, and goes on to what helps next."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt

from gui.models.hub_downloads import Download, DownloadState
from sdedge.errors import Remedy

STATES = DownloadState
WANTED = "v1-4"


@pytest.fixture
def get(open_window, qtbot, monkeypatch):
    """The view, its row for v1-4 chosen; nothing is asked, and `become` says what came of it."""
    window = open_window(start=False)
    view = window.show_view("get")
    qtbot.waitUntil(lambda: len(view.model.rows) > 10)
    monkeypatch.setattr(view.downloads, "ask", lambda wanted: become(view, STATES.ASKING))
    view.choose(WANTED)
    window.activateWindow()
    return view


def become(view, state: DownloadState, **values) -> None:
    download: Download = view.downloads.of(WANTED)
    for name, value in {"message": "", "remedy": "", "state": state, **values}.items():
        setattr(download, name, value)
    view.downloads.changed.emit(WANTED)


def press_get(view, qtbot) -> None:
    """From the list, by keys alone."""
    view.table.setFocus()
    qtbot.keyClick(view.table, Qt.Key.Key_Return)
    focused = view.focusWidget()
    assert focused is view.details.buttons["ask"]
    qtbot.keyClick(focused, Qt.Key.Key_Space)
    assert view.focusWidget() is view.details.buttons["discard"]  # Cancel, while the hub is asked


GATED = {"message": "It is gated.", "remedy": Remedy.TOKEN.name}
PRIVATE = {"message": "There is no such repository.", "remedy": Remedy.GIVE_TOKEN.name}


@pytest.mark.parametrize(
    ("failure", "helps"),
    [(GATED, "Open Its Page"), (PRIVATE, "Open Its Page"), ({"message": "There is no network."}, "Try Again")],
)
def test_after_a_failure_the_focus_is_on_what_helps(get, qtbot, failure, helps):
    get.window().resize(960, 640)
    press_get(get, qtbot)
    become(get, STATES.FAILED, **{**failure, "message": failure["message"] * 150})  # so long that one has to scroll
    focused = get.focusWidget()
    assert focused.text() == helps and focused.isVisible() and get.details.isAncestorOf(focused)
    qtbot.waitUntil(lambda: get.details.verticalScrollBar().maximum() > 0)
    qtbot.waitUntil(lambda: focused.visibleRegion().boundingRect() == focused.rect())


def test_after_a_wrong_token_another_is_typed(get, qtbot):
    press_get(get, qtbot)
    become(get, STATES.FAILED, **GATED)
    card = get.details.token
    card.field.setFocus()
    qtbot.keyClicks(card.field, "hf_wrong\r")
    assert get.focusWidget() is get.details.buttons["discard"]
    become(get, STATES.FAILED, message="The hub does not know this token.", remedy=Remedy.GIVE_TOKEN.name)
    assert get.focusWidget() is card.field and not card.field.text()
    get.choose("v1-3")  # of which no token was typed
    assert card.first is card.open_page


def test_what_was_begun_goes_on_and_what_is_installed_is_used(get, qtbot):
    press_get(get, qtbot)
    offer = {"editions": [{"key": "half", "size": 10}], "licence": "mit", "accepted": True}
    become(get, STATES.OFFERED, offer=offer)
    assert get.focusWidget() is get.details.edition
    get.details.buttons["start"].setFocus()
    become(get, STATES.RUNNING, size=10)
    assert get.focusWidget() is get.details.buttons["pause"]
    become(get, STATES.ADDING)
    become(get, STATES.INSTALLED, installed="v1-4", role="model")
    assert get.focusWidget() is get.details.buttons["use"]


def test_who_went_elsewhere_stays_there(get, qtbot):
    press_get(get, qtbot)
    get.table.setFocus()
    become(get, STATES.FAILED, **GATED)
    assert get.focusWidget() is get.table


def test_an_address_that_is_looked_up_has_the_focus_go_on_too(get, qtbot, monkeypatch):
    monkeypatch.setattr(get.downloads, "ask", lambda wanted: None)
    get.address.setFocus()
    qtbot.keyClicks(get.address, "someone/style")
    get.look.setFocus()
    qtbot.keyClick(get.look, Qt.Key.Key_Space)
    assert get.current().wanted == "someone/style" and not get.look.isEnabled()
    assert get.details.isAncestorOf(get.focusWidget())
