"""The tour of the app with real windows (tests/tour), one test per step, in the two looks that are furthest from each other."""

from __future__ import annotations

import pytest

from tests.tour.desktop import display, missing, screen_for
from tests.tour.driver import take
from tests.tour.steps import STEPS

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(missing()), reason=missing() or "it can be taken")]

LOOKS = [("light", (1280, 800), "1"), ("dark", (960, 640), "1.5")]


@pytest.fixture(scope="module", params=LOOKS, ids=["light-1280x800-1", "dark-960x640-1.5"])
def look(request):
    """(display, theme, size, scale)"""
    theme, size, scale = request.param
    with display(screen_for(size, float(scale))) as own:
        assert own.neighbour  # started with the screen, so that no step is taken for one that leaves a process
        yield own, theme, size, scale


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.__name__)
def test_the_tour(step, look, tmp_path):
    own, *how = look
    take(step, own, tmp_path, *how)
