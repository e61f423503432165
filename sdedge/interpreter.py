"""Starting another process of ours, without the user's working folder in its search path. No torch.

`python -m` puts the working folder first: a `queue.py` or `json.py` that lies there would be run in place of the library's.

An app that PyInstaller made has no Python: its executable is `sdedge` itself, which knows neither `-m` nor `-P`. It is
started with `RUN_MODULE` and one of `MODULES` instead, and `run_asked_module` answers before anything else does.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping

MODULES = (
    "sdedge",
    "sdedge.engines.coreml.first_load",
    "sdedge.process.canary",
    "sdedge.process.canary_trial",
    "sdedge.process.trial_process",
    "sdedge.process.worker",
)
"""Every program of ours that another one starts; a frozen app runs no other module."""
RUN_MODULE = "--run-module"


def is_frozen() -> bool:
    """Returns whether this process is an app with everything in it, which has neither a Python nor pip."""
    return bool(getattr(sys, "frozen", False))


def python_command(module: str, *arguments: str) -> list[str]:
    """Returns the command that runs a module as `python -m` does, but only from where packages are installed.

    In a frozen app it is the app's own executable. Raises ValueError there for what is not in `MODULES`.
    """
    if not is_frozen():
        return [sys.executable, "-P", "-m", module, *arguments]
    if module not in MODULES:
        raise ValueError(f"A frozen app does not run the module {module!r}; add it to sdedge.interpreter.MODULES.")
    return [sys.executable, RUN_MODULE, module, *arguments]


def own_command(*arguments: str) -> list[str]:
    """Returns the command that starts sdedge as a person would, for what starts it later: a menu, the Dock."""
    return [sys.executable, *arguments] if is_frozen() else python_command("sdedge", *arguments)


def run_asked_module() -> None:
    """Runs the module that `python_command` asked a frozen app for, as `python -m` does, and leaves; returns when it
    was started for something else.
    """
    if sys.argv[1:2] != [RUN_MODULE]:
        return
    module = sys.argv[2] if sys.argv[2:] else ""
    if module not in MODULES:
        sys.exit(f"sdedge: {RUN_MODULE} is how sdedge starts itself, with one of {', '.join(MODULES)}.")
    import runpy

    del sys.argv[1:3]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
    sys.exit(0)


def python_environment(inherited: Mapping[str, str] | None = None) -> dict[str, str]:
    """Returns `inherited`, by default this process's environment, for a child that is to search no working folder, nor its
    own children.

    An empty entry of PYTHONPATH, as `PYTHONPATH=$PYTHONPATH:/x` makes one, means the working folder too and is dropped.
    """
    environment = dict(os.environ if inherited is None else inherited)
    environment["PYTHONSAFEPATH"] = "1"
    if "PYTHONPATH" in environment:
        entries = [entry for entry in environment["PYTHONPATH"].split(os.pathsep) if entry]
        environment["PYTHONPATH"] = os.pathsep.join(entries)
        if not entries:
            del environment["PYTHONPATH"]
    return environment


def how_to_install(requirement: str) -> str:
    """Returns the clause that says how a package that is missing is installed, for this very Python: a bare `pip` may belong
    to another one. Into a frozen app nothing can be; it names the command line beside it.
    """
    if is_frozen():
        extra = [requirement] if requirement.startswith("sdedge") else ["--with", requirement, "sdedge"]
        return (
            f"the app comes without it, and `{_quoted(['uv', 'tool', 'install', *extra])}` gives a command line with it"
        )
    return f"install it with `{_quoted([sys.executable, '-m', 'pip', 'install', requirement])}`"


def _quoted(command: list[str]) -> str:
    """Returns a command as it is typed into the system's shell."""
    return subprocess.list2cmdline(command) if sys.platform == "win32" else shlex.join(command)


def forget_working_folder() -> None:
    """Drops the entry that `python -m` put first, unless our own package lies there, as in a checkout.

    For a program that was started that way by others: what it imports from now on comes from where packages are installed.
    """
    if sys.flags.safe_path or not sys.path:
        return
    home = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    if os.path.abspath(sys.path[0]) == os.path.abspath(os.getcwd()) and not os.path.samefile(os.getcwd(), home):
        del sys.path[0]
