"""What a report tries: every engine and component that a machine may have, really where it is here, by stand-ins for a Mac's."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from sdedge.cli import cli
from sdedge.commands import doctor_report
from sdedge.engines.coreml.compiled import UNITS
from sdedge.errors import InvalidRequest
from sdedge.library.manifest import Manifest
from sdedge.library.models import EMBEDDED
from sdedge.process import engine_trials, package_trials, report_sections
from sdedge.process.agreement import agreement
from sdedge.process.report_sections import SECTIONS, Section, Subjects
from sdedge.process.trials import Absent, Finding, Outcome, Trial, run
from tests.conftest import needs_embedded
from tests.engines.coreml import stand_in

posix = pytest.mark.skipif(os.name != "posix", reason="the stand-in's signals")


def _all(subjects: Subjects, section: str) -> list[Trial | Finding]:
    return [item for s in SECTIONS if s.name == section for item in s.trials(subjects)]


@pytest.fixture
def bundle(tmp_path) -> Path:
    """A bundle of Core ML by its manifest alone, two of whose components have names that nobody may read."""
    port = {"x": {"shape": [1], "dtype": "float16"}}
    part = {"inputs": port, "outputs": port, "bytes": 7, "sha256": "0"}
    names = ("text_encoder", "unet", "vae_decoder", "controlnet_lingerie")
    record = {
        "version": 1, "kind": "coreml", "name": "secret", "sizes": [[64, 64]], "facts": {},
        "components": {name: {**part, "file": f"{name}.mlpackage"} for name in names},
        "recipe": {"attention": "original", "loras": [["secret.safetensors", 1]]}, "source": {"name": "secret"},
        "versions": {"torch": "2.13.0", "secret": "1"},
    }  # fmt: skip
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "manifest.json").write_text(json.dumps(record))
    return tmp_path / "secret"


def test_a_mac_tries_every_component_on_every_compute_unit(bundle, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    subjects = Subjects({EMBEDDED: "pocket", "model 1": str(bundle)}, tmp_path)
    names = [item.name for item in _all(subjects, "packages")]
    for component in ("text_encoder", "unet", "vae_decoder", "network 4"):
        for how in ("by the portable runner", *(f"on {units}" for units in UNITS)):
            assert f"model 1: {component} {how}" in names
        assert f"model 1: {component}, shipped .mlmodelc" in names
    engines = [item.name for item in _all(replace(subjects, models={EMBEDDED: "pocket"}), "engines")]
    assert {f"pocket on mps in {dtype}" for dtype in ("float32", "float16")} < set(engines)
    assert [item.arguments[1] for item in _all(subjects, "convert")] == ["coreml", "mps"]


def test_elsewhere_core_ml_is_absent_and_the_portable_runner_is_not(bundle, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    items = _all(Subjects({"model 1": str(bundle)}, tmp_path, convert=False), "packages")
    absent = [item for item in items if isinstance(item, Finding) and item.values.get("outcome") == Outcome.ABSENT]
    portable = [item for item in items if isinstance(item, Trial)]
    assert len(absent) == len(portable) == 4
    assert json.loads(portable[1].arguments[1])["earlier"] == [portable[0].makes]


def test_only_what_is_nobody_s_is_told_of_a_bundle(bundle, tmp_path):
    made = next(item for item in _all(Subjects({"model 1": str(bundle)}, tmp_path), "packages"))
    assert made.values["recipe"] == {"attention": "original"} and made.values["versions"] == {"torch": "2.13.0"}
    assert "secret" not in json.dumps(made.values) and "lingerie" not in json.dumps(made.values)


def test_a_bundle_of_graphs_is_tried_on_mps_too(bundle, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    replace(Manifest.read(bundle), kind="graph").write(bundle)
    names = [item.name for item in _all(Subjects({"model 1": str(bundle)}, tmp_path), "graphs")]
    assert names[1:] == ["model 1 on cpu in float32", "model 1 on mps in float32", "model 1 on mps in float16"]


def test_agreement_tells_scale_and_shape_apart():
    a = np.random.default_rng(0).standard_normal((4, 8, 8))
    assert agreement(a, a)["psnr"] == float("inf")
    wrong_scale, wrong_place = agreement(a, 1.02 * a), agreement(a, np.roll(a, 1, 0))
    assert wrong_scale["gain"] == pytest.approx(1.02) and wrong_scale["cosine"] == pytest.approx(1)
    assert abs(wrong_place["cosine"]) < 0.3 and wrong_place["psnr"] < 15
    assert agreement(a, np.where(a > 2, np.nan, a)).keys() == {"finite"}
    assert agreement(a, 0 * a)["gain"] == 0


# Trials of packages


@pytest.fixture(scope="module")
def archive(tiny_bundle, tmp_path_factory) -> str:
    """What the portable runner gives of the tiny model's decoder."""
    path = tmp_path_factory.mktemp("archive") / "decoder.npz"
    values = {}
    for line in package_trials.by_portable_runner(str(tiny_bundle / "VAEDecoder.mlpackage"), "", str(path), []):
        values |= line
    assert values["finite"] == 1 and values["operations"] > 10 and values["run_seconds"] > 0 and values["runs"] == 5
    return str(path)


