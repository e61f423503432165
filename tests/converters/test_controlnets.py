"""ControlNets and the UNet that takes them have Apple's interface and compute what diffusers does; what cannot fit is refused."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import coremltools as ct
import pytest
import torch
from click.testing import CliRunner
from coremltools.proto import FeatureTypes_pb2
from diffusers import ControlNetModel, UNet2DConditionModel
from torch import Tensor

from converters import bundle
from converters.ane import split_einsum
from converters.cli import convert as convert_group
from converters.constants import Weights
from converters.control_graphs import controlnet
from converters.coreml import build_graphs
from converters.graphs import Graph, unet
from converters.package import write_package
from converters.psnr import psnr
from converters.recipe import PackageRecipe
from converters.source import open_source
from sdedge.engines.bundles import recorded_facts
from sdedge.engines.coreml.portable.package import Package
from sdedge.engines.coreml.portable.runner import PRECISIONS, Runner
from sdedge.errors import InvalidRequest, ModelError, Remedy
from sdedge.library.bundle_controls import bundle_of, converted_controls, find_converted
from sdedge.library.manifest import Manifest
from sdedge.models.config import ControlNetConfig, UNetConfig
from tests.conftest import cases
from tests.control_models import (
    ldm_names,
    random_adapter,
    random_controlnet,
    write_pth,
    write_safetensors,
)

V1_RESIDUALS = [
    (320, 64), (320, 64), (320, 64), (320, 32), (640, 32), (640, 32), (640, 16), (1280, 16), (1280, 16), (1280, 8), (1280, 8),
    (1280, 8), (1280, 8),
]  # fmt: skip
"""Channels and side of additional_residual_0 … 12 at 512x512."""
ARRAY = FeatureTypes_pb2.ArrayFeatureType


def test_the_interface_of_v1_is_the_one_that_apples_package_reads():
    """Every input and output by name, shape and type, after Apple's torch2coreml.py; no weights are needed for that."""
    weights, attend = Weights({}), split_einsum
    common = {
        "sample": ((2, 4, 64, 64), "float16"), "timestep": ((2,), "float16"),
        "encoder_hidden_states": ((2, 768, 1, 77), "float16"),
    }  # fmt: skip
    inputs, outputs = (
        {f"additional_residual_{i}": ((2, C, side, side), dtype) for i, (C, side) in enumerate(V1_RESIDUALS)}
        for dtype in ("float16", "float32")
    )
    controlled = unet(weights, UNetConfig(), attend, (64, 64), is_controlled=True)
    assert _ports(controlled.inputs) == common | inputs
    assert _ports(controlled.outputs) == {"noise_pred": ((2, 4, 64, 64), "float32")}
    net = controlnet(weights, ControlNetConfig(UNetConfig()), attend, (64, 64))
    assert _ports(net.inputs) == common | {"controlnet_cond": ((2, 3, 512, 512), "float16")}
    assert _ports(net.outputs) == outputs
    assert list(net.outputs) == list(outputs)  # in order
    assert _ports(unet(weights, UNetConfig(), attend, (64, 64)).inputs) == common


def _ports(ports: Mapping) -> dict[str, tuple[tuple[int, ...], str]]:
    return {name: (port.shape, port.dtype) for name, port in ports.items()}


def test_names_are_those_that_apps_look_up():
    assert bundle.package_name("controlled_unet_chunk2") == "ControlledUnetChunk2.mlpackage"
    assert bundle.compiled_name("controlled_unet") == "ControlledUnet.mlmodelc"
    assert bundle.package_name("controlnet_lllyasviel_sd-canny") == "ControlNet_lllyasviel_sd-canny.mlpackage"
    assert bundle.compiled_name("controlnet_lllyasviel_sd-canny") == "controlnet/LllyasvielSdCanny.mlmodelc"


