"""A1111's text in the shapes it is met in, and what it costs to read."""

from __future__ import annotations

import io
import json
import re

import pytest
from PIL import Image

from sdedge.images import metadata, metadata_infotext
from sdedge.images.metadata_apps import from_texts, read_xmp
from sdedge.images.metadata_infotext import parse
from sdedge.text.clean import clean

SETTINGS = "Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 5, Size: 512x512"
VALUES = {"Steps": "20", "Sampler": "Euler a", "CFG scale": "7", "Seed": "5", "Size": "512x512"}


@pytest.mark.parametrize(
    ("text", "prompt", "negative"),
    [
        (f"a cat\nNegative prompt: ugly\n{SETTINGS}", "a cat", "ugly"),
        (f"a cat\r\nNegative prompt: ugly\r\n{SETTINGS}\r\n", "a cat", "ugly"),
        (f"a cat Negative prompt: ugly {SETTINGS}", "a cat", "ugly"),
        (f"a cat, {SETTINGS}", "a cat", ""),
        (f"a cat\nin a hat. {SETTINGS}", "a cat\nin a hat", ""),
        (f"Steps: 1, Seed: 2\n{SETTINGS}", "Steps: 1, Seed: 2", ""),
        (f"Steps: of a stair, Size: huge, {SETTINGS}", "Steps: of a stair, Size: huge", ""),
        (f"a cat\n{SETTINGS[:28]}\n{SETTINGS[29:]}", "a cat", ""),
        (SETTINGS, "", ""),
        (f"Negative prompt: ugly\n{SETTINGS}", "", "ugly"),
        (f"one\n\ntwo\nNegative prompt: three\nfour\n{SETTINGS}", "one\n\ntwo", "three\nfour"),
        ("a cat, Sampler: Euler a, Steps: 20, CFG scale: 7, Seed: 5, Size: 512x512", "a cat", ""),
    ],
)
def test_prompts_and_settings_are_told_apart(text, prompt, negative):
    assert parse(clean(text)) == metadata_infotext.Infotext(prompt, negative, VALUES)


def test_lines_behind_the_settings_are_no_prompt():
    text = f"a cat\nNegative prompt: bad\n{SETTINGS}\nTemplate: a {{cat|dog}}\non a mat  \nNegative Template: bad"
    result = metadata.parse_parameters(text)
    assert (result.fields["prompt"], result.fields["negative"], result.fields["seed"]) == ("a cat", "bad", 5)
    assert result.details["Template"] == "a {cat|dog}\non a mat" and result.details["Negative Template"] == "bad"
    assert not result.notes
    assert "'and more'" in metadata.parse_parameters(f"a\n{SETTINGS}\nand more").notes[-1]


def test_quoted_values_hold_commas():
    result = parse(f'a\n{SETTINGS}, Lora hashes: "a: b, c: d", Model: "x, \\"y\\"", Odd: "open, Version: 1')
    assert result.settings == {**VALUES, "Lora hashes": "a: b, c: d", "Model": 'x, "y"', "Odd": '"open', "Version": "1"}


def test_sizes_come_over_whole_or_not_at_all():
    def read(size: str) -> tuple[object, object, int]:
        result = metadata.parse_parameters(
            f"a\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 11, Size: {size}, RNG: CPU"
        )
        return result.fields.get("width"), result.fields.get("height"), len(result.notes)

    assert read("500x768") == (496, 768, 1) and read("540x960") == (536, 960, 1) and read("512x512") == (512, 512, 0)
    assert read("512x9000") == read("512x") == read("wide") == read("0x512") == (None, None, 1)


def test_a_seed_of_minus_one_is_chance():
    result = metadata.parse_parameters(f"a\n{SETTINGS.replace('Seed: 5', 'Seed: -1')}")
    assert "seed" not in result.fields and any("chance" in note for note in result.notes)


TEXT = f"a house é 京\nNegative prompt: blurry\n{SETTINGS}"


