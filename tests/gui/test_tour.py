"""The tour of the app with real windows (tests/tour.py), one test per step."""

from __future__ import annotations

import pytest

from tests import tour

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(tour.missing()), reason=tour.missing() or "it can be taken")]


@pytest.fixture(scope="module")
def display():
    with tour.display() as name:
        yield name


@pytest.mark.parametrize("step", tour.STEPS, ids=lambda step: step.__name__)
def test_the_tour(step, display, tmp_path):
    tour.take(step, display, tmp_path)