@pytest.fixture(scope="session")
def nets(tiny_model, deep_model, made_once) -> Path:
    """Random ControlNets: `tiny` for the tiny model, the others for the deep one, each in another container."""

    def write(folder: Path) -> None:
        folder.mkdir()
        small, deep = (json.loads((model / "unet" / "config.json").read_text()) for model in (tiny_model, deep_model))
        _halves(small, 1).save_pretrained(folder / "tiny")
        _halves(deep, 2).save_pretrained(folder / "deep")
        _halves(deep, 3, global_pool_conditions=True).save_pretrained(folder / "pooled")
        _halves(deep, 4, controlnet_conditioning_channel_order="bgr").save_pretrained(folder / "bgr")
        write_pth(folder / "control_canny.pth", ldm_names(_halves(deep, 5).state_dict()))
        state = random_controlnet(deep, 6, 0.3).state_dict()
        base = UNet2DConditionModel.from_pretrained(deep_model / "unet").state_dict()
        less = {n: t - base[n] if n in base and base[n].shape == t.shape else t for n, t in state.items()}
        write_safetensors(folder / "less.safetensors", {**ldm_names(less), "difference": torch.zeros(1)})
        torch.save(state, folder / "less.referee")
        write_pth(folder / "adapter.pth", random_adapter(small).state_dict(), "")
        wide = {**small, "block_out_channels": [16, 32, 32, 32]}
        random_controlnet(wide).save_pretrained(folder / "wide")

    return made_once("converted-nets", write)


def _halves(unet: dict, seed: int, **config) -> ControlNetModel:
    """Weights that half precision holds, so that packages have the very same."""
    return random_controlnet(unet, seed, 0.3, **config).half().float()


def _referee(nets: Path, name: str) -> ControlNetModel:
    if (nets / name).is_dir():
        return ControlNetModel.from_pretrained(nets / name).eval()
    network = ControlNetModel.from_pretrained(nets / "deep")
    state = torch.load(nets / "less.referee") if name.startswith("less") else None
    if state is None:
        unet = json.loads((nets / "deep" / "config.json").read_text())
        return _halves(unet, 5)
    network.load_state_dict(state)
    return network.eval()


def _inputs(graph: Graph, seed: int = 2) -> dict[str, Tensor]:
    """Random values for a graph; the hint is in 0 … 1."""
    torch.manual_seed(seed)
    made = {name: torch.randn(port.shape) for name, port in graph.inputs.items()}
    made["timestep"] = torch.full_like(made["timestep"], 741.0)
    if "controlnet_cond" in made:
        made["controlnet_cond"] = torch.rand_like(made["controlnet_cond"])
    return made


def _context(values: Mapping[str, Tensor]) -> Tensor:
    return values["encoder_hidden_states"].squeeze(2).transpose(1, 2)


def _graphs(model: Path, component: str, controls: tuple[str, ...] = (), **recipe) -> dict[str, Graph]:
    source = open_source(str(model), (), controls)
    made = build_graphs(source, PackageRecipe(**{"sizes": ((64, 64),), **recipe}), component)
    return {part: graphs["main"] for part, graphs in made.items()}


def _run(graph: Graph, path: Path, values: Mapping[str, Tensor], precision: str = "float16") -> Mapping[str, Tensor]:
    """The package as the portable runner runs it; "float16" rounds every result to half precision."""
    if not path.exists():
        write_package({"main": graph}, path, "macOS13")
    return Runner(Package.open(path), None, precision)({name: values[name] for name in graph.inputs})


@torch.no_grad()
def _expected_residuals(network: ControlNetModel, values: Mapping[str, Tensor]) -> list[Tensor]:
    down, middle = network(
        values["sample"], values["timestep"], _context(values), values["controlnet_cond"], return_dict=False
    )
    return [*down, middle]


NETS = ["tiny", "deep", "pooled", "bgr", "control_canny.pth", "less.safetensors"]


@pytest.mark.parametrize("name", cases(NETS, quick=["tiny"]))
def test_a_controlnet_of_every_container_holds_60_db_against_diffusers(tiny_model, deep_model, nets, tmp_path, name):
    """Each residual without rounding at 100 dB; averages are repeated to the size that the UNet takes."""
    model = tiny_model if name == "tiny" else deep_model
    (component,) = open_source(str(model), (), (str(nets / name),)).controls
    (graph,) = _graphs(model, component, (str(nets / name),)).values()
    values = _inputs(graph)
    halves, floats = (_run(graph, tmp_path / "net.mlpackage", values, precision) for precision in PRECISIONS)
    expected = _expected_residuals(_referee(nets, name), values)
    assert len(expected) == len(halves) == (13 if model == deep_model else 9)
    least = 60 if name.startswith("less") else 100  # a sum of weights is rounded
    pairs = [(residual, f"additional_residual_{i}") for i, residual in enumerate(expected)]
    for residual, output in pairs:
        assert floats[output].shape == tuple(graph.outputs[output].shape)
        assert psnr(residual.expand_as(floats[output]), floats[output]) >= least
    joined = [torch.cat([residual.expand_as(halves[output]).flatten() for residual, output in pairs])]
    joined.append(torch.cat([halves[output].flatten() for _, output in pairs]))
    assert psnr(*joined) >= 60  # together, as the UNet gets them: the deepest of a narrow net have a few values only


