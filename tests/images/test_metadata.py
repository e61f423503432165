"""Settings inside pictures, with sd-parsers as the referee of what we write."""

from __future__ import annotations

import io
import json
import math
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from sdedge import catalog
from sdedge.errors import InvalidRequest
from sdedge.images import metadata, metadata_a1111
from sdedge.images.carried import with_done
from sdedge.images.metadata_apps import from_texts
from sdedge.passes import Changes, Enlargement, Pass
from sdedge.regions import Region
from sdedge.request import Request
from tests.images.metadata_samples import A1111_TEXT, FACTS, MOCHI, PIXELS, REQUEST, png, saved

# Written here


def test_parameters_text_to_the_byte():
    assert metadata_a1111.write(REQUEST, FACTS) == (
        "a (red:1.2) house, näive 家\nat night\n"
        "Negative prompt: ugly: very, bad\n"
        "Steps: 23, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7.5, Seed: 4294967301, Size: 512x640, "
        "Model hash: cc6cb27103, Model: v1-5, Clip skip: 2, RNG: NV, Version: sdedge 9.9"
    )


def test_optional_keys_keep_their_order_and_are_quoted():
    request = REQUEST.replace(
        prompt="x", negative="", clip_skip=1, noise="numpy", image="a.png", mask="m.png", strength=0.5, mask_only=True,
        vae="my, vae.pt", variation_seed=3, variation_strength=0.25, tiling=True, eta=1.0, guidance=7.0, model="a:b",
    )  # fmt: skip
    assert metadata_a1111.write(request, {"version": "1", "lora_hashes": "a: 0123456789ab, b: 0123456789ab"}) == (
        "x\nSteps: 23, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7, Seed: 4294967301, Size: 512x640, "
        'Model: "a:b", VAE: "my, vae.pt", Variation seed: 3, Variation seed strength: 0.25, Denoising strength: 0.5, '
        "Tiling: True, Eta: 1, Mask blur: 4, Inpaint area: Only masked, Masked area padding: 32, "
        'Lora hashes: "a: 0123456789ab, b: 0123456789ab", Version: sdedge 1'
    )


def test_sd_parsers_reads_what_we_write(tmp_path):
    sd_parsers = pytest.importorskip("sd_parsers")
    path = tmp_path / "a.png"
    path.write_bytes(saved("png").getvalue())
    result = sd_parsers.ParserManager().parse(path)
    (sampler,) = result.samplers
    assert str(result.generator) == "AUTOMATIC1111" or result.generator.value == "AUTOMATIC1111"
    assert sampler.name == "DPM++ 2M"
    assert {p.value for p in sampler.prompts} == {REQUEST.prompt}
    assert {p.value for p in sampler.negative_prompts} == {REQUEST.negative}
    assert (sampler.model.name, sampler.model.hash) == ("v1-5", "cc6cb27103")
    assert {key: str(value) for key, value in sampler.parameters.items()} == {
        "steps": "23", "scheduler": "Karras", "cfg_scale": "7.5", "seed": "4294967301",
    }  # fmt: skip
    assert {key: result.metadata[key] for key in ("Size", "Clip skip", "RNG", "Version")} == {
        "Size": "512x640", "Clip skip": "2", "RNG": "NV", "Version": "sdedge 9.9",
    }  # fmt: skip


@pytest.mark.parametrize("format", ["png", "jpeg", "webp"])
def test_our_files_give_the_request_back(format):
    request = REQUEST.replace(
        image="in.png", outpaint=(0, 8, 0, 8), sigmas=(14.6, 3.0, 0.0), guidance_interval=(0.3, 9)
    )
    result = metadata.read(saved(format, request, {**FACTS, "template": "a {red|blue} house"}))
    assert (result.source, result.notes) == ("sdedge", ())
    assert metadata.to_request(result) == request
    assert result.details["template"] == "a {red|blue} house" and result.details["sdedge"] == "9.9"


@pytest.mark.parametrize("bounds", [(0.3, math.inf), (0.0, 9.0), (math.inf, math.inf)])
def test_an_interval_without_an_end_survives_the_record(bounds):
    request = REQUEST.replace(guidance_interval=bounds, passes=(Pass(Changes(guidance_interval=bounds)),))
    result = metadata.read(saved("png", request))
    assert metadata.to_request(result) == request and not result.unhonoured
    json.loads(request.to_json(), parse_constant=pytest.fail)  # what is no number in JSON is not written
    assert Request.from_json(request.to_json()) == request
    infinite = (
        request.to_json().replace("null]", "Infinity]").replace("[null", "[Infinity")
    )  # as versions before wrote it
    assert Request.from_json(infinite) == request


