"""A1111's API: what its clients send, and what they read."""

from __future__ import annotations

import base64
import io
import json
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("fastapi", reason="the extra sdedge[serve] is not installed")

from sdedge.boxes import Boxes
from sdedge.passes import Changes, Pass
from sdedge.places import data_folder
from sdedge.server.a1111_scripts import read_scripts
from tests.server.drawer import picture, png


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def opened(text: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(text)))


def test_txt2img_draws_n_iter_times_batch_size_and_tells_all_seeds(server):
    body = {"prompt": "a house", "negative_prompt": "fog", "seed": 7, "steps": 2, "width": 64, "height": 64,
            "batch_size": 2, "n_iter": 2, "sampler_name": "DPM++ 2M Karras", "cfg_scale": 4,
            "denoising_strength": 0.7}  # fmt: skip
    answer = server.post("/sdapi/v1/txt2img", json=body).json()
    info = json.loads(answer["info"])
    assert info["all_seeds"] == [7, 8, 9, 10] and info["seed"] == 7 and info["not_honoured"] == []
    assert info["sampler_name"] == "DPM++ 2M" and "Schedule type: Karras" in info["infotexts"][0]
    assert [
        (np.asarray(opened(text)) == picture(7 + i, (64, 64))).all() for i, text in enumerate(answer["images"])
    ] == [True] * 4
    assert answer["parameters"]["prompt"] == "a house"


def test_img2img_takes_picture_and_mask_and_inverts_it(server):
    image, mask = png((96, 64)), png((96, 64), (0, 0, 0))
    body = {"init_images": ["data:image/png;base64," + b64(image)], "mask": b64(mask), "inpainting_mask_invert": 1, "steps": 1,
            "prompt": "x", "width": 96, "height": 64, "inpaint_full_res": False}  # fmt: skip
    assert server.post("/sdapi/v1/img2img", json=body).status_code == 200
    printed = io.BytesIO()
    Image.new("CMYK", (96, 64), (9, 80, 160, 0)).save(printed, "JPEG")  # which a PNG cannot hold
    only_masked = {**body, "inpaint_full_res": True, "init_images": [b64(printed.getvalue())]}
    assert server.post("/sdapi/v1/img2img", json=only_masked).status_code == 200
    refused = server.post("/sdapi/v1/img2img", json={**body, "inpainting_mask_invert": 0})
    assert (
        refused.status_code == 422
        and refused.json()["field"] == "mask"
        and "black everywhere" in refused.json()["detail"]
    )


def test_what_is_not_honoured_is_named_and_what_asks_for_nothing_is_not(server):
    body = {"prompt": "x", "steps": 1, "width": 64, "height": 64, "restore_faces": True, "s_churn": 0, "script_name": None,
            "hr_scale": 2, "enable_hr": False, "refiner_checkpoint": "sdxl", "a_thing": 3, "script_args": [],
            "override_settings": {"CLIP_stop_at_last_layers": 2, "outdir_samples": "/etc"},
            "alwayson_scripts": {"Dynamic Thresholding": {"args": [True, 7]}, "ADetailer": {"args": [False, {"ad_model": "x"}]},
            "animatediff": {"args": [False]}}}  # fmt: skip
    info = json.loads(server.post("/sdapi/v1/txt2img", json=body).json()["info"])
    wanted = {
        "restore_faces",
        "refiner_checkpoint",
        "a_thing",
        "override_settings.outdir_samples",
        "alwayson_scripts.Dynamic Thresholding",
    }
    assert set(info["not_honoured"]) == wanted and info["clip_skip"] == 2


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"sampler_name": "nonesuch"}, "sampler"),
        ({"steps": "many"}, "steps"),
        ({"width": 100_000}, "width"),
        ({"override_settings": {"sd_model_checkpoint": "nonesuch"}}, "model"),
        ({"override_settings": {"sd_model_checkpoint": "/etc/passwd"}}, "model"),
        ({"prompt": "<lora:/etc/passwd:1>"}, "prompt"),
        ({"prompt": "<lo{ra|ra}:/etc/passwd:1>"}, "prompt"),
        ({"n_iter": 500}, "n_iter"),
        ({"alwayson_scripts": {"controlnet": {"args": [{"model": "../../x", "image": "aa"}]}}}, "controls"),
    ],
)
def test_bad_input_is_one_sentence_with_its_field(server, body, field):
    answer = server.post("/sdapi/v1/txt2img", json={"width": 64, "height": 64, "steps": 1, **body})
    assert answer.status_code == 422, answer.text
    assert answer.json()["field"] == field and answer.json()["detail"].endswith(".") and answer.json()["error"]


