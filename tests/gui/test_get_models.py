"""*Get Models* against a hub on the loopback, with real processes: the clicks to a first picture, and what goes wrong."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
from PySide6.QtCore import Qt

from gui.commands.command import Command
from gui.models import token_card
from gui.models.hub_downloads import DownloadState
from sdedge.library.licences import OPENRAIL
from sdedge.library.models import Library
from sdedge.places import data_folder
from sdedge.text import vocabulary
from tests.gui.page import banner_button, button
from tests.stand_in_hub import TOKEN, Repository, serving

V1_5, V1_4 = "stable-diffusion-v1-5/stable-diffusion-v1-5", "CompVis/stable-diffusion-v1-4"
CUT = 20_000


@pytest.fixture
def hub(tiny_model, monkeypatch):
    paths = [path for path in tiny_model.rglob("*") if path.is_file()]
    files = {path.relative_to(tiny_model).as_posix(): path.read_bytes() for path in paths}
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setenv("HF_HOME", str(data_folder() / "hf"))
    monkeypatch.setenv("NO_PROXY", "*")
    with serving() as answers:
        answers.repositories |= {V1_5: Repository(files), V1_4: Repository(dict(files))}
        monkeypatch.setenv("HF_ENDPOINT", answers.url)
        yield answers


@pytest.fixture
def get(hub, open_window, qtbot):
    """(window, view) of *Get Models* with its list read; nothing was asked of the hub."""
    window = open_window(start=False)
    view = window.show_view("get")
    qtbot.waitUntil(lambda: len(view.model.rows) > 10)
    assert not hub.seen
    return window, view


def state(view, wanted="v1-5") -> DownloadState:
    return view.downloads.of(wanted).state


def press(view, qtbot, name) -> None:
    pressed = view.details.buttons[name]
    assert pressed.isVisible() and pressed.isEnabled(), f"{name} cannot be pressed in {state(view)}"
    qtbot.mouseClick(pressed, Qt.MouseButton.LeftButton)


def wait_for(view, qtbot, wanted_state, wanted="v1-5") -> None:
    qtbot.waitUntil(lambda: state(view, wanted) == wanted_state or state(view, wanted) == DownloadState.FAILED)
    assert state(view, wanted) == wanted_state, view.downloads.of(wanted).message


def content_of(path: Path) -> bytes:
    """What a file holds; nothing of one that its database has taken away since it was listed."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


@pytest.mark.slow
def test_a_first_picture_with_v1_takes_five_clicks_and_one_licence(hub, open_window, qtbot):
    """The engine is the one that draws noise; that it gets the model, and by which way, is what counts."""
    window = open_window(start=False)
    create = window.show_view("create")
    clicks = []

    def click(widget) -> None:
        assert widget.isVisible() and widget.isEnabled()
        clicks.append(widget)
        qtbot.mouseClick(widget, Qt.MouseButton.LeftButton)

    click(button(window, "Get Models"))
    view = window.views["get"]
    qtbot.waitUntil(lambda: len(view.model.rows) > 10)
    assert view.current().wanted == "v1-5" and not hub.seen
    click(view.details.buttons["ask"])
    wait_for(view, qtbot, DownloadState.OFFERED)
    assert OPENRAIL in view.details.licence.text() and not hub.ranges_of(".safetensors")
    click(view.details.buttons["start"])
    wait_for(view, qtbot, DownloadState.INSTALLED)
    click(view.details.buttons["use"])
    assert window.current_view == "create" and window.studio.form.model == "v1-5"
    qtbot.keyClicks(create.form.prompt.editor, "a red house by the sea")
    click(create.form.button)
    qtbot.waitUntil(lambda: bool(window.studio.board.jobs))
    assert window.studio.board.jobs[0].request.model == "v1-5" and len(clicks) == 5
    library = Library()
    assert library.locate("v1-5").is_dir() and library.find("v1-5").source.startswith(V1_5)
    library.close()


@pytest.mark.slow
def test_a_download_is_paused_goes_on_in_another_window_and_is_cancelled(get, hub, qtbot, open_window):
    window, view = get
    hub.cut, hub.stall = CUT, threading.Event()
    press(view, qtbot, "ask")
    wait_for(view, qtbot, DownloadState.OFFERED)
    press(view, qtbot, "start")
    qtbot.waitUntil(lambda: any(path.endswith(".safetensors") for _, path, *_ in hub.seen))
    view.details.buttons["pause"].setFocus()
    press(view, qtbot, "pause")
    wait_for(view, qtbot, DownloadState.PAUSED)
    assert view.focusWidget() is view.details.buttons["start"], "a further press of Space would delete what has come"
    window.close()
    later = open_window(start=False).show_view("get")
    qtbot.waitUntil(lambda: state(later) == DownloadState.PAUSED)
    assert later.current().wanted == "v1-5" and "Paused" in later.model.index(0, 3).data()
    assert later.details.buttons["start"].text() == "Go On"
    press(later, qtbot, "start")
    qtbot.waitUntil(lambda: state(later) == DownloadState.RUNNING)
    press(later, qtbot, "discard")
    qtbot.waitUntil(lambda: state(later) == DownloadState.IDLE)
    qtbot.waitUntil(lambda: not list((data_folder() / "downloads").glob("*/download.json")))
    hub.cut = 0
    hub.stall.set()
    press(later, qtbot, "ask")
    wait_for(later, qtbot, DownloadState.OFFERED)
    press(later, qtbot, "start")
    later.choose("vae-ft-mse")
    wait_for(later, qtbot, DownloadState.INSTALLED)


