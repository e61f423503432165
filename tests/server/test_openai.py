"""OpenAI's images API."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("fastapi", reason="the extra sdedge[serve] is not installed")

from sdedge.request import Request
from sdedge.server.openai_routes import with_pictures
from tests.server.drawer import png


def opened(datum):
    return Image.open(io.BytesIO(base64.b64decode(datum["b64_json"])))


def test_generations_draw(server):
    body = {"prompt": "a house", "n": 2, "size": "64x128", "seed": 5, "steps": 1, "model": "dall-e-3", "quality": "hd"}
    answer = server.post("/v1/images/generations", json=body).json()
    assert [opened(datum).size for datum in answer["data"]] == [(64, 128)] * 2
    assert [datum["seed"] for datum in answer["data"]] == ["5", "6"] and answer["created"] > 10**9


@pytest.mark.parametrize(("format", "kind"), [("jpeg", "JPEG"), ("webp", "WEBP"), ("png", "PNG")])
def test_pictures_come_in_the_format_asked_for(server, format, kind):
    body = {"prompt": "x", "size": "64x64", "steps": 1, "output_format": format}
    assert opened(server.post("/v1/images/generations", json=body).json()["data"][0]).format == kind


def test_an_address_of_the_picture_is_answered_where_it_is_asked_for(server):
    body = {"prompt": "x", "size": "64x64", "steps": 1, "response_format": "url"}
    url = server.post("/v1/images/generations", json=body).json()["data"][0]["url"]
    assert Image.open(io.BytesIO(server.get(url).content)).size == (64, 64)


@pytest.mark.parametrize(("format", "kind"), [("jpeg", "JPEG"), ("webp", "WEBP")])
def test_an_address_leads_to_the_format_asked_for(server, format, kind):
    body = {"prompt": "x", "size": "64x64", "steps": 1, "response_format": "url", "output_format": format}
    datum = server.post("/v1/images/generations", json=body).json()["data"][0]
    assert "b64_json" not in datum and Image.open(io.BytesIO(server.get(datum["url"]).content)).format == kind


def test_what_has_no_effect_is_named(server):
    body = {
        "prompt": "x",
        "size": "64x64",
        "steps": 1,
        "quality": "hd",
        "background": "auto",
        "guidance": 3,
        "user": "me",
    }
    assert server.post("/v1/images/generations", json=body).json()["not_honoured"] == ["quality", "guidance"]
    files = [("image[]", ("a.png", png())), ("image[]", ("b.png", png()))]
    answer = server.post("/v1/images/edits", data={"prompt": "x", "steps": "1", "quality": "auto"}, files=files)
    assert answer.json()["not_honoured"] == ["image beyond the first"], answer.text


def test_models_that_openai_brings_later_stand_for_the_default_one(server):
    body = {"prompt": "x", "size": "64x64", "steps": 1, "model": "gpt-image-7"}
    assert server.post("/v1/images/generations", json=body).status_code == 200


def test_a_strength_counts_in_a_mask_too():
    changed = [with_pictures(Request(prompt="x"), png(), hole(), strength) for strength in (None, 0.4)]
    assert changed[0].strength == 1.0 and changed[1].strength == Request().strength


def test_a_picture_of_sixteen_bits_keeps_its_greys():
    file = io.BytesIO()
    Image.fromarray(np.full((64, 64), 0x8080, np.uint16)).save(file, "PNG")
    changed = with_pictures(Request(prompt="x"), file.getvalue(), None)
    assert Image.open(changed.image).getpixel((5, 5)) == (0x80,) * 3


def hole():
    image = Image.new("RGBA", (64, 64), (9, 9, 9, 255))
    image.paste((0, 0, 0, 0), (16, 16, 48, 48))
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize("name", ["image", "image[]"])
def test_edits_draw_the_transparent_part_anew(server, name):
    files = {name: ("a.png", png()), "mask": ("m.png", hole())}
    answer = server.post("/v1/images/edits", data={"prompt": "x", "steps": "1", "size": "64x64"}, files=files)
    assert answer.status_code == 200, answer.text
    job = server.get("/api/pictures").json()["pictures"][0]
    request = server.get(f"/api/pictures/{job['id']}/settings").json()["request"]
    assert "/" not in request["image"] and len(request["mask"]) == 64 and request.get("strength") == 1.0
    mask = (
        Image.open(server.folder / "data" / "uploads" / request["mask"])
        if (server.folder / "data" / "uploads").exists()
        else None
    )
    if mask is not None:
        assert mask.getpixel((20, 20)) == 255 and mask.getpixel((2, 2)) == 0


def test_a_picture_with_a_hole_is_its_own_mask_and_without_one_all_of_it_is_changed(server):
    for image, masked in ((hole(), True), (png(), False)):
        answer = server.post("/v1/images/edits", data={"prompt": "x", "steps": "1"}, files={"image": ("a.png", image)})
        assert answer.status_code == 200, answer.text
        newest = server.get("/api/pictures").json()["pictures"][0]["id"]
        assert ("mask" in server.get(f"/api/pictures/{newest}/settings").json()["request"]) is masked


@pytest.mark.parametrize(
    ("body", "param"),
    [({"prompt": ""}, "prompt"), ({}, "prompt"), ({"prompt": "x", "size": "big"}, "width"), ({"prompt": "x", "n": 11}, "n"),
     ({"prompt": "x", "model": "nonesuch"}, "model"), ({"prompt": "x", "output_format": "tiff"}, "output_format"),
     ({"prompt": "x", "size": "8x8"}, "width"), ({"prompt": "x", "stream": True}, "stream")],
)  # fmt: skip
def test_bad_input_is_said_in_openai_s_form(server, body, param):
    answer = server.post("/v1/images/generations", json=body)
    error = answer.json()["error"]
    assert answer.status_code == 400 and error["type"] == "invalid_request_error" and error["param"] == param, error
    assert error["message"].endswith(".")


def test_bad_files_are_refused(server):
    for files, data in (({"image": ("a.png", b"no picture")}, {"prompt": "x"}), ({"image": ("a.png", png())},
     {"prompt": "x", "n": "z"}),
                        ({"mask": ("a.png", png())}, {"prompt": "x"}), ({"image": ("a", png()), "mask": ("m", png())},
                        {"prompt": "x"})):  # fmt: skip
        answer = server.post("/v1/images/edits", data=data, files=files)
        assert answer.status_code == 400 and answer.json()["error"]["message"].endswith("."), answer.text


def test_variations_are_said_to_be_edits(server):
    answer = server.post("/v1/images/variations", files={"image": ("a.png", png())})
    assert answer.status_code == 400 and "ask for an edit" in answer.json()["error"]["message"]


def test_models_are_listed(server):
    names = [model["id"] for model in server.get("/v1/models").json()["data"]]
    assert names[0] == "pocket" and server.get("/v1/models/pocket").json()["object"] == "model"
    assert server.get("/v1/models/nonesuch").status_code == 404
