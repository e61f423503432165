"""A small `.app` that starts the app of this environment: `python -m gui.shell.mac_app`, which `make app` runs.

It holds a name, an icon, the documents it opens and a script; the Python and the packages stay where they are.
"""

from __future__ import annotations

import io
import plistlib
import shlex
import shutil
import sys
from pathlib import Path
from typing import Any

from PIL import Image

import sdedge
from gui.shell.icon import png
from sdedge.interpreter import own_command

IDENTIFIER = "org.sdedge.sdedge"
DOCUMENTS = (
    ("Picture", ("public.png", "public.jpeg", "org.webmproject.webp"), ()),
    ("Model", (), ("safetensors", "ckpt", "gguf")),
)
"""Name, types and suffixes of what the app can be asked to open."""


def write_app(folder: Path) -> Path:
    """Writes the `.app` into a folder, in the place of an earlier one, and returns its path."""
    app = folder / "sdedge.app"
    shutil.rmtree(app, ignore_errors=True)
    contents = app / "Contents"
    for name in ("MacOS", "Resources"):
        (contents / name).mkdir(parents=True)
    (contents / "Info.plist").write_bytes(plistlib.dumps(facts()))
    write_icon(contents / "Resources" / "sdedge.icns")
    program = contents / "MacOS" / "sdedge"
    program.write_text(_script(own_command("gui")))
    program.chmod(0o755)
    return app


def _script(command: list[str]) -> str:
    """Starts the app, or says why it cannot be: the Dock shows nothing of what a program prints."""
    said = "Its Python is not where it was; run make gui and make app again in the project's folder."
    alert = shlex.quote(f'display alert "sdedge cannot start" message "{said}"')
    return (
        f"#!/bin/sh\n[ -x {shlex.quote(command[0])} ] || {{ osascript -e {alert}; exit 1; }}\n"
        f'exec {shlex.join(command)} "$@"\n'
    )


def write_icon(path: Path) -> Path:
    """Writes the icon as a Mac has it, and returns its path."""
    with Image.open(io.BytesIO(png(1024))) as image:
        image.save(path, "ICNS")
    return path


def facts() -> dict[str, Any]:
    """Returns what `Info.plist` tells the Finder and the Dock; `.ci/app/sdedge.spec` puts the same into the app that is built."""
    documents = [
        {
            "CFBundleTypeName": name, "CFBundleTypeRole": "Viewer", "LSHandlerRank": "Alternate",
            **({"LSItemContentTypes": list(types)} if types else {"CFBundleTypeExtensions": list(suffixes)}),
        }
        for name, types, suffixes in DOCUMENTS
    ]  # fmt: skip
    return {
        "CFBundleIdentifier": IDENTIFIER, "CFBundleName": "sdedge", "CFBundleDisplayName": "sdedge",
        "CFBundleExecutable": "sdedge", "CFBundleIconFile": "sdedge.icns", "CFBundlePackageType": "APPL",
        "CFBundleShortVersionString": sdedge.__version__, "CFBundleVersion": sdedge.__version__,
        "CFBundleDocumentTypes": documents, "LSMinimumSystemVersion": "14.0", "LSArchitecturePriority": ["arm64"],
        "LSApplicationCategoryType": "public.app-category.graphics-design", "NSHighResolutionCapable": True,
    }  # fmt: skip


if __name__ == "__main__":
    print(write_app(Path(sys.argv[1] if sys.argv[1:] else "dist")))
