"""The tools of an assistant, by MCP's own client."""

from __future__ import annotations

import asyncio
import base64
import io
import json

import pytest
from PIL import Image

pytest.importorskip("mcp", reason="the extra sdedge[serve] is not installed")

from mcp import Client

from sdedge.images.output import Output
from sdedge.process.attempt import Limits
from sdedge.server.job_service import JobService
from sdedge.server.mcp_tools import DATA, Assistant, mcp_server
from tests.server.conftest import DRAWER, ROOT
from tests.server.drawer import png


def texts(result):
    return [part.text for part in result.content if part.type == "text"]


def images(result):
    parts = [part for part in result.content if part.type == "image"]
    return [Image.open(io.BytesIO(base64.b64decode(part.data))) for part in parts]


async def with_client(folder, paths, use):
    """Runs `use(client)` over a service of its own."""
    service = JobService(folder / "data", Output(folder / "served"), drawer=DRAWER, limits=Limits(tick=0.02, beat=0.2))
    await service.start()
    try:
        async with Client(mcp_server(service, paths)) as client:
            await use(client)
    finally:
        await service.close()


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return lambda use, paths=False: asyncio.run(with_client(tmp_path, paths, use))


async def draw_and_change(client):
    heard = []

    async def progress(done, total, message):
        heard.append((done, message))

    arguments = {"prompt": "step=0.1 a house", "width": 64, "height": 64, "steps": 10, "seed": 5, "count": 2}
    result = await client.call_tool("generate", arguments, progress_callback=progress)
    assert not result.is_error, texts(result)
    assert [image.size for image in images(result)] == [(64, 64)] * 2
    assert "seed 5" in texts(result)[0] and "seed 6" in texts(result)[1] and "/" not in str(texts(result))
    steps = [done for done, _ in heard]
    assert steps == sorted(set(steps)) and len(steps) > 2 and "Picture 1 of 2: step" in str(heard)

    number = texts(result)[0].split()[1].rstrip(":")
    changed = await client.call_tool("edit", {"picture": number, "prompt": "a tree", "steps": 1, "seed": 9})
    assert not changed.is_error and len(images(changed)) == 1, texts(changed)
    enlarged = await client.call_tool("upscale", {"picture": number, "factor": 2})
    assert images(enlarged)[0].size == (128, 128)
    label, record = texts(await client.call_tool("picture_settings", {"picture": int(number)}))
    assert label == DATA and json.loads(record)["settings"]["seed"] == 5
    assert json.loads(texts(await client.call_tool("list_models", {}))[0])[0]["name"] == "pocket"


async def say_what_does_not_fit(client):
    for tool, arguments, sentence in (
        ("generate", {"prompt": "x", "steps": "many"}, "steps is 'many': Input should be a valid integer"),
        ("generate", {}, "prompt: Field required."),
        ("upscale", {"picture": None}, "picture is None: "),
        ("picture_settings", {"picture": 99999}, "There is no picture 99999"),
        ("watch_job", {"job": 99999}, "There is no job 99999"),
    ):
        result = await client.call_tool(tool, arguments)
        (said,) = texts(result)
        assert result.is_error and sentence in said and "pydantic" not in said and "\n" not in said, said


async def watch_and_cancel(client):
    slow = {"prompt": "step=0.05", "width": 64, "height": 64, "steps": 50}
    drawing = asyncio.ensure_future(client.call_tool("generate", slow))
    while not (jobs := json.loads(texts(await client.call_tool("list_jobs", {}))[0])["jobs"]):
        await asyncio.sleep(0.02)
    assert texts(await client.call_tool("cancel_job", {"job": jobs[0]["job"]})) == [f"Job {jobs[0]['job']} ends."]
    assert "cancelled" in texts(await drawing)[0]
    ended = texts(await client.call_tool("cancel_job", {"job": jobs[0]["job"]}))
    assert ended == [f"Job {jobs[0]['job']} is cancelled already."]
    assert (await client.call_tool("cancel_job", {"job": 999})).is_error


