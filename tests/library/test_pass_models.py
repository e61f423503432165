"""Models of passes: by their whole names in what a picture records, and without paths in the text for everyone."""

from __future__ import annotations

import pytest

from sdedge.boxes import Boxes
from sdedge.errors import MissingModel
from sdedge.images.metadata_detailer import detail_texts
from sdedge.images.metadata_passes import pass_texts
from sdedge.library.pass_models import settled_passes
from sdedge.passes import Changes, Enlargement, Pass
from sdedge.request import Request
from sdedge.request_fields import FIELDS
from tests.ip_adapter_models import write_image_encoder
from tests.library.conftest import run
from tests.upscaler_models import TINY, random_state


def _request(upscaler, detector):
    return Request(
        "a house",
        passes=(
            Pass(Changes(strength=0.3), Enlargement(upscaler)),
            Pass(Changes(strength=0.4), boxes=Boxes(detector)),
        ),
    )


def test_a_part_of_a_name_is_recorded_as_the_whole_name(tmp_path):
    import torch

    torch.save({"params_ema": random_state(TINY)}, tmp_path / "4x-UltraSharp.pth")
    run("models", "add", tmp_path / "4x-UltraSharp.pth")
    request = Request(
        "a house", passes=(Pass(Changes(strength=0.3), Enlargement("ultra")), Pass(Changes(strength=0.2)))
    )
    settled = settled_passes(request)
    assert [each.enlarge and each.enlarge.by for each in settled.passes] == ["4x-UltraSharp", None]
    assert settled_passes(settled) == settled and pass_texts(settled)["Hires upscaler"] == "4x-UltraSharp"
    latent = Request("a house", passes=(Pass(Changes(strength=0.3), Enlargement()),))
    assert settled_passes(latent) is latent
    with pytest.raises(MissingModel, match="There is no upscaler 'swinir'"):
        settled_passes(_request("swinir", "face"))
    with pytest.raises(MissingModel, match="There is no detector 'face'"):
        settled_passes(_request("ultra", "face"))


def test_the_text_for_everyone_holds_no_path_of_a_model():
    for folder in ("/home/me/models/", "nets/", "C:\\nets\\"):
        request = _request(f"{folder}4x-UltraSharp.pth", f"{folder}face_yolov8n.pt")
        assert pass_texts(request)["Hires upscaler"] == "4x-UltraSharp"
        assert detail_texts(request)["ADetailer model"] == "face_yolov8n"


@pytest.mark.parametrize("field", ["controls", "regions", "passes", "guides", "windows"])
def test_every_list_that_a_picture_brings_along_is_taken_off_by_the_same_words(field):
    for text in ("none", "off", "", " None "):
        assert not FIELDS[field].type.parse(field, text)


def test_what_is_installed_for_controls_can_be_asked_about(tmp_path):
    write_image_encoder(tmp_path / "image_encoder")
    run("models", "add", tmp_path / "image_encoder")
    assert "image encoder of IP-Adapters" in run("models", "info", "image_encoder")
    assert "image encoder of IP-Adapters" in run("models", "info", tmp_path / "image_encoder")
