"""Names of pictures: claimed exclusively, whole or not there, silent when they should be; files and folders told apart."""

from __future__ import annotations

import datetime
import errno
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from sdedge import files
from sdedge.errors import InvalidRequest, OutputError
from sdedge.files import rename_to_new, write_new
from sdedge.images import naming
from sdedge.images.grid import grid
from sdedge.images.naming import names
from sdedge.images.output import Output, output_at
from sdedge.request import Request

PIXELS = np.zeros((8, 8, 3), np.uint8)
SECRET = Request("a secret garden", seed=987654)


def refuse(code):
    def way(temporary, target):
        raise OSError(code, os.strerror(code))

    return way


def without_links(monkeypatch, both):
    monkeypatch.setattr(files, "rename_exclusively", refuse(errno.EINVAL))
    if both:
        monkeypatch.setattr(files, "link_exclusively", refuse(errno.EPERM))


@pytest.mark.parametrize("ways", ["rename", "link", "neither"])
def test_names_claimed_at_once_are_all_different_and_nothing_is_replaced(tmp_path, monkeypatch, ways):
    if ways != "rename":
        without_links(monkeypatch, ways == "neither")
    claimed, together = [], threading.Barrier(8)
    monkeypatch.setattr(files.os.path, "lexists", lambda path: False)  # everybody looked before anybody wrote

    def write(i):
        together.wait()
        claimed.append(write_new(names(tmp_path, "a", "png"), b"%d" % i))

    threads = [threading.Thread(target=write, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({*claimed}) == 8 and sorted(path.read_bytes() for path in tmp_path.iterdir()) == [
        b"%d" % i for i in range(8)
    ]


@pytest.mark.slow
def test_four_processes_of_one_seed_leave_four_pictures(tmp_path):
    code = (
        "import sys, numpy; from pathlib import Path; from sdedge.images.output import Output\n"
        "from sdedge.request import Request\n"
        "o = Output(Path(sys.argv[1])); sys.stdin.read(1); o.check()\n"
        "print(o.write(numpy.zeros((8, 8, 3), 'uint8'), Request('x', seed=1), {}, 1))"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    started = [subprocess.Popen(command, env={**os.environ, "PYTHONPATH": os.getcwd()}, **pipes) for _ in range(4)]
    paths = [process.communicate("x")[0].strip() for process in started]
    assert len({*paths}) == 4 and sorted(map(str, tmp_path.iterdir())) == sorted(paths)


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("moment", ["claimed", "written"])
def test_a_kill_leaves_no_name_taken(tmp_path, moment):
    place = {"claimed": "files.os.replace", "written": "files.rename_to_new"}[moment]
    code = (
        "import os, signal, sys; from pathlib import Path; from sdedge import files; from sdedge.images.naming import names\n"
        "def no(*a): raise OSError(22, 'no')\n"
        "files.rename_exclusively = files.link_exclusively = no\n"
        f"{place} = lambda *a: os.kill(os.getpid(), signal.SIGKILL)\n"
        "files.write_new(names(Path(sys.argv[1]), 'a', 'png'), b'lost')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)], env={**os.environ, "PYTHONPATH": os.getcwd()}, check=False
    )
    assert done.returncode == -signal.SIGKILL
    for left in tmp_path.iterdir():
        os.utime(left, (time.time() - 3600,) * 2)
    Output(tmp_path).check()  # as before every drawing
    assert write_new(names(tmp_path, "a", "png"), b"new") == tmp_path / "a.png"
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a.png": b"new"}


def test_a_fresh_claim_and_an_empty_file_filled_meanwhile_are_respected(tmp_path, monkeypatch):
    (tmp_path / "a.png").touch()
    assert write_new(names(tmp_path, "a", "png"), b"x").name == "a-2.png"
    os.utime(tmp_path / "a.png", (1, 1))
    (tmp_path / "b.png").write_bytes(b"x")
    assert not rename_to_new(tmp_path / "a-2.png", tmp_path / "b.png") and (tmp_path / "b.png").read_bytes() == b"x"
    rename = os.rename
    monkeypatch.setattr(files.os, "rename", lambda a, b: (Path(a).write_bytes(b"filled"), rename(a, b)))
    assert write_new(names(tmp_path, "a", "png"), b"y").name == "a-3.png"
    assert (tmp_path / "a.png").read_bytes() == b"filled"


@pytest.mark.parametrize("ways", ["rename", "link", "neither"])
def test_a_full_disk_leaves_nothing(tmp_path, monkeypatch, ways):
    if ways != "rename":
        without_links(monkeypatch, ways == "neither")
    monkeypatch.setattr(files.os, "fsync", lambda fd: refuse(errno.ENOSPC)(0, 0))
    with pytest.raises(OutputError, match="No space"):
        Output(tmp_path).write(PIXELS, SECRET, {}, 1)
    monkeypatch.undo()
    if ways == "neither":
        without_links(monkeypatch, True)
        monkeypatch.setattr(files.os, "replace", refuse(errno.EIO))
        with pytest.raises(OutputError):
            Output(tmp_path).write(PIXELS, SECRET, {}, 1)
    assert not list(tmp_path.iterdir())


def test_the_trial_file_is_each_process_own(tmp_path, monkeypatch):
    monkeypatch.setattr(Path, "unlink", lambda path: None)
    Output(tmp_path).check()
    Output(tmp_path).check()
    assert len(list(tmp_path.iterdir())) == 2


def test_without_metadata_the_name_tells_neither_prompt_nor_seed(tmp_path):
    output = Output(tmp_path, private=True)
    paths = [output.write(PIXELS, SECRET, {}, 1), output.write_sheet(grid([PIXELS]), SECRET, alone=False)]
    for path in paths:
        assert "secret" not in path.name and "987654" not in path.name
    own = Output(tmp_path, private=True, template="{seed}")
    assert own.write(PIXELS, SECRET, {}, 1).name == "987654.png"


def test_a_name_with_a_pictures_suffix_is_a_file(tmp_path):
    written = [output_at(tmp_path / "my {seed} pic.JPG").write(PIXELS, SECRET, {}, 1) for _ in range(2)]
    assert [path.name for path in written] == ["my {seed} pic.JPG", "my {seed} pic-2.JPG"]
    assert written[0].read_bytes()[:2] == b"\xff\xd8"
    many = output_at(tmp_path / "b.webp", many=True)
    assert [many.write(PIXELS, SECRET, {}, number).name for number in (1, 2)] == ["b-1.webp", "b-2.webp"]
    assert many.write_sheet(grid([PIXELS]), SECRET, alone=False).name == "b-grid.webp"
    assert many.write_sheet(grid([PIXELS]), SECRET).name == "b.webp"
    (tmp_path / "folder.png").mkdir()
    for path in (tmp_path / "folder.png", tmp_path / "v1.5", tmp_path / ".png"):
        assert output_at(path).folder == path
    for name, bad in (("a.gif", {}), ("a.png", {"format": "webp"}), ("a.png", {"template": "x"})):
        with pytest.raises(InvalidRequest):
            output_at(tmp_path / name, **bad)


def test_names_hold_no_direction_marks_or_half_characters():
    now = datetime.datetime(2026, 1, 1)
    request = Request(prompt="a\u202egnp.exe\u200b \ufeffb", model="caf\udce9")
    assert naming.name("{prompt}-{model}", request, 1, now) == "agnp.exe_b-caf\ufffd"


@pytest.mark.parametrize("model", ["sd-v1.5", "models/sd-v1.5.safetensors", r"C:\models\sd-v1.5.ckpt"])
def test_a_models_name_keeps_its_dots(model):
    assert naming.name("{model}", Request(model=model), 1, datetime.datetime(2026, 1, 1)) == "sd-v1.5"


def test_a_length_that_is_no_number_is_refused():
    with pytest.raises(InvalidRequest, match="unknown field"):
        naming.name("{prompt:\u00b2}", Request(), 1, datetime.datetime(2026, 1, 1))
