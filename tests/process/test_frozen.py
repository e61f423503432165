"""An app without a Python: its only executable is `sdedge`, which starts itself for everything it needs a process for.

Here a script stands for that executable; `python -m tests.frozen_app` builds the real one.
"""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.conftest import needs_embedded

ROOT = Path(__file__).parents[2]
LAUNCH = ROOT / ".ci" / "app" / "launch.py"
AS_FROZEN = """
import runpy, sys
sys.frozen, sys.executable, sys.argv = True, sys.argv[1], sys.argv[1:]
if any(word in ("-m", "-P", "-c") for word in sys.argv[1:2]):
    sys.exit(f"No such option {sys.argv[1]}")
runpy.run_path(%r, run_name="__main__")
"""


@pytest.fixture
def app(tmp_path):
    """The path of an executable that knows no option of Python's."""
    program = tmp_path / "app" / "sdedge"
    program.parent.mkdir()
    code = tmp_path / "as_frozen.py"
    code.write_text(AS_FROZEN % str(LAUNCH))
    program.write_text(f'#!/bin/sh\nexec {sys.executable} {code} "$0" "$@"\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program


def _run(app: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    own = {"SDEDGE_HOME": str(app.parent / "home"), "PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    return subprocess.run(
        [app, *arguments], env={**own, **variables}, cwd=app.parent, capture_output=True, text=True, timeout=300,
        check=False,
    )  # fmt: skip


posix = pytest.mark.skipif(os.name != "posix", reason="a shell script stands for the app")


@posix
@pytest.mark.slow
@needs_embedded
def test_the_queue_draws_without_a_python(app):
    assert (
        _run(app, "queue", "add", "a red house", "--steps", "1", "--size", "128x128", "-o", "pictures").returncode == 0
    )
    done = _run(app, "queue", "run")
    assert done.returncode == 0, done.stderr
    (picture,) = (app.parent / "pictures").rglob("*.png")
    assert Image.open(picture).size == (128, 128)


@posix
@pytest.mark.slow
def test_what_the_loader_told_programs_is_not_told_to_the_systems(app):
    """PyInstaller's loader names the app's own folder of libraries, which no program of the system is made for."""
    code = "import json, os, sys; json.dump({n: v for n, v in os.environ.items() if n.startswith('LD_')}, sys.stdout)"
    script = app.parent / "tell.py"
    script.write_text(f"import sys; sys.argv = ['sdedge', '--version']\ntry:\n    exec(open({str(LAUNCH)!r}).read())\n"
                      f"except SystemExit:\n    pass\n{code}\n")  # fmt: skip
    mine = {"LD_LIBRARY_PATH": "/mine"}
    extended = {"LD_LIBRARY_PATH": "/app:/mine", "LD_LIBRARY_PATH_ORIG": "/mine"}
    for variables, left in (({"LD_LIBRARY_PATH": "/app"}, {}), (extended, mine)):
        own = {"PYTHONPATH": str(ROOT), "SDEDGE_HOME": str(app.parent / "home"), **variables}
        done = subprocess.run([sys.executable, script], env=own, capture_output=True, text=True, timeout=60, check=True)
        assert json.loads(done.stdout.splitlines()[-1]) == left
