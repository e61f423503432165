"""One server for the tests of a file, over the queue and an engine process that draws coloured noise without torch."""

from __future__ import annotations

from pathlib import Path

import pytest

from sdedge.library.models import Library

ROOT = Path(__file__).parents[2]
DRAWER = "tests.server.drawer:ServerDrawer"
ADDRESS = "http://127.0.0.1:7860"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A client of a running application. Its data folder outlasts the single test's."""
    from starlette.testclient import TestClient

    from sdedge.images.output import Output
    from sdedge.process.attempt import Limits
    from sdedge.server.app import create_app
    from sdedge.server.guard import Rules
    from sdedge.server.job_service import JobService

    folder = tmp_path_factory.mktemp("server")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        patch.setenv("SDEDGE_HOME", str(folder / "data"))
        service = JobService(
            folder / "data", Output(folder / "served"), drawer=DRAWER, limits=Limits(tick=0.02, beat=0.2)
        )
        with TestClient(create_app(service, Rules(rate=1e6, burst=10**6)), base_url=ADDRESS) as client:
            client.service, client.folder = service, folder
            yield client


def installed(name: str, role: str, path: str = "/x/y", sha256: str = "ab" * 32) -> None:
    """Puts a row into the library, whatever is at its path."""
    library = Library()
    row = (name, role, path, 1, "file", "v1", sha256, "12345678", 1, "", "", "")
    library.database.execute(
        "INSERT INTO models (name, role, path, linked, kind, base, sha256, legacy_hash, size, source, licence, added) "
        f"VALUES ({', '.join('?' * len(row))})",
        row,
    )
    library.database.commit()
    library.close()
