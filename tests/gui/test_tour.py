"""The tour of the app with real windows (tests/tour), one test per step."""

from __future__ import annotations

import pytest

from tests.tour import desktop, driver
from tests.tour.steps import STEPS

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(driver.missing()), reason=driver.missing() or "it can be taken"),
]


@pytest.fixture(scope="module")
def display():
    with driver.display() as name:
        yield name


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.__name__)
def test_the_tour(step, display, tmp_path):
    driver.take(step, display, tmp_path)
