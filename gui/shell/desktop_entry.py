"""The app in the menu of a Linux desktop, for the person who asks for it: an entry, its icon and the type of model files.

Reference: the Desktop Entry Specification 1.5 and the Shared MIME-info Database Specification, freedesktop.org.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import suppress
from importlib.resources import files
from pathlib import Path

from sdedge.files import atomic_write
from sdedge.interpreter import own_command

ENTRY, ICON, KINDS = "applications/sdedge.desktop", "icons/hicolor/scalable/apps/sdedge.svg", "mime/packages/sdedge.xml"
MODEL = "application/x-safetensors"
TYPES = ("image/png", "image/jpeg", "image/webp", MODEL)
_SECONDS = 10
_KINDS = f"""<?xml version="1.0" encoding="UTF-8"?>
<mime-info xmlns="http://www.freedesktop.org/standards/shared-mime-info">
  <mime-type type="{MODEL}">
    <comment>Model</comment>
    <comment xml:lang="de">Modell</comment>
    <glob pattern="*.safetensors"/>
  </mime-type>
</mime-info>
"""


def data_home() -> Path:
    """Returns the folder of the person's own desktop entries, icons and types."""
    chosen = os.environ.get("XDG_DATA_HOME", "")
    return Path(chosen) if os.path.isabs(chosen) else Path.home() / ".local" / "share"


def install_desktop() -> Path:
    """Puts the app into the menu, in the place of an earlier one; returns the entry's path. Raises OutputError."""
    icon = (files("sdedge.resources") / "app" / "sdedge.svg").read_bytes()
    contents = {ENTRY: desktop_entry(own_command("gui")).encode(), ICON: icon, KINDS: _KINDS.encode()}
    for name, data in contents.items():
        with atomic_write(data_home() / name) as file:
            file.write(data)
        (data_home() / name).chmod(0o644)
    _tell_desktop()
    return data_home() / ENTRY


def remove_desktop() -> bool:
    """Takes the app out of the menu; returns whether it was there. Pictures, models and settings stay."""
    was_there = (data_home() / ENTRY).is_file()
    for name in (ENTRY, ICON, KINDS):
        (data_home() / name).unlink(missing_ok=True)
    _tell_desktop()
    return was_there


def desktop_entry(command: list[str]) -> str:
    """Returns the entry of a command that takes files."""
    return f"""[Desktop Entry]
Type=Application
Version=1.5
Name=sdedge
GenericName=Picture Generator
GenericName[de]=Bildgenerator
Comment=Draw pictures from words with Stable Diffusion v1, offline
Comment[de]=Bilder aus Worten mit Stable Diffusion v1 zeichnen, ohne Netz
Exec={" ".join(_quoted(part) for part in command)} %F
Icon=sdedge
Terminal=false
Categories=Graphics;2DGraphics;
MimeType={"".join(f"{kind};" for kind in TYPES)}
StartupNotify=true
StartupWMClass=sdedge
"""


def _quoted(argument: str) -> str:
    """Returns an argument as `Exec` takes it: quoted, and escaped once for the quotes and once for the file."""
    for char in ("\\", '"', "`", "$"):
        argument = argument.replace(char, "\\" + char)
    return '"' + argument.replace("\\", "\\\\").replace("%", "%%") + '"'


def _tell_desktop() -> None:
    """Lets the desktop look again where it has the programs for it; others look by themselves."""
    for program, folder in (("update-desktop-database", "applications"), ("update-mime-database", "mime")):
        path = shutil.which(program)
        if path and (data_home() / folder).is_dir():
            with suppress(OSError, subprocess.SubprocessError):
                subprocess.run([path, data_home() / folder], timeout=_SECONDS, check=False, capture_output=True)