@pytest.mark.parametrize("format", ["png", "jpeg", "webp"])
def test_private_files_hold_nothing(format):
    file = saved(format, None)
    assert metadata.read(file) == metadata.Metadata()
    assert b"house" not in file.getvalue() and b"sdedge" not in file.getvalue()
    with Image.open(file) as image:
        assert not image.getexif() and "parameters" not in image.info


def test_png_pixels_are_exact():
    with Image.open(saved("png")) as image:
        assert np.array_equal(np.asarray(image), PIXELS)


@pytest.mark.parametrize("format", ["jpeg", "webp"])
def test_other_programs_find_the_parameters_in_exif(format):
    with Image.open(saved(format)) as image:
        comment = image.getexif().get_ifd(0x8769)[0x9286]
    assert comment[:8] == b"UNICODE\0"
    assert comment[8:].decode("utf-16-be") == metadata_a1111.write(REQUEST, FACTS)


def test_prompts_too_long_for_jpeg_are_still_saved():
    for prompt, is_whole in (("家" * 12_000, True), ("家" * 20_000, True), ("\ud800" * 100, False)):
        result = metadata.read(saved("jpeg", REQUEST.replace(prompt=prompt)))
        assert result.source == "sdedge" and result.fields["seed"] == REQUEST.seed
        assert (result.fields["prompt"] == prompt) or not is_whole
    both = metadata.read(saved("jpeg", REQUEST.replace(prompt="家" * 20_000, negative="夜" * 20_000)))
    assert both.fields["prompt"] == "家" * 8_000 and both.fields["seed"] == REQUEST.seed


def test_an_unknown_format_is_refused():
    with pytest.raises(InvalidRequest, match="'gif'"):
        saved("gif")


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


@given(prompt=TEXT, negative=TEXT, seed=st.integers(0, 2**64 - 1), guidance=st.floats(0, 100), clip=st.integers(1, 12),
       sampler=st.sampled_from(sorted(catalog.SAMPLERS)), schedule=st.sampled_from([None, *catalog.SCHEDULES]))  # fmt: skip
@settings(max_examples=40)
def test_any_request_survives_the_record(prompt, negative, seed, guidance, clip, sampler, schedule):
    request = Request(prompt=prompt, negative=negative, seed=seed, guidance=guidance, clip_skip=clip, sampler=sampler,
                      schedule=schedule)  # fmt: skip
    assert metadata.to_request(metadata.parse_parameters(metadata.record(request, {}))) == request


TEXTS = st.text("ab ,.()1", max_size=30).map(str.strip)


@given(prompt=TEXTS, negative=TEXTS,
       model=st.text("ab:,\"\\ é", min_size=1, max_size=8).map(str.strip).filter('""'.__ne__).filter(bool),
       sampler=st.sampled_from(sorted(catalog.SAMPLERS)), schedule=st.sampled_from(sorted(catalog.SCHEDULES)),
       noise=st.sampled_from(["torch", "philox"]), guidance=st.floats(0, 100))  # fmt: skip
@settings(max_examples=60)
def test_the_parameters_text_alone_gives_the_settings_back(prompt, negative, model, sampler, schedule, noise, guidance):
    request = Request(prompt=prompt, negative=negative, width=512, height=768, seed=1, guidance=guidance, sampler=sampler,
                      schedule=schedule, noise=noise)  # fmt: skip
    text = metadata_a1111.write(request, {"model_name": model})
    result = metadata.to_request(metadata.parse_parameters(text))
    unquoted = metadata_a1111.unquote(model)  # a name that is quoted in itself loses its quotes, as there
    assert result == request.replace(model=unquoted if metadata_a1111.quote(model) == model else model)


# Bad input


@given(
    st.dictionaries(
        st.sampled_from(["parameters", "sdedge", "invokeai_metadata", "sd-metadata", "Comment", "Software", "Description",
                         "description", "iptc", "XML:com.adobe.xmp", "prompt"]),
        st.one_of(
            st.text(max_size=80),
            st.sampled_from([A1111_TEXT, MOCHI, "NovelAI", "[" * 9000, '{"a":' * 9000, "<dc:description><rdf:li>"]),
            st.recursive(
                st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
                lambda inner: st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(["sdedge", "request", "facts", "image", "prompt", "c", "uc", "sampler", "size", "model",
                                     "seed", "steps", "scale", "scheduler", "positive_prompt", "clip_skip", "mask", "sigmas"]),
                    inner, max_size=6),
                max_leaves=12,
            ).map(json.dumps),
        ),
    )
)  # fmt: skip
@settings(max_examples=80)
def test_no_text_crashes_the_readers(texts):
    result = from_texts(texts)
    assert isinstance(metadata.to_request(result), Request)


