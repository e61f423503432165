"""Tests use what is public: a test that reaches behind a name with an underscore holds how something is done, not what.

`python tests/test_privates.py` lists what is left of it. What a test rightly needs is made public under a name of its own.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
OURS = ("sdedge", "converters", "gui", "tests")
OTHERS = {
    "_brownian", "_build_package_finder", "_build_session", "_cdata", "_deps", "_dispatch_get_all_op_names", "_dynamo", "_exit",
    "_forward_hooks", "_forward_pre_hooks", "_internal", "_jit_get_all_schemas", "_kmeans1d",
    "_load_ip_adapter_weights", "_mil_program", "_obj",
    "_parser", "_python_dispatch", "_pytree", "_randn", "_schema", "_softmax", "_threshold_sample", "_to_copy", "_use_count",
    "_vendor",
}  # fmt: skip
"""Names of other people's libraries, which keep what referees and stand-ins need behind an underscore."""
EXCEPTIONS = {
    "converters/test_coreml_numbers.py _run", "converters/test_mps.py _on_mps", "converters/test_mps.py _modules",
    "converters/test_mps.py _warm_up", "generation/test_sizes.py _on_mps", "test_guidance_embedding.py _run",
    # A bundle's engine runs its programs by name once `Engine.run` does; without a Mac a flag stands for one.
    "gui/test_bridge.py _database", "gui/test_bridge.py _close_store",  # what the app has in its own memory is dropped
}  # fmt: skip


def is_private(name: str) -> bool:
    """Functions, attributes and modules. Constants are passed over: limits that a test lowers, patterns whose work it counts."""
    return name[:1] == "_" and name[1:2].islower() and name not in OTHERS


def privates(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Yields each private name of something else that a module reads, sets, imports or patches, with its line."""
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id="self" | "cls")):
                pass
            case ast.Attribute(attr=name):
                yield name, node.lineno
            case ast.ImportFrom(module=str(module), names=names) if module.startswith(OURS) or node.level:
                yield from ((part, node.lineno) for part in (*module.split("."), *(alias.name for alias in names)))
            case ast.Call(
                func=ast.Attribute(attr="setattr" | "delattr") | ast.Name(id="setattr" | "getattr"), args=args
            ):
                texts = [a.value for a in args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
                yield from ((text.rpartition(".")[2], node.lineno) for text in texts[:1])


REACH = re.compile(
    r"""(?<!self)(?<!cls)\._[a-z]|import[^\n(]*\b_[a-z]|import \([^)]*\b_[a-z]|["'](?:[\w.]+\.)?_[a-z]"""
)
"""What such a name looks like in the text, or might; most files have none and need no parsing."""


def reaches(file: Path) -> list[str]:
    """Returns "file:line name" of each private name that a test file reaches for."""
    place = file.relative_to(TESTS).as_posix()
    source = file.read_text("utf-8")
    names = privates(ast.parse(source)) if REACH.search(source) else ()
    return [
        f"{place}:{line} {name}" for name, line in names if is_private(name) and f"{place} {name}" not in EXCEPTIONS
    ]


def _files() -> list[Path]:
    return sorted(TESTS.rglob("*.py"))


def test_tests_reach_for_nothing_private():
    left = [line for file in _files() for line in reaches(file)]
    assert not left, "use what is public, or make public what the test rightly needs:\n" + "\n".join(left)


@pytest.mark.parametrize("code", ["view._button.click()", "engine._mode = 1", "from sdedge.files import _link",
    "from sdedge._private import x", "monkeypatch.setattr('sdedge.files._link', 1)",
    "monkeypatch.setattr(files, '_link', 1)", "getattr(view, '_stack')"])  # fmt: skip
def test_a_reach_is_seen(code):
    assert REACH.search(code) and any(is_private(name) for name, _ in privates(ast.parse(code)))


@pytest.mark.parametrize("code", ["self._x = 1", "cls._x", "os._exit(1)", "x.__class__", "def _helper(): _helper()",
    "from numpy.testing import _private", "monkeypatch.setattr(files, 'link', '_x')"])  # fmt: skip
def test_what_is_ones_own_is_not(code):
    assert not any(is_private(name) for name, _ in privates(ast.parse(code)))


if __name__ == "__main__":
    print("\n".join(line for file in _files() for line in reaches(file)))
