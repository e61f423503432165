"""Pictures of other programs read completely: graphs, resources, conflicts; what is not honoured stands there as data."""

from __future__ import annotations

import io
import json
import re

import pytest
from click.testing import CliRunner
from PIL import Image, PngImagePlugin

from sdedge.cli import cli
from sdedge.images import metadata, metadata_a1111, metadata_infotext
from sdedge.images.metadata_apps import from_texts
from sdedge.images.metadata_fields import MAX_UNHONOURED, Metadata
from sdedge.passes import Enlargement
from sdedge.request import Request
from sdedge.sampling.presets import sampling_plan
from tests.images.graph_samples import COMFYUI_WORKFLOW, comfyui_prompt, invokeai_graph
from tests.images.metadata_samples import A1111_TEXT, png


def _read(**texts: object) -> Metadata:
    return from_texts({key: text if isinstance(text, str) else json.dumps(text) for key, text in texts.items()})


def _unhonoured(recorded: Metadata) -> set[str]:
    assert all(item.reason.endswith(".") for item in recorded.unhonoured)
    return {item.field for item in recorded.unhonoured}


def _resources(recorded: Metadata) -> set[tuple[str, str, str]]:
    return {(resource.role, resource.name, resource.hash) for resource in recorded.resources}


def test_no_setting_of_the_web_ui_is_dropped():
    extra = (
        'ENSD: 31337, Hires upscale: 2, ADetailer model: mediapipe_face_full, ADetailer prompt: "x, y: z", RP Active: True, '
        'Odd thing: 5, Lora hashes: "add_detail: 7c6bad76eb54, other: 0123456789ab", TI hashes: "Easy: c74b4e810b03", '
        "VAE Decoder: TAESD, "
        'ControlNet 0: "Module: canny, Model: None", '
    )
    recorded = _read(parameters=A1111_TEXT.replace("Version", f"{extra}Version"))
    named = {
        "ENSD",
        "ADetailer model",
        "ADetailer prompt",
        "RP Active",
        "Odd thing",
        "VAE Decoder",
        "ControlNet 0",
    }
    assert _unhonoured(recorded) == named
    assert {item.field: item.value for item in recorded.unhonoured}["ADetailer prompt"] == "x, y: z"
    assert _resources(recorded) == {
        ("model", "v1-5", "cc6cb27103"), ("lora", "add_detail", "7c6bad76eb54"), ("lora", "other", "0123456789ab"),
        ("embedding", "Easy", "c74b4e810b03"),
    }  # fmt: skip
    assert not _read(parameters=A1111_TEXT).unhonoured, "what is honoured is not listed"


@pytest.mark.parametrize(
    ("word", "content"),
    [("fill", "fill"), ("latent noise", "noise"), ("latent nothing", "nothing"), ("original", "original")],
)
def test_what_stood_under_the_mask_is_read_and_written_as_the_web_ui_calls_it(word, content):
    more = f"Denoising strength: 0.75, Mask blur: 4, Masked content: {word}, Mask mode: Inpaint not masked, "
    recorded = _read(parameters=A1111_TEXT.replace("Version", f"{more}Version"))
    assert recorded.fields["masked_content"] == content and _unhonoured(recorded) == {"image", "Mask mode"}
    (turned,) = [item.reason for item in recorded.unhonoured if item.field == "Mask mode"]
    assert turned.startswith("The mask was turned round")
    request = Request(image="a.png", mask="m.png", masked_content=content)
    assert (f"Masked content: {word}" in metadata_a1111.write(request, {})) == (content != "original")


def test_forges_modules_of_a_second_pass_are_nothing_lost_and_other_settings_of_it_are_told_apart_from_it():
    more = "Denoising strength: 0.5, Hires Module 1: Use same choices, Hires upscale: 2, Hires upscaler: Latent, Hires odd: 3, "
    recorded = _read(parameters=A1111_TEXT.replace("Version", f"{more}Version"))
    assert len(recorded.fields["passes"]) == 1 and _unhonoured(recorded) == {"Hires odd"}
    assert recorded.unhonoured[0].reason == "This setting of hires fix is not carried over."


