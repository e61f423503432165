"""Which sections of the form are in use, so that a folded one says so. No Qt."""

from __future__ import annotations

from collections.abc import Mapping

from gui.form.model import SHOWN, FormModel
from sdedge.field_rows import Section
from sdedge.request_fields import default


def _fields(section: Section) -> tuple[str, ...]:
    return tuple(name for name, entry in SHOWN.items() if entry.section == section)


FIELDS_OF: Mapping[str, tuple[str, ...]] = {
    "negative": ("negative",),
    "image": ("image", "mask", "outpaint"),  # how it is drawn over matters with one of these only
    "regions": _fields(Section.REGIONS),
    "controls": _fields(Section.CONTROL),
    "enlarge": _fields(Section.ENLARGE),
    "guidance": _fields(Section.GUIDANCE),
    "more": _fields(Section.MORE),
}
"""By the name of a section's fold, the fields that make something of the picture which it is not without them."""


def is_in_use(form: FormModel, fold: str) -> bool:
    """Returns whether any of the fields under a fold is not as it begins."""
    return any(getattr(form, name) != default(name) for name in FIELDS_OF[fold])
