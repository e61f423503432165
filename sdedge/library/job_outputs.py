"""Where the pictures of a job go, as its row says it. No torch."""

from __future__ import annotations

import json
from pathlib import Path

from sdedge.errors import InvalidRequest
from sdedge.images.output import Output
from sdedge.json_values import read_json
from sdedge.places import expanded


def output_json(output: Output) -> str:
    """Returns an Output as a job's JSON."""
    folder = str(expanded(output.folder).resolve())  # the queue may be run from another folder
    names = ("format", "template", "private", "file", "numbered")
    return json.dumps({"folder": folder, **{name: getattr(output, name) for name in names}})


def output_of(text: str) -> Output:
    """Returns an Output from a job's JSON; what a newer version put there is left out. Raises InvalidRequest."""
    record = read_json(text, "Where the pictures of the job go", error=InvalidRequest)
    kinds = {"folder": str, "format": str, "template": str, "private": bool, "file": str, "numbered": bool}
    if isinstance(record, dict) and "folder" in record:
        known = {name: record[name] for name in kinds if name in record}
        if all(isinstance(value, kinds[name]) for name, value in known.items()) and "\0" not in "".join(
            map(str, known.values())
        ):
            return Output(**{**known, "folder": Path(known["folder"])})
    raise InvalidRequest("The job does not say where its pictures go; add it again.")
