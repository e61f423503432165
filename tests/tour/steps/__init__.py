"""The steps of the tour by room, each named after what must hold."""

from __future__ import annotations

from tests.tour.driver import Step
from tests.tour.steps import canvas, form, gallery, library, pictures, queue, sections, window

STEPS: tuple[Step, ...] = (
    *canvas.STEPS, *pictures.STEPS, *form.STEPS, *sections.STEPS, *queue.STEPS, *gallery.STEPS, *library.STEPS, *window.STEPS,
)  # fmt: skip