def _regional(prompt: str, more: str) -> Metadata:
    return _read(
        parameters=A1111_TEXT.replace("a cat\n", f"{prompt}\n").replace("Version", f"RP Active: True, {more}, Version")
    )


def test_the_regional_prompter_s_columns_and_rows_are_regions():
    prompt = "a street ADDCOMM rain ADDBASE a cat <lora:x:1> BREAK a dog"
    recorded = _regional(prompt, 'RP Divide mode: Matrix, RP Matrix submode: Columns, RP Ratios: "1,3", RP Base Ratios: 0.3, '
                                 "RP Use Base: True, RP Use Common: True, RP Calc Mode: Latent, RP threshold: 0.4")  # fmt: skip
    assert recorded.fields["prompt"] == "a street, rain <lora:x:1>"
    left, right = recorded.fields["regions"]
    assert (left.prompt, left.area, left.base, left.by) == ("a street, a cat", (0.0, 0.0, 0.25, 1.0), 0.3, "prediction")
    assert (right.prompt, right.area) == ("a street, a dog", (0.25, 0.0, 1.0, 1.0))
    assert _unhonoured(recorded) == {"RP Calc Mode"}, "they blend in another way, and nothing else is lost"
    rows = _regional("a cat BREAK a dog", 'RP Divide mode: Vertical, RP Ratios: "1,1"').fields["regions"]
    assert [region.area for region in rows] == [(0.0, 0.0, 1.0, 0.5), (0.0, 0.5, 1.0, 1.0)]
    for prompt, more in (
        ("a cat", 'RP Ratios: "1,1"'),
        ("a BREAK b", 'RP Ratios: "1;2"'),
        ("a BREAK b", "RP Divide mode: Mask"),
    ):
        lost = _regional(prompt, more)
        assert "regions" not in lost.fields and _unhonoured(lost) >= {"RP Active", more.partition(":")[0]}
        assert lost.fields["prompt"] == prompt


def test_civitai_s_lists_are_json_among_the_settings():
    resources = [
        {"type": "checkpoint", "modelVersionId": 128713, "modelName": "DreamShaper, 8", "modelVersionName": "8: x"},
        {"type": "lora", "weight": 0.6, "modelName": "Add: Details"},
        {"type": "lora", "weight": 0.5, "modelName": "More [Details]"},
        {"type": "upscaler", "modelName": "4x"},
    ]
    text = (
        "a cat\nNegative prompt: bad\nSteps: 30, Sampler: Euler a, CFG scale: 7, Seed: 12, Size: 512x768, "
        f"Civitai resources: {json.dumps(resources)}, Civitai metadata: {{}}"
    )
    recorded = _read(parameters=text)
    assert (
        recorded.source == "Civitai" and recorded.fields["model"] == "DreamShaper, 8" and recorded.fields["seed"] == 12
    )
    assert recorded.fields["prompt"] == "a cat <lora:More [Details]:0.5>"
    assert _unhonoured(recorded) == {"lora", "Civitai resources", "timesteps", "step noise"}
    extra = {"prompt": "a dog", "negativePrompt": "no", "steps": 9, "cfgScale": 5, "sampler": "dpmpp_2m", "seed": 4}
    by_generator = _read(parameters={"9": {"class_type": "X", "inputs": {}}, "extraMetadata": json.dumps(extra)})
    assert {**by_generator.fields}.items() >= {"prompt": "a dog", "steps": 9, "guidance": 5.0, "seed": 4}.items()
    hashes = '{"model": "0123456789", "lora:detail": "ABCDEF012345", "embed:bad": "111111111111"}'
    recorded = _read(parameters=A1111_TEXT.replace("Model hash: cc6cb27103", f"Hashes: {hashes}"))
    assert _resources(recorded) == {
        ("model", "v1-5", "0123456789"), ("lora", "detail", "abcdef012345"), ("embedding", "bad", "111111111111")
    }  # fmt: skip


