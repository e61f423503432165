"""Settings inside pictures, with sd-parsers as the referee of what we write."""

from __future__ import annotations

import io
import json
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from sdedge import catalog
from sdedge.errors import InvalidRequest
from sdedge.images import metadata, metadata_a1111, metadata_infotext
from sdedge.images.metadata_apps import from_texts
from sdedge.request import Request

PIXELS = np.arange(64 * 64 * 3, dtype=np.uint8).reshape(64, 64, 3)
FACTS = {"model_name": "v1-5", "model_hash": "cc6cb27103", "engine": "cpu float32", "version": "9.9"}
REQUEST = Request(
    prompt="a (red:1.2) house, näive 家\nat night", negative="ugly: very, bad", model="models/v1-5.safetensors", width=512,
    height=640, steps=23, guidance=7.5, sampler="dpmpp_2m", schedule="karras", seed=2**32 + 5, noise="philox", clip_skip=2,
)  # fmt: skip
A1111_TEXT = (
    "a cat\nNegative prompt: ugly\nSteps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7, Seed: 1, "
    "Size: 512x512, Model hash: cc6cb27103, Model: v1-5, Version: v1.9.4"
)


def saved(format: str, request: Request | None = REQUEST, facts: dict = FACTS) -> io.BytesIO:
    file = io.BytesIO()
    metadata.write(file, PIXELS, format, request, facts)
    file.seek(0)
    return file


def png(**texts: str) -> io.BytesIO:
    info = PngImagePlugin.PngInfo()
    for key, text in texts.items():
        info.add_text(key.replace("_", "-") if key == "sd_metadata" else key, text)
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "PNG", pnginfo=info)
    file.seek(0)
    return file


def fields(**texts: str) -> dict:
    return dict(metadata.read(png(**texts)).fields)


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
    found = sd_parsers.ParserManager().parse(path)
    (sampler,) = found.samplers
    assert str(found.generator) == "AUTOMATIC1111" or found.generator.value == "AUTOMATIC1111"
    assert sampler.name == "DPM++ 2M"
    assert {p.value for p in sampler.prompts} == {REQUEST.prompt}
    assert {p.value for p in sampler.negative_prompts} == {REQUEST.negative}
    assert (sampler.model.name, sampler.model.hash) == ("v1-5", "cc6cb27103")
    assert {key: str(value) for key, value in sampler.parameters.items()} == {
        "steps": "23", "scheduler": "Karras", "cfg_scale": "7.5", "seed": "4294967301",
    }  # fmt: skip
    assert {key: found.metadata[key] for key in ("Size", "Clip skip", "RNG", "Version")} == {
        "Size": "512x640", "Clip skip": "2", "RNG": "NV", "Version": "sdedge 9.9",
    }  # fmt: skip


@pytest.mark.parametrize("format", ["png", "jpeg", "webp"])
def test_our_files_give_the_request_back(format):
    request = REQUEST.replace(
        image="in.png", outpaint=(0, 8, 0, 8), sigmas=(14.6, 3.0, 0.0), guidance_interval=(0.3, 9)
    )
    found = metadata.read(saved(format, request, {**FACTS, "template": "a {red|blue} house"}))
    assert (found.source, found.notes) == ("sdedge", ())
    assert metadata.to_request(found) == request
    assert found.details["template"] == "a {red|blue} house" and found.details["sdedge"] == "9.9"


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
    for prompt, whole in (("家" * 12_000, True), ("家" * 20_000, True), ("\ud800" * 100, False)):
        found = metadata.read(saved("jpeg", REQUEST.replace(prompt=prompt)))
        assert found.source == "sdedge" and found.fields["seed"] == REQUEST.seed
        assert (found.fields["prompt"] == prompt) or not whole
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


WORDS = st.text("ab ,.()1", max_size=30).map(str.strip)


