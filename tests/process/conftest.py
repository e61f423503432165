"""A desk of its own for every test."""

from __future__ import annotations

import pytest

from tests.process.desk import ROOT, Desk


@pytest.fixture
def desk(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    desk = Desk(tmp_path)
    yield desk
    desk.close()