def test_a_graph_of_comfyui_s_common_nodes():
    recorded = _read(prompt=comfyui_prompt())
    assert recorded.source == "ComfyUI" and dict(recorded.fields) == {
        "prompt": r"a \[cat\] A\ND (dog:1.2) <lora:detail:0.5:0.8>", "negative": "bad", "model": "v1-5", "vae": "vae-ft",
            "width": 512,
        "height": 640, "steps": 20, "guidance": 7.5, "sampler": "dpmpp_2m", "schedule": "karras", "preset": "sdedge", "seed": 5,
        "noise": "torch", "clip_skip": 2,
    }  # fmt: skip
    assert _unhonoured(recorded) == {"prompt", "timesteps"}, (
        "weights and timesteps act in another way there, nothing else"
    )
    assert {role for role, _, _ in _resources(recorded)} == {"model", "lora", "vae"}


@pytest.mark.parametrize(("steps", "denoise"), [(20, 0.4), (30, 0.7), (9, 0.5), (17, 0.83), (1, 0.9), (20, 1.0)])
def test_a_part_of_a_run_of_comfyui_is_as_many_steps_of_as_long_a_run(steps, denoise):
    """KSampler.set_steps there: the last `steps` of int(steps / denoise), of a picture and of the latent of another sampler."""
    photo = {"class_type": "VAEEncode", "pixels": ["photo", 0]}
    start = {"latent_image": ["encode", 0], "denoise": denoise, "steps": steps}
    recorded = _read(prompt=comfyui_prompt(sampler=start, encode=photo, photo={"class_type": "LoadImage"})).fields
    expected = sampling_plan("dpmpp_2m", "karras", int(steps / denoise)).sigmas[-steps - 1 :]
    drawn = sampling_plan("dpmpp_2m", "karras", recorded["steps"], strength=recorded["strength"])
    assert drawn.sigmas == expected
    again = {**_AGAIN, "latent_image": ["sampler", 0], "denoise": denoise, "steps": steps}
    (second,) = _read(prompt=comfyui_prompt(again=again, decode={"samples": ["again", 0]})).fields["passes"]
    expected = sampling_plan("euler", "uniform", int(steps / denoise)).sigmas[-steps - 1 :]
    strength = second.changes["strength"]
    redrawn = sampling_plan("euler", "uniform", second.changes["steps"], strength=strength, all_steps=True)
    assert redrawn.sigmas == expected


_AGAIN = {"class_type": "KSampler", "seed": 6, "steps": 9, "cfg": 7, "sampler_name": "euler", "scheduler": "normal",
          "denoise": 0.5, "positive": ["yes", 0], "negative": ["no", 0], "model": ["lora", 0]}  # fmt: skip