@pytest.mark.parametrize(
    "image", ["file:///etc/passwd", "/etc/passwd", "http://127.0.0.1:1/x.png", "../x.png", "!!", "AAAA"]
)
def test_no_address_and_no_path_is_opened(server, image):
    for path, body in (("img2img", {"init_images": [image]}), ("png-info", {"image": image}),
                       ("extra-single-image", {"image": image})):  # fmt: skip
        answer = server.post(f"/sdapi/v1/{path}", json=body)
        assert answer.status_code == 422 and "root:" not in answer.text
        assert ("neither is opened here" in answer.text) == (len(image) > 4), answer.text


def test_a_job_that_fails_answers_with_its_sentence(server):
    body = {"prompt": "fail=words@1", "steps": 1, "width": 64, "height": 64}
    answer = server.post("/sdapi/v1/txt2img", json=body)
    assert answer.status_code == 500 and answer.json()["detail"] == "It cannot be done; do something else."
    memory = server.post("/sdapi/v1/txt2img", json={**body, "prompt": "fail=memory@1"})
    assert memory.status_code == 422 and "memory" in memory.json()["detail"]


def test_no_path_of_the_machine_is_in_an_answer(server):
    image = png((64, 64), (1, 2, 3))
    body = {"prompt": "notice=1", "init_images": [b64(image)], "steps": 1, "width": 64, "height": 64}
    answer = server.post("/sdapi/v1/img2img", json=body)
    info = json.loads(answer.json()["info"])
    assert info["notices"] == ["Something is to be said of x.safetensors."]
    data = base64.b64decode(answer.json()["images"][0])
    assert b"/home/somebody" not in data and str(server.folder).encode() not in data and b"uploads" not in data
    assert json.loads(Image.open(io.BytesIO(data)).text["sdedge"])["request"]["prompt"] == "notice=1"
    for path in ("sd-models", "loras", "options", "cmd-flags", "embeddings", "upscalers", "memory"):
        assert "/" not in server.get(f"/sdapi/v1/{path}").text.replace("Latent/", "")


def test_progress_and_interrupt_are_the_caller_s(server):
    me, another = {"user-agent": "me"}, {"user-agent": "other"}
    body = {"prompt": "step=0.05", "steps": 40, "width": 64, "height": 64, "n_iter": 2}
    answers = []
    thread = threading.Thread(target=lambda: answers.append(server.post("/sdapi/v1/txt2img", json=body, headers=me)))
    thread.start()
    deadline = time.monotonic() + 60
    while not (now := server.get("/sdapi/v1/progress", headers=me).json())["current_image"]:
        assert time.monotonic() < deadline
    assert 0 < now["progress"] < 1 and now["state"]["job_count"] == 2 and now["state"]["sampling_steps"] == 40
    assert opened(now["current_image"]).size == (8, 8)
    idle = server.get("/sdapi/v1/progress", headers=another).json()
    assert (idle["progress"], idle["state"]["job_count"], idle["current_image"]) == (0, 0, None)
    assert server.post("/sdapi/v1/interrupt", headers=another).status_code == 200
    assert server.get("/sdapi/v1/progress", headers=me).json()["state"]["job_count"] == 2
    server.post("/sdapi/v1/interrupt", headers=me)
    thread.join(60)
    assert answers[0].status_code == 200 and answers[0].json()["images"] == []
    assert server.get("/sdapi/v1/progress", headers=me).json()["state"]["job_count"] == 0


def test_progress_goes_once_from_nothing_to_all_over_the_iterations(server):
    body = {"prompt": "step=0.03", "steps": 10, "width": 64, "height": 64, "n_iter": 3}
    thread = threading.Thread(target=lambda: server.post("/sdapi/v1/txt2img", json=body))
    thread.start()
    seen = []
    while thread.is_alive():
        now = server.get("/sdapi/v1/progress").json()
        if now["state"]["job_count"]:
            seen.append((now["progress"], now["state"]["job_no"], now["state"]["job_count"]))
    assert seen == sorted(seen) and {number for _, number, _ in seen} == {0, 1, 2}
    assert {count for *_, count in seen} == {3} and seen[0][0] < 1 / 3 < 2 / 3 < seen[-1][0]