@given(prompt=WORDS, negative=WORDS,
       model=st.text("ab:,\"\\ é", min_size=1, max_size=8).map(str.strip).filter('""'.__ne__).filter(bool),
       sampler=st.sampled_from(sorted(catalog.SAMPLERS)), schedule=st.sampled_from(sorted(catalog.SCHEDULES)),
       noise=st.sampled_from(["torch", "philox"]), guidance=st.floats(0, 100))  # fmt: skip
@settings(max_examples=60)
def test_the_parameters_text_alone_gives_the_settings_back(prompt, negative, model, sampler, schedule, noise, guidance):
    request = Request(prompt=prompt, negative=negative, width=512, height=768, seed=1, guidance=guidance, sampler=sampler,
                      schedule=schedule, noise=noise)  # fmt: skip
    text = metadata_a1111.write(request, {"model_name": model})
    found = metadata.to_request(metadata.parse_parameters(text))
    unquoted = metadata_a1111.unquote(model)  # a name that is quoted in itself loses its quotes, as there
    assert found == request.replace(model=unquoted if metadata_a1111.quote(model) == model else model)


# Written by others


def test_a1111_png_in_every_kind_of_chunk():
    expected = {
        "prompt": "a cat", "negative": "ugly", "steps": 20, "sampler": "dpmpp_2m", "schedule": "karras", "guidance": 7.0,
        "seed": 1, "width": 512, "height": 512, "model": "v1-5", "noise": "philox", "preset": "a1111",
    }  # fmt: skip
    for zipped in (False, True):
        for text, prompt in ((A1111_TEXT, "a cat"), (A1111_TEXT.replace("a cat", "家"), "家")):
            info = PngImagePlugin.PngInfo()
            info.add_text("parameters", text, zip=zipped)
            file = io.BytesIO()
            Image.new("RGB", (8, 8)).save(file, "PNG", pnginfo=info)
            found = metadata.read(file)
            assert (found.source, dict(found.fields), found.notes) == ("A1111", {**expected, "prompt": prompt}, ())
            assert found.details["Model hash"] == "cc6cb27103" and found.text == text


def test_text_after_the_pixels_is_found():
    body = png().getvalue()
    chunk = b"tEXtparameters\0" + A1111_TEXT.encode()
    packed = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    assert metadata.read(io.BytesIO(body[:-12] + packed + body[-12:])).fields["prompt"] == "a cat"


@pytest.mark.parametrize(
    ("format", "comment"),
    [
        ("JPEG", b"UNICODE\0" + A1111_TEXT.encode("utf-16-be")),
        ("WEBP", b"UNICODE\0" + A1111_TEXT.encode("utf-16-le")),
        ("AVIF", b"UNICODE\0" + A1111_TEXT.encode("utf-16-be")),
        ("JPEG", b"ASCII\0\0\0" + A1111_TEXT.encode()),
    ],
)
def test_a1111_exif(format, comment):
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9286] = comment
    file = io.BytesIO()
    Image.new("RGB", (16, 16)).save(file, format, exif=exif.tobytes())
    assert metadata.read(file).fields["sampler"] == "dpmpp_2m"


def test_a1111_gif_comment():
    file = io.BytesIO()
    Image.new("RGB", (16, 16)).save(file, "GIF", comment=A1111_TEXT.encode())
    assert metadata.read(file).fields["seed"] == 1


def test_a1111_edge_cases():
    def parse(text: str) -> tuple[str, str, dict[str, str]]:
        found = metadata_infotext.parse(text)
        assert not found.after
        return found.prompt, found.negative, found.settings

    assert parse("only a prompt") == ("only a prompt", "", {})
    assert parse("a\nSteps: 1, Seed: 2") == ("a\nSteps: 1, Seed: 2", "", {})  # two pairs are prompt text
    weights = "a cat\n(red hair:1.2), (blue eyes:1.3), (smile:1.1)"
    assert parse(weights) == (weights, "", {})  # the web UI takes these for settings
    assert parse("x y: 1, zz: 2, ww: 3")[0] == "x y: 1, zz: 2, ww: 3"
    one_line = "a cat\nNegative prompt: ugly, bad. Steps: 20, Sampler: Euler a, Seed: 5, Size: 512x512"
    assert parse(one_line)[:2] == ("a cat", "ugly, bad")
    assert parse(one_line)[2]["Sampler"] == "Euler a"
    assert parse('a\nSteps: 2, Model: "x, y: \\"z\\"", Seed: 3')[2] == {"Steps": "2", "Model": 'x, y: "z"', "Seed": "3"}
    assert parse("")[0] == "" and parse("\n\n") == ("", "", {})
    assert parse("a\nNegative prompt: b\nc\nSteps: 1, Seed: 2, Size: 8x8")[:2] == ("a", "b\nc")


