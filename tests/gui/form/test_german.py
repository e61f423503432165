"""What the form says of itself, of what was typed and of what is chosen, is in the app's language."""

from __future__ import annotations

import pytest

from gui.form.controlling import fault_of
from gui.form.enlarging import pass_in_words
from gui.form.model import EXPECTED, FormModel
from gui.languages.language import ENGLISH, Language
from gui.languages.texts import tr
from sdedge import field_types
from sdedge.controls import Control
from sdedge.pass_parts import DETAIL


@pytest.fixture
def german(qapp, english):
    language = Language(qapp, "de")
    yield
    language.withdraw()
    Language(qapp, ENGLISH).withdraw()  # its locale


@pytest.mark.parametrize(
    ("field", "text", "said"),
    [
        ("steps", "viele", "erwartet wird eine ganze Zahl, zum Beispiel 20."), ("guidance", "x", "eine Zahl"),
        ("steps", "0", "0 liegt außerhalb; von 1 bis"), ("width", "99999", "außerhalb"), ("seed", "x", "oder -1 für Zufall"),
        ("height", "100", "100 ist kein Vielfaches von 8; 96 oder 104 versuchen."),
    ],
)  # fmt: skip
def test_what_was_typed_is_refused_in_german(german, field, text, said):
    form = FormModel()
    form.type(field, text)
    assert said in form.faults[field]


def test_what_is_chosen_is_spoken_of_in_german(german):
    assert fault_of(Control("canny"), None) == "canny hat kein Bild; eines wählen, oder ein Ausgangsbild."
    assert "neu gezeichnet" in pass_in_words(DETAIL.new)


def test_whatever_a_type_expects_is_translated(german):
    kinds = [kind for kind in vars(field_types).values() if isinstance(kind, type) and hasattr(kind, "expected")]
    assert {kind.expected for kind in kinds} <= {*EXPECTED, "an object of names and values"}
    assert all(tr(text) != text for text in EXPECTED if text != "true or false")