def test_skip_gives_up_one_iteration(server):
    body = {"prompt": "step=0.02", "steps": 20, "width": 64, "height": 64, "n_iter": 2, "seed": 3}
    answers = []
    thread = threading.Thread(target=lambda: answers.append(server.post("/sdapi/v1/txt2img", json=body)))
    thread.start()
    deadline = time.monotonic() + 60
    while not server.get("/sdapi/v1/progress").json()["state"]["sampling_step"]:
        assert time.monotonic() < deadline
    server.post("/sdapi/v1/skip")
    thread.join(60)
    assert json.loads(answers[0].json()["info"])["all_seeds"] == [4]


def test_png_info_tells_the_settings_of_a_picture(server):
    body = {"prompt": "a red house", "seed": 11, "steps": 3, "width": 64, "height": 64}
    image = server.post("/sdapi/v1/txt2img", json=body).json()["images"][0]
    answer = server.post("/sdapi/v1/png-info", json={"image": "data:image/png;base64," + image}).json()
    assert answer["info"].startswith("a red house\nSteps: 3,") and answer["parameters"]["Seed"] == "11"
    assert server.post("/sdapi/v1/png-info", json={"image": b64(png())}).json()["info"] == ""


def test_options_are_the_caller_s_and_by_an_allow_list(server):
    me, another = {"user-agent": "me"}, {"user-agent": "other"}
    before = server.get("/sdapi/v1/options", headers=me).json()
    body = {**before, "CLIP_stop_at_last_layers": 2, "outdir_samples": "/etc"}
    assert server.post("/sdapi/v1/options", json=body, headers=me).json() == {"not_honoured": ["outdir_samples"]}
    assert server.get("/sdapi/v1/options", headers=me).json()["CLIP_stop_at_last_layers"] == 2
    assert server.get("/sdapi/v1/options", headers=another).json() == before
    assert server.post("/sdapi/v1/options", json={"sd_model_checkpoint": "nonesuch"}).status_code == 422


def test_extra_single_image_enlarges(server):
    body = {"image": b64(png((20, 10))), "upscaling_resize": 2, "upscaler_1": "Lanczos"}
    assert opened(server.post("/sdapi/v1/extra-single-image", json=body).json()["image"]).size == (40, 20)
    by_size = {"resize_mode": 1, "upscaling_resize_w": 30, "upscaling_resize_h": 30}
    assert opened(server.post("/sdapi/v1/extra-single-image", json={**body, **by_size}).json()["image"]).size == (
        30,
        30,
    )
    unknown = server.post("/sdapi/v1/extra-single-image", json={**body, "upscaler_1": "R-ESRGAN 4x+"})
    assert unknown.status_code == 422 and unknown.json()["field"] == "upscaler_1"


@pytest.mark.parametrize(
    "body, said",
    [({"image": b64(png((20, 10)))}, "8192x8192 would be 67.11 megapixels, and 64 are the most"),
     ({"image": "A" * (56 << 20)}, "has 42.0 MiB, and 40 are the most")],
)  # fmt: skip
def test_a_picture_that_is_too_large_is_refused_with_how_large_it_is_and_may_be(server, body, said):
    size = {"resize_mode": 1, "upscaling_resize_w": 8192, "upscaling_resize_h": 8192, "upscaler_1": "Lanczos"}
    refused = server.post("/sdapi/v1/extra-single-image", json={**size, **body})
    assert refused.status_code == 413 and said in refused.json()["detail"]


def test_adetailer_is_a_pass_for_each_unit_by_an_installed_detector(server, monkeypatch):
    installed = [SimpleNamespace(name="face_yolov8n", legacy_hash="", sha256="0" * 64)]
    monkeypatch.setattr("sdedge.server.a1111_detailer.installed", lambda role: installed)
    face = {"ad_model": "face_yolov8n.pt", "ad_confidence": 0.5, "ad_denoising_strength": 0.3, "ad_prompt": "a smile",
            "ad_steps": 9, "ad_use_steps": True, "ad_cfg_scale": 3, "ad_use_cfg_scale": False, "ad_mask_blur": 6,
            "ad_sampler": "Use same sampler", "ad_use_sampler": True, "ad_mask_max_ratio": 0.5}  # fmt: skip
    args = [True, False, face, {"ad_model": "None"}, {"ad_model": "face_yolov8n", "ad_tab_enable": False}]
    scripts = read_scripts({"ADetailer": {"args": args}})
    assert scripts.ignored == ("ADetailer's ad_mask_max_ratio",) and not scripts.controls
    boxes = Boxes("face_yolov8n", confidence=0.5, blur=6.0)
    assert scripts.passes == (Pass(Changes(strength=0.3, prompt="a smile", steps=9), boxes=boxes),)
    body = {"prompt": "x", "steps": 1, "width": 64, "height": 64}
    for unit in (
        {"ad_model": "/etc/passwd"},
        {**face, "ad_confidence": 7},
        {**face, "ad_prompt": "<lora:/etc/passwd:1>"},
        5,
    ):
        refused = server.post(
            "/sdapi/v1/txt2img", json={**body, "alwayson_scripts": {"ADetailer": {"args": [True, unit]}}}
        )
        assert refused.status_code == 422 and refused.json()["field"] in ("passes", "prompt"), refused.text


