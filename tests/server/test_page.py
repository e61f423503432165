"""The demo page in Chromium: from prompt to saved picture by keys alone, on a phone's width, in the dark, to a screen reader."""

from __future__ import annotations

import time

import pytest

pytest.importorskip("fastapi", reason="the extra sdedge[serve] is not installed")

from tests.server.browser import CHROMIUM, Browser
from tests.server.conftest import DRAWER, ROOT
from tests.server.live import live_server

pytestmark = [pytest.mark.slow, pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")]


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        folder = tmp_path_factory.mktemp("page")
        patch.setenv("SDEDGE_HOME", str(folder / "data"))
        with live_server(folder, DRAWER) as server:
            yield server


READY = "document.querySelector('#sampler').options.length > 3"
DRAWN = "state.job === null && !document.querySelector('#shown').hidden"


def test_from_prompt_to_saved_picture_by_keys_alone(live, tmp_path):
    with Browser() as browser:
        browser.open(live.url)
        browser.until(READY)
        assert browser.run("document.activeElement.id") == "prompt"
        browser.type("step=0.05 a red house")
        browser.press("Enter", control=True)
        browser.until("document.querySelector('#image').className === 'preview'")
        assert "step" in browser.run("document.querySelector('#work-text').textContent")
        browser.until(DRAWN)
        assert browser.run("document.querySelector('#image').alt") == "step=0.05 a red house"
        for _ in range(40):  # on to the link that saves
            browser.press("Tab")
            if browser.run("document.activeElement.id") == "save":
                break
        assert browser.run("document.activeElement.id") == "save"
        browser.send("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
        browser.press("Enter")
        deadline = time.monotonic() + 30
        while not list(tmp_path.glob("*.png")):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert next(tmp_path.glob("*.png")).read_bytes()[:4] == b"\x89PNG"
        assert not browser.errors


def test_escape_cancels_and_says_so(live):
    with Browser() as browser:
        browser.open(live.url)
        browser.until(READY)
        browser.type("step=0.1 slow")
        browser.run("put('steps', 100)")
        browser.press("Enter", control=True)
        browser.until("document.querySelector('#image').className === 'preview'")
        browser.press("Escape")
        browser.until("state.job === null")
        assert browser.run("document.querySelector('#say').textContent") == "Cancelled."


def test_a_fault_stands_beside_the_button_and_marks_its_field(live):
    with Browser() as browser:
        browser.open(live.url)
        browser.until(READY)
        browser.press("Enter", control=True)
        assert "what to draw" in browser.run("document.querySelector('#fault').textContent")
        assert browser.run("document.querySelector('[aria-invalid]').id") == "prompt"
        browser.type("x")
        browser.run("put('steps', 5000)")
        browser.press("Enter", control=True)
        browser.until("document.querySelector('[aria-invalid]')?.id === 'steps'")
        browser.run("put('steps', 1)")
        browser.press("Enter", control=True)
        browser.until(DRAWN)
        assert browser.run("document.querySelector('#fault').hidden")


@pytest.mark.parametrize("dark", [False, True])
def test_it_fits_a_phone(live, dark):
    with Browser(390, 844, mobile=True, dark=dark) as browser:
        browser.open(live.url)
        browser.until(READY)
        browser.run("put('prompt', 'a' + 'b'.repeat(300)); put('steps', 1); generate()")
        browser.until(DRAWN)
        browser.run("document.querySelector('#from-this').click()")
        browser.until("state.start")
        assert browser.run("document.documentElement.scrollWidth") == 390
        targets = "[...document.querySelectorAll('button, select, textarea')]"
        small = f"{targets}.filter((each) => each.offsetHeight && each.offsetHeight < 38).map((each) => each.id)"
        assert browser.run(small) == []
        background = browser.run("getComputedStyle(document.body).backgroundColor")
        assert background == ("rgb(23, 23, 27)" if dark else "rgb(245, 245, 247)")
        assert not browser.errors


def test_a_dropped_picture_is_where_the_next_one_starts(live):
    drop = """(async () => {
        const canvas = document.createElement('canvas'); canvas.width = 3000; canvas.height = 1000;
        const blob = await new Promise((done) => canvas.toBlob(done));
        const data = new DataTransfer(); data.items.add(new File([blob], 'photo.png', { type: 'image/png' }));
        document.body.dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true }));
    })()"""
    with Browser() as browser:
        browser.open(live.url)
        browser.until(READY)
        browser.run(drop)
        browser.until("state.start")
        assert "2048 × 683" in browser.run("document.querySelector('#start-name').textContent")
        browser.run("put('prompt', 'a house'); put('steps', 1); put('strength', 0.4); generate()")
        browser.until(DRAWN)
        request = browser.run("fetch(`/api/pictures/${state.shown.id}/settings`).then((answer) => answer.json())")[
            "request"
        ]
        assert request["strength"] == 0.4 and request["image"]


def test_a_page_that_is_opened_again_goes_on_with_its_job(live):
    with Browser() as browser:
        browser.open(live.url)
        browser.until(READY)
        browser.run("put('prompt', 'step=0.1 again'); put('steps', 30); generate()")
        browser.until("state.job")
        browser.send("Page.reload")
        time.sleep(0.3)
        browser.until("typeof state !== 'undefined' && state.job")
        assert browser.run("document.querySelector('#prompt').value") == "step=0.1 again"
        browser.until(DRAWN)


def test_a_screen_reader_finds_names_and_is_told_what_happens(live):
    with Browser() as browser:
        browser.open(live.url)
        browser.until(READY)
        browser.run("put('prompt', 'step=0.05 a house'); generate()")
        browser.until("document.querySelector('#say').textContent.includes('step')")
        nodes = browser.accessibility()
        assert {"role": "progressbar", "name": "Drawing"} in nodes
        browser.until(DRAWN)
        assert "Finished" in browser.run("document.querySelector('#say').textContent")
        nodes = browser.accessibility()
        names = {
            node["name"] for node in nodes if node["role"] in ("textbox", "spinbutton", "combobox", "MenuListPopup")
        }
        assert {"Prompt", "Steps", "Guidance", "Seed", "Size", "Pictures"} <= names
        unnamed = [
            node
            for node in nodes
            if node["role"] in ("button", "link", "textbox", "combobox", "slider") and not node["name"]
        ]
        assert not unnamed
        assert [node["name"] for node in nodes if node["role"] == "heading"] == ["sdedge", "History"]


def test_arrow_keys_walk_the_history(live):
    with Browser() as browser:
        browser.open(live.url)
        browser.until("document.querySelector('#grid').children.length > 1")
        browser.run("document.querySelector('#grid button').focus()")
        browser.press("ArrowRight")
        second = browser.run("document.activeElement.dataset.id")
        assert second == browser.run("document.querySelectorAll('#grid button')[1].dataset.id")
        browser.press("Enter")
        browser.until(f"state.shown && String(state.shown.id) === '{second}'")