@pytest.mark.parametrize(
    "comment",
    [
        b"UNICODE\0\xff\xfe" + TEXT.encode("utf-16-le"),
        b"UNICODE\0\xfe\xff" + TEXT.encode("utf-16-be"),
        b"UNICODE\0" + TEXT.encode("utf-16-le") + b"\0\0",
        b"UNICODE\0" + TEXT.encode("utf-16-be"),
        b"UNICODE\0" + TEXT.encode(),
        b"UNICODE\0\xef\xbb\xbf" + TEXT.encode(),
        b"Unicode\0" + TEXT.encode("utf-16-be"),
        b"ASCII\0\0\0" + TEXT.encode(),
        b"ASCII\0\0\0" + TEXT.encode("utf-16-le"),
        b"\0" * 8 + TEXT.encode(),
        TEXT.encode(),
    ],
)
def test_exif_comments_in_every_encoding(comment):
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9286] = comment
    Image.new("RGB", (16, 16)).save(file := io.BytesIO(), "JPEG", exif=exif)
    result = metadata.read(file).fields
    assert (result["prompt"], result["negative"], result["seed"]) == ("a house é 京", "blurry", 5)


def test_a_camera_s_comment_is_no_prompt():
    Image.new("RGB", (16, 16)).save(file := io.BytesIO(), "JPEG", comment=b"Created with GIMP")
    assert not metadata.read(file).source


def test_xmp_items_and_attributes():
    def at(xmp: str) -> str:
        return read_xmp({"XML:com.adobe.xmp": xmp}, "dc:description")

    assert at('<dc:description><rdf:Alt><rdf:li xml:lang="x">a &lt; b</rdf:li></rdf:Alt></dc:description>') == "a < b"
    assert at('<rdf:Description dc:description="a &quot;b&quot;"/>') == 'a "b"'
    assert at("<dc:description><rdf:li>a") == at("<dc:description>") == at("&#" + "9" * 5000) == ""


class _Counting:
    """A compiled pattern that counts the characters each of its calls runs over."""

    scanned = 0

    def __init__(self, pattern: re.Pattern[str]) -> None:
        self.pattern = pattern

    def _run(self, call, text, start=0):
        result = call(text, start)
        type(self).scanned += (result.end() if result else len(text)) - start
        return result

    def search(self, text, start=0):
        return self._run(self.pattern.search, text, start)

    def match(self, text, start=0):
        return self._run(self.pattern.match, text, start) if text.startswith('"', start) else None