def test_what_a_graph_does_besides_is_listed_node_by_node():
    larger = comfyui_prompt(
        larger={"class_type": "LatentUpscale", "samples": ["sampler", 0], "width": 1024, "height": 1280, "crop": "disabled",
                "upscale_method": "nearest-exact"},
        again={**_AGAIN, "latent_image": ["larger", 0]},
        decode={"samples": ["again", 0]}, unused={"class_type": "Nobody", "depends": 1},
        control={"class_type": "ControlNetLoader", "control_net_name": "canny.pth"},
        hint={"class_type": "LoadImage", "image": "edges.png"},
        yes={"text": "a cat"},
        guided={"class_type": "ControlNetApplyAdvanced", "strength": 0.7, "start_percent": 0, "end_percent": 0.5,
                "positive": ["yes", 0], "negative": ["no", 0], "control_net": ["control", 0], "image": ["hint", 0]},
        sampler={"positive": ["guided", 0], "negative": ["guided", 1], "odd": 3, "model": ["free", 0]},
        free={"class_type": "FreeU", "b1": 1.3, "model": ["lora", 0]},
    )  # fmt: skip
    recorded = _read(prompt=larger)
    named = {
        "KSampler",
        "FreeU",
        "timesteps",
        "noise of a pass",
        "model of a pass",
        "positive of a pass",
        "negative of a pass",
    }
    assert _unhonoured(recorded) == named
    assert {item.value for item in recorded.unhonoured if item.field == "KSampler"} == {'{"odd": 3}'}
    (second,) = recorded.fields["passes"]
    assert second.enlarge == Enlargement("latent-nearest-exact", size=(1024, 1280))
    said = {"steps": 9, "strength": 0.5, "sampler": "euler", "schedule": "uniform", "guidance": 7.0}
    assert dict(second.changes) == said, "a pass runs all of its steps here as well: the last nine of 18"
    assert recorded.fields["seed"] == 5 and recorded.fields["prompt"] == "a cat <lora:detail:0.5:0.8>"
    (control,) = recorded.fields["controls"]
    assert (control.model, control.weight, control.span, control.hint) == ("canny", 0.7, (0.0, 0.5), None)
    from_photo = _read(prompt=comfyui_prompt(sampler={"latent_image": ["encode", 0], "denoise": 0.4},
                       encode={"class_type": "VAEEncode", "pixels": ["photo", 0]},
                           photo={"class_type": "LoadImage"}))  # fmt: skip
    assert (from_photo.fields["strength"], from_photo.fields["steps"]) == (0.4, 50) and "image" in _unhonoured(
        from_photo
    )
    area = {
        "class_type": "LatentUpscale",
        "samples": ["sampler", 0],
        "upscale_method": "area",
        "width": 1024,
        "height": 1280,
    }
    by_area = _read(
        prompt=comfyui_prompt(
            area=area, again={**_AGAIN, "latent_image": ["area", 0]}, decode={"samples": ["again", 0]}
        )
    )
    assert "passes" not in by_area.fields and "KSampler" in _unhonoured(by_area), "a way that is none of ours is listed"


def test_a_workflow_without_names_of_its_widgets():
    recorded = _read(workflow=COMFYUI_WORKFLOW)
    said = {
        "prompt": "a dog",
        "negative": "bad",
        "model": "v1",
        "sampler": "euler_a",
        "schedule": "uniform",
        "seed": 5,
        "steps": 20,
    }
    assert {**recorded.fields}.items() >= said.items()
    assert _unhonoured(recorded) == {"batch_size", "timesteps", "step noise"}, "a bypassed node does nothing"


@pytest.mark.parametrize("graph", [
    {"1": {"class_type": "KSampler", "inputs": {"seed": ["1", 0], "steps": ["1", 0], "cfg": 1, "sampler_name": ["2", 0],
                                               "positive": ["1", 0], "model": ["1", 0], "latent_image": ["1", 0]}}},
    {str(i): {"class_type": "Reroute", "inputs": {"a": [str((i + 1) % 50), 0]}} for i in range(50)}
    | {"s": {"class_type": "KSampler", "inputs": {"seed": ["0", 0], "steps": 3, "cfg": 7, "sampler_name": "x", "model": ["0",
        0]}}},
])  # fmt: skip
def test_graphs_that_run_in_circles_end(graph):
    assert _read(prompt=graph).source == "ComfyUI"


