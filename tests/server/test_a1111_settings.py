"""What of A1111's settings and scripts is read, and that nothing of them is dropped without a word."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("fastapi", reason="the extra sdedge[serve] is not installed")

from sdedge.errors import InvalidRequest
from sdedge.passes import MAX_PASSES
from sdedge.server import a1111_lists
from sdedge.server.a1111_bodies import Img2Img, Txt2Img
from sdedge.server.a1111_requests import order_of
from sdedge.server.a1111_scripts import read_scripts
from tests.server.conftest import installed
from tests.server.drawer import png


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def asked(**body):
    return order_of(Txt2Img(prompt="x", width=64, height=64, **body), {})


@pytest.mark.parametrize("on", [True, 1, "true"])
def test_hires_fix_is_on_however_that_is_sent(on):
    assert len(asked(enable_hr=on).request.passes) == 1 and not asked(enable_hr=False).request.passes


def test_hires_fix_of_a_picture_is_named():
    body = {"prompt": "x", "init_images": [b64(png())], "width": 64, "height": 64}
    assert order_of(Img2Img(**body, enable_hr=True), {}).ignored == ("enable_hr",)
    assert order_of(Img2Img(**body, enable_hr=False, hr_scale=2), {}).ignored == ()


def test_a_blur_of_two_measures_is_named():
    body = {"prompt": "x", "init_images": [b64(png())], "mask": b64(png(colour=(255,) * 3)), "mask_blur_x": 8}
    blurred = order_of(Img2Img(**body, mask_blur_y=2), {})
    assert blurred.request.mask_blur == 8
    assert blurred.ignored == ("mask_blur_x and mask_blur_y (the larger one blurs both ways)",)
    assert order_of(Img2Img(**body, mask_blur_y=8), {}).ignored == ()


def test_a_text_of_hires_fix_that_is_none_is_refused():
    with pytest.raises(InvalidRequest, match="hr_prompt is"):
        asked(enable_hr=True, hr_prompt=["a"])


def test_settings_of_another_type_or_name_are_read_or_refused():
    for value in (2, 2.0, "2"):
        assert asked(override_settings={"CLIP_stop_at_last_layers": value}).request.clip_skip == 2
    for said in ("nv", "GPU"):
        assert asked(override_settings={"randn_source": said}).request.noise == "philox"
    with pytest.raises(InvalidRequest, match="randn_source is 'TPU'"):
        asked(override_settings={"randn_source": "TPU"})


def test_options_keep_names_and_no_text_of_a_client(server):
    me = {"user-agent": "long"}
    for settings in ({"sd_vae": "Automatic" + " " * 5000}, {"randn_source": "C" * 5000}):
        assert server.post("/sdapi/v1/options", json=settings, headers=me).status_code == 422
    padded = {"sd_model_checkpoint": "pocket" + " " * 5000, "randn_source": "cpu", "sd_vae": None}
    assert server.post("/sdapi/v1/options", json=padded, headers=me).status_code == 200
    now = server.get("/sdapi/v1/options", headers=me).json()
    assert (now["sd_model_checkpoint"], now["randn_source"], now["sd_vae"]) == ("pocket", "CPU", "Automatic")


def test_an_option_that_is_null_asks_for_nothing(server):
    null = {"sd_model_checkpoint": None, "CLIP_stop_at_last_layers": None, "randn_source": None, "sd_vae": None}
    answer = server.post("/sdapi/v1/options", json=null, headers={"user-agent": "null"})
    assert answer.status_code == 200 and answer.json() is None, answer.text


def test_the_hash_is_that_of_the_chosen_model():
    installed("mine", "model")
    assert a1111_lists.options({"sd_model_checkpoint": "mine [ababababab]"})["sd_checkpoint_hash"] == "ab" * 32
    assert a1111_lists.options({})["sd_checkpoint_hash"] == ""


def test_scripts_without_arguments_ask_for_nothing_and_units_that_are_off_do_not_count():
    for name in ("ControlNet", "ADetailer", "another"):
        assert read_scripts({name: {}}).ignored == read_scripts({name: None}).ignored == ()
        assert read_scripts({name: {"model": "canny"}}).ignored == (f"alwayson_scripts.{name}, which has no args",)
    off = [{"ad_model": "None"}] * (MAX_PASSES + 4)
    assert read_scripts({"ADetailer": {"args": [True, *off]}}).passes == ()


def test_adetailer_is_listed_where_a_detector_is():
    assert a1111_lists.scripts()["txt2img"] == ["controlnet"]
    installed("face", "detector")
    assert a1111_lists.scripts()["img2img"] == ["controlnet", "adetailer"]


def test_what_an_enlargement_and_a_hint_are_not_made_with_is_named(server):
    body = {"image": b64(png((20, 10))), "gfpgan_visibility": 1, "codeformer_visibility": 0, "upscaler_2": "None",
            "extras_upscaler_2_visibility": 0.5, "show_extras_results": True}  # fmt: skip
    answer = server.post("/sdapi/v1/extra-single-image", json=body).json()
    assert answer["not_honoured"] == ["gfpgan_visibility", "extras_upscaler_2_visibility"]
    hint = {"controlnet_module": "canny", "controlnet_input_images": [b64(png())], "controlnet_processor_res": 1024}
    assert server.post("/controlnet/detect", json=hint).json()["not_honoured"] == ["controlnet_processor_res"]


@pytest.mark.parametrize("upscaler", ["Lanczos", "Nearest"])
def test_every_way_to_enlarge_keeps_the_proportions_that_are_asked_to_be_kept(server, upscaler):
    half = Image.new("RGB", (40, 20), (255, 0, 0))
    half.paste((0, 0, 255), (10, 0, 30, 20))  # the square in the middle
    file = io.BytesIO()
    half.save(file, "PNG")
    body = {"image": b64(file.getvalue()), "resize_mode": 1, "upscaling_resize_w": 40, "upscaling_resize_h": 40,
            "upscaler_1": upscaler}  # fmt: skip
    for crop, blue in ((True, 1.0), (False, 0.5)):
        answer = server.post("/sdapi/v1/extra-single-image", json={**body, "upscaling_crop": crop}).json()
        pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(answer["image"]))))
        assert (pixels[..., 2] > 127).mean() == pytest.approx(blue, abs=0.06)
