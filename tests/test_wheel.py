"""What is published, an sdist and the wheel made of it, holds everything and draws a picture where nothing of the tree is in
reach: with the C kernels where there is a compiler, without them elsewhere."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import time
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from tests.conftest import needs_embedded

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
PACKAGED = ("sdedge", "converters", "gui", "resources")
PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "-q")
SDIST = "import sys; from setuptools.build_meta import build_sdist; build_sdist(sys.argv[1])"
SOURCES = re.compile(r"torch/cpu/\w+\.[ch]$|README\.md|languages/\w+/\w+\.ts$")
"""What stays in the repository: of kernels and translations the compiled is packaged; the model's own page."""
OPTIONAL = {"keyring", "nncf", "openvino", "ray", "spandrel"}
"""What is used where a person installed it too."""
BROUGHT = {"pydantic": "fastapi", "shiboken6": "pyside6-essentials", "starlette": "fastapi", "yaml": "transformers"}
"""What is there wherever a package that is required is: module -> that package."""


def _run(*command: object, **options) -> str:
    """Without the search path that other tests set for their processes."""
    own = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | options.pop("variables", {})
    done = subprocess.run(
        [*map(str, command)], capture_output=True, text=True, timeout=300, check=False, env=own, **options
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def _tracked() -> list[str]:
    names = _run("git", "-C", ROOT, "ls-files", "-co", "--exclude-standard", *PACKAGED).splitlines()
    return [name for name in names if (ROOT / name).is_file()]


@pytest.fixture(scope="module")
def sdist(tmp_path_factory) -> Path:
    """Made of a copy, because setuptools leaves its build folder in the tree, and would pick up an old one."""
    folder = tmp_path_factory.mktemp("sdist")
    for name in [*_tracked(), "pyproject.toml", "README.md", "LICENSE"]:
        (folder / "tree" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, folder / "tree" / name)
    _run(sys.executable, "-c", SDIST, folder, cwd=folder / "tree")
    (made,) = folder.glob("sdedge-*.tar.gz")
    return made


def _wheel(sdist: Path, folder: Path, **variables: str) -> Path:
    _run(*PIP, "wheel", "--no-deps", "--no-build-isolation", "-w", folder, sdist, variables=variables)
    (wheel,) = folder.glob("sdedge-*.whl")
    return wheel


def _installed(wheel: Path, folder: Path) -> Path:
    """Returns where the programs are of a clean environment with this wheel. Paths in a .pth file lend it the dependencies that
    are here, without the hooks by which the tree itself is installed here."""
    venv.create(folder, with_pip=False, symlinks=True)
    bin = folder / ("Scripts" if os.name == "nt" else "bin")
    _run(*PIP, "--python", bin / "python", "install", "--no-deps", wheel)
    own = _run(bin / "python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    lent = [path for path in sys.path if path.endswith("site-packages")] or [sysconfig.get_path("purelib")]
    (Path(own) / "dependencies.pth").write_text("\n".join(lent))
    where = _run(bin / "python", "-c", "import sdedge; print(sdedge.__file__)", cwd=folder).strip()
    assert Path(where).is_relative_to(own)
    return bin


def _open_window(bin: Path, home: Path) -> None:
    """Starts the app for the first time, on a screen that nobody sees, and closes it when it has its database."""
    own = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    own |= {"QT_QPA_PLATFORM": "offscreen", "SDEDGE_HOME": str(home), "SDEDGE_CANARY": "off"}
    app = subprocess.Popen([bin / "sdedge", "gui"], env=own, cwd=home.parent, stderr=subprocess.PIPE, text=True)
    try:
        end = time.monotonic() + 300
        while not (home / "gallery.sqlite").exists():
            assert app.poll() is None and time.monotonic() < end, "The window did not open."
            time.sleep(0.1)
        app.terminate()
        _, said = app.communicate(timeout=300)
        assert app.returncode == 0 and "Traceback" not in said, said[-2000:]
    finally:
        app.kill()


@needs_embedded
@pytest.mark.skipif(not shutil.which("cc"), reason="there is no C compiler")
def test_a_wheel_works_installed_elsewhere(sdist, tmp_path):
    wheel = _wheel(sdist, tmp_path)
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    wanted = {re.sub(r"^resources/", "sdedge/resources/", name) for name in _tracked() if not SOURCES.search(name)}
    assert wanted <= names, f"the wheel lacks {sorted(wanted - names)}"
    (kernels,) = names - wanted - {name for name in names if SOURCES.search(name)}
    assert re.match(r"sdedge/engines/torch/cpu/_kernels\..*\.(so|pyd)$", kernels)
    bin = _installed(wheel, tmp_path / "clean")
    path = _run(bin / "sdedge", "generate", "a red house", "--steps", 1, "-q", cwd=tmp_path).strip()
    assert Image.open(tmp_path / path).size == (128, 128)
    said = _run(bin / "sdedge", "--help", cwd=tmp_path)
    assert re.search(r"^  convert ", said, re.MULTILINE) and re.search(r"^  gui ", said, re.MULTILINE)  # entry points
    _open_window(bin, tmp_path / "home")


def test_without_a_compiler_the_wheel_is_pure(sdist, tmp_path):
    wheel = _wheel(sdist, tmp_path, CC="false", CXX="false")
    assert not [name for name in zipfile.ZipFile(wheel).namelist() if "_kernels" in name]
    bin = _installed(wheel, tmp_path / "clean")
    code = "from sdedge.engines.torch.cpu.compiled import NOTHING, level; assert level() == NOTHING"
    _run(bin / "python", "-c", code, cwd=tmp_path)
    assert _run(bin / "sdedge", "--version", cwd=tmp_path).startswith("sdedge, version ")


def test_what_is_imported_is_required():
    """`pip install` brings every package that a module of ours names, but for those it does without."""
    from importlib.metadata import packages_distributions

    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    required = project["dependencies"] + project["optional-dependencies"]["serve"]
    names = {_normal(re.match(r"[\w.-]+", line)[0]) for line in required}
    assert {*BROUGHT.values()} <= names
    brought = packages_distributions()
    for file in [path for package in PACKAGED[:3] for path in (ROOT / package).rglob("*.py")]:
        others = _imported(ast.parse(file.read_text("utf-8"))) - OPTIONAL - set(PACKAGED) - sys.stdlib_module_names
        for module in others - BROUGHT.keys():
            made_by = {_normal(name) for name in brought.get(module, [module])}
            assert made_by & names, f"{file} imports {module}, of {made_by}, which pyproject.toml does not require"


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _imported(tree: ast.Module) -> set[str]:
    nodes = [*ast.walk(tree)]
    modules = {alias.name.partition(".")[0] for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    froms = [node for node in nodes if isinstance(node, ast.ImportFrom) and node.module and not node.level]
    return modules | {str(node.module).partition(".")[0] for node in froms}
