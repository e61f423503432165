"""A1111's API, /sdapi/v1 and /controlnet, as its clients use it: over the queue, with what cannot be honoured named."""

from __future__ import annotations

import asyncio
import base64
import html
import io
import json
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Body, Request
from PIL import Image

import sdedge
from sdedge import catalog
from sdedge.errors import InvalidRequest, SdedgeError
from sdedge.images import metadata, metadata_a1111, metadata_infotext
from sdedge.images.preprocess import preprocess
from sdedge.images.source import flatten
from sdedge.library.job_states import Wish
from sdedge.request import Request as DrawnRequest
from sdedge.server import a1111_lists, pictures
from sdedge.server.a1111_bodies import Detect, Drawing, ExtraSingleImage, Img2Img, PngInfo, Txt2Img
from sdedge.server.a1111_modules import preprocessing
from sdedge.server.a1111_requests import (
    SETTINGS,
    UNREAD_OF_DETECTING,
    UNREAD_OF_ENLARGING,
    Order,
    asked_in_vain,
    order_of,
    settings_fields,
)  # fmt: skip
from sdedge.server.answers import QueuePaused, public_text
from sdedge.server.job_service import JobService
from sdedge.server.json_routes import JsonRoute
from sdedge.server.progress import EndedJob, JobProgress
from sdedge.server.routes_page import ERRORS, eta_of, service_of
from sdedge.server.safe_requests import numbered
from sdedge.server.upscaling import as_png, enlarged
from sdedge.text.clean import clean_json, shown

router = APIRouter(route_class=JsonRoute)
MAX_CALLERS = 1000
REFRESHES = (
    "refresh-checkpoints", "refresh-vae", "refresh-loras", "refresh-embeddings", "reload-checkpoint",
)  # fmt: skip


# Drawing


@router.post("/sdapi/v1/txt2img", responses=ERRORS)
async def txt2img(request: Request, body: Txt2Img) -> dict[str, Any]:
    """Draws pictures from a prompt."""
    return await _drawn(request, body)


@router.post("/sdapi/v1/img2img", responses=ERRORS)
async def img2img(request: Request, body: Img2Img) -> dict[str, Any]:
    """Draws pictures from a picture, or into its mask."""
    return await _drawn(request, body)


async def _drawn(request: Request, body: Drawing) -> dict[str, Any]:
    service = service_of(request)
    if (body.batch_size or 1) * (body.n_iter or 1) > service.bounds.pictures:
        raise InvalidRequest(f"Too many pictures at once; ask for {service.bounds.pictures} or fewer.", field="n_iter")
    order = await asyncio.to_thread(order_of, body, _options(request))
    iterations = numbered(order.request, order.batch, order.iterations)
    jobs = await service.submit(request.state.caller, iterations, order.batch, order.batch)
    return await asyncio.to_thread(_answer, body, order, await all_drawn(service, jobs))


async def all_drawn(
    service: JobService, jobs: Sequence[int], watch: Callable[[int, int], Awaitable[None]] | None = None
) -> list[EndedJob]:
    """Waits for jobs that were submitted together. When one fails the ones behind it are cancelled; while the queue is paused, or
    the server closes, they wait in it. `watch` is called with each job and its place, and tells meanwhile how far it is.
    Raises DrawingFailed and QueuePaused.
    """
    results = []
    for position, job in enumerate(jobs):
        try:
            if watch is not None:
                await watch(job, position)
            results.append(await service.drawn(job))
        except QueuePaused:
            raise
        except SdedgeError:
            for later in jobs[position + 1 :]:
                await service.cancel(later)
            raise
    return results


def _answer(body: Drawing, order: Order, results: Sequence[EndedJob]) -> dict[str, Any]:
    entries = [entry for result in results for entry in result.pictures]
    images = [pictures.base64_of(entry.path) for entry in entries] if order.send_images else []
    sent = body.model_dump(exclude={"init_images", "mask", "alwayson_scripts"})
    try:
        sent = clean_json(sent)
    except ValueError:
        sent = {}
    return {"images": images, "parameters": sent, "info": json.dumps(_info(order, results))}


