"""Controls in the web UI's text: what the ControlNet extension wrote is read, in any of its spellings."""

from __future__ import annotations

import pytest

from sdedge.controls import Control, ControlMode, HintFit
from sdedge.images import metadata, metadata_a1111
from sdedge.request import Request

BASE = "a house\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 512x512, "


@pytest.mark.parametrize(
    ("text", "control"),
    [
        ("Module: canny, Model: control_v11p_sd15_canny [d14c016b], Weight: 0.8, Resize Mode: Crop and Resize, Low Vram: False, "
         "Processor Res: 512, Threshold A: 100, Threshold B: 200, Guidance Start: 0, Guidance End: 0.75, Pixel Perfect: True, "
         "Control Mode: Balanced", Control("control_v11p_sd15_canny", None, 0.8, (0.0, 0.75), preprocess="canny")),
        ("Module: none, Model: control_v11f1e_sd15_tile [a371b31b], Weight: 1.0, Resize Mode: Resize and Fill, Guidance Start: "
         "0.1, Guidance End: 1.0, Control Mode: ControlNet is more important",
         Control("control_v11f1e_sd15_tile", None, 1.0, (0.1, 1.0), ControlMode.CONTROL, HintFit.PAD)),
        ("preprocessor: depth_midas, model: diff_control_sd15_depth_fp16 [978ef0a1], weight: 1, starting/ending: (0, 0.5), "
         "resize mode: Just Resize, pixel perfect: False, control mode: My prompt is more important, preprocessor params: (512, "
         "64, 64)",
         Control("diff_control_sd15_depth_fp16", None, 1.0, (0.0, 0.5), ControlMode.PROMPT, HintFit.STRETCH, None, "depth")),
    ],
)  # fmt: skip
def test_every_spelling_of_the_extension_is_read(text, control):
    recorded = metadata.parse_parameters(f'{BASE}ControlNet 0: "{text}", Version: v1.9.4')
    assert recorded.fields["controls"] == (control,) and recorded.fields["steps"] == 20
    assert not [note for note in recorded.notes if "ControlNet" in note]


@pytest.mark.parametrize(
    "text",
    ["Module: reference_only, Model: None, Weight: 1", "Module: canny, Model: x, Weight: 1e9", "",
     "Model: x, Guidance Start: 0.5, Guidance End: 0.2"],
)  # fmt: skip
def test_what_is_no_control_is_named_and_left_out(text):
    recorded = metadata.parse_parameters(f'{BASE}ControlNet 0: "{text}", Version: v1.9.4')
    assert "controls" not in recorded.fields and any(
        note.startswith("ControlNet 0 is left out") for note in recorded.notes
    )


def test_what_is_written_is_read_again_but_for_the_hints():
    controls = (
        Control("canny", "a.png", 0.85, (0.1, 0.9), ControlMode.CONTROL, HintFit.PAD), Control("/nets/depth.pth", "b.png")
    )  # fmt: skip
    text = metadata_a1111.write(Request("a house", controls=controls), {})
    assert "ControlNet 1: " in text and "b.png" not in text
    assert metadata.parse_parameters(text).fields["controls"] == (
        Control("canny", None, 0.85, (0.1, 0.9), ControlMode.CONTROL, HintFit.PAD), Control("depth")
    )  # fmt: skip
