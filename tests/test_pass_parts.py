"""Hires fix by its own names: flags, CSV and JSON, grids, the settings of another picture, and the web UI's text both ways."""

from __future__ import annotations

import json

import pytest

from sdedge import batch
from sdedge.boxes import Boxes
from sdedge.commands.generate import generate
from sdedge.commands.requested import requests_of
from sdedge.errors import InvalidRequest
from sdedge.images import metadata, metadata_a1111
from sdedge.pass_parts import HIRES, PARTS, PartSettings, parts_without_effect, read_parts
from sdedge.passes import Changes, Enlargement, Pass
from sdedge.request import Request

FULL = Pass(
    Changes(
        strength=0.4, steps=12, guidance=5.0, sampler="euler", schedule="karras", prompt="x: y, z", negative="dull"
    ),
    Enlargement("latent-bicubic", 1.5),
)
FLAGS = ["--hires", "1.5", "--hires-upscaler", "Latent (bicubic)", "--hires-steps", "12", "--hires-strength", "0.4",
         "--hires-guidance", "5", "--hires-sampler", "Euler Karras", "--hires-prompt", "x: y, z",
         "--hires-negative", "dull"]  # fmt: skip


def typed(*arguments: str) -> Request:
    options = generate.make_context("generate", [*arguments, "--", "a house"]).params
    (request,) = requests_of(options.pop("prompt"), options)
    return request


def test_flags_rows_and_objects_make_one_pass(tmp_path):
    assert typed(*FLAGS).passes == (FULL,)
    row = {"prompt": "a house", "hires": "1.5", "hr_upscaler": "Latent (bicubic)", "Hires steps": "12",
           "hires_strength": "0.4", "hr_cfg": "5", "hires_sampler": "Euler Karras", "hr_prompt": "x: y, z",
           "hires_negative": "dull"}  # fmt: skip
    (tmp_path / "a.jsonl").write_text(json.dumps(row) + "\n" + json.dumps({**row, "hires": 1.5, "Hires steps": 12}))
    assert [request.passes for request in batch.requests(tmp_path / "a.jsonl", Request())] == [(FULL,), (FULL,)]
    (tmp_path / "a.csv").write_text("prompt,hires_size,hires_steps\na house,1024x0,0\n")
    (sized,) = batch.requests(tmp_path / "a.csv", Request())
    assert sized.passes == (Pass(Changes(strength=0.7), Enlargement(size=(1024, 0))),)


def test_parts_are_laid_over_the_hires_fix_of_another_request_and_leave_its_other_passes():
    last = Pass(Changes(strength=0.0), Enlargement("lanczos"))
    base = Request("a house", passes=(FULL, last))
    (cell,) = {request.passes for request in batch.grid(base, batch.axis("hires_steps=5")).requests}
    assert cell == (Pass(Changes({**FULL.changes, "steps": 5}), FULL.enlarge), last)
    same = base.overlaid(passes=read_parts({"hires_sampler": "Use same sampler", "hires_size": "800x600"})).passes[0]
    assert "sampler" not in same.changes and same.enlarge == Enlargement("latent-bicubic", 1.5, (800, 600))
    assert base.overlaid(passes=PartSettings(hires=2.0)).passes[0].enlarge == Enlargement("latent-bicubic", 2.0)
    assert base.overlaid(passes=PartSettings(hires=0.0)).passes == (last,)
    assert Request("a house", passes=(last,)).overlaid(passes=PartSettings(hires=2.0)).passes[1] == last

    hands = Pass(boxes=Boxes("hand"))
    assert Request("a house", passes=(hands, FULL, hands)).overlaid(passes=PartSettings(detail="none")).passes == (
        FULL,
    )

    # A size counts beside a scale, whichever was given first.
    for order in (("hires", "hires_size"), ("hires_size", "hires")):
        values = {"hires": "2", "hires_size": "1024x768"}
        sized = Request("a house").overlaid(passes=read_parts({name: values[name] for name in order}))
        assert sized.passes[0].enlarge.size == (1024, 768)

    # Of a grid one side may be whole passes.
    mixed = batch.grid(base, batch.axis("passes=none"), batch.axis("hires=1.5,2"))
    assert [each.passes for each in mixed.requests] == [(PARTS["hires"].put(HIRES.new, scale),) for scale in (1.5, 2.0)]

    # Both axes of a grid are parts.
    grid = batch.grid(base, batch.axis("hires=1.5,2"), batch.axis("hires_strength=0.3,0.5"))
    cells = [(each.passes[0].enlarge.scale, each.passes[0].changes["strength"]) for each in grid.requests]
    assert cells == [(1.5, 0.3), (2.0, 0.3), (1.5, 0.5), (2.0, 0.5)]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"hires_steps": "3"}, "without hires fix"),
        ({"hires": "x"}, "hires is 'x'"),
        ({"hires": "0.5"}, "from? 1 to 16|by 1 to 16"),
        ({"hires": "inf"}, "by 1 to 16"),
        ({"hires": True}, "scale True"),
        ({"hires": 2, "hires_steps": -1}, "steps -1"),
        ({"hires": 2, "hires_strength": 1.5}, "strength 1.5"),
        ({"hires": 2, "hires_sampler": "none such"}, "none such"),
        ({"hires": 2, "hires_upscaler": ""}, "has no name"),
        ({"hires_size": "big"}, "not a size"),
        ({"hires_size": [1, 2, 3]}, "size to enlarge to"),
        ({"hires": 2, "hr_scale": 2}, "given twice"),
    ],
)
def test_settings_that_cannot_be_are_refused_by_what_is_wrong(settings, said):
    with pytest.raises(InvalidRequest, match=said) as refusal:
        Request().overlaid(**batch.overrides(settings))
    assert str(refusal.value).endswith(".") and str(refusal.value).count("\n") == 0


