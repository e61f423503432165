"""What gallery, models and convert put together themselves, in German: whole sentences, its dates, its numbers."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from gui.convert.plan import parse_sizes
from gui.gallery.headings import heading_text
from gui.gallery.model import spoken
from gui.languages.language import ENGLISH, Language
from gui.models.items import Item
from gui.models.kinds import day_text, kind_text, note_texts
from sdedge.errors import InvalidRequest
from sdedge.library.gallery import GalleryEntry
from sdedge.library.gallery_order import Order


@pytest.fixture
def german(qapp, english):
    language = Language(qapp, "de")
    yield
    language.withdraw()
    Language(qapp, ENGLISH).withdraw()  # its locale and direction


def test_headings_and_days_are_written_as_in_german(german):
    today = date(2026, 11, 29)
    assert heading_text(Order.NEWEST, "2026-11-29", today) == "Heute"
    assert heading_text(Order.NEWEST, "2026-10-03", today).endswith("3. Oktober 2026")
    assert heading_text(Order.FAVOURITES, "1") == "Favoriten"
    assert day_text("2026-10-03") == "03.10.26" and day_text("long ago") == "long ago"


def test_pictures_and_models_are_told_in_whole_german_sentences(german):
    entry = GalleryEntry(
        1, Path("a.png"), 1e9, 96, 64, 1, "", "", "", "", None, "a red house", "", True, False, None, None, "", "", ""
    )  # fmt: skip
    assert spoken(entry).startswith("a red house, Favorit, 96 mal 64, 0") and ".01 " in spoken(entry)
    bundle = Item("x", "model", "Core ML", Path("x"), 1, sizes=((512, 512), (512, 768)))
    assert note_texts(bundle) == ["Zeichnet 512 × 512, 512 × 768"]
    graph = Item("x", "model", "graph", Path("x"), 1, sizes=((256, 256), (1024, 1024)))
    assert note_texts(graph) == ["Zeichnet jede Größe von 256 × 256 bis 1024 × 1024"]
    assert kind_text(graph) == "Modell, MPS-Graph"
    with pytest.raises(InvalidRequest, match="„wide“ ist keine Größe"):
        parse_sizes("wide")
