"""Texts of programs without what is a person's own: names of user and machine, folders, names of files. No torch.

What Core ML, torch or a traceback says may quote any path. Too much goes rather than too little.
"""

from __future__ import annotations

import getpass
import os
import platform
import re
import socket
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from sdedge.places import cache_folder, data_folder

_PROGRAM_FILE = re.compile(
    r"[\w.+-]+\.(?:py|pyc|so|dylib|dll|framework|mlpackage|mlmodelc|mlmodel|mil|espresso\.\w+|hwx|c|cc|cpp|h|m|mm|metal)"
)
"""Files of programs and of packages, whose names a reader of the report needs."""
_PEOPLES = r"/(?:Users|home|Volumes|media|mnt|net|root)(?=/)|[A-Za-z]:[\\/]|\\\\|~[\w.-]*(?=/)"
"""How paths begin inside of which everything is a person's own."""
_TO_THE_END = r"(?:[^\n'\"<>|,;:()\[\]{}]|'(?=\w))*"
_BEGINS = r"(?<![\w.~…\]/])(?:file://)?"
_PATH = re.compile(rf"{_BEGINS}(?:/(?!/)|(?<!:)//)[^\s'\"<>|,;:()\[\]{{}}/]+(?:/[^\s'\"<>|,;:()\[\]{{}}]*)+")
_SAYS_NOTHING = {
    "root", "user", "admin", "administrator", "runner", "ubuntu", "sdedge", "torch", "coreml", "metal", "apple",
    "mps", "cpu", "gpu", "all", "linux", "darwin", "macos", "localhost", "home", "users", "none", "true", "false",
}  # fmt: skip
"""Names of accounts and machines that are nobody's."""


class Impersonal:
    """Takes out of texts what is a person's own.

    folders  what to call files and folders that are known, such as {"model 1": path}; inside them the rest of a path stays
    """

    def __init__(self, folders: Mapping[str, Path] | None = None) -> None:
        root, named = Path(__file__).parents[2], {f"[{name}]": path for name, path in (folders or {}).items()}
        rooms = {f"[{name}]": root / name for name in ("sdedge", "converters", "resources", "tests")}
        program = {**rooms, "[python]": Path(sys.prefix), "[base]": Path(sys.base_prefix)}
        forms = [(form, name) for name, path in {**program, **named}.items() for form in _forms(path)]
        self._folders = sorted(forms, key=lambda form: -len(form[0]))
        places = (*_own_places(), Path(tempfile.gettempdir()), cache_folder(), data_folder())
        begins = "|".join(re.escape(form) + r"(?![^\W_])" for path in places for form in _forms(path))
        self._personal = re.compile(rf"{_BEGINS}(?:{_PEOPLES}|{begins}){_TO_THE_END}")
        names = sorted({*_users(), *_machines()} - _SAYS_NOTHING, key=len, reverse=True)
        any_name = "|".join(re.escape(name) for name in names)
        self._names = re.compile(rf"(?<![^\W_])(?:{any_name})(?![^\W_])", re.IGNORECASE) if any_name else None

    def text(self, text: str) -> str:
        """Returns a text without them."""
        for folder, name in self._folders:
            text = re.sub(rf"{re.escape(folder)}(?=[/\\\s'\",;:)]|$)", lambda _, name=name: name, text)  # type: ignore[misc]
        text = self._personal.sub(_shortened, text)
        text = _PATH.sub(_shortened, text)
        return self._names.sub("[name]", text) if self._names else text

    def values(self, value: Any) -> Any:
        """Returns a value of JSON with every text in it, keys too, made impersonal."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(str(key)): self.values(item) for key, item in value.items()}
        return [self.values(item) for item in value] if isinstance(value, list | tuple) else value


def _shortened(path: re.Match[str]) -> str:
    last = re.split(r"[/\\]", path[0].rstrip())[-1]
    ends = path[0][len(path[0].rstrip()) :]
    return f"…/{last}{ends}" if _PROGRAM_FILE.fullmatch(last) else f"…{ends}"


def _forms(path: Path) -> set[str]:
    """Returns a folder as it may be written; none of "/"."""
    return {form for form in (str(path), os.path.realpath(path)) if len(form) > 3}


def _own_places() -> Iterator[Path]:
    for place in (Path.home, Path.cwd):
        with suppress(OSError, RuntimeError):  # a folder that is gone, a user without a home
            yield place()


def _users() -> Iterator[str]:
    accounts = {os.environ.get(name, "") for name in ("USER", "LOGNAME", "USERNAME", "SUDO_USER")}
    with suppress(OSError, KeyError, ImportError):
        accounts.add(getpass.getuser())
    with suppress(RuntimeError):
        accounts.add(Path.home().name)
    yield from (account.lower() for account in accounts if len(account) > 1)
    with suppress(ImportError, KeyError, OSError):
        import pwd

        person = pwd.getpwuid(os.getuid()).pw_gecos.split(",")[0].lower()
        yield from (part for part in (person, *person.split()) if len(part) > 2)


def _machines() -> Iterator[str]:
    for host in {socket.gethostname().lower(), platform.node().lower()}:
        yield from (name for name in (host, host.partition(".")[0]) if len(name) > 2)