@pytest.mark.parametrize(
    "each",
    [
        FULL,
        Pass(Changes(strength=0.7), Enlargement()),
        Pass(Changes(strength=0.3), Enlargement("4x-UltraSharp", 2.0, (900, 0))),
    ],
)
def test_the_web_ui_s_text_holds_all_of_hires_fix(each):
    request = Request("a house", passes=(each,))
    text = metadata_a1111.write(request, {})
    recorded = metadata.parse_parameters(text)
    assert recorded.fields["passes"] == (each,) and recorded.notes == () and "strength" not in recorded.fields
    assert "Denoising strength: " in text and ("Hires upscale: " in text) != ("Hires resize: " in text)


def test_what_the_web_ui_wrote_is_read():
    start = "a cat\nSteps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7, Seed: 1, Size: 512x768, "
    end = "Hires upscale: 2, Hires steps: 10, Hires upscaler: R-ESRGAN 4x+, Version: v1.9.4"
    recorded = metadata.parse_parameters(f"{start}Denoising strength: 0.45, {end}")
    assert recorded.fields["passes"] == (Pass(Changes(strength=0.45, steps=10), Enlargement("R-ESRGAN 4x+", 2.0)),)
    assert recorded.fields["preset"] == "a1111" and recorded.fields["height"] == 768 and recorded.notes == ()
    odd = metadata.parse_parameters(f"{start}Hires sampler: Foo, Hires schedule type: Use same scheduler, {end}")
    assert odd.fields["passes"][0].changes == {"steps": 10, "strength": 0.7} and "Hires sampler" in odd.notes[0]
    least = metadata.parse_parameters(f"{start}Hires steps: 10, Hires upscaler: Latent, Version: v1.9.4")
    assert least.fields["passes"][0].enlarge == Enlargement("latent", 2.0)
    wild = metadata.parse_parameters(f"{start}Denoising strength: 0.45, Hires upscale: 99, Version: v1.9.4")
    assert "passes" not in wild.fields and "Hires fix is left out" in wild.notes[0]


def test_every_part_has_a_flag_and_a_line_of_help():
    options = {option.name: option for option in generate.params}
    assert all(options[name].help and options[name].opts == list(part.command.flags) for name, part in PARTS.items())


def test_a_part_beside_the_one_that_takes_its_place_is_told():
    assert parts_without_effect({"hires", "hires_steps"}) == parts_without_effect({"hires_size", "hires_steps"}) == []
    assert parts_without_effect({"hires", "hires_size"}) == ["Hires has no effect beside hires size; it is left aside."]


@pytest.mark.parametrize("off", ["", "none", "None", "off"])
def test_no_detector_is_none(off):
    assert read_parts({"detail": off}).over(()) == ()
