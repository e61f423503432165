"""How the command ends: signals at any moment, standard streams that are closed, full or read by nobody."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
COMMAND = [sys.executable, "-c", "from sdedge.cli import main; main()"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
FULL = Path("/dev/full")  # Linux has it
pytestmark = pytest.mark.skipif(os.name != "posix", reason="POSIX signals and descriptors")

# Raises the signal while `module` is imported, as Ctrl-C in the first moments does.
EARLY = """
import os, sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            os.kill(os.getpid(), {number})
sys.meta_path.insert(0, Finder())
from sdedge.cli import main
main()
"""


def shell(line: str) -> subprocess.CompletedProcess[str]:
    quoted = f"{sys.executable} -c 'from sdedge.cli import main; main()'"
    options = {"capture_output": True, "text": True, "timeout": 60, "check": False, "env": ENVIRONMENT}
    return subprocess.run(["bash", "-c", line.replace("SDEDGE", quoted)], **options)


@pytest.mark.parametrize("module", ["click", pytest.param("sdedge.commands.samplers", marks=pytest.mark.slow),
                                    pytest.param("sdedge.errors", marks=pytest.mark.slow)])  # fmt: skip
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_an_early_signal_is_no_traceback(module, number, status):
    code = EARLY.format(module=module, number=int(number))
    done = subprocess.run(
        [sys.executable, "-c", code, "samplers"], capture_output=True, text=True, check=False, env=ENVIRONMENT
    )
    assert (done.returncode, done.stderr.strip()) == (status, "")


def test_an_import_that_hides_the_interrupt_still_ends_as_one():
    hidden = "\n            try: os.kill(os.getpid(), 2)\n            except KeyboardInterrupt: raise SystemError('x')"
    code = EARLY.format(module="click", number=int(signal.SIGINT)).replace("os.kill(os.getpid(), 2)", hidden)
    done = subprocess.run(
        [sys.executable, "-c", code, "samplers"], capture_output=True, text=True, check=False, env=ENVIRONMENT
    )
    assert (done.returncode, done.stderr) == (130, "")


def test_a_signal_that_is_ignored_stays_ignored():
    code = "import signal; signal.signal(1, signal.SIG_IGN)\n" + EARLY.format(module="click", number=1)
    done = subprocess.run(
        [sys.executable, "-c", code, "--version"], capture_output=True, text=True, check=False, env=ENVIRONMENT
    )
    assert done.returncode == 0 and done.stdout.startswith("sdedge")


def test_output_that_nobody_reads_is_full_or_closed():
    done = shell("SDEDGE samplers | true; echo ${PIPESTATUS[0]}")
    assert (done.stdout.strip() in ("141", "0"), done.stderr) == (True, "")  # 0: all was written before the reader left
    for command in ("samplers", "--version"):  # one prints through rich, the other through click
        process = subprocess.Popen([*COMMAND, command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT)
        process.stdout.close()
        assert process.wait(60) == 141 and process.stderr.read() == b"", command
    process.stderr.close()
    full = [("SDEDGE samplers > /dev/full", "No space left")] if FULL.exists() else []
    for line, phrase in (*full, ("SDEDGE samplers >&-", "standard output")):
        done = shell(line)
        assert (done.returncode, done.stderr.count("\n")) == (1, 1) and phrase in done.stderr, done


@pytest.mark.slow
def test_complaints_that_nobody_hears_keep_their_status():
    assert not FULL.exists() or shell("SDEDGE generate 2>/dev/full").returncode == 2
    assert shell("SDEDGE generate 2>&-").returncode == 2
    assert shell("SDEDGE samplers 2>&- <&- > /dev/null").returncode == 0
    for unbuffered in ("samplers", "samplers ddim") if FULL.exists() else ():
        done = shell(f"PYTHONUNBUFFERED=1 SDEDGE {unbuffered} > /dev/full")
        assert done.returncode == 1 and "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_at_any_moment_of_the_start(number, status, tmp_path):
    for delay in (0.15, 0.3, 0.6, 1.2):
        command = [*COMMAND, "generate", "x", "-o", str(tmp_path), "-c", "500", "-q"]
        streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
        process = subprocess.Popen(command, env=ENVIRONMENT, **streams)
        time.sleep(delay)
        process.send_signal(number)
        said = process.communicate(timeout=60)[1]
        if "sdedge/cli.py" in said or "Traceback" not in said:  # else Python had not begun to run anything of ours
            assert process.returncode in (status, -number) and "Traceback" not in said, said
