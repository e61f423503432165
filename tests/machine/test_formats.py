"""Devices and number formats are chosen by what was measured, once per machine, and told in words."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import time
from collections import Counter
from types import SimpleNamespace

import pytest
import torch
from click.testing import CliRunner

from sdedge.cli import cli
from sdedge.engines.openvino import timing
from sdedge.engines.torch.engine import TorchEngine
from sdedge.errors import InvalidRequest, OutputError
from sdedge.machine import findings, formats, probe
from sdedge.machine.findings import DeviceFinding

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _without_openvino(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which would be timed as well, for seconds; nor are rounds spread over any."""
    monkeypatch.setattr(findings, "openvino_version", lambda: "")
    monkeypatch.setattr(probe, "APART", 0.0)


def _timed(monkeypatch: pytest.MonkeyPatch, seconds: dict[str, float | None]) -> DeviceFinding:
    """The probe's verdict where every kernel takes so long in each format."""
    monkeypatch.setattr(probe, "INT8", {})
    monkeypatch.setattr(
        probe, "time_kernel",
        lambda device, kernel, dtype, layout, limit: seconds[str(dtype).removeprefix("torch.")],
    )  # fmt: skip
    return probe.probe(CPU)


@pytest.mark.parametrize(
    ("seconds", "chosen"),
    [
        ({"float32": 1.0, "bfloat16": 0.5, "float16": 20.0}, "bfloat16"),
        ({"float32": 1.0, "bfloat16": 40.0, "float16": 20.0}, "float32"),
        ({"float32": 1.0, "bfloat16": 0.95, "float16": None}, "float32"),  # no gain worth the digits
        ({"float32": 1.0, "bfloat16": None, "float16": 0.4}, "float16"),
        ({"float32": 1.0, "bfloat16": None, "float16": None}, "float32"),
    ],
)
def test_the_fastest_format_wins_where_it_is_worth_its_digits(monkeypatch, seconds, chosen):
    finding = _timed(monkeypatch, seconds)
    assert finding.dtype == chosen and f"in {chosen}" in finding.reason
    refused = [name for name, time in seconds.items() if time is None]
    assert all(f"{name} fails" in finding.reason for name in refused)


def test_a_kernel_that_a_device_refuses_is_no_error(monkeypatch):
    def refuse(*_: object) -> None:
        raise NotImplementedError("slow_conv2d is not implemented for Half")

    quick = dict.fromkeys(probe.KERNELS, lambda *_: torch.Tensor)
    monkeypatch.setattr(probe, "KERNELS", {**quick, "convolution": refuse})
    monkeypatch.setattr(probe, "INT8", {})
    assert probe.probe(CPU).dtype == "float32"


def test_a_format_that_is_out_of_the_question_is_timed_once(monkeypatch):
    runs, spent = Counter(), [0.0]

    def kernel(device, dtype, layout):
        def run():
            runs[dtype] += 1
            spent[0] += 0.2 if dtype == torch.float16 else 0.002

        return run

    monkeypatch.setattr(probe, "thread_clock", lambda: lambda: spent[0])
    monkeypatch.setattr(probe, "time", SimpleNamespace(perf_counter=lambda: spent[0], sleep=lambda _: None))
    monkeypatch.setattr(probe, "KERNELS", dict.fromkeys(probe.KERNELS, kernel))
    monkeypatch.setattr(probe, "INT8", {})
    monkeypatch.setattr(probe.kernels, "attends", lambda dtype: False)
    finding = probe.probe(CPU)
    layouts = 4  # convolutions are timed in two of them
    assert runs[torch.float16] == layouts and runs[torch.float32] == 3 * 5 * layouts and finding.dtype != "float16"


def _kernels(monkeypatch: pytest.MonkeyPatch, seconds) -> None:
    """Kernels that take what `seconds(round, kernel, dtype, layout)` says, by whose clock a moment of a neighbour counts."""
    calls = Counter()

    def time_kernel(device, kernel, dtype, layout, limit):
        calls[kernel, dtype, layout] += 1
        return seconds(calls[kernel, dtype, layout], kernel, str(dtype).removeprefix("torch."), layout)

    monkeypatch.setattr(probe, "INT8", {})
    monkeypatch.setattr(probe, "time_kernel", time_kernel)