@posix
@pytest.mark.parametrize("fault", ["", "abort", "no such unit"])
def test_core_ml_is_compiled_loaded_run_and_compared_or_its_end_told(
    tiny_bundle, archive, tmp_path, monkeypatch, fault
):
    for name, value in stand_in.install(tmp_path, fault=fault).items():
        monkeypatch.setenv(name, value)
    arguments = {
        "path": str(tiny_bundle / "VAEDecoder.mlpackage"),
        "function": "",
        "units": "cpu-and-ne",
        "archive": archive,
    }
    result = run(Trial.of("packages", "decoder", "sdedge.process.package_trials:by_core_ml", **arguments))
    assert "compile_seconds" in result
    if fault:
        outcome = {"abort": Outcome.SIGNAL}.get(fault, Outcome.FAILED)
        assert result["outcome"] == outcome and result["phase"] == "load" and "run_seconds" not in result
    else:  # it answers with zeros
        assert result["outcome"] == Outcome.DONE and result["loaded_before"] is False and result["load_seconds"] >= 0
        assert result["outputs"]["image"]["gain"] == 0 and result["outputs"]["image"]["psnr"] < 30


@posix
@pytest.mark.slow
def test_the_compiled_copy_of_a_bundle_is_tried_where_it_is_there(tiny_bundle, archive, tmp_path, monkeypatch):
    for name, value in stand_in.install(tmp_path).items():
        monkeypatch.setenv(name, value)
    package = tmp_path / "VAEDecoder.mlpackage"
    package.symlink_to(tiny_bundle / "VAEDecoder.mlpackage")
    trial = Trial.of("packages", "decoder", "sdedge.process.package_trials:by_shipped_copy", path=str(package), function="",
                     units="all", archive=str(tmp_path / "nothing.npz"))  # fmt: skip
    assert run(trial)["outcome"] == Outcome.ABSENT
    stand_in.compile_model(str(package), str(package.with_suffix(".mlmodelc")))
    result = run(trial)
    assert result["outcome"] == Outcome.DONE and "not_compared" in result and "outputs" not in result


def test_packages_take_what_earlier_ones_gave(tmp_path):
    class Kind:
        static = (1, 4)

    np.savez(tmp_path / "first.npz", **{"in x": np.ones((1, 4)), "out y": np.full((1, 4), 2.0)})
    earlier = package_trials.read_archives([str(tmp_path / "first.npz"), str(tmp_path / "missing.npz")])
    made = package_trials.sample_inputs({"y": Kind, "z": Kind, "input_ids": Kind, "timestep": Kind}, earlier)
    assert made["y"].tolist() == [[2, 2, 2, 2]] and made["timestep"].tolist() == [[501] * 4]
    assert made["z"].dtype == np.float32 and (made["input_ids"] >= 1).all()


# Trials of engines


@pytest.mark.slow
def test_engines_are_compared_with_the_cpu_in_float32(tiny_model):
    for dtype, least in (("float32", 120), ("bfloat16", 20)):
        values = {}
        for line in engine_trials.on_engine(str(tiny_model), "cpu", dtype):
            values |= line
        assert set(values["outputs"]) == {"text_encoder", "unet", "vae_decoder"}
        assert min(output["psnr"] for output in values["outputs"].values()) > least
        assert values["peak_bytes"] > 1e7 and values["run_seconds"] > 0


@pytest.mark.parametrize("device", ["cuda", "mps"])
def test_a_device_that_is_not_here_is_absent(device):
    import torch

    if getattr(torch, "cuda" if device == "cuda" else device).device_count():
        pytest.skip(f"there is {device} here")
    with pytest.raises(Absent):
        list(engine_trials.on_engine("pocket", device, "float32"))


# The command


@needs_embedded
def test_the_command_writes_tells_and_goes_on(tmp_path, monkeypatch, bundle):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    trial = Trial.of("engines", "draws", "tests.process.trial_functions:draws", model=str(bundle))
    section = Section("engines", lambda subjects: iter([trial, Finding("engines", "x", {"said": str(bundle)})]))
    monkeypatch.setattr(
        doctor_report, "carry_out", lambda report, subjects: report_sections_carry(report, subjects, section)
    )
    file = tmp_path / "report.log"
    first = CliRunner().invoke(cli, ["doctor", "--report", str(file), "--model", str(bundle)])
    assert first.exit_code == 0, first.output
    assert "0.2500 s a run, 41.0 dB" in first.output and f"Wrote {file} (3 done)" in first.output
    assert "secret" not in file.read_text() and "[model 1]" in file.read_text()
    again = CliRunner().invoke(cli, ["doctor", "--report", str(file), "--model", str(bundle)])
    assert again.exit_code == 0 and "is complete" in again.output
    with_others = CliRunner().invoke(cli, ["doctor", "--report", str(file)])
    assert with_others.exit_code and "name another file" in str(with_others.exception)


def report_sections_carry(report, subjects, section):
    from sdedge.process.reporting import carry_out

    return carry_out(report, subjects, [section])


@pytest.mark.parametrize(
    "options", [["--device", "cpu", "--report", "x"], ["--json", "--report", "x"], ["--model", "x"]]
)
def test_options_that_mean_nothing_together_are_refused(options):
    done = CliRunner().invoke(cli, ["doctor", *options])
    assert isinstance(done.exception, InvalidRequest) and not Path("x").exists()


def test_the_machine_is_named_by_what_results_depend_on(monkeypatch):
    facts = report_sections.machine()
    assert {"processor", "system", "memory_bytes", "python", "sdedge", "torch", "build"} <= set(facts)
