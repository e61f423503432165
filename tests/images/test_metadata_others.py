"""Settings inside pictures that other programs wrote."""

from __future__ import annotations

import io
import json
import struct
import zlib

import pytest
from PIL import Image, PngImagePlugin

from sdedge.images import metadata, metadata_infotext
from sdedge.images.metadata_apps import from_texts
from sdedge.text.prompt import parse, weighted_segments
from sdedge.text.wildcards import resolve
from tests.images.metadata_samples import A1111_TEXT, MOCHI, fields, png


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
            result = metadata.read(file)
            assert (result.source, dict(result.fields), result.notes) == ("A1111", {**expected, "prompt": prompt}, ())
            assert result.details["Model hash"] == "cc6cb27103" and result.text == text


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
        result = metadata_infotext.parse(text)
        assert not result.after
        return result.prompt, result.negative, result.settings

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
    text = A1111_TEXT.replace("Seed: 1,", "Seed: 1, ENSD: 31337, NGMS: 2, ")
    result = metadata.read(png(parameters=text.replace("DPM++ 2M,", "Nonsense,").replace("512x512", "513x512")))
    assert "sampler" not in result.fields and (result.fields["width"], result.fields["height"]) == (512, 512)
    assert [part in " ".join(result.notes) for part in ("'Nonsense'", "513", "ENSD, NGMS")] == [True] * 3
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
    result = metadata.read(png(sd_metadata=json.dumps(old)))
    assert result.source == "InvokeAI"
    assert {**result.fields}.items() >= {"prompt": "a cat", "negative": "ugly", "sampler": "lms", "steps": 50}.items()


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
    result = metadata.read(io.BytesIO(jpeg[:2] + app13 + jpeg[2:]))
    assert (result.source, dict(result.fields)) == ("Mochi Diffusion", expected)
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
    result = metadata.read(
        png(Software="NovelAI", Comment=json.dumps(record), Description="{{cat}}, [dog]", Source="S 1AB")
    )
    assert result.source == "NovelAI"
    assert dict(result.fields) == {
        "prompt": "((cat:1.05):1.05), (dog:0.952)", "negative": r"bad \(x\)", "steps": 28, "sampler": "euler_a", "seed": 12,
        "guidance": 11.0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("prompt", "segments"),
    [
        ("{{cat}}, [dog]", [("cat", 1.1025), (", ", 1.0), ("dog", 0.952)]),
        ("__hair__ BREAK a AND b <lora:c:1>", [("__hair__ BREAK a AND b <lora:c:1>", 1.0)]),
        ("a } b ] c { d [ e", [("a } b ] c { d [ e", 1.0)]),
        ("[a {b] c", [("[a {b] c", 1.0)]),
        ("{a|b} (c:2) \\ {", [("a|b", 1.05), (" (c:2) \\ {", 1.0)]),
    ],
)
def test_nothing_in_a_prompt_of_novelai_but_paired_brackets_is_a_language(prompt, segments):
    record = {"steps": 28, "sampler": "k_euler", "seed": 1, "uc": prompt}
    fields = metadata.read(png(Software="NovelAI", Comment=json.dumps(record), Description=prompt)).fields
    for text in (fields["prompt"], fields["negative"]):
        (part,) = parse(resolve(text, 1).text).parts
        assert [(segment.text, segment.weight) for segment in weighted_segments(part.text)] == [
            (word, pytest.approx(weight)) for word, weight in segments
        ]


def test_other_programs_are_named_not_guessed():
    assert metadata.read(png(prompt='{"3": {"class_type": "KSampler"}}')).source == "another program"
    assert metadata.read(png(Comment="taken at the sea")) == metadata.Metadata()


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("passes", [{"teleport": 1}], "A pass has no 'teleport'"),
        ("controls", [{"foo": 1}], "A control has no 'foo'"),
        ("guides", {"sag": {}}, "There is no guide 'sag'"),
        ("regions", [{"prompt": "x", "shape": 1}], "A region has no 'shape'"),
        ("windows", {"tiles": 3}, "Windows have no 'tiles'"),
    ],
)
def test_a_part_of_a_record_that_another_version_wrote_leaves_the_rest_readable(field, value, said):
    record = {"sdedge": "9.9", "request": {"prompt": "a house", "steps": 7, field: value}}
    recorded = from_texts({"sdedge": json.dumps(record)})
    assert (recorded.fields["prompt"], recorded.fields["steps"]) == ("a house", 7) and field not in recorded.fields
    (left_out,) = [item for item in recorded.unhonoured if item.field == field]
    assert said in left_out.reason and json.loads(left_out.value) == value


def test_values_that_a_request_refuses_are_told_as_json():
    passes = [{"enlarge": {"by": "lanczos", "scale": 900}}]
    record = {"sdedge": "0.1.0", "request": {"prompt": "a", "passes": passes, "windows": {"size": "x"}}}
    unhonoured = {item.field: json.loads(item.value) for item in from_texts({"sdedge": json.dumps(record)}).unhonoured}
    assert unhonoured["passes"][0]["enlarge"]["scale"] == 900 and unhonoured["windows"]["size"] == "x"


def test_samplers_whose_noise_came_from_a_graphics_card_are_known():
    record = {"prompt": "a house", "steps": 6, "seed": "5", "sampler": "dpmpp_2m_sde_gpu", "scheduler": "karras",
              "version": "Fooocus v2.5.0", "metadata_scheme": "fooocus", "base_model": "m"}  # fmt: skip
    recorded = from_texts({"parameters": json.dumps(record), "fooocus_scheme": "fooocus"})
    assert (recorded.fields["sampler"], recorded.fields["schedule"]) == ("dpmpp_2m_sde", "karras")


def test_a_prompt_that_a_graph_does_not_tell_is_said_to_be_missing():
    from tests.images.graph_samples import comfyui_prompt

    graph = comfyui_prompt()
    texts = [node for node in graph.values() if node["class_type"] == "CLIPTextEncode"]
    assert not any("says it nowhere" in note for note in from_texts({"prompt": json.dumps(graph)}).notes)
    for node in texts:
        node["inputs"]["text"] = ["nowhere", 0]
    recorded = from_texts({"prompt": json.dumps(graph)})
    assert "cat" not in recorded.fields["prompt"] and any("says it nowhere" in note for note in recorded.notes)