def _info(order: Order, results: Sequence[EndedJob]) -> dict[str, Any]:
    """Returns what A1111 tells of its pictures, and `not_honoured` and `notices` beside it."""
    entries = [entry for result in results for entry in result.pictures]
    drawn = [(entry.request, entry.facts) for entry in entries]
    first, facts = drawn[0] if drawn else (order.request, {})
    notices = [public_text(text) for text in dict.fromkeys((*order.notices, *(n for r in results for n in r.notices)))]
    return {
        "prompt": first.prompt, "all_prompts": [request.prompt for request, _ in drawn],
        "negative_prompt": first.negative, "all_negative_prompts": [request.negative for request, _ in drawn],
        "seed": first.seed, "all_seeds": [request.seed for request, _ in drawn],
        "subseed": _subseed(first), "all_subseeds": [_subseed(request) for request, _ in drawn],
        "subseed_strength": first.variation_strength, "width": first.width, "height": first.height,
        "sampler_name": catalog.SAMPLERS[first.sampler].label, "cfg_scale": first.guidance, "steps": first.steps,
        "batch_size": order.batch, "restore_faces": False, "face_restoration_model": None,
        "sd_model_name": facts.get("model_name") or first.model, "sd_model_hash": facts.get("model_hash"),
        "sd_vae_name": first.vae, "sd_vae_hash": facts.get("vae_hash"), "seed_resize_from_w": -1, "seed_resize_from_h": -1,
        "denoising_strength": first.strength if first.image else None, "extra_generation_params": {},
        "index_of_first_image": 0, "infotexts": [metadata_a1111.write(request, facts) for request, facts in drawn],
        "styles": [], "job_timestamp": f"{datetime.now():%Y%m%d%H%M%S}", "clip_skip": first.clip_skip,
        "is_using_inpainting_conditioning": False, "version": f"sdedge {sdedge.__version__}",
        "not_honoured": list(dict.fromkeys(order.ignored)), "notices": notices,
    }  # fmt: skip


def _subseed(request: DrawnRequest) -> int | None:
    """Returns the seed of variations, where nothing is varied the seed itself: clients take a number only."""
    return request.seed if request.variation_seed is None else request.variation_seed


# The caller's jobs


@router.get("/sdapi/v1/progress", responses=ERRORS)
async def progress(request: Request, skip_current_image: bool = False) -> dict[str, Any]:
    """Tells how far the caller's jobs are, and of nobody else's."""
    jobs = service_of(request).jobs_of(request.state.caller)
    running = next(((job, state) for job, state in jobs if state.phase != "waiting"), None)
    job, state = running or (jobs[0] if jobs else (0, JobProgress(None, 1)))
    preview = None if skip_current_image or not state.preview else state.preview.partition(",")[2]
    return {
        "progress": round(state.fraction_together, 4) if jobs else 0.0, "eta_relative": _eta_together(state),
        "state": {
            "skipped": False, "interrupted": False, "stopping_generation": False, "job": f"job {job}" if jobs else "",
            "job_count": state.together if jobs else 0, "job_timestamp": f"{datetime.now():%Y%m%d%H%M%S}",
            "job_no": state.position, "sampling_step": state.step, "sampling_steps": state.steps,
        },
        "current_image": preview, "textinfo": state.phase if jobs else None,
        "current_task": f"task({job})" if jobs else None,
    }  # fmt: skip


def _eta_together(state: JobProgress) -> float:
    """Returns the seconds until all jobs that were submitted together are done, by the pace of the one that is drawn."""
    left = eta_of(state) or 0.0
    behind = state.together - state.position - 1
    return round(left + behind * left / (1 - state.fraction), 1) if left else 0.0


@router.post("/sdapi/v1/interrupt", responses=ERRORS)
async def interrupt(request: Request) -> dict[str, Any]:
    """Ends what is drawn for the caller; its answer holds the pictures that were finished."""
    service = service_of(request)
    jobs = service.jobs_of(request.state.caller)
    running = next((state.group for _, state in jobs if state.phase != "waiting"), jobs[0][1].group if jobs else 0)
    for job, state in reversed(jobs):
        if state.group == running:
            await service.cancel(job, Wish.NOW)
    return {}


@router.post("/sdapi/v1/skip", responses=ERRORS)
async def skip(request: Request) -> dict[str, Any]:
    """Gives up the iteration that is drawn for the caller and goes on with the next one."""
    service = service_of(request)
    jobs = [job for job, state in service.jobs_of(request.state.caller) if state.phase != "waiting"]
    for job in jobs[:1]:
        await service.cancel(job, Wish.NOW)
    return {}


# Settings


@router.get("/sdapi/v1/options", responses=ERRORS)
async def options(request: Request) -> dict[str, Any]:
    """Returns the settings that count for the caller."""
    return await asyncio.to_thread(a1111_lists.options, _options(request))


@router.post("/sdapi/v1/options", responses=ERRORS)
async def set_options(request: Request, body: Annotated[dict[str, Any], Body()]) -> dict[str, Any] | None:
    """Keeps the settings of the allow-list for the caller's next pictures; others are named in the answer, unless they stand
    already."""
    known = await asyncio.to_thread(a1111_lists.options, _options(request))
    fields = await asyncio.to_thread(settings_fields, _of_allow_list(body))
    if "clip_skip" in fields and (type(fields["clip_skip"]) is not int or not 1 <= fields["clip_skip"] <= 12):
        raise InvalidRequest(f"CLIP_stop_at_last_layers is {shown(fields['clip_skip'])}; give 1 to 12.")
    allowed = await asyncio.to_thread(a1111_lists.named_settings, fields, body)
    by_caller: OrderedDict[str, dict[str, Any]] = _all_options(request)
    by_caller[request.state.caller] = {**by_caller.pop(request.state.caller, {}), **allowed}
    while len(by_caller) > MAX_CALLERS:
        by_caller.popitem(last=False)
    ignored = [name[:60] for name, value in body.items() if name not in SETTINGS and known.get(name) != value]
    return {"not_honoured": ignored} if ignored else None