def test_hires_fix_is_a_pass(server):
    body = {"prompt": "x", "steps": 1, "width": 64, "height": 64, "enable_hr": True, "hr_scale": 1.5,
            "hr_upscaler": "Latent (bicubic)", "hr_second_pass_steps": 3, "denoising_strength": 0.5, "hr_prompt": "",
            "hr_checkpoint_name": "another"}  # fmt: skip
    info = json.loads(server.post("/sdapi/v1/txt2img", json=body).json()["info"])
    assert info["not_honoured"] == ["hr_checkpoint_name"]
    for text in ("Hires upscale: 1.5", "Hires upscaler: Latent (bicubic)", "Hires steps: 3", "Denoising strength: 0.5"):
        assert text in info["infotexts"][0]
    for wrong in ({"hr_upscaler": "/etc/passwd"}, {"hr_scale": -1}, {"hr_scale": "x"}, {"hr_prompt": "<lora:/etc/passwd:1>"},
                  {"hr_sampler_name": "nonesuch"}):  # fmt: skip
        assert server.post("/sdapi/v1/txt2img", json={**body, **wrong}).status_code == 422, wrong
    plain = json.loads(server.post("/sdapi/v1/txt2img", json={**body, "enable_hr": False}).json()["info"])
    assert "Hires" not in plain["infotexts"][0]


def test_what_a_client_need_not_have_chosen_stops_no_picture(server):
    body = {"prompt": "x", "steps": 1, "width": 64, "height": 64, "scheduler": "Karras", "styles": ["Cinematic"],
            "override_settings": {"sd_model_checkpoint": None, "sd_vae": "", "CLIP_stop_at_last_layers": None},
            "enable_hr": True, "hr_upscaler": "None"}  # fmt: skip
    answer = server.post("/sdapi/v1/txt2img", json=body)
    assert answer.status_code == 200, answer.text
    info = json.loads(answer.json()["info"])
    assert info["not_honoured"] == ["styles.Cinematic"] and info["clip_skip"] == 1
    assert info["sampler_name"] == "DPM++ 2M"
    assert "Schedule type: Karras" in info["infotexts"][0] and "Hires upscaler: Lanczos" in info["infotexts"][0]


def test_styles_of_the_list_are_applied(server):
    data_folder().mkdir(parents=True, exist_ok=True)
    (data_folder() / "styles.csv").write_text("name,prompt,negative_prompt\nInk,ink drawing,photo\n")
    body = {"prompt": "x", "steps": 1, "width": 64, "height": 64, "styles": ["Ink", "Oil"]}
    info = json.loads(server.post("/sdapi/v1/txt2img", json=body).json()["info"])
    assert (info["prompt"], info["negative_prompt"], info["not_honoured"]) == (
        "x, ink drawing",
        "photo",
        ["styles.Oil"],
    )


def test_detect_makes_a_hint(server):
    body = {"controlnet_module": "canny", "controlnet_input_images": [b64(png((32, 32)))]}
    assert opened(server.post("/controlnet/detect", json=body).json()["images"][0]).size == (32, 32)
    assert server.post("/controlnet/detect", json={**body, "controlnet_module": "depth_midas"}).status_code == 422


def test_every_list_answers(server):
    from sdedge.server.a1111_lists import CONTROL_LISTS, LISTS

    for prefix, names in (("/sdapi/v1", LISTS), ("/controlnet", CONTROL_LISTS)):
        for name in names:
            assert server.get(f"{prefix}/{name}").status_code == 200, name
    labels = [row["name"] for row in server.get("/sdapi/v1/samplers").json()]
    assert "Euler a" in labels and "DPM++ 2M" in labels
