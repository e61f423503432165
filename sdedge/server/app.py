"""The server's ASGI application: the guard around FastAPI, with one router for each API, over one job service."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterable

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from mcp.server.transport_security import TransportSecuritySettings
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp

import sdedge
from sdedge.errors import SdedgeError
from sdedge.library.jobs import Job
from sdedge.server import a1111_routes, openai_routes, pictures, routes_page
from sdedge.server.answers import error_body, hide_folder, settled_status, status_of
from sdedge.server.guard import Guard, Rules
from sdedge.server.job_service import JobService
from sdedge.server.mcp_tools import mcp_server
from sdedge.text.clean import shown

OWN_MACHINE = Rules()
SWEEP = 86_400.0  # seconds between looks at what clients sent
log = logging.getLogger(__name__)


def create_app(service: JobService, rules: Rules = OWN_MACHINE) -> ASGIApp:
    """Returns the application. Its lifespan starts and closes the service."""
    return Guard(inner_app(service, rules), rules)


def inner_app(service: JobService, rules: Rules = OWN_MACHINE) -> FastAPI:
    """Returns FastAPI's part, without the guard."""

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        await service.start()
        hide_folder(service.output.folder)
        assistants = mcp_server(service)
        transport = assistants.streamable_http_app(
            transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),  # the guard's part
            max_request_body_size=rules.max_body,
        )
        app.router.routes[:] = [*app.router.routes, *transport.routes]
        sweeping = asyncio.create_task(_sweep_daily(service))
        try:
            async with assistants.session_manager.run():
                yield
        finally:
            sweeping.cancel()
            await service.close()

    app = FastAPI(
        title="sdedge", version=sdedge.__version__, lifespan=lifespan, docs_url=None, redoc_url=None,
        description="Stable Diffusion v1 on this machine: the page's own API, A1111's and OpenAI's.",
    )  # fmt: skip
    app.state.service = service
    if rules.origins:
        app.add_middleware(
            CORSMiddleware, allow_origins=sorted(rules.origins), allow_methods=["*"], allow_headers=["*"],
            allow_credentials=True,
        )  # fmt: skip
    app.add_exception_handler(SdedgeError, _on_error)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(Exception, _on_bug)
    for routes in (routes_page, a1111_routes, openai_routes):
        app.include_router(routes.router)
    return app


async def _sweep_daily(service: JobService) -> None:
    """Removes at once, and then every day, what clients sent long ago and no job needs."""
    while True:
        try:
            in_use = await service.ask(lambda queue, gallery: sent_pictures(queue.jobs()))
            await asyncio.to_thread(pictures.sweep, in_use)
        except SdedgeError as error:
            log.warning("%s", error)
        await asyncio.sleep(SWEEP)


def sent_pictures(jobs: Iterable[Job]) -> set[str]:
    """Returns the paths of the pictures and masks that jobs begin with."""
    return {path for job in jobs for path in (job.request.image, job.request.mask) if path is not None}


def _answer(request: Request, status: int, message: str, field: str = "") -> Response:
    path = request.url.path
    status = settled_status(path, status)
    headers = {"retry-after": "5"} if status in (429, 503) else None
    return JSONResponse(error_body(path, status, message, field), status, headers)


def _on_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, SdedgeError)
    return _answer(request, status_of(error), str(error), error.field)


def _on_invalid(request: Request, error: Exception) -> Response:
    """Says the first of what does not fit, in one sentence."""
    assert isinstance(error, RequestValidationError)
    fault = error.errors()[0]
    place = [str(part) for part in fault["loc"][1:]]
    name = ".".join(place) or "body"
    value = "" if fault["type"] == "missing" else f" is {shown(fault.get('input'))}"
    return _answer(request, 422, f"{name}{value}: {fault['msg']}.", place[0] if place else "")


def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    message = {
        404: "There is nothing at this address; see /openapi.json.",
        405: "This address does not take that method.",
    }
    text = str(error.detail) if error.status_code not in message else message[error.status_code]
    answer = _answer(request, error.status_code, text)
    answer.headers.update(error.headers or {})
    return answer


def _on_bug(request: Request, error: Exception) -> Response:
    log.error("A request failed.", exc_info=error)
    return _answer(request, 500, f"The server failed ({type(error).__name__}); its log says where.")
