"""The demo page and the API it speaks: jobs with their progress, and the pictures that this server has drawn."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import HTMLResponse, Response

import sdedge
from sdedge import catalog
from sdedge.engines.open import default_model
from sdedge.errors import InvalidRequest
from sdedge.library.gallery import Gallery, GalleryEntry
from sdedge.library.job_states import Wish
from sdedge.library.jobs import Queue
from sdedge.library.models import EMBEDDED
from sdedge.server import pictures
from sdedge.server.answers import UnknownJob, public_text
from sdedge.server.job_bodies import request_of
from sdedge.server.job_service import JobService
from sdedge.server.json_routes import JsonRoute
from sdedge.server.progress import EndedJob, JobProgress
from sdedge.server.safe_requests import installed_models

router = APIRouter(route_class=JsonRoute)
ERRORS: dict[int | str, dict[str, Any]] = {
    code: {"description": text} for code, text in {
        400: "no JSON", 403: "not for pages of other sites", 404: "not there", 408: "half a body", 413: "too large",
        415: "no JSON", 421: "another host", 422: "cannot be drawn as asked", 429: "too many", 503: "the queue is paused",
    }.items()
}  # fmt: skip
"""What any route may answer beside what it is for."""
POLICY = (
    "default-src 'none'; img-src 'self' data: blob:; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class NewJob(BaseModel):
    """A job as the page asks for it: fields of a request, and pictures as data URIs.

    Any other field of a request, and part of a pass such as `hires` or `detail`, may stand beside them by its name.
    """

    model_config = ConfigDict(extra="allow")

    prompt: str = ""
    negative: str = ""
    model: str | None = None
    width: int | None = None
    height: int | None = None
    steps: int | None = None
    guidance: float | None = None
    sampler: str | None = None
    schedule: str | None = None
    seed: int | None = None
    image: str | None = None
    mask: str | None = None
    strength: float | None = None
    count: Annotated[int, Field(ge=1, le=16)] = 1


def service_of(request: Request) -> JobService:
    """Returns the job service of the application."""
    service = request.app.state.service
    assert isinstance(service, JobService)
    return service


@router.api_route("/", methods=["GET", "HEAD"], response_class=HTMLResponse, include_in_schema=False)
async def page() -> HTMLResponse:
    """Serves the page."""
    text, nonce = await asyncio.to_thread(_page_text), secrets.token_urlsafe(16)
    policy = POLICY.format(nonce=nonce)
    return HTMLResponse(text.replace("__NONCE__", nonce), headers={"content-security-policy": policy})


@router.get("/favicon.ico", include_in_schema=False)
async def icon() -> Response:
    """Says that there is none; the page carries its own."""
    return Response(status_code=204)


def _page_text() -> str:
    return (files("sdedge.server") / "page.html").read_text("utf-8")


@router.get("/api/about", responses=ERRORS)
async def about(request: Request) -> dict[str, Any]:
    """Returns what the page offers: models, samplers, sizes, and whether the queue is paused."""
    service = service_of(request)
    paused = await service.ask(lambda queue, gallery: queue.paused)
    models = await asyncio.to_thread(lambda: [model.name if model else EMBEDDED for model in installed_models()])
    return {
        "version": sdedge.__version__,
        "models": models,
        "model": await asyncio.to_thread(default_model),
        "samplers": [{"name": row.name, "label": row.label, "advice": row.advice} for row in catalog.SAMPLERS.values()],
        "sizes": [list(size) for size in catalog.SIZES],
        "paused": None if paused is None else public_text(paused),
        "live": service.runs_queue,
    }


@router.post("/api/jobs", responses=ERRORS, status_code=201)
async def add_job(request: Request, body: NewJob) -> dict[str, Any]:
    """Appends a job of `count` pictures and returns its number at once."""
    made, notice = await asyncio.to_thread(request_of, body.model_dump(exclude={"count"}, exclude_none=True))
    service = service_of(request)
    jobs = await service.submit(request.state.caller, [made], body.count)
    return {"job": jobs[0], "notices": [public_text(notice)] if notice else []}


@router.get("/api/jobs", responses=ERRORS)
async def list_jobs(request: Request) -> dict[str, Any]:
    """Returns the caller's open jobs."""
    return {"jobs": [_progress(id, progress) for id, progress in service_of(request).jobs_of(request.state.caller)]}


@router.get("/api/jobs/{job}", responses=ERRORS)
async def show_job(request: Request, job: int) -> dict[str, Any]:
    """Returns how far the caller's job is, with the pictures it has so far."""
    service = service_of(request)
    _own(service, request, job)
    progress = service.progress(job)
    shown_job = await service.look_up(job)
    return {**_state(shown_job), **(_progress(job, progress) if progress else {})}


@router.delete("/api/jobs/{job}", responses=ERRORS)
async def cancel_job(request: Request, job: int) -> dict[str, Any]:
    """Ends the caller's job after its step; pictures that are finished stay."""
    service = service_of(request)
    _own(service, request, job)
    await service.cancel(job, Wish.NOW)
    return {"job": job}


@router.post("/api/resume", responses=ERRORS)
async def resume(request: Request) -> dict[str, Any]:
    """Lets a paused queue go on."""
    await service_of(request).resume()
    return {}