def test_a1111_before_schedule_types():
    old = "a\nSteps: 20, Sampler: {}, CFG scale: 7, Seed: 1, Size: 512x512"
    assert fields(parameters=old.format("DPM++ 2M Karras"))["schedule"] == "karras"
    assert fields(parameters=old.format("DPM++ 2M"))["schedule"] == "uniform"
    assert "schedule" not in fields(parameters=old.format("DDIM"))


def test_what_cannot_be_carried_over_is_said():
    text = A1111_TEXT.replace("Seed: 1,", "Seed: 1, ENSD: 31337, Hires upscale: 2, Denoising strength: 0.4,")
    found = metadata.read(png(parameters=text.replace("DPM++ 2M,", "Nonsense,").replace("512x512", "513x512")))
    assert "sampler" not in found.fields and (found.fields["width"], found.fields["height"]) == (512, 512)
    assert [part in " ".join(found.notes) for part in ("'Nonsense'", "513", "ENSD, Hires upscale")] == [True] * 3
    started = metadata.read(png(parameters=A1111_TEXT.replace("Seed: 1,", "Seed: 1, Denoising strength: 0.4,")))
    assert started.fields["strength"] == 0.4 and "another picture" in started.notes[0]


def test_braces_of_programs_without_wildcards_stay_text():
    text = A1111_TEXT.replace("a cat", "a {red|blue} __cat__")
    assert fields(parameters=text)["prompt"] == r"a \{red|blue} \__cat__"


def test_invokeai():
    record = {
        "generation_mode": "txt2img", "positive_prompt": "a cat", "negative_prompt": "ugly", "width": 512, "height": 640,
        "seed": 7, "rand_device": "cpu", "cfg_scale": 7.5, "steps": 30, "scheduler": "dpmpp_2m_k", "clip_skip": 1,
        "model": {"key": "k", "hash": "blake3:00", "name": "dreamshaper", "base": "sd-1"}, "app_version": "4.2",
    }  # fmt: skip
    assert fields(invokeai_metadata=json.dumps(record)) == {
        "prompt": "a cat", "negative": "ugly", "width": 512, "height": 640, "seed": 7, "noise": "torch", "guidance": 7.5,
        "steps": 30, "sampler": "dpmpp_2m", "schedule": "karras", "clip_skip": 2, "model": "dreamshaper",
        "preset": "diffusers",
    }  # fmt: skip
    old = {"model_weights": "sd-1.4", "image": {"prompt": [{"prompt": "a cat [ugly]", "weight": 1}], "steps": 50,
           "cfg_scale": 7.5, "width": 512, "height": 512, "seed": 3, "sampler": "k_lms"}}  # fmt: skip
    found = metadata.read(png(sd_metadata=json.dumps(old)))
    assert found.source == "InvokeAI"
    assert {**found.fields}.items() >= {"prompt": "a cat", "negative": "ugly", "sampler": "lms", "steps": 50}.items()