def test_a_disturbed_round_changes_no_choice_and_asks_for_more_rounds(monkeypatch):
    """As it was found: with another program running, convolution took 46 ms instead of 1."""
    monkeypatch.setattr(
        probe, "thread_clock", lambda: time.perf_counter
    )  # by whose word the other program's time is ours
    usual = {"float32": 1.0, "bfloat16": 0.5, "float16": 20.0}
    _kernels(monkeypatch, lambda n, kernel, dtype, layout: usual[dtype] * (46 if n == 1 and dtype == "bfloat16" else 1))
    finding = formats.measured(CPU)
    assert finding.dtype == "bfloat16" and finding.layout == "channels_last"
    assert finding.confidence == (probe.MOST - 1) / probe.MOST and findings.findings()["cpu"] == finding


def test_attention_of_our_own_is_not_taken_for_one_lucky_moment(monkeypatch):
    """As it was found beside two busy processes: one round of nine had our kernel clearly faster than any had torch's."""
    monkeypatch.setattr(probe.kernels, "attends", lambda dtype: dtype == torch.float32)
    lucky, usual = (lambda n: 0.8 if n == 1 else 1.0), (lambda n: 0.8)
    for own, chosen in ((lucky, "torch"), (usual, "own")):
        _kernels(monkeypatch, lambda n, kernel, dtype, layout, own=own: own(n) if layout == probe.OWN else 1.0)
        assert probe.probe(CPU).attention_float32 == chosen


def test_what_no_model_runs_by_makes_no_choice_doubtful(monkeypatch):
    """Whose attention is faster in float32 is no matter where bfloat16 is chosen every time."""
    monkeypatch.setattr(probe.kernels, "attends", lambda dtype: dtype == torch.float32)
    own = lambda n: (0.5, 2.0)[n % 2]  # noqa: E731
    usual = {"float32": 1.0, "bfloat16": 0.1, "float16": 20.0}
    _kernels(monkeypatch, lambda n, kernel, dtype, layout: own(n) if layout == probe.OWN else usual[dtype])
    finding = probe.probe(CPU)
    assert finding.dtype == "bfloat16" and finding.confidence == 1.0


def test_what_disagrees_with_itself_is_used_and_not_kept(monkeypatch):
    """Rounds that are of two minds: one process goes by what most speaks for, and the next measures again."""
    _kernels(monkeypatch, lambda n, kernel, dtype, layout: 1.0 if dtype != "bfloat16" else (0.5, 2.0)[n % 2])
    finding = formats.measured(CPU)
    assert finding.confidence < formats.LEAST_CONFIDENCE and findings.findings() == {}
    monkeypatch.setattr(formats, "probe", lambda device: pytest.fail("measured again in one process"))
    assert formats.measured(CPU) is finding
    monkeypatch.setattr(findings, "openvino_version", lambda: "2026.4")
    monkeypatch.setattr(timing, "available_memory", lambda: (8 * 10**9, 8 * 10**9))
    monkeypatch.setattr(timing, "ratio_to_torch", lambda dtype, own: 0.5)
    assert timing.with_openvino(finding).openvino == 0.5 and findings.findings() == {}
    assert formats.measured(CPU).openvino == 0.5, "it holds for this process with OpenVINO's time in it"


def test_where_nothing_can_be_kept_it_is_measured_once_in_a_process(monkeypatch):
    _kernels(monkeypatch, lambda n, kernel, dtype, layout: 1.0)
    monkeypatch.setattr(
        findings, "keep", lambda finding: (_ for _ in ()).throw(OutputError("No space left; free some."))
    )
    finding = formats.measured(CPU)
    monkeypatch.setattr(formats, "probe", lambda device: pytest.fail("measured again in one process"))
    assert formats.measured(CPU) is finding


def test_threads_that_never_settle_are_doubted_no_more_than_twice(monkeypatch):
    """Where the system shows no run undisturbed, as in some sandboxes."""
    unsettled = DeviceFinding("cpu", "some", "float32", "contiguous", 2, "because", confidence=1.0, is_doubted=True)
    measured = []
    monkeypatch.setattr(formats, "probe", lambda device: measured.append(device) or unsettled)
    monkeypatch.setattr(formats, "is_quiet", lambda: True)
    for _ in range(5):  # starts of processes
        monkeypatch.setattr(formats, "looked_into", set())
        formats.measured(CPU)
    assert len(measured) == 1 + findings.REPEATS and not findings.findings()["cpu"].is_doubted


