"""The window and its process: a second start, crashes, dialogs, small screens, the drawer."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys

from tests.tour.desktop import PATIENCE, ROOT, display
from tests.tour.driver import Step, Tour
from tests.tour.steps.pictures import flat_picture


def a_second_start_hands_its_files_over(tour: Tour) -> None:
    """The window that there is comes forward with them; each process has a crash log of its own and leaves no traceback."""
    path = flat_picture(tour)
    tour.ask("window.showMinimized()")
    tour.wait("window.isMinimized()")
    status, complaints = tour.start_another(path)
    assert status == 0 and "Traceback" not in complaints, complaints
    tour.wait(f"form.image == {str(path)!r} and not window.isMinimized()")
    tour.wait("app.activeWindow() is window")
    assert tour.come(lambda: len(list(tour.folder.glob("crash-*.log"))) == 1)
    status, complaints = tour.start_another()
    assert status == 0 and "Traceback" not in complaints, complaints
    assert tour.close() == 0 and not list(tour.folder.glob("crash-*.log"))
    tour.start()
    assert "unexpectedly" not in tour.ask("window.banner.text"), "a clean end is told as a crash"


def a_crash_is_reported_and_its_banner_goes_by_itself(tour: Tour) -> None:
    """With a button that shows the log; drawn pictures and the form are there."""
    tour.draw("a house", seed=1)
    tour.end(signal.SIGSEGV)
    tour.start()
    tour.wait("'ended unexpectedly' in window.banner.text and widget('button:Show the log') and forget_crash")
    assert (tour.folder / "crash-last.log").stat().st_size
    tour.shoot("crash")
    tour.ask("forget_crash()")
    tour.wait("not window.banner.isVisible()")
    tour.wait("studio.pictures.seen_in('create').entry and view('create').panel.canvas.shows_picture")
    tour.wait("form.prompt == 'a house'")


def dialogs_say_what_is_known(tour: Tour) -> None:
    """A machine that was never measured is not measured again; the icon is the window's own; every dialog is readable."""
    assert tour.ask("[__import__('gc').isenabled(), __import__('gc').get_freeze_count() > 10_000]") == [True, True]
    tour.key("ctrl+i")
    tour.wait("app.activeWindow() is not window and app.activeWindow()")
    tour.wait("widget('button:Measure')")
    tour.shoot_window("device")
    tour.key("Escape")
    tour.wait("app.activeWindow() is window")
    tour.key("ctrl+comma")
    tour.wait("app.activeWindow() is not window and app.activeWindow()")
    tour.shoot_window("settings")
    tour.wait("app.activeWindow().screen().availableGeometry().contains(app.activeWindow().frameGeometry())")
    tour.key("Escape")
    tour.wait("app.activeWindow() is window")
    tour.key("F1")
    tour.wait("app.activeWindow() is not window and app.activeWindow()")
    tour.shoot_window("shortcuts")
    tour.key("Escape")
    tour.wait("app.activeWindow() is window")
    assert tour.ask("not window.windowIcon().isNull() or not app.windowIcon().isNull()")
    asked = ["xprop", "-display", tour.display.name, "-id", str(tour.ask("int(window.winId())")), "_NET_WM_ICON"]
    assert re.search(r"Icon \(\d+ x \d+\)", subprocess.run(asked, capture_output=True, text=True).stdout)


def a_screen_that_is_small_leaves_generate_in_reach(tour: Tour) -> None:
    """1280 x 800 at 150 % has room for 853 x 533: the window is no larger, and Generate is pressed where it stands."""
    with display((1280, 800)) as small:
        small_tour = Tour(small, tour.folder.parent / "small", tour.out, tour.theme, None, "1.5")
        small_tour.start()
        try:
            small_tour.wait("window.screen().geometry().contains(window.geometry())")
            small_tour.ask("form.put(prompt='a house')")
            small_tour.shoot("small-screen")
            small_tour.click("create.form.button")
            small_tour.wait("view('create').strip.text.startswith('Done')")
            assert small_tour.close() == 0 and not small_tour.faults, small_tour.faults
        finally:
            if small_tour.is_open:
                small_tour.end()


def the_column_is_a_drawer_of_a_narrow_window(tour: Tour) -> None:
    """It opens over the canvas, Esc closes it, and what it shows is whole."""
    tour.draw("a house", seed=1)
    tour.ask("window.resize(960, 640)")
    tour.wait("window.width() == 960 and not view('create').side.isVisible()")
    tour.key("F9")
    tour.wait("view('create').side.isVisible()")
    tour.wait("view('create').rect().contains(view('create').side.geometry())")
    tour.click("create.side.recent.list[0]")
    tour.wait("view('create').side.recent.list.hasFocus()")
    tour.shoot("drawer")
    tour.key("Escape")
    tour.wait("not view('create').side.isVisible()")


WITHOUT_A_LIBRARY = """
import ctypes, sys
load = ctypes.CDLL

def refuse(name, *more, **others):
    if "xcb-cursor" in str(name):
        raise OSError(f"{name}: cannot open shared object file")
    return load(name, *more, **others)

ctypes.CDLL = refuse
sys.argv = ["sdedge", "gui"]
from sdedge.cli import main
main()
"""


def a_library_that_x11_lacks_is_named_with_its_package(tour: Tour) -> None:
    """With the package to install, in place of Qt's advice to install the app again."""
    own = {"DISPLAY": tour.display.name, "QT_QPA_PLATFORM": "xcb", "SDEDGE_HOME": str(tour.folder / "other")}
    command = [sys.executable, "-c", WITHOUT_A_LIBRARY]
    done = subprocess.run(
        command, env={**os.environ, **own}, capture_output=True, text=True, cwd=ROOT, timeout=PATIENCE
    )
    assert done.returncode and done.stderr.count("\n") == 1 and "sudo apt install libxcb-cursor0" in done.stderr, done


STEPS: tuple[Step, ...] = (
    a_second_start_hands_its_files_over, a_crash_is_reported_and_its_banner_goes_by_itself, dialogs_say_what_is_known,
    a_screen_that_is_small_leaves_generate_in_reach, the_column_is_a_drawer_of_a_narrow_window,
    a_library_that_x11_lacks_is_named_with_its_package,
)  # fmt: skip
