"""Requests as the page and assistants make them: a few fields, a picture and a mask; the rest is left to the model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PIL import Image

from sdedge import catalog
from sdedge.engines.open import default_model
from sdedge.errors import InvalidRequest
from sdedge.request import Request
from sdedge.server import pictures
from sdedge.server.safe_requests import checked_request


def plain_request(
    values: Mapping[str, Any], image: bytes | None = None, mask: Image.Image | None = None
) -> tuple[Request, str]:
    """Returns a request of those values that are not None, and a sentence of what suits a few-step model.

    `mask` is white where the picture is drawn anew. Raises InvalidRequest and ModelError.
    """
    fields = {name: value for name, value in values.items() if value is not None}
    chosen = set(fields)
    fields.setdefault("model", default_model())
    if "sampler" in fields:
        sampler, schedule = catalog.resolve(fields["sampler"])
        fields |= {"sampler": sampler, **({"schedule": schedule} if schedule else {})}
    request, notice = checked_request(fields, chosen)
    if mask is not None and image is None:
        raise InvalidRequest("There is a mask and no picture to paint it into; send one as image.", field="image")
    if image is not None:
        request = request.replace(image=pictures.keep(image), mask=mask and pictures.keep(mask))
    return request, notice