def test_invokeai_s_graph_says_what_its_metadata_would():
    recorded = _read(invokeai_graph=invokeai_graph())
    assert dict(recorded.fields) == {
        "prompt": "a (cat:1.1) <lora:style:0.7>", "negative": "bad", "model": "dream", "width": 512, "height": 512, "steps": 25,
        "guidance": 6.5, "sampler": "dpmpp_2m", "schedule": "karras", "preset": "diffusers", "seed": 3, "noise": "torch",
        "clip_skip": 2,
    }  # fmt: skip
    assert ("lora", "style", "blake3:22") in _resources(recorded) and _unhonoured(recorded) == {"prompt"}
    graph = invokeai_graph()
    graph["nodes"]["core"] = {
        "type": "core_metadata",
        "positive_prompt": "a dog",
        "seed": 9,
        "steps": 4,
        "scheduler": "ddim",
    }
    assert _read(invokeai_graph=graph).fields["prompt"] == "a dog"
    workflow = {
        "nodes": [
            {"id": name, "data": {"type": node.pop("type"), "inputs": {key: {"value": value} for key, value in node.items()}}}
            for name, node in invokeai_graph()["nodes"].items()
        ],
        "edges": [
            {"source": edge["source"]["node_id"], "sourceHandle": edge["source"]["field"],
             "target": edge["destination"]["node_id"], "targetHandle": edge["destination"]["field"]}
            for edge in invokeai_graph()["edges"]
        ],
    }  # fmt: skip
    assert _read(invokeai_workflow=workflow).fields == recorded.fields


def test_invokeai_s_settings_of_every_version():
    new = {
        "app_version": "6.1.0", "generation_mode": "txt2img", "positive_prompt": "a cat", "seed": 7, "rand_device": "cpu",
            "steps": 3,
        "scheduler": "euler_a", "model": {"name": "d", "hash": "blake3:aa"}, "vae": {"name": "v"}, "cfg_rescale_multiplier": 0.5,
        "ref_images": [{"weight": 1}], "hrf_enabled": True, "control_layers": {"layers": [1]}, "odd_new_setting": 5,
        "seamless_x": True, "seamless_y": False, "refiner_model": None,
        "controlnets": [{"control_model": {"name": "canny"}, "control_weight": 0.6, "begin_step_percent": 0,
            "end_step_percent": 1}],
    }  # fmt: skip
    recorded = _read(invokeai_metadata=new)
    lost = {"ref_images", "hrf_enabled", "control_layers", "odd_new_setting", "seamless_x", "controlnets", "step noise"}
    assert _unhonoured(recorded) == lost
    assert recorded.fields["vae"] == "v" and recorded.fields["controls"][0].weight == 0.6
    assert recorded.fields["guidance_rescale"] == 0.5
    first = _read(Dream='"a cat [ugly]" -s 50 -S 42 -W512 -H640 -C 7.5 -A k_lms -G 0.8 --seamless')
    said = {
        "prompt": "a cat",
        "negative": "ugly",
        "steps": 50,
        "seed": 42,
        "sampler": "lms",
        "width": 512,
        "height": 640,
    }
    assert {**first.fields}.items() >= said.items() and _unhonoured(first) == {"--seamless"}


def test_any_program_that_lists_settings_is_read_and_the_rest_kept():
    recorded = _read(
        Comment={"Prompt": "a cat", "Seed": 3, "Sampling Steps": 20, "Weird knob": 5, "cfg-scale": 7}, Software="My 2"
    )
    assert (recorded.source, dict(recorded.fields)) == (
        "My 2",
        {"prompt": "a cat", "steps": 20, "guidance": 7.0, "seed": 3},
    )
    assert _unhonoured(recorded) == {"numerics", "Weird knob"} and recorded.details["Weird knob"] == 5
    swarm = _read(parameters={
        "sui_image_params": {"prompt": "a cat", "seed": 3, "steps": 2, "model": "m/x.safetensors", "sampler": "euler",
            "loras": ["a/b"],
                             "loraweights": ["0.7"], "scheduler": "karras", "swarm_version": "0.9", "freeublockone": 1.1},
        "sui_models": [{"name": "m/x.safetensors", "param": "model", "hash": "0xaabbccddeeff"}],
    })  # fmt: skip
    assert swarm.fields["prompt"] == "a cat <lora:b:0.7>" and swarm.fields["schedule"] == "karras"
    assert ("model", "x", "aabbccddeeff") in _resources(swarm) and "freeublockone" in _unhonoured(swarm)
    fooocus = _read(parameters={"prompt": "a", "seed": 1, "steps": 2, "base_model": "m.safetensors",
        "base_model_hash": "0123456789",
                                "loras": [["l.safetensors", 0.5, "abcdef0123"]], "sharpness": 2.0,
                                    "vae": "Default (model)"})  # fmt: skip
    assert (
        _resources(fooocus) == {("model", "m", "0123456789"), ("lora", "l", "abcdef0123")}
        and "vae" not in fooocus.fields
    )
    assert "sharpness" in _unhonoured(fooocus)
    next_one = _read(parameters=A1111_TEXT.replace("Version: v1.9.4", "App: SD.Next, Version: 1234"))
    assert next_one.source == "SD.Next" and next_one.fields["preset"] == "diffusers"


