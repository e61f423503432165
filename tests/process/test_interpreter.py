"""No Python of ours takes modules from the folder it is started in."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sdedge.errors import Remedy
from sdedge.interpreter import MODULES, RUN_MODULE, how_to_install, python_command, python_environment, run_asked_module
from sdedge.text import vocabulary

ROOT = Path(__file__).parents[2]
STARTS = {"multiprocessing", "concurrent.futures.process", "runpy"}
CALLS = {
    "system",
    "popen",
    "execv",
    "execve",
    "execvp",
    "execvpe",
    "execl",
    "execlp",
    "spawnv",
    "spawnve",
    "posix_spawn",
}
PYTHONS = ("python", "python3", "python.exe", "pip", "pip3")
NAMES = ("queue", "random", "json", "sdedge", "click", "numpy", "socket", "argparse", "typing", "pip", "tempfile",
         "sitecustomize")  # fmt: skip


@pytest.fixture
def hostile(tmp_path, monkeypatch):
    """A working folder in which every module that is likely to be imported leaves a trace."""
    folder = tmp_path / "hostile"
    folder.mkdir()
    for name in NAMES:
        (folder / f"{name}.py").write_text(f"open({str(tmp_path / 'trace')!r}, 'a').write({name!r})\n")
    monkeypatch.chdir(folder)
    yield folder
    assert not (tmp_path / "trace").exists(), (tmp_path / "trace").read_text()


def test_the_engine_draws_from_a_hostile_working_folder(desk, hostile):
    job = desk.add("steps=1")
    desk.start()
    desk.wait()
    assert desk.queue.get(job).state == "done"


def test_pip_is_started_so_that_it_runs_nothing_of_the_working_folder(hostile, monkeypatch, tmp_path):
    started = []

    def run(command, **options):
        started.append((command, options["env"]))
        return subprocess.CompletedProcess(command, 1)

    monkeypatch.setattr(vocabulary.subprocess, "run", run)
    with pytest.raises(vocabulary.ModelError):
        vocabulary.install()
    monkeypatch.undo()
    ((command, environment),) = started
    code = "import sys, json, random, queue; sys.exit('' in sys.path or any(p.endswith('hostile') for p in sys.path))"
    flags = command[: command.index("-m")]
    assert subprocess.run([*flags, "-c", code], cwd=hostile, env=environment, check=False).returncode == 0


def test_a_started_module_drops_the_working_folder_before_it_imports_more(hostile):
    for name in ("sdedge", "typing", "random", "argparse", "socket", "tempfile", "json", "queue", "sitecustomize"):
        (hostile / f"{name}.py").unlink()  # python itself, or the package's own name, comes before any line of ours
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "sdedge", "--version"]
    done = subprocess.run(command, cwd=hostile, env=environment, capture_output=True, check=False)
    assert done.returncode == 0 and done.stdout.startswith(b"sdedge"), done.stderr


@pytest.mark.parametrize(("path", "left"), [(":/a", "/a"), ("/a::/b:", "/a:/b"), ("", None), (":", None)])
def test_empty_entries_of_the_search_path_are_dropped(path, left, monkeypatch):
    monkeypatch.setattr(os, "pathsep", ":")
    made = python_environment({"PYTHONPATH": path, "OTHER": "1"})
    assert made.get("PYTHONPATH") == left and made["OTHER"] == made["PYTHONSAFEPATH"] == "1"
    assert python_command("pip", "x")[1:] == ["-P", "-m", "pip", "x"]


@pytest.mark.parametrize(
    ("system", "python", "command"),
    [("darwin", "/Users/a b/python", "'/Users/a b/python' -m pip install 'sdedge[openvino]'"),
     ("win32", r"C:\Users\a b\python.exe", r'"C:\Users\a b\python.exe" -m pip install sdedge[openvino]')],
)  # fmt: skip
def test_what_is_missing_is_installed_for_this_very_python(monkeypatch, system, python, command):
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(sys, "executable", python)
    assert how_to_install("sdedge[openvino]") == f"install it with `{command}`"


def test_into_a_frozen_app_nothing_is_installed(monkeypatch):
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert "`uv tool install 'sdedge[openvino]'`" in how_to_install("sdedge[openvino]")
    assert "`uv tool install --with spandrel sdedge`" in how_to_install("spandrel")
    with pytest.raises(vocabulary.ModelError, match="models get clip-vocabulary") as refused:
        vocabulary.install()
    assert refused.value.remedy == Remedy.GET_VOCABULARY


def test_a_frozen_app_starts_itself(monkeypatch):
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert python_command("sdedge", "x") == [sys.executable, RUN_MODULE, "sdedge", "x"]
    for module in ("pip", "sdedge.cli", "tests.mac"):
        with pytest.raises(ValueError, match="MODULES"):
            python_command(module)


def test_a_frozen_app_runs_only_programs_of_ours(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["sdedge", "generate", RUN_MODULE, "sdedge"])
    run_asked_module()  # it was asked for something else
    for asked in ([], ["http.server"], ["sdedge.cli"], ["pip", "install", "x"]):
        monkeypatch.setattr(sys, "argv", ["sdedge", RUN_MODULE, *asked])
        with pytest.raises(SystemExit, match="how sdedge starts itself"):
            run_asked_module()


ANSWERS = {
    "sdedge": (["--version"], "sdedge, version"),
    "sdedge.process.worker": (["--help"], "usage: "),
    "sdedge.process.trial_process": (["tests.process.trial_functions:finds_nothing", "{}"], ""),
    "sdedge.process.canary": (["cpu float32", "tests.process.canary_results:healthy"], ""),
    "sdedge.process.canary_trial": (["cpu float32", "tests.process.canary_results:healthy"], '"end": true'),
    "sdedge.engines.coreml.first_load": (["--compile", "nothing", "nowhere"], '"error":'),
}


@pytest.mark.slow
@pytest.mark.parametrize("module", MODULES)
def test_every_module_that_a_frozen_app_runs_answers(module, tmp_path):
    arguments, said = ANSWERS[module]
    code = f"import sys; sys.argv = {['sdedge', RUN_MODULE, module, *arguments]!r}\n"
    code += "from sdedge.interpreter import run_asked_module; run_asked_module()"
    own = {**os.environ, "SDEDGE_HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=own, capture_output=True, text=True, timeout=60, check=False
    )
    assert said in done.stdout and "Traceback" not in done.stderr, done.stdout + done.stderr
    assert done.returncode == (1 if "error" in said else 0)


def test_every_module_that_is_started_is_one_that_a_frozen_app_runs():
    started = {node.value for tree in _trees() for node in _modules_started(tree)}
    assert started - {"pip"} == {*MODULES}  # pip is refused by `vocabulary` where there is none


def _trees() -> Iterator[ast.Module]:
    for file in [f for package in ("sdedge", "converters", "gui") for f in sorted((ROOT / package).rglob("*.py"))]:
        text = file.read_text("utf-8")
        if file.name not in ("interpreter.py", "mac_app.py") and ("python_command" in text or "Trial" in text):
            yield ast.parse(text)


def _modules_started(tree: ast.Module) -> Iterator[ast.Constant]:
    """The first argument of `python_command`, and the third of `Trial`, where they are written out."""
    for call in [node for node in ast.walk(tree) if isinstance(node, ast.Call)]:
        place = {"python_command": 0, "Trial": 2, "cls": 2}.get(getattr(call.func, "id", ""))
        if place is not None and len(call.args) > place and isinstance(call.args[place], ast.Constant):
            yield call.args[place]


def test_no_sentence_names_a_pip_that_may_be_anothers():
    for package in ("sdedge", "converters", "gui"):
        for file in (ROOT / package).rglob("*.py"):
            assert "`pip install" not in file.read_text("utf-8"), f"{file}: use how_to_install"


def test_no_other_place_starts_a_python():
    for file in [f for package in ("sdedge", "converters", "gui") for f in sorted((ROOT / package).rglob("*.py"))]:
        text = file.read_text("utf-8")
        signs = ("executable", "import os", *STARTS, *(f'"{name}"' for name in PYTHONS))
        if file.name != "interpreter.py" and any(sign in text for sign in signs):
            assert not (starts := list(_starts(ast.parse(text)))), f"{file}: {starts}; use sdedge.interpreter"


def _starts(tree: ast.Module) -> Iterator[str]:
    """What in a module starts a Python, or a process that nobody has looked at."""
    named = {
        id(argument) for call in ast.walk(tree) if isinstance(call, ast.Call)
        and getattr(call.func, "id", getattr(call.func, "attr", "")) == "python_command" for argument in call.args
    }  # fmt: skip
    for node in ast.walk(tree):
        where = f"line {getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if (node.value.id, node.attr) == ("sys", "executable") or (node.value.id == "os" and node.attr in CALLS):
                yield f"{where}: {node.value.id}.{node.attr}"
        elif isinstance(node, ast.Import) and {alias.name for alias in node.names} & STARTS:
            yield where
        elif isinstance(node, ast.ImportFrom):
            if node.module in STARTS or (
                node.module == "sys" and any(alias.name == "executable" for alias in node.names)
            ):
                yield where
        elif isinstance(node, ast.Constant) and node.value in PYTHONS and id(node) not in named:
            yield f"{where}: {node.value!r}"


def test_the_lint_sees_what_it_looks_for():
    for line in ("import sys; x = [sys.executable]", "from sys import executable", "import os; os.system('x')",
                 "import multiprocessing", "run(['python3', '-m', 'pip'])", "run(['pip'])"):  # fmt: skip
        assert list(_starts(ast.parse(line))), line
    assert not list(_starts(ast.parse("python_command('pip', 'download')")))