def test_a_near_tie_goes_to_the_usual_layout(monkeypatch):
    _kernels(monkeypatch, lambda n, kernel, dtype, layout: {"channels_last": 1.1, "contiguous": 1.0}.get(layout, 1.0))
    assert probe.probe(CPU).layout == "channels_last"


@pytest.mark.parametrize("quiet", [True, False])
def test_a_doubted_finding_is_measured_again_when_the_machine_is_quiet(monkeypatch, quiet):
    fooled = DeviceFinding("cpu", "some", "float32", "contiguous", 0, "because")
    findings.keep(fooled)
    findings.doubt("cpu")
    _kernels(monkeypatch, lambda n, kernel, dtype, layout: {"float32": 1.0, "bfloat16": 0.5, "float16": 20.0}[dtype])
    monkeypatch.setattr(formats, "is_quiet", lambda: quiet)
    finding = formats.measured(CPU)
    assert (finding.dtype, finding.is_doubted) == (("bfloat16", False) if quiet else ("float32", True))
    assert findings.findings()["cpu"] == finding
    monkeypatch.setattr(formats, "is_quiet", lambda: pytest.fail("looked into twice in a process"))
    assert formats.measured(CPU) == finding


def test_what_was_measured_again_twice_is_doubted_no_more():
    """Where a machine's steps are unlike its kernels for good."""
    findings.keep(DeviceFinding("cpu", "some", "float32", "contiguous", 0, "because", repeats=2))
    findings.doubt("cpu")
    findings.doubt("cuda:0")  # which was never measured
    assert not findings.findings()["cpu"].is_doubted and list(findings.findings()) == ["cpu"]


@pytest.fixture
def believed(monkeypatch):
    """Keeps what was measured although the machine is busy, as that of a test is."""
    monkeypatch.setattr(formats, "LEAST_CONFIDENCE", 0.0)