@pytest.mark.parametrize(
    "piece",
    ["a ", " ", "a: ", '"a":', 'aa: "', 'aa: "\\', "Steps: 1, ", "Steps: 1 ", "-/", "Steps: 1, Seed: 2, Size: 8x8\n"],
)
def test_reading_costs_a_fixed_number_of_looks_at_each_character(monkeypatch, piece):
    for name in ("_RUN", "_QUOTED"):
        monkeypatch.setattr(metadata_infotext, name, _Counting(getattr(metadata_infotext, name)))
    text = piece * (40_000 // len(piece)) + "::::"
    _Counting.scanned = 0
    parse(text)
    assert _Counting.scanned <= 20 * len(text)


def test_long_texts_are_said_not_read():
    assert "characters" in from_texts({"parameters": "a" * 300_000}).notes[0]


def test_programs_with_plain_lists_of_settings():
    swarm = {"sui_image_params": {"prompt": "a cat", "negativeprompt": "bad", "seed": 3, "steps": 20, "cfgscale": 7, "width": 512,
                                  "height": 640, "model": "m", "swarm_version": "0.9"}}  # fmt: skip
    fooocus = {"prompt": "a cat", "negative_prompt": "bad", "seed": "3", "steps": 20, "guidance_scale": 7, "base_model": "m",
               "resolution": "(512, 640)"}  # fmt: skip
    easy = {"prompt": "a cat", "negative_prompt": "bad", "seed": "3", "num_inference_steps": "20", "guidance_scale": "7",
            "width": "512", "height": "640", "use_stable_diffusion_model": "m"}  # fmt: skip
    expected = {"prompt": "a cat", "negative": "bad", "seed": 3, "steps": 20, "guidance": 7.0, "width": 512, "height": 640,
                "model": "m"}  # fmt: skip
    for texts in ({"parameters": json.dumps(swarm)}, {"parameters": json.dumps(fooocus)}, easy):
        result = from_texts(texts)
        assert dict(result.fields) == expected and result.notes


def test_a_variation_seed_of_minus_one_is_chance_and_an_old_second_pass_is_no_start_picture():
    start = "a cat\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 5, Size: 512x512"
    varied = metadata.parse_parameters(f"{start}, Variation seed: -1, Variation seed strength: 0.2")
    assert "variation_seed" not in varied.fields and any("means chance" in note for note in varied.notes)
    old = metadata.parse_parameters(f"{start}, Denoising strength: 0.7, First pass size: 256x256")
    assert not any("another picture" in note for note in old.notes)


def test_embeddings_in_invokeai_s_angle_brackets_are_words():
    record = {"positive_prompt": "a cat <my-style> (sky)1.2", "negative_prompt": "<easy negative>"}
    result = from_texts({"invokeai_metadata": json.dumps(record)})
    assert result.fields["prompt"] == "a cat my-style (sky:1.2)" and result.fields["negative"] == "easy negative"


@pytest.mark.parametrize(
    ("text", "guidance", "strength"),
    [("CFG scale: 7,5, Seed: 1", 7.5, None), ("CFG scale: 7,5", 7.5, None), ("CFG scale: 7, Seed: 1", 7.0, None),
     ("CFG scale: 7,5, Denoising strength: 0,35, Seed: 1", 7.5, 0.35)],
)  # fmt: skip
def test_a_comma_may_be_the_decimal_sign(text, guidance, strength):
    result = from_texts({"parameters": f"a cat\nSteps: 20, Sampler: Euler, Size: 64x64, {text}"}).fields
    assert (result["guidance"], result.get("strength"), result["steps"]) == (guidance, strength, 20)
    assert ("seed" in result) == ("Seed" in text)


@pytest.mark.parametrize(
    ("line", "name"),
    [(f"{SETTINGS}, Tiling: maybe", "tiling"), (SETTINGS.replace("Steps: 20", "Steps: abc"), "steps"),
     (SETTINGS.replace("Seed: 5", f"Seed: {10**30}"), "seed"), (f"{SETTINGS}, Inpaint area: elsewhere", "mask_only"),
     (f"{SETTINGS}, RNG: dice", "noise"), (SETTINGS.replace("CFG scale: 7", "CFG scale: much"), "guidance"),
     (f"{SETTINGS}, Clip skip: {10**40}", "clip_skip"), (SETTINGS.replace("Size: 512x512", "Size: big"), "size")],
)  # fmt: skip
def test_a_value_that_is_none_is_said_and_the_rest_is_taken(line, name):
    said = metadata.parse_parameters(f"a cat\n{line}")
    (lost,) = [each for each in said.unhonoured if each.field == name]
    assert name not in said.fields and lost.reason in said.notes and lost.reason.endswith(".")
    rest = {"prompt": "a cat", "steps": 20, "seed": 5, "guidance": 7.0, "sampler": "euler_a", "width": 512}
    rest = {each: value for each, value in rest.items() if each != name and (each, name) != ("width", "size")}
    assert rest.items() <= said.fields.items()


def test_one_number_beyond_all_does_not_cost_the_rest_of_a_record():
    record = {"prompt": "a cat", "seed": 10**30, "steps": 20, "width": 512, "height": 640, "base_model": "m"}
    said = from_texts({"parameters": json.dumps(record)})
    assert said.fields["steps"] == 20 and "seed" not in said.fields and any("seed" in note for note in said.notes)