def test_many_settings_are_listed_up_to_a_bound_and_counted_beyond():
    settings = {f"odd {i}": i for i in range(MAX_UNHONOURED + 50)}
    recorded = _read(Comment={"prompt": "a", "seed": 3, "steps": 20, **settings})
    assert len(recorded.unhonoured) == MAX_UNHONOURED + 1
    assert (recorded.unhonoured[-1].field, recorded.unhonoured[-1].value) == ("…", "51")


def test_png_text_and_exif_in_conflict_give_one_sentence():
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9286] = b"UNICODE\0" + A1111_TEXT.replace("Seed: 1", "Seed: 2").encode("utf-16-be")
    info = PngImagePlugin.PngInfo()
    info.add_text("parameters", A1111_TEXT)
    for same, notes in ((False, ("The picture's PNG text and its EXIF differ in seed; EXIF is used.",)), (True, ())):
        if same:
            exif.get_ifd(0x8769)[0x9286] = b"UNICODE\0" + A1111_TEXT.encode("utf-16-be")
        Image.new("RGB", (8, 8)).save(file := io.BytesIO(), "PNG", pnginfo=info, exif=exif.tobytes())
        recorded = metadata.read(file)
        assert recorded.notes == notes and [item.value for item in recorded.unhonoured] == ["1"] * len(notes)
        assert recorded.fields["seed"] == (1 if same else 2)


@pytest.mark.parametrize("piece", ["aa: [", 'aa: ["', "aa: {", '{"a":', "[", "]", 'aa: [1, "x" ,'])
def test_json_among_the_settings_costs_a_fixed_number_of_looks(piece, monkeypatch):
    pattern, scanned = metadata_infotext.BRACKET, []

    class Scanned:
        def match(self, line: str, position: int) -> re.Match[str] | None:
            match = pattern.match(line, position)
            scanned.append((match.end() if match else len(line)) - position)
            return match

    monkeypatch.setattr(metadata_infotext, "BRACKET", Scanned())
    text = "aa: " + piece * (4000 // len(piece))
    list(metadata_infotext.pairs_of(text))
    assert sum(scanned) <= metadata_infotext.MAX_JSON * len(text)


def test_info_shows_what_is_not_honoured(tmp_path):
    (tmp_path / "a.png").write_bytes(png(parameters=A1111_TEXT.replace("Version", "Some knob: 5, Version")).getvalue())
    shown = CliRunner().invoke(cli, ["info", str(tmp_path / "a.png")]).stdout
    assert "not honoured         Some knob 5: It has no counterpart here." in shown
    record = json.loads(CliRunner().invoke(cli, ["info", "--json", str(tmp_path / "a.png")]).stdout)
    assert record["not_honoured"] == [{"field": "Some knob", "value": "5", "reason": "It has no counterpart here."}]
    assert record["resources"][0]["hash"] == "cc6cb27103"


def test_a_graph_that_says_nothing_known_is_kept_whole():
    recorded = metadata.read(png(prompt='{"3": {"class_type": "Unknown", "inputs": {"secret": 5}}}'))
    assert recorded.source == "another program" and _unhonoured(recorded) == {"3"}