@given(st.data())
@settings(max_examples=60)
def test_damaged_files_are_read_or_refused(data):
    body = bytearray(saved(data.draw(st.sampled_from(["png", "jpeg", "webp"]))).getvalue())
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    body = body[: data.draw(st.integers(0, len(body)))] if data.draw(st.booleans()) else body
    try:
        metadata.to_request(metadata.read(io.BytesIO(bytes(body))))
    except InvalidRequest as error:
        assert "choose another" in str(error) or "smaller" in str(error)


def test_bombs_and_missing_files_are_refused(tmp_path: Path):
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    bomb = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    bomb += struct.pack(">I", 9) + b"IDAT" + b"\0" * 13
    (tmp_path / "bomb.png").write_bytes(bomb)
    with pytest.raises(InvalidRequest, match="3600 megapixels, and 64 are the most"):
        metadata.read(tmp_path / "bomb.png")
    for name in ("missing.png", "."):
        with pytest.raises(InvalidRequest, match="Cannot read"):
            metadata.read(tmp_path / name)
    (tmp_path / "text.png").write_text("not a picture")
    with pytest.raises(InvalidRequest, match="not a picture"):
        metadata.read(tmp_path / "text.png")


def test_text_bombs_are_not_unpacked():
    chunk = b"zTXtparameters\0\0" + zlib.compress(b"a" * (3 << 20))
    packed = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    body = png().getvalue()
    with pytest.raises(InvalidRequest, match="damaged"):
        metadata.read(io.BytesIO(body[:33] + packed + body[33:]))


@pytest.mark.parametrize(
    "more",
    [
        {"passes": (Pass(Changes(strength=0.5, prompt="c " * 9000), Enlargement()),)},
        {"regions": tuple(Region("d " * 9000 + "<lora:x:1>", (0.0, 0.0, 0.5, 1.0)) for _ in range(4))},
    ],
)
def test_a_jpeg_whose_settings_do_not_fit_is_written_all_the_same(more):
    """Its passes and regions have prompts of their own, and a tag that they need stands behind the cut."""
    request = REQUEST.replace(prompt="a " * 9000 + "<lora:x:1>", negative="\U0001f600" * 9000, **more)
    recorded = metadata.read(saved("jpeg", request, FACTS))
    assert recorded.fields["prompt"] == ("a " * 4000).strip() and recorded.fields["steps"] == REQUEST.steps


def test_what_was_done_stands_behind_the_last_line_of_settings():
    """However many lines begin as settings do: each was once looked for behind every other."""
    lines = ["Steps: 1, Sampler: Euler"] * 60_000
    done = with_done({"parameters": "\n".join([*lines, "Template: x"])}, {"Postprocess upscale by": "2"})["parameters"]
    assert done.split("\n") == [*lines[1:], f"{lines[0]}, Postprocess upscale by: 2", "Template: x"]
    assert with_done({"parameters": "a house\n Steps: 1"}, {"a": "b"})["parameters"] == "a house\n Steps: 1"
    assert with_done({"parameters": "Steps: 1"}, {"a": "b"})["parameters"] == "Steps: 1, a: b"


@pytest.mark.parametrize("format", ["png", "jpeg"])
def test_a_record_and_a_text_beside_it_that_differ_are_told(format):
    """Somebody changed one of them; what `sdedge upscale` appends is no difference."""
    texts = dict(metadata.read_texts(saved(format, REQUEST, FACTS)))
    key = "sdedge" if format == "png" else "description"
    beside = with_done({"sdedge": texts[key], "parameters": texts["parameters"]}, {"Postprocess upscale by": "2"})
    assert from_texts(beside).notes == ()
    changed = {**texts, "parameters": texts["parameters"].replace("Steps: 23", "Steps: 24")}
    assert changed != texts
    said = from_texts(changed)
    assert said.notes[0] == "The picture's own record and its parameters text differ in steps; the record is used."
    assert said.fields["steps"] == REQUEST.steps and said.unhonoured[0].value == "24"