@pytest.mark.slow
@pytest.mark.usefixtures("believed")
def test_measured_once_and_read_without_torch(monkeypatch):
    first = formats.measured(CPU)
    monkeypatch.setattr(formats, "probe", lambda device: pytest.fail("measured again"))
    assert formats.measured(CPU) == first and findings.findings() == {"cpu": first}
    code = (
        "import sys; from sdedge.machine import findings; findings.openvino_version = lambda: '';"
        "print(findings.findings()['cpu'].reason);"
        "assert 'torch' not in sys.modules"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert process.stdout.strip() == first.reason


@pytest.mark.parametrize("damage", ["", "{}", '{"machine": 3}', "[1]"])
def test_another_machine_or_a_damaged_file_counts_as_never_measured(damage, monkeypatch):
    findings.keep(DeviceFinding("cpu", "some", "float32", "contiguous", 2, "because"))
    path = findings.findings_file()
    record = json.loads(path.read_text())
    record["machine"]["torch"] = "1.0"
    path.write_text(damage or json.dumps(record))
    assert findings.findings() == {}


@pytest.mark.parametrize("entry", [{"dtype": "bogus"}, {"layout": 3}, {"threads": "two"}])
def test_a_value_that_was_never_written_counts_as_never_measured(entry):
    findings.keep(DeviceFinding("cpu", "some", "float32", "contiguous", 2, "because"))
    record = json.loads(findings.findings_file().read_text())
    assert findings.findings()
    record["findings"]["cpu"] |= entry
    findings.findings_file().write_text(json.dumps(record))
    assert findings.findings() == {}


def test_narrow_networks_take_the_table_and_measure_nothing(tiny_model, monkeypatch):
    monkeypatch.setattr(formats, "probe", lambda device: pytest.fail("measured"))
    assert TorchEngine.load(tiny_model, "cpu").dtype == torch.float32


def test_full_size_networks_take_what_was_measured():
    findings.keep(DeviceFinding("cpu", "some", "bfloat16", "channels_last", 2, "because"))
    assert formats.choose_dtype(CPU, width=320) == torch.bfloat16
    assert formats.choose_dtype(CPU, "fp32", width=320) == torch.float32


@pytest.mark.parametrize(
    ("ratio", "width", "free", "preferred"),
    [(0.7, 320, 8, True), (0.95, 320, 8, False), (0.7, 64, 8, False), (0.0, 320, 8, False), (0.7, 320, 4, False)],
)
def test_openvino_is_preferred_where_it_was_measured_clearly_faster(ratio, width, free, preferred, monkeypatch):
    monkeypatch.setattr(timing, "ratio_to_torch", lambda dtype, own: pytest.fail("timed again") if ratio else 1.0)
    monkeypatch.setattr(timing, "available_memory", lambda: (free * 10**9, 16 * 10**9))
    monkeypatch.setattr(findings, "openvino_version", lambda: "2026.4")
    findings.keep(DeviceFinding("cpu", "some", "bfloat16", "channels_last", 2, "because", openvino=ratio))
    assert timing.prefers_openvino(width) == preferred


@pytest.mark.parametrize(
    ("dtype", "free", "version", "timed"),
    [("float32", 8, "2026.4", True), ("float16", 8, "2026.4", False), ("float32", 4, "2026.4", False), ("float32", 8, "", False)],
)  # fmt: skip
def test_openvino_is_timed_once_beside_torch_where_it_is_installed(dtype, free, version, timed, monkeypatch):
    monkeypatch.setattr(findings, "openvino_version", lambda: version)
    monkeypatch.setattr(timing, "available_memory", lambda: (free * 10**9, 16 * 10**9))
    monkeypatch.setattr(timing, "ratio_to_torch", lambda dtype, own: 0.5)
    finding = timing.with_openvino(DeviceFinding("cpu", "some", dtype, "contiguous", 2, "Because."))
    assert finding.openvino == (0.5 if timed else 0.0)
    assert ("OpenVINO takes 0.50 of torch's time" in finding.reason) == timed
    assert findings.findings() == ({"cpu": finding} if timed else {})
    monkeypatch.setattr(timing, "ratio_to_torch", lambda dtype, own: pytest.fail("timed again"))
    assert not timed or timing.with_openvino(finding) == finding


def test_unknown_names_are_told_with_those_there_are():
    with pytest.raises(InvalidRequest, match="Unknown dtype 'float8'; choose one of float32, float16"):
        formats.choose_dtype(CPU, "float8")
    for name in ("cuda:7", "tpu", "mps:3"):
        with pytest.raises(InvalidRequest, match=f"The device '{name}' is not here; choose auto or one of cpu"):
            formats.choose_device(name)


def test_of_several_cards_the_one_with_most_free_memory(monkeypatch):
    monkeypatch.delenv("SDEDGE_DEVICE", raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda i: ([2 << 30, 9 << 30, 5 << 30][i], 16 << 30))
    assert formats.choose_device("auto") == formats.choose_device("cuda") == torch.device("cuda:1")
    assert formats.choose_device("cuda:2") == torch.device("cuda:2")


def test_auto_is_the_device_that_the_environment_names(monkeypatch):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    monkeypatch.delenv("SDEDGE_DEVICE", raising=False)
    assert formats.choose_device("auto") == torch.device("mps")
    for named in ("cpu", "openvino", "cpu-and-ne"):  # the last two are not torch's
        monkeypatch.setenv("SDEDGE_DEVICE", named)
        assert formats.choose_device("auto") == torch.device("cpu" if named == "cpu" else "mps")
    assert formats.choose_device("mps") == torch.device("mps")


@pytest.mark.slow
@pytest.mark.usefixtures("believed")
def test_doctor_tells_and_measures_again():
    result = CliRunner().invoke(cli, ["doctor", "--device", "cpu", "--again"])
    assert f"Python {platform.python_version()}" in result.output and "torch 2" in result.output
    assert (
        result.exit_code == 0 and findings.findings()["cpu"].dtype in result.output and "convolution" in result.output
    )
    record = json.loads(CliRunner().invoke(cli, ["doctor", "--device", "cpu", "--json"]).output)
    assert record["device"] == "cpu" and record["reason"] == findings.findings()["cpu"].reason
