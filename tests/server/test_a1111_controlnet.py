"""The units of A1111's ControlNet extension: what is read of them, and what is named as not honoured."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("fastapi", reason="the extra sdedge[serve] is not installed")

from sdedge.errors import InvalidRequest
from sdedge.library.hints import hint_path
from sdedge.server.a1111_modules import NEAREST, module_names, module_of
from sdedge.server.a1111_scripts import read_scripts


@pytest.fixture
def read_unit(monkeypatch):
    """Reads one ControlNet unit with these fields; its model is there."""
    monkeypatch.setattr("sdedge.server.a1111_controlnet.control_name", lambda name: name)

    def read(**fields):
        scripts = read_scripts({"ControlNet": {"args": [{"model": "canny", **fields}]}})
        (control,) = scripts.controls
        return control, list(scripts.ignored)

    return read


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def grey(*values: int) -> str:
    """Returns a picture of these greys in columns of four pixels, in base64."""
    file = io.BytesIO()
    Image.fromarray(np.repeat(np.array([values] * 8, np.uint8), 4, axis=1)).save(file, "PNG")
    return encoded(file.getvalue())


def test_what_a_controlnet_unit_asks_for_and_does_not_get_is_named(read_unit):
    _, ignored = read_unit(
        image=grey(9), hr_option="Low res only", advanced_weighting=[1.0] * 13, inpaint_crop_input_image=False, batch_images="x",
        module="canny", processor_res=768, a_thing=3,
    )  # fmt: skip
    names = "hr_option", "advanced_weighting", "inpaint_crop_input_image", "batch_images", "processor_res", "a_thing"
    assert ignored == [f"ControlNet's {name}" for name in names]
    _, ignored = read_unit(
        input_image=grey(9), hr_option="Both", advanced_weighting=None, inpaint_crop_input_image=True, batch_images="",
        processor_res=768, lowvram=True, pixel_perfect=False, save_detected_map=True, threshold_a=-1, guess_mode=False,
        loopback=0, ipadapter_input=[], animatediff_batch=False, weight=0.5, mask=None,
    )  # fmt: skip
    assert not ignored


def test_the_effective_region_mask_is_where_a_control_acts(read_unit):
    region = grey(0, 255)
    control, ignored = read_unit(image=grey(9), effective_region_mask=region)
    assert not ignored and hint_path(control.mask).read_bytes() == base64.b64decode(region)
    for black in (
        Image.new("L", (8, 8)),
        Image.merge("LA", [Image.new("L", (8, 8)), Image.linear_gradient("L").resize((8, 8))]),
    ):
        file = io.BytesIO()
        black.save(file, "PNG")
        with pytest.raises(InvalidRequest, match="black everywhere"):
            read_unit(image=grey(9), effective_region_mask=encoded(file.getvalue()))


@pytest.mark.parametrize("module", ["inpaint_only", "inpaint_global_harmonious"])
@pytest.mark.parametrize("is_pair", [False, True])
def test_the_mask_of_an_inpaint_module_is_a_hole_in_its_picture(read_unit, module, is_pair):
    image, mask = grey(100, 200, 50, 50), grey(0, 255)  # of other sizes
    fields = {"image": {"image": image, "mask": mask}} if is_pair else {"image": image, "mask": mask}
    control, ignored = read_unit(module=module, **fields)
    hint = np.asarray(Image.open(hint_path(control.hint)))
    assert not ignored and control.mask is None and control.preprocess is None
    assert (hint[:, :8, 3] == 255).all() and (hint[:, 8:, 3] == 0).all()
    assert (hint[:, :4, :3] == 100).all() and (hint[:, 4:8, :3] == 200).all()


def test_a_mask_that_asks_for_nothing_is_passed_over_and_one_that_nobody_reads_is_named(read_unit):
    for module in ("none", "inpaint_only"):
        for mask in (grey(0), grey(3), "", None, *([grey(255), grey(251)] if module == "none" else [])):
            control, ignored = read_unit(module=module, image=grey(9), mask=mask)
            assert (
                not ignored and control.mask is None and not Image.open(hint_path(control.hint)).has_transparency_data
            )
    everywhere, _ = read_unit(module="inpaint_only", image=grey(9), mask=grey(255))
    assert not np.asarray(Image.open(hint_path(everywhere.hint)))[..., 3].any()
    for fields in ({"module": "canny", "image": grey(9)}, {"module": "inpaint_only"}):
        control, ignored = read_unit(mask=grey(0, 255), **fields)
        assert control.mask is None and ignored == [
            "ControlNet's mask, which an inpaint module reads beside a picture of its unit"
        ]


@pytest.mark.parametrize(
    ("module", "expected"),
    [("ip-adapter_clip_sd15", (None, False)), ("CLIP-ViT-H (IPAdapter)", (None, False)), ("none", (None, False)),
     ("canny", ("canny", False)), ("softedge_hed", ("softedge", True)), ("lineart_anime", ("lineart", True)),
     ("inpaint_only", (None, False)), ("inpaint_only+lama", (None, True)), ("Inpaint_Global_Harmonious", (None, False)),
     ("openpose_full", ("pose", True)), ("depth_midas", ("depth", False)), ("Scribble_PiDiNet", ("scribble", True))],
)  # fmt: skip
def test_modules_of_the_extension_are_taken_or_what_stands_for_them_is_said(module, expected):
    preprocessor, said = module_of(module)
    assert (preprocessor and preprocessor.name, bool(said)) == expected
    assert {each for modules in NEAREST.values() for each in modules} < set(module_names())


def test_a_module_that_is_refused_makes_a_sentence():
    with pytest.raises(
        InvalidRequest, match=r"^There is no preprocessor 'mlsd'; choose one of .*, or send .* with none\.$"
    ):
        module_of("mlsd")


@pytest.mark.parametrize("module", ["seg_ofade20k", "ip-adapter_face_id", "InsightFace+CLIP-H (IPAdapter)", "x" * 5000])
def test_a_module_that_nothing_stands_for_is_refused_with_those_that_there_are(module):
    with pytest.raises(InvalidRequest, match=r"choose (one of canny|an IP-Adapter)"):
        module_of(module)
