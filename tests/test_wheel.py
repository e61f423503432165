"""A wheel built from the tree draws a picture where nothing of the tree is in reach."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest
from PIL import Image

from tests.conftest import needs_embedded

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]


def _run(*command: object, **options) -> str:
    """Without the search path that other tests set for their processes."""
    own = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [*map(str, command)], capture_output=True, text=True, timeout=300, check=False, env=own, **options
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@needs_embedded
def test_a_wheel_works_installed_elsewhere(tmp_path):
    # Copied, because setuptools leaves its build folder in the tree, and would pick up an old one.
    tree = tmp_path / "tree"
    listed = _run("git", "-C", ROOT, "ls-files", "-co", "--exclude-standard", "sdedge", "converters", "gui", "resources",
                  "pyproject.toml", "README.md", "LICENSE").splitlines()  # fmt: skip
    for name in listed:
        if (ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, tree / name)
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "-q")
    _run(*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", tmp_path, tree)
    (wheel,) = tmp_path.glob("sdedge-*.whl")
    clean = tmp_path / "clean"
    venv.create(clean, with_pip=False, symlinks=True)
    bin = clean / ("Scripts" if os.name == "nt" else "bin")
    _run(*pip, "--python", bin / "python", "install", "--no-deps", wheel)
    own = _run(bin / "python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    # A path in a .pth file lends the installed dependencies, and not this tree's editable hook.
    (Path(own) / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    where = _run(bin / "python", "-c", "import sdedge; print(sdedge.__file__)", cwd=tmp_path).strip()
    assert Path(where).is_relative_to(own)
    path = _run(bin / "sdedge", "generate", "a red house", "--steps", 1, "-q", cwd=tmp_path).strip()
    assert Image.open(tmp_path / path).size == (128, 128)
