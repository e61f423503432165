"""Quantiles of the beta distribution against scipy's, which is a test's dependency only."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import betainc, betaincinv

from sdedge.sampling import beta
from sdedge.sampling.beta import beta_quantile, incomplete_beta
from sdedge.sampling.presets import sampling_plan
from sdedge.sampling.schedule import sigmas_beta, timesteps_beta

SHAPES = st.floats(0.2, 8)


@settings(max_examples=60)
@given(probability=st.floats(1e-6, 1 - 1e-6), a=SHAPES, b=SHAPES)
def test_quantiles_are_scipy_s(probability, a, b):
    assert beta_quantile(probability, a, b) == pytest.approx(float(betaincinv(a, b, probability)), rel=0, abs=1e-12)
    x = probability
    assert incomplete_beta(x, a, b) == pytest.approx(float(betainc(a, b, x)), rel=0, abs=1e-12)


def test_the_ends_and_the_schedules():
    assert beta_quantile(0, 0.6, 0.6) == 0 and beta_quantile(1, 0.6, 0.6) == 1
    for n in (1, 2, 7, 20, 999):
        probabilities = 1 - np.arange(n) / n
        np.testing.assert_allclose(timesteps_beta(n), betaincinv(0.6, 0.6, probabilities) * 999, rtol=0, atol=1e-9)
        probabilities = 1 - np.linspace(0, 1, n)
        np.testing.assert_allclose(
            sigmas_beta(n, 0.03, 14.6), 0.03 + betaincinv(0.6, 0.6, probabilities) * 14.57, rtol=0, atol=1e-11
        )


def test_nothing_of_scipy_is_imported(monkeypatch):
    for name in ("scipy", "scipy.special"):
        monkeypatch.setitem(sys.modules, name, None)
    for preset in ("sdedge", "a1111", "diffusers"):
        assert sampling_plan("euler", "beta", 9, preset).steps == 9
    package = Path(beta.__file__).parents[1]
    imported = re.compile(r"^\s*(import|from) scipy", re.MULTILINE)
    assert not [file for file in package.rglob("*.py") if imported.search(file.read_text("utf-8"))]
