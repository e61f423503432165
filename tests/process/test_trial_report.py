"""The report's file: it survives whatever ends the doctor, goes on where it was, and holds nothing of a person's own."""

from __future__ import annotations

import errno
import getpass
import io
import json
import os
import socket
from pathlib import Path

import pytest

from sdedge.errors import OutputError
from sdedge.locks import ProcessLock
from sdedge.process import impersonal, trial_report
from sdedge.process.impersonal import Impersonal
from sdedge.process.report_sections import Section, Subjects
from sdedge.process.reporting import carry_out, is_complete
from sdedge.process.trial_report import TrialReport
from sdedge.process.trials import Finding, Outcome, Trial

ROOT = Path(__file__).parents[2]
MACHINE = {"processor": "M9", "torch": "2.13.0"}
DRAWS = Trial.of("engines", "draws", "tests.process.trial_functions:draws")
ABORTS = Trial.of("engines", "aborts", "tests.process.trial_functions:aborts")


@pytest.fixture
def file(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return tmp_path / "report.log"


def _report(file: Path, **options) -> TrialReport:
    return TrialReport(file, MACHINE, Impersonal(), **options)


def _lines(file: Path) -> list[dict]:
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


def _carried_out(file: Path, *items: Trial | Finding) -> list:
    section = Section("engines", lambda subjects: iter(items))
    with _report(file) as report:
        return list(carry_out(report, Subjects({}, file.parent), [section]))


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_report_goes_on_and_keeps_what_it_has(file):
    first = _carried_out(file, Finding("state", "now", {"free": 1}), ABORTS)
    assert [item["outcome"] for item in first if isinstance(item, dict)] == [Outcome.DONE, Outcome.SIGNAL]
    before = file.read_bytes()
    file.write_bytes(before[: before.rindex(b'{"section": "end"')] + b'{"section": "engines", "tri')  # it died here
    second = _carried_out(file, Finding("state", "now", {"free": 2}), ABORTS, DRAWS)
    assert second[0] == DRAWS and second[1]["outputs"]["unet"]["psnr"] == 41 and len(second) == 2
    lines = _lines(file)
    assert [line.get("outcome") for line in lines if "section" in line] == [
        "done",
        None,
        "signal",
        None,
        "done",
        "done",
    ]
    assert lines[1]["free"] == 1
    with _report(file) as report:
        assert is_complete(report) and report.resumed == 4


def test_what_takes_the_doctor_with_it_twice_is_not_tried_a_third_time(file):
    for _ in range(2):
        with _report(file) as report:
            assert report.needs(DRAWS)
            report.begin(DRAWS)  # and here the machine went
    results = _carried_out(file, DRAWS)
    assert results == [] and _lines(file)[-2] | {"outcome": "interrupted"} == _lines(file)[-2]
    assert _lines(file)[-2]["trial"] == "draws"


def test_a_section_that_cannot_list_its_trials_leaves_the_others_theirs(file):
    def broken(subjects):
        raise ValueError("no list")
        yield

    sections = [Section("bundles", broken), Section("state", lambda subjects: iter([Finding("state", "now")]))]
    with _report(file) as report:
        results = list(carry_out(report, Subjects({}, file.parent), sections))
    assert [result["outcome"] for result in results] == [Outcome.FAILED, Outcome.DONE]
    assert "no list" in results[0]["said"]


def test_another_file_or_another_machine_is_refused_and_left_as_it_is(file):
    for text in ("a poem\n", '{"a": 1}\n', "[]\n", "\0" * 100):
        file.write_text(text)
        with pytest.raises(OutputError, match="name another file"):
            _report(file)
        with pytest.raises(OutputError, match="name another file"):
            _report(file, anew=True)
        assert file.read_text() == text
    file.unlink()
    with _report(file):
        pass
    with pytest.raises(OutputError, match="of another machine, or of other versions"):
        TrialReport(file, {**MACHINE, "torch": "2.14.0"}, Impersonal())
    with TrialReport(file, {**MACHINE, "torch": "2.14.0"}, Impersonal(), anew=True) as report:
        assert not report.resumed
    assert _lines(file)[0]["machine"]["torch"] == "2.14.0"


@pytest.mark.parametrize("length", [0, 1, 20, 40])
def test_one_that_ended_in_its_first_line_begins_anew(file, length):
    with _report(file):
        first_line = file.read_bytes()
    file.write_bytes(first_line[:length])
    with _report(file) as report:
        report.add(DRAWS, {"outcome": Outcome.DONE})
    assert len(_lines(file)) == 2 and file.read_bytes().startswith(first_line)


def test_a_line_that_the_disk_damaged_ends_what_is_believed(file):
    with _report(file) as report:
        report.add(DRAWS, {"outcome": Outcome.DONE})
    file.write_bytes(file.read_bytes() + b"\0\0\0\n" + b'{"section": "engines", "trial": "late"}\n')
    with _report(file) as report:
        assert report.resumed == 1
    assert len(_lines(file)) == 2


def test_a_full_disk_leaves_whole_lines(file, monkeypatch):
    class Full(io.FileIO):
        """Takes ten bytes, then none."""

        def write(self, data):
            if len(data) < 60:
                return super().write(data)
            if getattr(self, "began", False):
                raise OSError(errno.ENOSPC, "No space left on device")
            self.began = True
            return super().write(data[:10])

    with _report(file) as report:
        report.add(Finding("a", "b"), {})
    monkeypatch.setattr(trial_report.os, "fdopen", lambda descriptor, *_, **__: Full(descriptor, "r+b"))
    with _report(file) as report, pytest.raises(OutputError, match="keeps what it has"):
        report.add(DRAWS, {"said": "x" * 100})
    assert [line.get("trial") for line in _lines(file)] == [None, "b"]


def test_two_doctors_do_not_write_to_one_file(file):
    with _report(file), pytest.raises(OutputError, match="is writing to"):
        _report(file)
    with _report(file):
        pass
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_a_doctor_that_comes_as_another_ends_keeps_what_that_one_wrote(file, monkeypatch):
    _carried_out(file, Finding("engines", "first"))
    acquire = ProcessLock.acquire

    def late(lock: ProcessLock) -> bool:
        monkeypatch.setattr(ProcessLock, "acquire", acquire)
        with _report(file) as earlier:
            earlier.add(Finding("engines", "second"), {"outcome": "done"})
        return acquire(lock)

    monkeypatch.setattr(ProcessLock, "acquire", late)
    with _report(file) as report:
        assert not report.needs(Finding("engines", "second"))
    assert "second" in file.read_text()


# Nothing personal


@pytest.fixture
def person(monkeypatch, tmp_path):
    """A person with names that programs may quote, and a home."""
    home = tmp_path / "Users" / "zelda.quimby"
    home.mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USER", "zelda.quimby")
    monkeypatch.setattr(getpass, "getuser", lambda: "zelda.quimby")
    monkeypatch.setattr(socket, "gethostname", lambda: "Quimbys-MacBook-Pro.local")
    monkeypatch.setattr(impersonal.platform, "node", lambda: "Quimbys-MacBook-Pro.local")
    return home


SECRETS = ("quimby", "zelda", "secret", "lingerie", "letter")


@pytest.mark.parametrize("text, left", [
    ("cannot open {home}/My Secret/letter.txt: denied", "cannot open …: denied"),
    ("at {home}/secret/Unet.mlmodelc/model.mil", "at …/model.mil"),
    ('File "{home}/secret project/.venv/lib/torch/nn.py", line 3', 'File "…/nn.py", line 3'),
    ("/Volumes/Zelda's Secret Disk/lingerie.safetensors is damaged", None),
    ("/private/var/folders/zq/secret/T/x.espresso.net: 0x3", "…/x.espresso.net: 0x3"),
    ("file:///Users/quimby/secret/Unet.mlpackage", "…/Unet.mlpackage"),
    (r"C:\Users\Zelda Quimby\secret\x.dll: error 5", None),
    (r"\\quimby-server\secret\share", None),
    ("~zelda.quimby/secret.txt", None),
    ("ZELDA.QUIMBY@Quimbys-MacBook-Pro: abort", "[name]@[name]: abort"),
    ("on quimbys-macbook-pro.local", "on [name]"),
    ("{bundle}/Unet.mlpackage/Data/weight.bin is short", "[model 1]/Unet.mlpackage/Data/weight.bin is short"),
    ("{bundle}: 3 of 4", "[model 1]: 3 of 4"),
])  # fmt: skip
def test_texts_lose_names_and_folders(person, tmp_path, text, left):
    bundle = tmp_path / "zelda lingerie"
    said = Impersonal({"model 1": bundle}).text(text.format(home=person, bundle=bundle))
    assert not [secret for secret in SECRETS if secret in said.lower()], said
    assert left is None or said == left


def test_texts_keep_what_is_nobody_s(person):
    for text in ("aten::conv2d and/or n/a, 3/4 of 1e-3", "SIGABRT in MPSGraph (macOS 27.1)", "ratio 16:9 // x", "Apple M5 Pro",
                 "https://developer.apple.com/x", "v @ attn^T", "[sdedge] File a.py"):  # fmt: skip
        assert Impersonal().text(text) == text
    inside = f'File "{ROOT / "sdedge" / "cli.py"}", line 1'
    assert Impersonal().text(inside) == 'File "[sdedge]/cli.py", line 1'


def test_every_text_of_a_report_is_impersonal(person, file):
    with TrialReport(file, {"host": "Quimbys-MacBook-Pro"}, Impersonal()) as report:
        trial = Trial.of("packages", f"{person}/secret", "a:b")
        report.begin(trial)
        report.add(trial, {"said": f"{person}/secret", "outputs": {"zelda.quimby": ["zelda.quimby", 1, None]}})
        assert not report.needs(trial)
    text = file.read_text()
    assert not [secret for secret in SECRETS if secret in text.lower()], text


@pytest.mark.slow
def test_what_an_engine_says_of_a_model_at_home_is_impersonal(person, file):
    model = person / "my secret letters"
    model.mkdir()
    (model / "model_index.json").write_text('{"lingerie": ')
    trial = Trial.of("engines", "home", "sdedge.process.engine_trials:on_engine", model=str(model), device="cpu",
                     dtype="float32")  # fmt: skip
    results = _carried_out(file, trial)
    assert results[1]["outcome"] == Outcome.FAILED and len(results[1]["said"]) > 10, results
    assert not [secret for secret in SECRETS if secret in file.read_text().lower()], file.read_text()