def _of_allow_list(body: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the settings that may be given; null asks for nothing, but for a VAE, where it is the model's own."""
    return {name: body[name] for name in SETTINGS if name in body and (body[name] is not None or name == "sd_vae")}


def _all_options(request: Request) -> OrderedDict[str, dict[str, Any]]:
    state = request.app.state
    if not hasattr(state, "options"):
        state.options = OrderedDict()
    by_caller: OrderedDict[str, dict[str, Any]] = state.options
    return by_caller


def _options(request: Request) -> dict[str, Any]:
    return _all_options(request).get(request.state.caller, {})


@router.post("/sdapi/v1/unload-checkpoint", responses=ERRORS)
async def unload(request: Request) -> dict[str, Any]:
    """Gives back the memory of the models."""
    service_of(request).release()
    return {}


def _add_lists() -> None:
    def listing(make: Callable[[], Any]) -> Callable[[], Any]:
        async def answer() -> Any:
            return await asyncio.to_thread(make)

        return answer

    for prefix, lists in (("/sdapi/v1", a1111_lists.LISTS), ("/controlnet", a1111_lists.CONTROL_LISTS)):
        for name, make in lists.items():
            router.add_api_route(f"{prefix}/{name}", listing(make), methods=["GET"], responses=ERRORS, name=name)
    for name in REFRESHES:
        router.add_api_route(f"/sdapi/v1/{name}", listing(dict), methods=["POST"], responses=ERRORS, name=name)


_add_lists()


# Pictures


@router.post("/sdapi/v1/png-info", responses=ERRORS)
async def png_info(body: PngInfo) -> dict[str, Any]:
    """Tells the settings that a picture carries."""
    return await asyncio.to_thread(_png_info, body.image)


def _png_info(text: str) -> dict[str, Any]:
    recorded = metadata.read(io.BytesIO(pictures.decode(text)))
    if not recorded.source:
        return {"info": "", "items": {}, "parameters": {}}
    info = recorded.text
    if recorded.source == "sdedge":
        info = metadata_a1111.write(metadata.to_request(recorded), recorded.details)
    parsed = metadata_infotext.parse(info)
    parameters = {"Prompt": parsed.prompt, "Negative prompt": parsed.negative, **parsed.settings}
    return {"info": info, "items": {"parameters": info, "source": recorded.source}, "parameters": parameters}


@router.post("/sdapi/v1/extra-single-image", responses=ERRORS)
async def extra_single_image(body: ExtraSingleImage) -> dict[str, Any]:
    """Enlarges a picture, or makes it smaller."""
    name = body.upscaler_1 if body.upscaler_1 not in (None, "", "None") else "Lanczos"
    size = (body.upscaling_resize_w, body.upscaling_resize_h) if body.resize_mode == 1 else None
    data = await asyncio.to_thread(pictures.decode, body.image)
    image = await enlarged(data, name, size, body.upscaling_resize, size is not None and body.upscaling_crop)
    text = base64.b64encode(await asyncio.to_thread(as_png, image)).decode("ascii")
    ignored = list(asked_in_vain(body.model_extra or {}, UNREAD_OF_ENLARGING))
    return {
        "html_info": f"<p>{html.escape(name)}, {image.width}x{image.height}.</p>", "image": text, "not_honoured": ignored,
    }  # fmt: skip


@router.post("/controlnet/detect", responses=ERRORS)
async def detect(body: Detect) -> dict[str, Any]:
    """Makes hints of photos."""
    return await asyncio.to_thread(_detected, body)


def _detected(body: Detect) -> dict[str, Any]:
    texts = body.controlnet_input_images or body.controlnet_images or []
    if not texts or len(texts) > 10:
        raise InvalidRequest("There are no pictures, or more than 10; send some in controlnet_input_images.")
    chosen = preprocessing(body.controlnet_module, body.controlnet_threshold_a, body.controlnet_threshold_b)
    if chosen is not None and chosen.preprocessor.by_network:
        raise InvalidRequest(
            f"{chosen.preprocessor.name} is made by a network, while a picture is drawn; name it as a unit's module instead.",
            field="controlnet_module",
        )
    hints = []
    for text in texts:
        image = flatten(pictures.read(pictures.decode(text, "controlnet_input_images")))
        image.thumbnail((2048, 2048))
        pixels = np.array(image)
        file = io.BytesIO()
        Image.fromarray(preprocess(pixels, chosen) if chosen else pixels).save(file, "PNG")
        hints.append(base64.b64encode(file.getvalue()).decode("ascii"))
    return {
        "images": hints,
        "info": "Success",
        "not_honoured": list(asked_in_vain(body.model_extra or {}, UNREAD_OF_DETECTING)),
    }
