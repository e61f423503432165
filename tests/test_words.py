"""Identifiers are the field's words: the private dialect that the code once had does not come back.

`python tests/test_words.py` lists what is left of it, by folder.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("sdedge", "converters", "gui", "tests")

# As a whole name: each says nothing about what it names, or means something else in papers and libraries.
NAMES = {
    "contest", "extras", "found", "given", "kept", "levels", "one", "other", "painting", "remark", "share", "shelf", "sides",
    "some", "stranger", "strangers", "sure", "thrift", "told", "twin", "whole", "wording", "words",
}  # fmt: skip
# As a part of a name too (`_waiting_told`, `FoundLora`); the others are plain English inside of longer names.
PARTS = NAMES - {"levels", "one", "other", "share", "sides", "some", "sure", "whole", "words"}
# Argued. (The argument of `__eq__` and its like is `other`, as in Python's own pages.)
EXCEPTIONS = {
    "sdedge/engines/graph/shapes.py other",  # an argument of torch's operators by its name in their schema
}


def identifiers(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Yields each name that a module gives to something, with its line. Tests are named by sentences and are passed over."""
    operands = set()
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                if isinstance(node, ast.FunctionDef) and len(node.args.args) == 2 and re.fullmatch(r"__\w+__", name):
                    operands.add(id(node.args.args[1]))
                if not name.startswith("test_"):
                    yield name, node.lineno
            case ast.arg(arg=name):
                if not (name == "other" and id(node) in operands):
                    yield name, node.lineno
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield name, node.lineno
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.alias(asname=str(name)):
                yield name, node.lineno


@cache
def is_dialect(name: str) -> bool:
    parts = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().strip("_").split("_")
    return bool(PARTS.intersection(parts)) or (len(parts) == 1 and parts[0] in NAMES)


PROSE = re.compile(
    r"""([a-zA-Z]{0,2})("{3}(?s:\\.|[^\\])*?"{3}|'{3}(?s:\\.|[^\\])*?'{3}|"(?s:\\.|[^\\"\n])*"|'(?s:\\.|[^\\'\n])*')|#.*"""
)
"""A string with its prefix, or a comment."""


def may_have_dialect(source: str) -> bool:
    """Whether a word of the dialect stands outside of comments and strings; parsing takes ten times as long as this."""
    code = PROSE.sub(lambda text: text[0] if "f" in (text[1] or "").lower() else " ", source)
    return any(map(is_dialect, set(re.findall(r"[^\W\d]\w*", code))))


def dialect(file: Path) -> list[str]:
    """Returns "file:line name" of each identifier of the dialect, and of the file's own name."""
    place, source = file.relative_to(ROOT).as_posix(), file.read_text("utf-8")
    names = [(file.stem, 1)] if not file.stem.startswith("test_") else []
    names += identifiers(ast.parse(source)) if may_have_dialect(source) else []
    return [
        f"{place}:{line} {name}" for name, line in names if is_dialect(name) and f"{place} {name}" not in EXCEPTIONS
    ]


def _files() -> list[Path]:
    return [file for room in ROOMS for file in sorted((ROOT / room).rglob("*.py"))]


def test_names_are_the_field_s_words():
    left = [line for file in _files() for line in dialect(file)]
    assert not left, "say what it is by its type or the field's word (CONTRIBUTING, Names):\n" + "\n".join(left)


@pytest.mark.parametrize("code", ["found = 1", "def f(given): ...", "class FoundLora: ...", "for one in x: ...",
    "x.kept = 1", "import a as told", "def thrift(): ...", "lambda whole: 1", "def f(a, other): ..."])  # fmt: skip
def test_the_dialect_is_seen(code):
    assert may_have_dialect(code) and may_have_dialect(f"""'it''s' "#" # one "given"\n{code} # "\n""")
    assert any(is_dialect(name) for name, _ in identifiers(ast.parse(code)))


@pytest.mark.parametrize("code", ["founder = 1", "set_alpha_to_one = 1", "def __eq__(self, other): ...", "x = found",
    "def test_what_is_kept(): ...", "inpainting = 1", "from hypothesis import given", "one_image = 1"])  # fmt: skip
def test_the_field_s_words_are_not(code):
    assert not any(is_dialect(name) for name, _ in identifiers(ast.parse(code)))


@pytest.mark.parametrize("source", ["# found = 1", '"""Words are\n"given"."""', "x = 'found' + r'\\'  # told"])
def test_prose_is_no_code(source):
    assert not may_have_dialect(source)


if __name__ == "__main__":
    by_folder = Counter("/".join(line.split("/")[:2]).split(":")[0] for file in _files() for line in dialect(file))
    for folder, count in sorted(by_folder.items()):
        print(f"{count:4} {folder}")
    print(f"{by_folder.total():4} in all")
    if len(sys.argv) > 1:
        print("\n".join(line for file in _files() for line in dialect(file) if line.startswith(sys.argv[1])))
