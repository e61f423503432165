"""The page's own API: jobs, their progress, their pictures, and what is refused."""

from __future__ import annotations

import base64
import io
import time

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("fastapi", reason="the extra sdedge[serve] is not installed")

from sdedge.server.job_bodies import request_of
from tests.server.drawer import png

PATIENCE = 60


def drawn(server, **body):
    """Asks for a job and returns it when it has ended."""
    answer = server.post("/api/jobs", json=body)
    assert answer.status_code == 201, answer.text
    return ended(server, answer.json()["job"])


def ended(server, job):
    deadline = time.monotonic() + PATIENCE
    while (state := server.get(f"/api/jobs/{job}").json())["state"] in ("waiting", "running"):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return state


def data_uri(data: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(data).decode()


def test_a_job_is_drawn_and_its_pictures_are_in_the_gallery(server):
    state = drawn(server, prompt="a house", seed=5, width=64, height=64, steps=2, count=2)
    assert (state["state"], state["saved"]) == ("done", 2)
    assert [picture["seed"] for picture in state["pictures"]] == ["5", "6"]
    data = server.get(state["pictures"][0]["url"]).content
    assert Image.open(io.BytesIO(data)).size == (64, 64)
    history = server.get("/api/pictures").json()["pictures"]
    assert [picture["id"] for picture in history[:2]] == [picture["id"] for picture in reversed(state["pictures"])]
    older = server.get("/api/pictures", params={"before": history[0]["id"]}).json()["pictures"]
    assert older[0]["id"] == history[1]["id"]
    assert server.get(history[0]["thumbnail"]).content[:2] == b"\xff\xd8"


def test_what_was_said_while_it_was_drawn_is_told_of_an_ended_job_too(server):
    state = drawn(server, prompt="notice=1", width=64, height=64, steps=1)
    assert state["state"] == "done" and state["notices"] == ["Something is to be said of x.safetensors."]
    assert server.get(f"/api/jobs/{state['job']}").json()["notices"] == state["notices"]


def test_a_picture_whose_file_is_gone_or_damaged_is_said_to_be(server):
    for prompt, damage, status, said in (
        ("gone", lambda path: path.unlink(), 404, "is here no more"),
        ("junk", lambda path: path.write_bytes(b"junk"), 500, "is damaged"),
    ):
        picture = drawn(server, prompt=prompt, width=64, height=64, steps=1)["pictures"][0]
        damage(next((server.folder / "served").rglob(picture["filename"])))
        for place in ("", "/thumbnail"):
            answer = server.get(picture["url"] + place)
            assert answer.status_code == status and said in answer.json()["error"], answer.text


def test_a_mask_without_a_picture_is_refused(server):
    answer = server.post("/api/jobs", json={"prompt": "x", "mask": data_uri(png())})
    assert answer.status_code == 422 and answer.json()["field"] == "image"


def test_it_starts_from_a_picture_and_paints_into_its_mask(server):
    mask = png((64, 64), (255, 255, 255))
    state = drawn(server, prompt="a house", image=data_uri(png()), mask=data_uri(mask), strength=0.5, steps=1)
    request = server.get(f"/api/pictures/{state['pictures'][0]['id']}/settings").json()["request"]
    assert request["strength"] == 0.5 and len(request["image"]) == 64 and len(request["mask"]) == 64


def test_a_mask_has_its_greys_where_they_are_asked_for():
    ramp = Image.fromarray(np.tile(np.arange(0, 256, 4, dtype=np.uint8), (64, 1)))
    encoded = io.BytesIO()
    ramp.save(encoded, "PNG")
    for soft in (False, True):
        request, _ = request_of(
            {"prompt": "x", "image": data_uri(png()), "mask": data_uri(encoded.getvalue()), "soft_mask": soft}
        )
        greys = np.asarray(Image.open(request.mask))
        assert len(np.unique(greys)) == (64 if soft else 2)


def test_a_running_job_tells_its_step_and_shows_a_preview_to_its_caller_alone(server):
    job = server.post("/api/jobs", json={"prompt": "step=0.05", "steps": 40, "width": 64, "height": 64}).json()["job"]
    deadline = time.monotonic() + PATIENCE
    while not (state := server.get(f"/api/jobs/{job}").json()).get("preview"):
        assert time.monotonic() < deadline
    assert 0 < state["fraction"] < 1 and state["steps"] == 40 and state["preview"].startswith("data:image/png;base64,")
    assert [row["job"] for row in server.get("/api/jobs").json()["jobs"]] == [job]
    another = {"user-agent": "another"}
    assert server.get("/api/jobs", headers=another).json()["jobs"] == []
    assert server.get(f"/api/jobs/{job}", headers=another).status_code == 404
    assert server.delete(f"/api/jobs/{job}", headers=another).status_code == 404
    assert server.delete(f"/api/jobs/{job}").status_code == 200
    assert ended(server, job)["state"] == "cancelled"


def test_only_pictures_of_this_server_are_shown(server):
    from sdedge.images.output import Output
    from sdedge.request import Request

    elsewhere = Output(server.folder / "elsewhere")
    server.portal.call(
        server.service.ask,
        lambda queue, gallery: queue.add(Request(prompt="private", width=64, height=64, steps=1), elsewhere),
    )
    server.portal.call(server.service.resume)
    drawn(server, prompt="mine", width=64, height=64, steps=1)  # behind it
    rows = server.portal.call(
        server.service.ask, lambda queue, gallery: {e.prompt: e.id for e in gallery.search(limit=5)}
    )
    assert "private" in rows and "private" not in server.get("/api/pictures").text
    for path in (
        f"/api/pictures/{rows['private']}",
        f"/api/pictures/{rows['private']}/thumbnail",
        f"/api/pictures/{2**70}",
    ):
        assert server.get(path).status_code in (404, 422)


@pytest.mark.parametrize(
    ("body", "code"),
    [("{", 400), ("[" * 100_000, 400), ("null", 422), ("[]", 422), ('{"prompt": 3}', 422), ('{"prompt": "x", "steps": 0}', 422),
     ('{"nonesuch": 1}', 422), ('{"guidance": NaN}', 422), ('{"seed": 1e999}', 422), ('{"prompt": "\\ud800", "steps": -1}', 422),
     ('{"image": "file:///etc/passwd"}', 422), ('{"mask": "AAAA"}', 422), ("\xff", 400)],
)  # fmt: skip
def test_bad_bodies_are_one_sentence(server, body, code):
    answer = server.post("/api/jobs", content=body.encode("latin-1"), headers={"content-type": "application/json"})
    assert answer.status_code == code, answer.text
    assert answer.json()["error"].endswith(".")


def test_the_page_may_load_nothing_from_elsewhere(server):
    answer = server.get("/")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
    assert "http://" not in answer.text.replace("http://www.w3.org/", "") and "https://" not in answer.text


def test_a_job_takes_and_tells_all_that_a_request_holds(server):
    """Fields and parts of passes by their names in the table; a control's hint is sent, and no path is opened."""
    state = drawn(
        server, prompt="a house", seed=5, width=64, height=64, steps=2, hires=2, hires_upscaler="Lanczos", guides="pag",
        regions=["0,0,0.5,1: a red door"], clip_skip=2, variation_strength=0.25,
    )  # fmt: skip
    asked = state["request"]
    assert asked["passes"][0]["enlarge"] == {"by": "lanczos", "scale": 2.0} and asked["clip_skip"] == 2
    assert asked["guides"] and asked["regions"][0]["prompt"] == "a red door" and asked["variation_strength"] == 0.25
    listed = server.post("/api/jobs", json={"prompt": "a", "regions": asked["regions"], "passes": asked["passes"]})
    assert listed.status_code == 201, listed.text
    picture = data_uri(png())
    for wrong, said in (
        ({"controls": [{"model": "nobody", "hint": picture}]}, "There is no control model 'nobody'"),
        ({"controls": [{"model": "/etc/passwd", "hint": picture}]}, "no control model"),
        ({"controls": ["canny:/etc/passwd"]}, "send an object"), ({"controls": 3}, "send a list"),
        ({"controls": [{"model": "canny", "hint": "/etc/passwd"}]}, "There is no control model"),
        ({"hires": 2, "hires_upscaler": "/etc/passwd"}, "no upscaler"), ({"detail": "/etc/passwd"}, "no detector"),
        ({"regions": [{"prompt": "x", "mask": "/etc/passwd"}]}, "no file is opened by its path"),
        ({"hires": 2, "hires_prompt": "<lora:/etc/passwd:1>"}, "is a path"), ({"safety": False}, "no field 'safety'"),
        ({"hires_steps": 3}, "without hires fix"), ({"guides": [3]}, "guide"), ({"passes": [[]]}, "pass"),
    ):  # fmt: skip
        answer = server.post("/api/jobs", json={"prompt": "a", **wrong})
        assert answer.status_code == 422 and said in answer.json()["error"], (wrong, answer.text)
