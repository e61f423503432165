"""Setting up on any machine, a Mac above all, by stand-ins for its programs: which Python is taken, what is said otherwise."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / ".ci" / "venv"
pytestmark = pytest.mark.skipif(os.name == "nt", reason="make and sh")

PYTHON = """#!/bin/sh
case "$1 $2" in
"-c "*) [ -n "{version}" ] || exit 1; echo "{version} {machine}" ;;
"-m venv") [ -z "{broken}" ] || {{ mkdir -p "$3/bin"; cp "$0" "$3/bin/python"; echo "ensurepip is not here" >&2; exit 1; }}
    mkdir -p "$3/bin"; echo "made by {version}" > "$3/pyvenv.cfg"; cp "$0" "$3/bin/python"
    printf '#!/bin/sh\\n#%s/bin/python\\necho "$0 $@" >> "{log}"\\n' "$PWD/$3" > "$3/bin/sdedge"; chmod +x "$3/bin/sdedge" ;;
*) echo "$@" >> "{log}" ;;
esac
"""


class Machine:
    """A PATH of stand-ins: a system with its version, and Pythons with theirs."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.bin, self.log = folder, folder / "bin", folder / "log"
        self.bin.mkdir()
        for tool in ("sh", "rm", "mkdir", "cp", "chmod", "touch", "mv", "make"):
            if program := shutil.which(tool):
                (self.bin / tool).symlink_to(program)
        self.system("Linux", "x86_64")

    def program(self, name: str, text: str) -> Path:
        path = self.bin / name
        path.write_text(text)
        path.chmod(0o755)
        return path

    def system(self, name: str, machine: str, version: str = "", silicon: int = 1) -> None:
        self.program("uname", f'#!/bin/sh\n[ "$1" = -m ] && echo {machine} || echo {name}\n')
        self.program("sw_vers", f"#!/bin/sh\necho {version}\n")
        self.program("sysctl", f"#!/bin/sh\necho {silicon}\n")
        self.machine = machine

    def python(self, name: str, version: str, machine: str = "", broken: str = "") -> Path:
        text = PYTHON.format(version=version, machine=machine or self.machine, log=self.log, broken=broken)
        return self.program(name, text)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=self.folder, env={"PATH": str(self.bin)}, capture_output=True, text=True, check=False
        )

    def set_up(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.run("sh", str(SCRIPT), "env", *arguments)

    def copy_project(self, name: str) -> Path:
        """What make reads, in a folder of this name, where commands run from now on."""
        self.folder = self.folder / name
        self.folder.mkdir()
        for file in ("Makefile", "constraints.txt", "pyproject.toml"):
            shutil.copy(ROOT / file, self.folder)
        shutil.copytree(ROOT / ".ci", self.folder / ".ci")
        return self.folder

    @property
    def made_by(self) -> str:
        made = self.folder / "env" / "pyvenv.cfg"
        return made.read_text().split()[-1] if made.exists() else ""


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


def test_the_newest_python_that_has_every_wheel_is_taken_before_the_systems_own(machine):
    machine.system("Darwin", "arm64", "14.5")
    machine.python("python3", "3.9")
    for version in ("3.11", "3.12", "3.14"):
        machine.python(f"python{version}", version)
    assert machine.set_up().returncode == 0 and machine.made_by == "3.12"
    assert machine.set_up().returncode == 0 and machine.made_by == "3.12"  # one that is there and serves is kept
    assert machine.set_up(str(machine.bin / "python3.11")).returncode == 0
    assert machine.made_by == "3.11"  # asked for


@pytest.mark.parametrize("version", ["3.9", "3.10", "3.14", ""])
def test_a_python_without_wheels_is_refused_in_one_sentence_and_nothing_is_left(machine, version):
    machine.system("Darwin", "arm64", "26.1")
    path = machine.python("python3", version)
    done = machine.set_up()
    assert done.returncode != 0 and not (machine.folder / "env").exists()
    assert done.stderr.count("\n") == 1 and "Python 3.11, 3.12 or 3.13" in done.stderr and "python.org" in done.stderr
    assert (f"{path} is {version}" in done.stderr) == bool(version)
    machine.python("python3.14", "3.14")
    assert "python3.14 is 3.14" in machine.set_up().stderr  # what Homebrew gives who asks it for python
    machine.python("python3.13", "3.13")  # installed, as it was advised
    assert machine.set_up().returncode == 0 and machine.made_by == "3.13"


def test_an_environment_of_a_wrong_python_or_of_one_that_is_gone_is_made_anew(machine):
    old = machine.python("python3", "3.9")
    machine.run(str(old), "-m", "venv", "env")
    (machine.folder / "env" / ".demo").touch()
    machine.python("python3.11", "3.11")
    done = machine.set_up()
    assert done.returncode == 0 and machine.made_by == "3.11" and not (machine.folder / "env" / ".demo").exists()
    assert "anew" in done.stderr
    (machine.folder / "env" / "bin" / "python").unlink()
    (machine.folder / "env" / "bin" / "python").symlink_to("/gone/python3.11")
    machine.python("python3.12", "3.12")
    assert machine.set_up().returncode == 0 and machine.made_by == "3.12"


@pytest.mark.parametrize("noted", [True, False])
def test_an_environment_that_was_moved_or_copied_with_its_folder_is_made_anew(machine, noted):
    """Its programs name the folder where it was made, and so does the package that it looks up there."""
    machine.python("python3.12", "3.12")
    project = machine.folder = machine.folder / " a project "
    project.mkdir()
    assert machine.set_up().returncode == 0
    if not noted:  # as earlier versions made it
        (project / "env" / ".made-by-sdedge").write_text("")
    (project / "env" / ".demo").touch()
    assert machine.run("sh", str(SCRIPT), "--moved", "env").stderr == "" and (project / "env" / ".demo").exists()
    machine.folder = project.rename(project.with_name("moved"))
    machine.folder.joinpath("link").symlink_to(machine.folder)
    for command in (("--moved", "env"), ("env",)):
        shutil.copytree(machine.folder / "env", machine.folder / "kept", symlinks=True)
        done = machine.run("sh", str(SCRIPT), *command)
        assert done.returncode == 0 and done.stderr.count("\n") == 1 and "another folder" in done.stderr
        assert not (machine.folder / "env" / ".demo").exists()
        shutil.rmtree(machine.folder / "env", ignore_errors=True)
        (machine.folder / "kept").rename(machine.folder / "env")
    assert machine.set_up().returncode == 0 and machine.made_by == "3.12"
    machine.folder = machine.folder / "link"  # another way to the same folder is no other folder
    assert machine.set_up().stderr == "" and machine.run("sh", str(SCRIPT), "--moved", "env").stderr == ""


def test_somebodys_own_environment_that_was_moved_stays(machine):
    machine.python("python3.12", "3.12")
    machine.run("python3.12", "-m", "venv", "env")
    machine.folder = (machine.folder / "env").rename(machine.folder / "moved").parent
    assert machine.run("sh", str(SCRIPT), "--moved", "moved").stderr == "" and (machine.folder / "moved").exists()


def test_a_folder_that_is_no_environment_is_not_removed(machine):
    machine.python("python3.11", "3.11")
    (machine.folder / "env").mkdir()
    (machine.folder / "env" / "thesis.txt").write_text("years")
    done = machine.set_up()
    assert done.returncode != 0 and (machine.folder / "env" / "thesis.txt").exists() and "no environment" in done.stderr


def test_somebodys_own_environment_is_put_aside_and_not_removed(machine):
    machine.run(str(machine.python("python3", "3.9")), "-m", "venv", "env")
    machine.python("python3.11", "3.11")
    done = machine.set_up()
    assert done.returncode == 0 and machine.made_by == "3.11" and "env.old" in done.stderr
    assert (machine.folder / "env.old" / "pyvenv.cfg").read_text() == "made by 3.9\n"


@pytest.mark.parametrize(("version", "said"), [("3.9", "is 3.9, and sdedge needs"), ("", "is no Python that runs")])
def test_a_python_that_was_named_and_does_not_serve_is_said(machine, version, said):
    machine.python("python3.12", "3.12")
    named = machine.folder / "a folder" / "python"
    named.parent.mkdir()
    machine.python("mine", version).rename(named)
    done = machine.set_up(str(named))
    assert done.returncode != 0 and f"PYTHON={named} {said}" in done.stderr and done.stderr.count("\n") == 1


def test_an_environment_that_could_not_be_made_does_not_stay(machine):
    machine.python("python3.11", "3.11", broken="yes")
    assert machine.set_up().returncode != 0 and not (machine.folder / "env").exists()


@pytest.mark.parametrize(
    "machine_name, version, silicon, said",
    [("x86_64", "14.0", 0, "Intel processor"), ("arm64", "13.7", 1, "macOS 14 or later"), ("x86_64", "26.0", 1, "")],
)
def test_macs_that_torch_has_no_build_for_are_told_so(machine, machine_name, version, silicon, said):
    machine.system("Darwin", machine_name, version, silicon)
    machine.python("python3.12", "3.12", "arm64")
    done = machine.set_up()
    assert (done.returncode != 0) == bool(said) and said in done.stderr and done.stderr.count("\n") == bool(said)


def test_a_python_for_intel_on_a_mac_with_apple_silicon_is_passed_over(machine):
    machine.system("Darwin", "arm64", "15.0")
    machine.python("python3.13", "3.13", "x86_64")
    done = machine.set_up()
    assert done.returncode != 0 and "python3.13 is 3.13 for Intel" in done.stderr
    machine.python("python3.12", "3.12")
    assert machine.set_up().returncode == 0 and machine.made_by == "3.12"


@pytest.mark.parametrize("system", ["Darwin", "Linux"])
def test_make_sets_up_what_the_system_needs_with_the_python_that_serves(machine, system):
    machine.system(system, "arm64", "26.0")
    machine.python("python3", "3.14")
    machine.python("python3.12", "3.12")
    machine.copy_project("project")
    if not (machine.bin / "make").exists():
        pytest.skip("make is not installed")
    done = machine.run("make", "demo", "VENV=env")
    assert done.returncode == 0, done.stderr
    log = machine.log.read_text()
    assert machine.made_by == "3.12" and "sdedge generate" in log
    assert (" coremltools pyobjc-framework-Cocoa" in log) == (system == "Darwin")
    (machine.folder / "env" / "bin" / "python").unlink()  # as after `brew upgrade`
    assert machine.run("make", "demo", "VENV=env").returncode == 0
    assert machine.log.read_text().count("torch==") == 2
    assert machine.run("make", "demo", "VENV=env").returncode == 0
    assert machine.log.read_text().count("torch==") == 2  # what is set up stays


def test_make_notices_that_the_folder_was_moved(machine):
    if not (machine.bin / "make").exists():
        pytest.skip("make is not installed")
    machine.python("python3.12", "3.12")
    project = machine.copy_project("project")
    assert machine.run("make", "demo", "VENV=env").returncode == 0
    machine.folder = project.rename(project.with_name("moved"))
    done = machine.run("make", "demo", "VENV=env")
    assert done.returncode == 0 and "another folder" in done.stderr
    assert machine.log.read_text().count("torch==") == 2


def test_without_coremltools_one_sentence_names_this_very_python(tmp_path):
    hidden = (
        "import sys\n"
        "class Hidden:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] == 'coremltools':\n"
        "            raise ModuleNotFoundError(name, name='coremltools')\n"
        "sys.meta_path.insert(0, Hidden())\n"
        "from sdedge.errors import SdedgeError\n"
        "try:\n"
        "    import converters.toolchain\n"
        "except SdedgeError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", hidden], cwd=ROOT, capture_output=True, text=True, check=True)
    assert f"`{sys.executable} -m pip install coremltools`" in done.stdout and not done.stderr