def test_a_download_that_is_paused_before_its_first_byte_can_go_on(get, qtbot, monkeypatch):
    monkeypatch.setattr(Command, "start", lambda self: None)
    window, view = get
    for wanted in ("v1-4", "v1-5"):  # the second waits for the first
        view.downloads.start(wanted, "")
    view.choose("v1-5")
    press(view, qtbot, "pause")
    assert state(view) == DownloadState.PAUSED and view.downloads.of("v1-5").done == 0
    assert view.details.buttons["start"].text() == "Go On" and view.details.buttons["discard"].isVisible()
    press(view, qtbot, "start")
    assert state(view) == DownloadState.WAITING


@pytest.mark.slow
def test_a_token_is_asked_for_in_steps_and_used(get, hub, qtbot, monkeypatch):
    window, view = get
    hub.repositories[V1_5].gated = True
    press(view, qtbot, "ask")
    qtbot.waitUntil(lambda: state(view) == DownloadState.FAILED)
    card = view.details.token
    assert card.isVisible() and "Get Models" in view.downloads.of("v1-5").message
    opened = []
    monkeypatch.setattr(token_card.QDesktopServices, "openUrl", lambda url: opened.append(url.toString()))
    card.open_page.click()
    card.open_tokens.click()
    assert opened == [f"{hub.url}/{V1_5}", f"{hub.url}/settings/tokens"]
    for typed, said in (("two words", "not an access token"), ("hf_wrong", "does not know this token")):
        qtbot.keyClicks(card.field, typed)
        card.use.click()
        qtbot.waitUntil(lambda: state(view) == DownloadState.FAILED)
        assert not card.field.text()
        assert said in (card.fault.text() if " " in typed else view.details.fault.text())
    qtbot.keyClicks(card.field, TOKEN)
    card.use.click()
    wait_for(view, qtbot, DownloadState.OFFERED)
    qtbot.waitUntil(lambda: "until sdedge is closed" in window.banner.text)
    press(view, qtbot, "start")
    wait_for(view, qtbot, DownloadState.INSTALLED)
    written = [path for path in data_folder().rglob("*") if path.is_file()]
    assert not any(TOKEN.encode() in content_of(path) for path in written)


@pytest.mark.slow
@pytest.mark.parametrize("nonsense", ["api-html", "api-endless", "content", "length", "circle"])
def test_nonsense_is_told_where_it_happened_and_can_be_tried_again(get, hub, qtbot, nonsense):
    window, view = get
    hub.repositories[V1_5].nonsense = nonsense
    press(view, qtbot, "ask")
    if not nonsense.startswith("api"):
        wait_for(view, qtbot, DownloadState.OFFERED)
        press(view, qtbot, "start")
    qtbot.waitUntil(lambda: state(view) == DownloadState.FAILED)
    assert view.details.fault.isVisible() and view.details.fault.text() and view.model.index(0, 3).data() == "Failed"
    hub.repositories[V1_5].nonsense = ""
    again = "start" if view.downloads.of("v1-5").begun else "ask"
    press(view, qtbot, again)
    if again == "ask":
        wait_for(view, qtbot, DownloadState.OFFERED)
        press(view, qtbot, "start")
    wait_for(view, qtbot, DownloadState.INSTALLED)


@pytest.mark.slow
def test_another_one_comes_by_its_address_and_what_is_not_v1_is_told(get, hub, qtbot):
    window, view = get
    view.address.setText("nonsense")
    view.look.click()
    assert "not an address" in view.fault.text() and not hub.seen
    hub.repositories["someone/words"] = Repository({"notes.txt": b"hello"})
    hub.repositories["someone/style"] = Repository(hub.repositories[V1_5].files, licence="mit")
    view.address.setText(f"{hub.url}/someone/words")
    view.look.click()
    qtbot.waitUntil(lambda: state(view, "someone/words") == DownloadState.FAILED)
    assert "no weights" in view.details.fault.text() and not view.fault.text()
    qtbot.keyClicks(view.address, "someone/style\r")
    wait_for(view, qtbot, DownloadState.OFFERED, "someone/style")
    assert view.details.buttons["start"].text() == "Download" and "MIT" in view.details.licence.text()
    press(view, qtbot, "start")
    window.show_view("models")
    wait_for(view, qtbot, DownloadState.INSTALLED, "someone/style")
    banner_button(window).click()
    assert (window.current_view, window.studio.form.model) == ("create", "style")


@pytest.mark.slow
def test_clips_vocabulary_is_an_entry(get, hub, qtbot):
    tokens = {"<|endoftext|>": 49407} | {f"w{number}": number for number in range(49407)}
    files = {"vocab.json": json.dumps(tokens).encode(), "merges.txt": b"#version: 0.2\na b\n"}
    hub.repositories["openai/clip-vit-large-patch14"] = Repository(files, licence="")
    window, view = get
    view.choose("clip-vocabulary")
    assert view.details.buttons["file"].isVisible()
    press(view, qtbot, "ask")
    wait_for(view, qtbot, DownloadState.OFFERED, "clip-vocabulary")
    press(view, qtbot, "start")
    wait_for(view, qtbot, DownloadState.INSTALLED, "clip-vocabulary")
    assert vocabulary.installed() is not None and not view.details.buttons["use"].isVisible()


def test_nothing_is_asked_while_one_only_looks(open_window, qtbot, monkeypatch):
    """No process is started, so nothing can be asked of the network."""
    monkeypatch.setattr(Command, "start", lambda self: pytest.fail("a process was started"))
    window = open_window(start=False)
    view = window.show_view("get")
    qtbot.waitUntil(lambda: len(view.model.rows) > 10)
    for row in view.model.rows:
        view.choose(row.wanted)
        assert view.details.title.text() == row.name and view.details.buttons["ask"].isVisible()
    view.address.setText("civitai.com/models/1")
    view.look.click()
    assert "under Models" in view.fault.text() or "not an address" in view.fault.text()
