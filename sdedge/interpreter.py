"""Starting another Python of ours without the user's working folder in its search path. No torch.

`python -m` puts the working folder first: a `queue.py` or `json.py` that lies there would be run in place of the library's.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping


def python_command(module: str, *arguments: str) -> list[str]:
    """Returns the command that runs a module as `python -m` does, but only from where packages are installed."""
    return [sys.executable, "-P", "-m", module, *arguments]


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


def install_command(requirement: str) -> str:
    """Returns the command that installs a requirement for this very Python, quoted for the system's shell; a bare `pip` may
    belong to another one."""
    command = [sys.executable, "-m", "pip", "install", requirement]
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
