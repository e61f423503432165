"""OpenAI's images API, /v1/images/generations, /v1/images/edits and /v1/models: its clients draw on this machine.

Fields of A1111's names beside OpenAI's own (`seed`, `steps`, `negative_prompt`, `cfg_scale`, `sampler`, `strength`) count too.
"""

from __future__ import annotations

import asyncio
import base64
import secrets
import time
from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException

from sdedge import catalog
from sdedge.engines.open import default_model
from sdedge.errors import InvalidRequest
from sdedge.images.source import flatten
from sdedge.library.models import EMBEDDED
from sdedge.request import Request as DrawnRequest
from sdedge.request_fields import parse_size
from sdedge.server import pictures
from sdedge.server.a1111_routes import all_drawn
from sdedge.server.answers import UnknownJob, public_text
from sdedge.server.json_routes import JsonRoute
from sdedge.server.progress import EndedJob
from sdedge.server.routes_page import ERRORS, service_of
from sdedge.server.safe_requests import checked_request, installed_models, model_name
from sdedge.text.clean import shown

router = APIRouter(route_class=JsonRoute)
OWN_MODELS = ("dall-e-", "gpt-image-", "chatgpt-image-")
"""How the names begin that OpenAI's clients send of themselves: the default model stands for them."""
NEUTRAL: dict[str, tuple[Any, ...]] = {
    "quality": ("", "auto", "standard"), "background": ("", "auto", "opaque"), "moderation": ("", "auto", "low"), "style": ("",),
    "partial_images": (0,), "input_fidelity": ("", "low"),
}  # fmt: skip
"""Of fields that are not read, what asks for nothing."""
FIELDS = {
    "prompt": "prompt", "negative_prompt": "negative", "seed": "seed", "steps": "steps", "cfg_scale": "guidance",
    "strength": "strength",
}  # fmt: skip
FORMATS = ("png", "jpeg", "webp")


class Generation(BaseModel):
    """The body of /v1/images/generations. What OpenAI's own models have besides has no effect, and is named in the answer."""

    model_config = ConfigDict(extra="allow", protected_namespaces=())

    prompt: str
    model: str | None = None
    n: Annotated[int, Field(ge=1, le=10)] | None = None
    size: str | None = None
    response_format: str | None = None
    output_format: str | None = None
    output_compression: Annotated[int, Field(ge=0, le=100)] | None = None
    user: str | None = None
    stream: bool | None = None
    seed: int | None = None
    steps: int | None = None
    cfg_scale: Annotated[float, Field(allow_inf_nan=False)] | None = None
    negative_prompt: str | None = None
    sampler: str | None = None


class Edit(Generation):
    """The fields of /v1/images/edits beside its files."""

    strength: Annotated[float, Field(allow_inf_nan=False)] | None = None


_FILE = {"type": "string", "format": "binary"}
_EDIT_FORM = {
    "type": "object",
    "required": ["image", "prompt"],
    "properties": {
        "image": _FILE, "mask": _FILE, "prompt": {"type": "string"}, "model": {"type": "string"},
        "n": {"type": "integer", "minimum": 1, "maximum": 10}, "size": {"type": "string"},
        "response_format": {"type": "string"}, "seed": {"type": "integer"}, "steps": {"type": "integer"},
        "strength": {"type": "number"},
    },
}  # fmt: skip


@router.post("/v1/images/generations", responses=ERRORS)
async def generations(request: Request, body: Generation) -> dict[str, Any]:
    """Draws pictures from a prompt."""
    made, notices = await asyncio.to_thread(_request_of, body)
    return await _drawn(request, body, made, notices)


@router.post(
    "/v1/images/edits", responses=ERRORS,
    openapi_extra={"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": _EDIT_FORM}}}},
)  # fmt: skip
async def edits(request: Request) -> dict[str, Any]:
    """Changes a picture: where its mask, or it itself, is transparent, it is drawn anew; without either, all of it."""
    form = await request.form(max_files=20, max_fields=60, max_part_size=1 << 20)
    try:
        body, image, mask = await _read_form(form)
    finally:
        await form.close()
    made, notices = await asyncio.to_thread(_request_of, body)
    changed = await asyncio.to_thread(with_pictures, made, image, mask, body.strength)
    return await _drawn(request, body, changed, notices)


@router.post("/v1/images/variations", include_in_schema=False)
async def variations() -> None:
    """Says what does it here."""
    raise InvalidRequest(
        "Variations are edits here; ask for an edit of the picture, whose strength says how much changes."
    )


@router.get("/v1/models", responses=ERRORS)
async def models() -> dict[str, Any]:
    """Lists the installed models, the default one first."""
    names = await asyncio.to_thread(_names)
    return {"object": "list", "data": [_model(name) for name in names]}


@router.get("/v1/models/{model:path}", responses=ERRORS)
async def model(model: str) -> dict[str, Any]:
    """Tells of one installed model."""
    if model not in await asyncio.to_thread(_names):
        raise UnknownJob(f"There is no model {shown(model)}; /v1/models lists them.", field="model")
    return _model(model)


def _names() -> list[str]:
    names = [row.name if row else EMBEDDED for row in installed_models()]
    return sorted(names, key=lambda name: name != default_model())


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "sdedge"}


