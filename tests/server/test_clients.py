"""Real clients against a running server that draws with the embedded model: webuiapi, openai and MCP's own."""

from __future__ import annotations

import asyncio
import base64
import io
import os
import sys
import threading
import time

import pytest
from PIL import Image

from tests.conftest import needs_embedded

pytest.importorskip("fastapi", reason="the extra sdedge[serve] is not installed")

from tests.server.conftest import ROOT
from tests.server.live import live_server

pytestmark = [pytest.mark.slow, needs_embedded]
SIDE = 64
SHORT = {"steps": 2, "width": SIDE, "height": SIDE}


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clients")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        patch.setenv("SDEDGE_HOME", str(folder / "data"))
        with live_server(folder) as server:
            yield server


@pytest.fixture
def webui(live):
    webuiapi = pytest.importorskip("webuiapi", reason="the client webuiapi is not installed")
    return webuiapi.WebUIApi(port=live.port)


def picture(colour=(180, 40, 40)):
    return Image.new("RGB", (SIDE, SIDE), colour)


def hole():
    mask = Image.new("L", (SIDE, SIDE))
    mask.paste(255, (16, 16, 48, 48))
    return mask


def test_webuiapi_draws_changes_and_paints(webui):
    drawn = webui.txt2img(prompt="a red house", seed=3, **SHORT)
    assert drawn.image.size == (SIDE, SIDE) and drawn.info["all_seeds"] == [3] and drawn.info["not_honoured"] == []
    again = webui.txt2img(prompt="a red house", seed=3, **SHORT)
    assert list(again.image.getdata()) == list(drawn.image.getdata())
    changed = webui.img2img(images=[drawn.image], prompt="a blue house", denoising_strength=0.7, **SHORT)
    assert changed.image.size == (SIDE, SIDE) and list(changed.image.getdata()) != list(drawn.image.getdata())
    painted = webui.img2img(
        images=[picture()],
        mask_image=hole(),
        prompt="a tree",
        inpainting_fill=1,
        inpaint_full_res=False,
        mask_blur=0,
        **SHORT,
    )
    assert painted.image.getpixel((2, 2)) == (180, 40, 40) and painted.info["not_honoured"] == []


def test_webuiapi_reads_settings_and_lists(webui):
    image = webui.txt2img(prompt="a red house", seed=3, **SHORT).image
    assert webui.png_info(image).info.startswith("a red house\nSteps: 2,")
    assert webui.util_get_model_names() == ["pocket"] and webui.util_get_current_model() == "pocket"
    webui.util_set_model("pocket")
    webui.util_wait_for_ready(check_interval=0.05)
    assert webui.get_samplers() and webui.get_loras() == [] and webui.get_memory()["ram"]["total"] > 0
    assert webui.extra_single_image(image, upscaler_1="Lanczos").image.size == (2 * SIDE, 2 * SIDE)
    assert webui.controlnet_version() == 2 and "canny" in webui.controlnet_module_list()


def test_webuiapi_watches_and_interrupts(webui):
    results = []
    body = {"prompt": "a red house", "steps": 400, "width": SIDE, "height": SIDE}
    thread = threading.Thread(target=lambda: results.append(webui.txt2img(**body)))
    thread.start()
    deadline = time.monotonic() + 120
    while not (now := webui.get_progress())["current_image"]:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert 0 < now["progress"] < 1 and now["state"]["sampling_steps"] == 400
    assert Image.open(io.BytesIO(base64.b64decode(now["current_image"]))).size == (SIDE // 8, SIDE // 8)
    webui.interrupt()
    thread.join(120)
    assert results[0].images == [] and webui.get_progress()["state"]["job_count"] == 0


def test_webuiapi_is_refused_in_its_own_form(webui):
    with pytest.raises(RuntimeError) as refused:
        webui.txt2img(prompt="x", sampler_name="nonesuch", **SHORT)
    assert refused.value.args[0] == 422 and "Unknown sampler" in refused.value.args[1]


def test_openai_draws_edits_and_lists(live):
    openai = pytest.importorskip("openai", reason="the client openai is not installed")
    client = openai.OpenAI(base_url=f"{live.url}/v1", api_key="any")
    more = {"steps": 2, "seed": 5}
    answer = client.images.generate(prompt="a red house", size="64x64", n=2, extra_body=more)
    images = [Image.open(io.BytesIO(base64.b64decode(datum.b64_json))) for datum in answer.data]
    assert [image.size for image in images] == [(SIDE, SIDE)] * 2
    file = io.BytesIO()
    transparent = picture().convert("RGBA")
    transparent.putalpha(hole().point(lambda value: 255 - value))
    transparent.save(file, "PNG")
    source = io.BytesIO()
    picture().save(source, "PNG")
    for image in (("a.png", source.getvalue()), [("a.png", source.getvalue())]):
        edited = client.images.edit(
            image=image, mask=("m.png", file.getvalue()), prompt="a tree", size="64x64", extra_body=more
        )
        result = Image.open(io.BytesIO(base64.b64decode(edited.data[0].b64_json)))
        assert result.getpixel((1, 1)) == (180, 40, 40)
    assert [model.id for model in client.models.list()] == ["pocket"]
    with pytest.raises(openai.BadRequestError, match="There is no model 'nonesuch'"):
        client.images.generate(prompt="x", model="nonesuch")


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_mcp_over_http(live, mode):
    from mcp import Client

    async def use():
        heard = []

        async def progress(done, total, message):
            heard.append(done)

        async with Client(f"{live.url}/mcp", mode=mode) as client:
            assert {"generate", "edit", "upscale", "picture_settings"} <= {
                tool.name for tool in (await client.list_tools()).tools
            }
            arguments = {"prompt": "a red house", "steps": 30, "width": SIDE, "height": SIDE, "seed": 3}
            result = await client.call_tool("generate", arguments, progress_callback=progress)
            assert not result.is_error and result.content[0].type == "image", result.content
            number = result.content[1].text.split()[1].rstrip(":")
            read = await client.call_tool("picture_settings", {"picture": number})
            assert '"seed": 3' in read.content[1].text
        assert heard

    asyncio.run(use())


def test_mcp_over_stdio(tmp_path):
    from mcp import Client, StdioServerParameters
    from mcp.client.stdio import stdio_client

    environment = {**os.environ, "SDEDGE_HOME": str(tmp_path / "home"), "PYTHONPATH": str(ROOT)}
    command = StdioServerParameters(
        command=sys.executable, args=["-m", "sdedge", "mcp", "-o", str(tmp_path / "served")], env=environment
    )

    async def use():
        async with Client(stdio_client(command)) as client:
            arguments = {"prompt": "a red house", "steps": 2, "width": SIDE, "height": SIDE, "seed": 3}
            result = await client.call_tool("generate", arguments)
            assert not result.is_error and result.content[0].type == "image", result.content
            assert str(tmp_path / "served") in result.content[1].text

    asyncio.run(use())