@pytest.mark.slow
@pytest.mark.parametrize("recipe", [{}, {"chunk": True, "attention": "original"}], ids=["whole", "chunks"])
def test_the_controlled_unet_holds_60_db_against_diffusers(deep_model, tmp_path, recipe):
    graphs = _graphs(deep_model, "controlled_unet", **recipe)
    assert list(graphs) == (["controlled_unet_chunk1", "controlled_unet_chunk2"] if recipe else ["controlled_unet"])
    undivided = _graphs(deep_model, "controlled_unet")["controlled_unet"]
    values = _inputs(undivided)
    made = dict(values)
    for part, graph in graphs.items():
        made |= _run(graph, tmp_path / f"{part}.mlpackage", made)
    network = UNet2DConditionModel.from_pretrained(deep_model / "unet").eval()
    residuals = [values[f"additional_residual_{i}"] for i in range(13)]
    with torch.no_grad():
        more = {"down_block_additional_residuals": residuals[:12], "mid_block_additional_residual": residuals[12]}
        expected = network(values["sample"], values["timestep"], _context(values), **more).sample
        plain = network(values["sample"], values["timestep"], _context(values)).sample
    assert psnr(expected, made["noise_pred"]) >= 60
    assert psnr(expected, plain) < 40  # they matter
    taken = {name for graph in graphs.values() for name in graph.inputs}
    assert undivided.inputs.keys() <= taken  # of two chunks each takes what it reads, and none of Apple's names is lost


@pytest.mark.slow
@pytest.mark.parametrize("channels", [8, 9])
def test_unets_of_other_channels_are_converted_by_their_count(deep_model, tmp_path, channels):
    """InstructPix2Pix and inpainting: plain and controlled; residuals as before."""
    model = shutil.copytree(deep_model, tmp_path / "model")
    config = json.loads((model / "unet" / "config.json").read_text())
    torch.manual_seed(channels)
    UNet2DConditionModel.from_config({**config, "in_channels": channels}).save_pretrained(tmp_path / "unet")
    shutil.rmtree(model / "unet")
    (tmp_path / "unet").rename(model / "unet")
    network = UNet2DConditionModel.from_pretrained(model / "unet").eval()
    for component in ("unet", "controlled_unet"):
        (graph,) = _graphs(model, component).values()
        assert graph.inputs["sample"].shape == (2, channels, 8, 8)
        values = _inputs(graph)
        more = {}
        if component == "controlled_unet":
            residuals = [values[f"additional_residual_{i}"] for i in range(13)]
            more = {"down_block_additional_residuals": residuals[:12], "mid_block_additional_residual": residuals[12]}
        with torch.no_grad():
            expected = network(values["sample"], values["timestep"], _context(values), **more).sample
        assert psnr(expected, _run(graph, tmp_path / f"{component}.mlpackage", values)["noise_pred"]) >= 60


