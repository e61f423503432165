"""Options and commands of the command line stand in sentences as `Remedy` clauses only, so that the app can say its own."""

from __future__ import annotations

import ast
import pickle
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from sdedge.errors import InvalidRequest, ModelError, Remedy, SdedgeError
from sdedge.field_rows import FormEntry
from sdedge.process.worker import describe_failure
from sdedge.request import Request
from sdedge.request_fields import FIELDS

ROOT = Path(__file__).parents[1]
ADVICE = re.compile(r"(^|[\s(])--[a-z]|`sdedge ")
OWN = ("errors.py", "cli.py", "selftest.py", "request_fields.py")  # what only a command line says
STYLES = ("page_style.py",)  # CSS, whose variables look like options


def _sentences(path: Path) -> Iterator[tuple[int, str]]:
    source = path.read_text("utf-8")
    if not ADVICE.search(source.replace('"', " ").replace("'", " ")):
        return  # most files; parsing takes longer
    tree = ast.parse(source)
    spoken = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in spoken
            and " " in node.value
        ):
            yield node.lineno, node.value


def test_no_sentence_of_the_engine_names_an_option_of_its_own():
    files = [*(ROOT / "sdedge").rglob("*.py"), *(ROOT / "converters").rglob("*.py")]
    files = [path for path in files if path.name not in OWN + STYLES and "commands" not in path.parts]
    assert len(files) > 100
    sentences = [
        f"{path.name}:{line} {text}" for path in files for line, text in _sentences(path) if ADVICE.search(text)
    ]
    assert not sentences


def test_the_form_s_texts_name_no_option():
    entries = [entry for row in FIELDS.values() for entry in (row.form,) if isinstance(entry, FormEntry)]
    texts = [text for entry in entries for text in (entry.label, entry.tip, *sum(entry.choices.values(), ()))]
    assert len(texts) > 50 and not [text for text in texts if ADVICE.search(text)]


def test_an_error_carries_what_helps_and_which_field_it_is_about():
    error = ModelError(f"It is lost; {Remedy.SEE_MODELS}.", field="model", remedy=Remedy.SEE_MODELS)
    assert str(error) == "It is lost; see `sdedge models list`."
    again = pickle.loads(pickle.dumps(error))
    assert (again.field, again.remedy, str(again)) == ("model", Remedy.SEE_MODELS, str(error))
    assert describe_failure(error).remedy == "SEE_MODELS" and describe_failure(ModelError("No.")).remedy == ""


@pytest.mark.parametrize(
    "field, value",
    [
        ("steps", 0), ("width", 63), ("height", 65), ("guidance", -1.0), ("sampler", "none"), ("seed", 2**64), ("model", ""),
        ("prompt", "x" * 20_001), ("negative", 7), ("mask", "m.png"), ("sigmas", (1.0, 2.0)), ("outpaint", (1, 0, 0, 0)),
    ],
)  # fmt: skip
def test_every_refused_field_of_a_request_is_named(field, value):
    with pytest.raises(InvalidRequest) as error:
        Request(**{field: value})
    assert error.value.field == field


def test_messages_can_be_printed_whatever_they_quote():
    message = str(SdedgeError("Unknown option \ud83d of x\udc80."))
    assert message == "Unknown option \ufffd of x\ufffd."
    assert message.encode()