async def _drawn(request: Request, body: Generation, made: DrawnRequest, notices: list[str]) -> dict[str, Any]:
    service = service_of(request)
    format = body.output_format or "png"
    if format not in FORMATS:
        raise InvalidRequest(f"The output format is {shown(format)}; choose png, jpeg or webp.", field="output_format")
    if body.response_format not in (None, "url", "b64_json"):
        raise InvalidRequest(
            f"The response format is {shown(body.response_format)}; choose url or b64_json.", field="response_format"
        )
    if body.stream:
        raise InvalidRequest("Partial pictures are not streamed here; leave stream out.", field="stream")
    jobs = await service.submit(request.state.caller, [made.numbered(i) for i in range(body.n or 1)])
    results = await all_drawn(service, jobs)
    quality = 95 if body.output_compression is None else max(body.output_compression, 1)
    as_address = body.response_format == "url"
    data = [await asyncio.to_thread(_datum, request, result, format, quality, as_address) for result in results]
    said = [public_text(text) for text in dict.fromkeys((*notices, *(n for result in results for n in result.notices)))]
    return {
        "created": int(time.time()), "data": [row for row in data if row], "output_format": format, "notices": said,
        "not_honoured": list(_ignored(body)),
    }  # fmt: skip


def _ignored(body: Generation) -> Iterator[str]:
    """Yields the fields that ask for something which is not done here."""
    for name, value in (body.model_extra or {}).items():
        if value is not None and value not in NEUTRAL.get(name, ()):
            yield name[:60]


def _datum(request: Request, result: EndedJob, format: str, quality: int, as_address: bool) -> dict[str, Any] | None:
    if not result.pictures:  # it was cancelled
        return None
    entry = result.pictures[0]
    datum: dict[str, Any] = {"revised_prompt": entry.prompt, "seed": str(entry.seed)}
    if as_address:
        query = "" if format == "png" else f"format={format}&quality={quality}"
        return {**datum, "url": str(request.url.replace(path=f"/api/pictures/{entry.id}", query=query))}
    data = pictures.converted(pictures.sent_bytes(entry.path), format, quality)
    return {**datum, "b64_json": base64.b64encode(data).decode("ascii")}


def _request_of(body: Generation) -> tuple[DrawnRequest, list[str]]:
    fields: dict[str, Any] = {
        ours: value for theirs, ours in FIELDS.items() if (value := getattr(body, theirs, None)) is not None
    }
    if not body.prompt.strip():
        raise InvalidRequest("The prompt is empty; say what to draw.", field="prompt")
    if body.size not in (None, "", "auto"):
        fields["width"], fields["height"] = parse_size(body.size or "")
    if body.sampler:
        sampler, schedule = catalog.resolve(body.sampler)
        fields |= {"sampler": sampler, **({"schedule": schedule} if schedule else {})}
    chosen = set(fields)
    name = body.model or ""
    named = model_name(name) if name and not name.startswith(OWN_MODELS) else None
    fields["model"] = named or default_model()
    if fields.get("seed") in (None, -1):
        fields["seed"] = secrets.randbelow(2**32)
    request, notice = checked_request(fields, chosen)
    return request, [notice] if notice else []


async def _read_form(form: FormData) -> tuple[Edit, bytes, bytes | None]:
    """Returns the fields, the first picture and the mask. Raises InvalidRequest."""
    texts: dict[str, Any] = {}
    files: dict[str, bytes] = {}
    for key, value in form.multi_items():
        name = key.removesuffix("[]")
        if isinstance(value, UploadFile) and name in files:
            texts[f"{name} beyond the first"] = True  # named in the answer
        elif isinstance(value, UploadFile):
            files[name] = await value.read()
        else:
            texts[name] = value
    try:
        body = Edit.model_validate(texts)
    except ValidationError as error:
        fault = error.errors()[0]
        name = str(fault["loc"][0]) if fault["loc"] else "body"
        raise InvalidRequest(f"{name}: {fault['msg']}.", field=name) from None
    if "image" not in files:
        raise HTTPException(400, "There is no picture to change; send its file as image.")
    return body, pictures.check(files["image"]), pictures.check(files["mask"], "mask") if files.get("mask") else None


def with_pictures(
    request: DrawnRequest, data: bytes, mask_data: bytes | None, strength: float | None = None
) -> DrawnRequest:
    """Returns the request with its picture and mask. Into a hole it draws anew from nothing, unless `strength` says less."""
    image = pictures.read(data)
    mask = None
    if mask_data is not None:
        mask = pictures.hole_of(pictures.read(mask_data, "mask"))
    elif pictures.has_hole(image):
        mask = pictures.hole_of(image, "image")
    if mask is not None and mask.getextrema()[1] == 0:
        raise InvalidRequest(
            "Nothing of the mask is transparent; make transparent what is to be drawn anew.", field="mask"
        )
    return request.replace(
        image=pictures.keep(image.convert("RGB") if pictures.has_hole(image) else flatten(image)),
        mask=mask and pictures.keep(mask),
        strength=request.strength if mask is None or strength is not None else 1.0,
    )