# ---- In a bundle --------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_controlnet_is_added_and_nothing_else_is_touched(tiny_model, tiny_bundle, nets, tmp_path):
    """By the command, with the bundle's own size; the packages load in coremltools, and a second run keeps all."""
    folder = shutil.copytree(tiny_bundle, tmp_path / "b")
    before, files = Manifest.read(folder), _stamps(folder)
    done = CliRunner().invoke(convert_group, ["controlnet", str(folder), str(nets / "tiny"), "-m", str(tiny_model)])
    assert done.exit_code == 0, done.output
    after = Manifest.read(folder)
    assert after.components.keys() - before.components.keys() == {"controlled_unet", "controlnet_tiny"}
    assert all(after.components[name] == part for name, part in before.components.items())
    first = _stamps(folder)
    assert {name: first[name] for name in files if ".mlpackage" in name} == {
        n: files[n] for n in files if ".mlpackage" in n
    }
    assert (after.recipe, after.source["sha256"]) == (before.recipe, before.source["sha256"])
    assert not (folder / ".converting.json").exists()
    half, full = ARRAY.FLOAT16, ARRAY.FLOAT32
    for name, kind in (("ControlledUnet", half), ("ControlNet_tiny", full)):
        model = ct.models.MLModel(str(folder / f"{name}.mlpackage"), skip_model_load=True)
        description = model.get_spec().description
        residuals = [
            feature for feature in (*description.input, *description.output) if feature.name.startswith("additional_")
        ]
        assert [feature.name for feature in residuals] == [f"additional_residual_{i}" for i in range(9)]
        assert {feature.type.multiArrayType.dataType for feature in residuals} == {kind}
        assert all(feature.shortDescription for feature in (*description.input, *description.output))
        assert "additional_residual" not in str(description.metadata) and str(nets) not in str(description.metadata)
    opened = _stamps(folder)  # coremltools writes the list of a package's files again when it opens one
    again = CliRunner().invoke(convert_group, ["controlnet", str(folder), str(nets / "tiny"), "-m", str(tiny_model)])
    assert "kept" in again.output and "converting" not in again.output
    later = _stamps(folder)
    assert {n: later[n] for n in opened if ".mlpackage" in n} == {n: opened[n] for n in opened if ".mlpackage" in n}


def _stamps(folder: Path) -> dict[str, tuple[int, int]]:
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): (path.stat().st_size, path.stat().st_mtime_ns) for path in paths}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("wide", r"wide is made for a UNet of the widths \[16, 32, 32, 32\] and this model's has \[8, 16, 16, 16\]"),
        ("deep", "deep is made for a UNet of other blocks"),
        ("adapter.pth", "'adapter' is a T2I-Adapter, and the controlled UNet of Core ML takes what ControlNets give"),
        ("nowhere", "no control model 'nowhere'"),
    ],
)
def test_what_does_not_fit_leaves_the_bundle_as_it_was(tiny_model, tiny_bundle, nets, tmp_path, name, message):
    folder = shutil.copytree(tiny_bundle, tmp_path / "b")
    files, named = _stamps(folder), str(nets / name) if name != "nowhere" else name
    done = CliRunner().invoke(convert_group, ["controlnet", str(folder), named, "-m", str(tiny_model)])
    with pytest.raises(ModelError, match=message):
        raise done.exception
    assert _stamps(folder) == files
    done = CliRunner().invoke(
        convert_group, ["coreml", str(tiny_model), "--out", str(tmp_path / "c"), "--controlnet", named]
    )
    with pytest.raises(ModelError, match=message):
        raise done.exception
    assert not (tmp_path / "c").exists()


def test_a_bundle_of_another_model_or_version_is_left_alone(tiny_model, tiny_bundle, deep_model, nets, tmp_path):
    folder = shutil.copytree(tiny_bundle, tmp_path / "b")
    command = ["controlnet", str(folder), str(nets / "deep"), "-m", str(deep_model)]
    with pytest.raises(ModelError, match="made from other weights than"):
        raise CliRunner().invoke(convert_group, command).exception
    manifest = Manifest.read(folder)
    parts = {
        name: replace(part, figures={**part.figures, "recipe": {**part.figures["recipe"], "converter": 1}})
        for name, part in manifest.components.items()
    }
    replace(manifest, components=parts).write(folder)
    files = _stamps(folder)
    with pytest.raises(ModelError, match="by another version of sdedge"):
        command = ["controlnet", str(folder), str(nets / "tiny"), "-m", str(tiny_model)]
        raise CliRunner().invoke(convert_group, command).exception
    assert _stamps(folder) == files


