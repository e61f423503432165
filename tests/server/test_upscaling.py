"""Pictures enlarged by a network: one after another, a few in memory, and none for ever."""

from __future__ import annotations

import asyncio

import pytest

pytest.importorskip("fastapi", reason="the extra sdedge[serve] is not installed")

from sdedge.errors import SdedgeError
from sdedge.server import upscaling
from tests.server.drawer import png


class Process:
    """An upscaler that never ends by itself."""

    returncode: int | None = None

    async def communicate(self):
        await asyncio.sleep(600)

    def kill(self):
        self.returncode = -9

    async def wait(self):
        return self.returncode


@pytest.fixture
def endless(monkeypatch):
    """An upscaler "net" is installed; returns its processes."""
    processes = []

    async def start(*command, **how):
        processes.append(Process())
        return processes[-1]

    monkeypatch.setattr(upscaling, "upscaler_names", lambda: ["net"])
    monkeypatch.setattr(asyncio, "create_subprocess_exec", start)
    return processes


def test_a_network_that_takes_too_long_is_ended_with_a_sentence(endless, monkeypatch):
    monkeypatch.setattr(upscaling, "PATIENCE", 0.05)
    with pytest.raises(SdedgeError, match="The upscaler net took more than"):
        asyncio.run(upscaling.enlarged(png(), "net", None, 2))
    assert [process.returncode for process in endless] == [-9]


def test_few_pictures_wait_in_memory(endless):
    async def ask_for_many():
        tasks = [asyncio.ensure_future(upscaling.enlarged(png(), "net", None, 2)) for _ in range(12)]
        refused, _ = await asyncio.wait(tasks, timeout=10, return_when=asyncio.FIRST_EXCEPTION)
        while not endless:
            await asyncio.sleep(0.01)
        for task in tasks:
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        return refused, ends

    refused, ends = asyncio.run(ask_for_many())
    assert refused and len(endless) == 1 and endless[0].returncode == -9
    assert {getattr(end, "status", None) for end in ends} == {None, 429}
