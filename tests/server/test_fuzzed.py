"""schemathesis on the server's own OpenAPI page: no request makes it fail.

`make proof` runs some hundreds of cases; `python -m tests.server.test_fuzzed 10000` as many as one likes.
"""

from __future__ import annotations

import collections
import sys
import tempfile
from pathlib import Path

import pytest

pytest.importorskip("schemathesis", reason="schemathesis is not installed")
pytest.importorskip("fastapi", reason="the extra sdedge[serve] is not installed")

import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.generation import GenerationMode

from sdedge.server.progress import Bounds
from tests.server.conftest import DRAWER, ROOT
from tests.server.live import live_server

pytestmark = pytest.mark.slow


def fuzz(folder: Path, cases: int) -> collections.Counter[int]:
    """Sends about so many cases, over all operations, and returns how often each status came. Raises for any of 500 on."""
    statuses: collections.Counter[int] = collections.Counter()
    with live_server(folder, DRAWER, Bounds(pictures=4)) as live:
        schema = schemathesis.openapi.from_url(f"{live.url}/openapi.json")
        operations = [each.ok() for each in schema.get_all_operations()]
        weights = [6 if each.body else 1 for each in operations]
        for operation, weight in zip(operations, weights):
            send(operation, max(cases * weight // sum(weights), 3), live.url, statuses)
    return statuses


def send(operation, examples: int, url: str, statuses: collections.Counter[int]) -> None:
    """Sends so many cases of one operation, of valid and of invalid data."""
    modes = (operation.as_strategy(generation_mode=mode) for mode in GenerationMode)

    @settings(max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=st.one_of(*modes))
    def once(case):
        response = case.call(base_url=url)
        statuses[response.status_code] += 1
        assert response.status_code < 500, (case.as_curl_command(), response.text)
        if response.status_code >= 400:
            assert response.json()

    once()


def test_no_request_makes_the_server_fail(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    statuses = fuzz(tmp_path, 400)
    assert sum(statuses.values()) >= 200 and max(statuses) < 500
    assert statuses[200] and statuses[422]


if __name__ == "__main__":
    import os

    os.environ["PYTHONPATH"] = str(ROOT)
    with tempfile.TemporaryDirectory() as place:
        os.environ["SDEDGE_HOME"] = str(Path(place, "home"))
        print(fuzz(Path(place), int(sys.argv[1]) if len(sys.argv) > 1 else 10_000))