@pytest.fixture
def described(tiny_bundle, tmp_path) -> Path:
    """A bundle whose manifest alone says that it has a controlled UNet and two ControlNets."""
    manifest = Manifest.read(tiny_bundle)
    plain = manifest.components["unet"]
    config = UNetConfig(block_out_channels=(8, 16, 16, 16), layers_per_block=1, cross_attention_dim=8)
    weights, size = Weights({}), (8, 8)
    net = controlnet(weights, ControlNetConfig(config, hint_widths=(4, 4, 4, 4)), split_einsum, size)
    taken = unet(weights, config, split_einsum, size, is_controlled=True)
    parts = {**manifest.components, "controlled_unet": replace(plain, inputs=taken.inputs)}
    for name in ("control_canny", "control_depth"):
        record = {"name": name, "sha256": "0" * 64, "use": name.removeprefix("control_"), "is_pooled": False}
        part = replace(plain, inputs=net.inputs, outputs=net.outputs, figures={"control": record})
        parts[f"controlnet_{name}"] = part
    (tmp_path / "described").mkdir()
    replace(manifest, components=parts).write(tmp_path / "described")
    return tmp_path / "described"


def test_a_control_is_found_by_a_part_of_its_name_that_no_other_has(described, nets):
    manifest = bundle_of(str(described))
    control = find_converted(manifest, "CANNY")
    assert (control.name, control.component, control.use) == ("control_canny", "controlnet_control_canny", "canny")
    assert (control.hint_channels, control.downscale) == (3, 8)
    with pytest.raises(InvalidRequest, match="may be control_canny and control_depth; write more"):
        find_converted(manifest, "control")
    with pytest.raises(
        InvalidRequest, match=r"has no ControlNet 'pose' \(it has control_canny, control_depth\); add"
    ) as e:
        find_converted(manifest, "pose")
    assert (e.value.field, e.value.remedy) == ("controls", Remedy.CONVERT_CONTROLNET)
    (described / "other.safetensors").write_bytes(b"other")
    with pytest.raises(ModelError, match=r"other\.safetensors"):
        find_converted(manifest, str(described / "other.safetensors"))
    with pytest.raises(InvalidRequest, match="has no ControlNet made of"):
        find_converted(manifest, str(nets / "deep"))


@pytest.mark.parametrize(
    "change", [{"name": 3}, {"name": ""}, {"is_pooled": "no"}, {"use": None}, None, {"sha256": "0" * 9999}]
)
def test_a_manifest_that_does_not_describe_a_control_is_damaged(described, change):
    record = json.loads((described / "manifest.json").read_text())
    figures = record["components"]["controlnet_control_canny"]["figures"]
    figures["control"] = None if change is None else {**figures["control"], **change}
    (described / "manifest.json").write_text(json.dumps(record))
    with pytest.raises(ModelError, match="damaged: it does not say what its controlnet control canny reads"):
        converted_controls(Manifest.read(described))


def test_a_control_of_other_residuals_is_damaged(described):
    record = json.loads((described / "manifest.json").read_text())
    record["components"]["controlnet_control_canny"]["outputs"]["additional_residual_0"]["shape"] = [2, 8, 9, 9]
    (described / "manifest.json").write_text(json.dumps(record))
    with pytest.raises(ModelError, match="not made for its UNet"):
        converted_controls(Manifest.read(described))


def test_the_script_puts_controlnets_where_apps_look(described, tmp_path):
    """The shell runs it with a stand-in for xcrun."""
    manifest, bin = Manifest.read(described), tmp_path / "bin"
    bin.mkdir()
    for name in manifest.components:
        (described / bundle.package_name(name)).mkdir()
    (bin / "xcrun").write_text('#!/bin/sh\nn=${3##*/}; mkdir "$4/${n%.mlpackage}.mlmodelc"\n')
    (bin / "xcrun").chmod(0o755)
    bundle.finish(described, manifest.components, PackageRecipe(((64, 64),)), {}, recorded_facts(manifest), None, {})
    done = subprocess.run(
        [described / "compile.sh"], env={"PATH": f"{bin}:/bin:/usr/bin"}, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    compiled = {path.relative_to(described).as_posix() for path in described.rglob("*.mlmodelc")}
    assert {
        "controlnet/ControlCanny.mlmodelc",
        "controlnet/ControlDepth.mlmodelc",
        "ControlledUnet.mlmodelc",
    } <= compiled
    assert not any(name.startswith("ControlNet_") for name in compiled)