def test_draw_things_png_and_xmp():
    record = {"c": "a cat", "uc": "ugly", "steps": 20, "sampler": "DPM++ 2M Karras", "scale": 7.5, "seed": 9, "size": "512x768",
              "model": "sd_v1.5_f16.ckpt", "strength": 1, "seed_mode": "NVIDIA GPU Compatible"}  # fmt: skip
    expected = {
        "prompt": "a cat", "negative": "ugly", "steps": 20, "sampler": "dpmpp_2m", "schedule": "karras", "guidance": 7.5,
        "seed": 9, "width": 512, "height": 768, "model": "sd_v1.5_f16.ckpt", "noise": "philox",
    }  # fmt: skip
    text = json.dumps(record)
    assert fields(Software="Draw Things", Comment=text, Description="a cat\n-ugly\nSteps: 20") == expected
    quoted = text.replace('"', "&quot;")
    xmp = f"<x><exif:UserComment><rdf:Alt><rdf:li>{quoted}</rdf:li></rdf:Alt></exif:UserComment></x>"
    assert dict(from_texts({"XML:com.adobe.xmp": xmp}).fields) == expected
    assert "seed mode" in from_texts({"Comment": json.dumps({**record, "seed_mode": "Scale Alike"})}).notes[0]


MOCHI = (
    "Include in Image: a cat; with a hat; Exclude from Image: ugly; Model: sd-1-5_split-einsum; Steps: 12; "
    "Guidance Scale: 11.0; Seed: 4; Size: 512x512; Scheduler: DPM-Solver++; ML Compute Unit: CPU & Neural Engine; "
    "Generator: Mochi Diffusion 5.2"
)


def test_mochi_iptc_and_description(tmp_path):
    expected = {
        "prompt": "a cat; with a hat", "negative": "ugly", "model": "sd-1-5_split-einsum", "steps": 12, "guidance": 11.0,
        "seed": 4, "width": 512, "height": 512, "sampler": "dpmpp_2m", "preset": "apple",
    }  # fmt: skip
    caption = b"\x1c\x02\x78" + struct.pack(">H", len(MOCHI)) + MOCHI.encode()
    block = b"8BIM\x04\x04\0\0" + struct.pack(">I", len(caption)) + caption + b"\0" * (len(caption) % 2)
    segment = b"Photoshop 3.0\0" + block
    file = io.BytesIO()
    Image.new("RGB", (16, 16)).save(file, "JPEG")
    jpeg = file.getvalue()
    app13 = b"\xff\xed" + struct.pack(">H", len(segment) + 2) + segment
    found = metadata.read(io.BytesIO(jpeg[:2] + app13 + jpeg[2:]))
    assert (found.source, dict(found.fields)) == ("Mochi Diffusion", expected)
    for format in ("JPEG", "PNG", "TIFF"):
        exif = Image.Exif()
        exif[0x010E] = MOCHI
        Image.new("RGB", (16, 16)).save(file := io.BytesIO(), format, exif=exif)
        assert dict(metadata.read(file).fields) == expected
    assert metadata.read(png(Description="Include in Image: a; Steps: many; Seed: ")).fields == {"prompt": "a"}


def test_novelai():
    record = {
        "steps": 28,
        "sampler": "k_euler_ancestral",
        "seed": 12,
        "strength": 0.7,
        "noise": 0.2,
        "scale": 11.0,
        "uc": "bad (x)",
    }
    found = metadata.read(
        png(Software="NovelAI", Comment=json.dumps(record), Description="{{cat}}, [dog]", Source="S 1AB")
    )
    assert found.source == "NovelAI"
    assert dict(found.fields) == {
        "prompt": "((cat:1.05):1.05), (dog:0.952)", "negative": r"bad \(x\)", "steps": 28, "sampler": "euler_a", "seed": 12,
        "guidance": 11.0,
    }  # fmt: skip


def test_other_programs_are_named_not_guessed():
    assert metadata.read(png(prompt='{"3": {"class_type": "KSampler"}}')).source == "another program"
    assert metadata.read(png(Comment="taken at the sea")) == metadata.Metadata()


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
    found = from_texts(texts)
    assert isinstance(metadata.to_request(found), Request)


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
    with pytest.raises(InvalidRequest, match="more pixels than are safe"):
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