@router.get("/api/pictures", responses=ERRORS)
async def history(
    request: Request, limit: Annotated[int, Query(ge=1, le=200)] = 60, before: Annotated[int, Query(ge=0, le=2**62)] = 0
) -> dict[str, Any]:
    """Returns the pictures that this server has drawn, the newest first; `before` the last one of the page before."""
    service = service_of(request)
    entries = await service.ask(lambda queue, gallery: _served(service, gallery, limit, before))
    return {"pictures": [described(entry) for entry in entries]}


@router.get("/api/pictures/{picture}", responses=ERRORS, response_class=Response)
async def show_picture(
    request: Request, picture: int, format: Literal["png", "jpeg", "webp"] | None = None,
    quality: Annotated[int, Query(ge=1, le=100)] = 95,
) -> Response:  # fmt: skip
    """Serves a picture's file, or the picture in another format without its settings."""
    entry = await _entry(request, picture)
    data = await asyncio.to_thread(pictures.sent_bytes, entry.path)
    kind = await asyncio.to_thread(pictures.media_type, data, entry.path.name)
    if format is not None:
        data = await asyncio.to_thread(pictures.converted, data, format, quality)
        kind = f"image/{format}"
    return Response(data, media_type=kind, headers={"cache-control": "private, max-age=86400"})


@router.get("/api/pictures/{picture}/thumbnail", responses=ERRORS, response_class=Response)
async def show_thumbnail(request: Request, picture: int) -> Response:
    """Serves a small JPEG of a picture."""
    entry, folder = await _entry(request, picture), await _store_folder(request)
    small = await asyncio.to_thread(_thumbnail, folder, entry)
    return Response(small, media_type="image/jpeg", headers={"cache-control": "private, max-age=86400"})


def _thumbnail(folder: Path, entry: GalleryEntry) -> bytes:
    """Returns a small JPEG of a picture. Raises UnknownJob and SdedgeError as its file does."""
    from sdedge.library.gallery_files import thumbnail

    try:
        return thumbnail(folder, entry.path, entry.content).read_bytes()
    except InvalidRequest:
        pictures.media_type(pictures.sent_bytes(entry.path), entry.path.name)  # says what is wrong with it
        raise


@router.get("/api/pictures/{picture}/settings", responses=ERRORS)
async def show_settings(request: Request, picture: int) -> dict[str, Any]:
    """Returns how a picture was made."""
    entry = await _entry(request, picture)
    return {**described(entry), "request": settings_of(entry)}


def settings_of(entry: GalleryEntry) -> Mapping[str, Any]:
    """Returns the request of a picture as JSON, without paths."""
    from sdedge.json_values import read_json

    return pictures.public_settings(read_json(entry.request_json, "The picture's row"))


def described(entry: GalleryEntry) -> dict[str, Any]:
    """Returns what a client needs to show a picture."""
    return {
        "id": entry.id, "url": f"/api/pictures/{entry.id}", "thumbnail": f"/api/pictures/{entry.id}/thumbnail",
        "width": entry.width, "height": entry.height, "seed": str(entry.seed or 0), "prompt": entry.prompt,
        "filename": entry.path.name, "created": entry.created,
    }  # fmt: skip


def eta_of(progress: JobProgress) -> float | None:
    """Returns the seconds that are left, by the pace so far."""
    done = progress.fraction
    if progress.since is None or done <= progress.begun_at:
        return None
    return round((time.monotonic() - progress.since) / (done - progress.begun_at) * (1 - done), 1)


def _state(ended: EndedJob) -> dict[str, Any]:
    job = ended.job
    return {
        "job": job.id, "state": job.state, "reason": public_text(job.reason), "count": job.count, "saved": job.saved,
        "request": pictures.public_settings(json.loads(job.request.to_json())),
        "pictures": [described(entry) for entry in ended.pictures],
        "notices": [public_text(text) for text in ended.notices],
    }  # fmt: skip


def _progress(job: int, progress: JobProgress) -> dict[str, Any]:
    return {
        "job": job, "phase": progress.phase, "step": progress.step, "steps": progress.steps, "count": progress.count,
        "fraction": progress.fraction, "preview": progress.preview, "eta": eta_of(progress),
        "notices": [public_text(text) for text in progress.notices],
    }  # fmt: skip


def _own(service: JobService, request: Request, job: int) -> None:
    if service.owner(job) != request.state.caller:
        raise UnknownJob(f"There is no job {job} of yours; your pictures are in the gallery.")


_SERVED = "state = 'here' AND path LIKE ? ESCAPE '\\'"


def _served(service: JobService, gallery: Gallery, limit: int, before: int) -> list[GalleryEntry]:
    query = f"SELECT id FROM images WHERE {_SERVED} AND (? = 0 OR id < ?) ORDER BY id DESC LIMIT ?"
    rows = gallery.database.execute(query, (service.path_pattern, before, before, limit))
    return sorted(gallery.entries([row["id"] for row in rows]), key=lambda entry: -entry.id)


async def _entry(request: Request, picture: int) -> GalleryEntry:
    """Returns a picture of this server. Raises UnknownJob for any other."""
    service = service_of(request)

    def work(queue: Queue, gallery: Gallery) -> GalleryEntry | None:
        query = f"SELECT 1 FROM images WHERE id = ? AND {_SERVED}"
        there = abs(picture) < 2**63 and gallery.database.execute(query, (picture, service.path_pattern)).fetchone()
        return gallery.get(picture) if there else None

    if (entry := await service.ask(work)) is None:
        raise UnknownJob(f"There is no picture {picture} of this server.")
    return entry


async def _store_folder(request: Request) -> Path:
    return await service_of(request).ask(lambda queue, gallery: gallery.store.folder)
