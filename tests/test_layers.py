"""The shape of the project: imports go one way, `import sdedge` is light, and every package is in the wheel."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("sdedge", "converters", "gui")
FORBIDDEN = {"sdedge": {"converters", "gui"}, "converters": {"gui"}, "gui": {"converters", "torch"}}
NO_TORCH = (
    "sdedge",
    "sdedge.catalog",
    "sdedge.request",
    "sdedge.events",
    "sdedge.cli",
    "sdedge.commands.generate",
    "sdedge.images.metadata",
    "sdedge.text.prompt",
    "sdedge.text.tokenizer",
    "gui",
)
ONLY_WHERE_USED = {"coremltools", "transformers", "PySide6", "diffusers", "openvino", "nncf", "ray"}


def _files(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


@dataclass(frozen=True)
class Imports:
    """What one file imports.

    anywhere    modules, those imported inside functions too
    at_top      those of the module's own statements
    of_sdedge   modules of sdedge that are imported anywhere, but for what only the type checker reads
    """

    anywhere: frozenset[str]
    at_top: frozenset[str]
    of_sdedge: frozenset[str]


@cache
def _imports(file: Path) -> Imports:
    """Each file is parsed once for all that is asked about it."""
    tree = ast.parse(file.read_text("utf-8"))
    return Imports(*map(frozenset, (_imported(tree), _imported_at_top(tree), _of_sdedge(tree))))


def _imported(tree: ast.AST) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
    return names


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_go_one_way(package):
    for file in _files(package):
        tops = {name.split(".")[0] for name in _imports(file).anywhere}
        assert not tops & FORBIDDEN[package], f"{file.relative_to(ROOT)} imports {tops & FORBIDDEN[package]}"


def _rooms() -> list[str]:
    """The rooms of sdedge from the lowest up, as CONTRIBUTING lists them: the first words of the tree's lines."""
    lines = (
        (ROOT / "CONTRIBUTING.md").read_text("utf-8").split("    sdedge/\n")[1].split("    converters/")[0].splitlines()
    )
    heads = [re.split(r" {2,}", line[6:])[0] for line in lines if line[:6] == " " * 6 and line[6:7] not in ("", " ")]
    return [room.rstrip("/") for head in heads for room in head.split()]


def _of_sdedge(tree: ast.AST) -> set[str]:
    """Modules of sdedge that are imported anywhere, functions included, but for what only the type checker reads."""
    nodes = [*ast.walk(tree)]
    only_types = {
        id(inner) for node in nodes if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for inner in ast.walk(node)
    }  # fmt: skip
    imported: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and node.module and id(node) not in only_types:
            imported |= {f"sdedge.{alias.name}" for alias in node.names} if node.module == "sdedge" else {node.module}
    return {name for name in imported if name.startswith("sdedge.")}


MAY_LOOK_UP = {
    "sdedge/machine/findings.py": "which kernels were compiled is part of what measurements are kept for",
    "sdedge/machine/probe.py": "it times what the engine chooses among: kernels and int8 layers",
}


def test_rooms_import_downwards_in_the_order_that_contributing_lists():
    rooms = _rooms()
    level = {room: i for i, room in enumerate(rooms)}
    modules = {file.relative_to(ROOT / "sdedge").with_suffix("").parts[0] for file in _files("sdedge")}
    assert modules - {"__init__", "__main__"} == set(rooms), "the list in CONTRIBUTING is not the tree"
    for file in _files("sdedge"):
        name = file.relative_to(ROOT).as_posix()
        room = file.relative_to(ROOT / "sdedge").with_suffix("").parts[0]
        if room in level and name not in MAY_LOOK_UP:
            above = {target for target in _imports(file).of_sdedge if level.get(target.split(".")[1], -1) > level[room]}
            assert not above, f"{name} imports {', '.join(sorted(above))}, which the list has above it"


def test_heavy_packages_are_imported_inside_functions_only():
    for file in [f for package in PACKAGES for f in _files(package)]:
        if file.parts[-2] in ("gui", "converters") or "converters" in file.parts or "gui" in file.parts:
            continue
        tops = {name.split(".")[0] for name in _imports(file).at_top}
        assert not tops & ONLY_WHERE_USED, f"{file.relative_to(ROOT)} imports {tops & ONLY_WHERE_USED} at the top"


def _imported_at_top(module: ast.Module) -> set[str]:
    return set().union(*(_imported(node) for node in module.body if isinstance(node, ast.Import | ast.ImportFrom)), ())


def test_no_file_has_a_name_that_says_nothing():
    vague = {"utils", "util", "common", "base", "helpers", "helper", "manager", "misc"}
    assert not [f for package in PACKAGES for f in _files(package) if f.stem in vague]


def test_light_modules_pull_in_no_torch():
    code = "import sys\nfor name in sys.argv[1:]: print(name, __import__(name) and 'torch' in sys.modules)"
    command = [sys.executable, "-c", code, *NO_TORCH]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.splitlines() == [f"{name} False" for name in NO_TORCH]


def test_there_is_no_import_circle():
    graph = {}
    for file in [f for package in PACKAGES for f in _files(package)]:
        name = ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        graph[name] = {target for target in _imports(file).at_top if target.split(".")[0] in PACKAGES}
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, f"imports go in a circle: {' -> '.join((*path, name))}"
        if name in done or name not in graph:
            return
        for target in graph[name] - {*PACKAGES}:
            visit(target, (*path, name))
        done.add(name)

    for name in graph:
        visit(name, ())


def test_every_package_is_in_the_wheel():
    listed = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    packages = {".".join(f.parent.relative_to(ROOT).parts) for package in PACKAGES for f in _files(package)}
    assert packages | {"sdedge.resources"} == listed