async def fail_and_leave_nothing_behind(client):
    arguments = {"prompt": "step=0.2 fail=words@2", "width": 64, "height": 64, "steps": 3, "count": 3}
    drawing = asyncio.ensure_future(client.call_tool("generate", arguments))
    while len(jobs := json.loads(texts(await client.call_tool("list_jobs", {}))[0])["jobs"]) < 3:
        await asyncio.sleep(0.02)
    result = await drawing
    assert result.is_error and "It cannot be done" in texts(result)[0]
    last = await client.call_tool("watch_job", {"job": jobs[-1]["job"]})
    assert "You cancelled it" in texts(last)[0]


async def watch_what_is_said(client):
    result = await client.call_tool("generate", {"prompt": "notice=1", "width": 64, "height": 64, "steps": 1})
    assert texts(result)[-1] == "Something is to be said of x.safetensors."
    assert texts(await client.call_tool("watch_job", {"job": 1})) == texts(result)


async def refuse(client):
    for arguments, text in (({"prompt": "x", "width": 9}, "width"), ({"prompt": "x", "model": "/etc/passwd"}, "model"),
                            ({"prompt": "<lora:/x/y:1>"}, "path"), ({"prompt": "x", "count": 99}, "count")):  # fmt: skip
        result = await client.call_tool("generate", arguments)
        assert result.is_error and text in texts(result)[0]
    for picture in ("file:///etc/passwd", "https://example.org/x.png", "99999", "9" * 5000):
        assert (await client.call_tool("picture_settings", {"picture": picture})).is_error


def test_an_assistant_draws_changes_reads_and_cancels(run, tmp_path):
    file = tmp_path / "photo.png"
    file.write_bytes(png())

    async def use(client):
        await draw_and_change(client)
        await watch_and_cancel(client)
        await refuse(client)
        await say_what_does_not_fit(client)
        result = await client.call_tool("edit", {"picture": str(file), "prompt": "x", "steps": 1})
        assert result.is_error and "neither is opened here" in texts(result)[0]

    run(use)


def test_pictures_behind_one_that_failed_are_not_drawn_for_nobody(run):
    run(fail_and_leave_nothing_behind)


def test_what_was_said_of_a_job_is_told_to_whoever_watches_it_later(run):
    run(watch_what_is_said)


def test_over_stdio_pictures_are_given_and_named_by_their_paths(run, tmp_path):
    file = tmp_path / "photo.png"
    file.write_bytes(png())

    async def use(client):
        result = await client.call_tool("edit", {"picture": str(file), "prompt": "x", "steps": 1})
        assert not result.is_error and str(tmp_path / "served") in texts(result)[0], texts(result)

    run(use, paths=True)


def test_a_caller_over_http_is_known_by_its_address_too(server, monkeypatch):
    callers, name = [], Assistant.name

    def remembered(assistant, context):
        callers.append(name(assistant, context))
        return callers[-1]

    monkeypatch.setattr(Assistant, "name", remembered)
    call = {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "list_jobs", "arguments": {}}}
    head = {"accept": "application/json, text/event-stream", "user-agent": "assistant"}
    session = server.post("/mcp", json=INITIALIZE, headers=head).headers.get("mcp-session-id", "")
    server.post("/mcp", json=call, headers={**head, "mcp-session-id": session, "mcp-protocol-version": "2025-11-25"})
    (asking,) = callers
    assert asking.split() == ["mcp", "testclient", "assistant"], "the test's client says that for an address"


INITIALIZE = {
    "jsonrpc": "2.0", "id": 1, "method": "initialize",
    "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}},
}  # fmt: skip


def test_it_is_at_mcp_too(server):
    accept = {"accept": "application/json, text/event-stream"}
    answer = server.post("/mcp", json=INITIALIZE, headers=accept)
    assert answer.status_code == 200 and "sdedge" in answer.text
    assert server.post("/mcp", json=INITIALIZE, headers={**accept, "origin": "http://evil.example"}).status_code == 403
