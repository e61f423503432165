"""How FastAPI reads bodies here: JSON by the project's own reader, with its bounds and without half surrogates."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response

from sdedge.errors import InvalidRequest
from sdedge.json_values import read_json

MAX_BODY = 64 << 20
_LARGE = 1 << 20  # bytes from which on a body is read on another thread


class JsonRequest(Request):
    """A request whose JSON is bounded."""

    async def json(self) -> Any:
        """Returns the parsed body. Raises HTTPException in one sentence."""
        body = await self.body()
        try:
            return await asyncio.to_thread(_parsed, body) if len(body) > _LARGE else _parsed(body)
        except InvalidRequest as error:
            raise HTTPException(400, str(error)) from None


class JsonRoute(APIRoute):
    """A route whose handlers get a `JsonRequest`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                return await handler(JsonRequest(request.scope, request.receive))
            except ClientDisconnect:  # half a body, and nobody to answer
                raise HTTPException(400, "The body ended before its end; send it again.") from None

        return handle


def _parsed(body: bytes) -> Any:
    return read_json(body, "The body", MAX_BODY, InvalidRequest, "send JSON")
