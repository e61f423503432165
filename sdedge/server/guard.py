"""Who may ask this server, and how much: pure functions over a request's head, and the ASGI middleware that applies them.

A page of another site may not reach it through a visitor's browser (Origin, Host against DNS rebinding, content types that need
a preflight), nobody without the token from another machine, and no body costs more than its bounds. See docs/server.md.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import ipaddress
import re
import time
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sdedge.server.answers import error_body

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
MULTIPART = ("/v1/images/edits", "/v1/images/generations", "/v1/images/variations")
"""Paths that read forms, or answer them with what to use instead; everything else reads JSON only."""
_PORTS = {"http": 80, "https": 443}  # which browsers leave out
_NAME = re.compile(r"[\w.:-]+")
_CHALLENGE = (("www-authenticate", 'Basic realm="sdedge", charset="UTF-8"'),)
_SECURITY = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "x-frame-options": "DENY",
    "cache-control": "no-store",
}


@dataclass(frozen=True)
class Rules:
    """What is let through. Names are in lower case and without ports; a rate is in requests a second from one address.

    hosts     names, besides the loopback's, by which the server may be addressed
    origins   pages of other sites that may use it, as "https://name[:port]"
    token     asked of everybody where it is not ""
    patience  seconds to wait for the next piece of a body
    """

    hosts: frozenset[str] = frozenset()
    origins: frozenset[str] = frozenset()
    token: str = ""
    max_body: int = 64 << 20
    patience: float = 30.0
    rate: float = 200.0
    burst: int = 1000


@dataclass(frozen=True)
class Refusal:
    """A status, a sentence, and headers that go with them."""

    status: int
    message: str
    headers: tuple[tuple[str, str], ...] = field(default=())


def refusal(rules: Rules, method: str, path: str, headers: Headers, local: str = "") -> Refusal | None:
    """Returns why a request is refused by its head alone, or None. `local` is the address it came in at."""
    return (
        check_host(headers.getlist("host"), rules.hosts, local)
        or check_origin(headers, method, path, rules.origins)
        or (None if method == "OPTIONS" else check_token(headers.get("authorization", ""), rules.token))
        or check_content(method, path, headers, rules.max_body)
    )


def check_host(hosts: list[str], allowed: frozenset[str], local: str = "") -> Refusal | None:
    """A name that merely leads here is none of ours: that is how DNS rebinding gets at a machine's own servers."""
    name = host_name(hosts[0]) if len(hosts) == 1 else ""
    if name and (name in LOOPBACK or name in allowed or (local and _same_address(name, local))):
        return None
    return Refusal(421, f"This server is not called {name[:80]!r}; whoever runs it can allow that name.")


def host_name(host: str) -> str:
    """Returns the name of a Host header without its port, in lower case; "" for what is no host."""
    try:
        parts = urlsplit(f"//{host}")
        name = "" if parts.path or parts.username is not None or parts.query else (parts.hostname or "").rstrip(".")
        return name if _NAME.fullmatch(name) else ""
    except ValueError:
        return ""


def check_origin(headers: Headers, method: str, path: str, allowed: frozenset[str]) -> Refusal | None:
    """A browser says which page asks; what says nothing is no browser. Only our own page may, and those allowed."""
    origins = headers.getlist("origin")
    own = {f"{scheme}://{headers.get('host', '').lower()}" for scheme in ("http", "https")}
    if any(origin.lower() not in own and origin.lower() not in allowed for origin in origins) or len(origins) > 1:
        return Refusal(403, f"Pages of {origins[0][:80]!r} may not use this server; whoever runs it can allow them.")
    site = headers.get("sec-fetch-site", "none")
    visits = method == "GET" and path == "/" and headers.get("sec-fetch-mode") == "navigate"
    if not origins and site in ("cross-site", "same-site") and not visits:
        return Refusal(403, "Pages of other sites may not use this server; whoever runs it can allow them.")
    return None


def cors_headers(headers: Headers, allowed: frozenset[str]) -> dict[str, str]:
    """Returns what lets an allowed page of another site read why it was refused."""
    origin = headers.get("origin", "")
    if origin.lower() not in allowed:
        return {}
    return {"access-control-allow-origin": origin, "access-control-allow-credentials": "true", "vary": "Origin"}


def origin_of(url: str) -> str:
    """Returns a page's address as browsers send its origin, without the scheme's own port; "" for what is none."""
    try:
        parts = urlsplit(url.strip())
        own_port = parts.port is not None and parts.port == _PORTS.get(parts.scheme)
    except ValueError:
        return ""
    if not parts.scheme or not host_name(parts.netloc) or parts.path not in ("", "/") or parts.query or parts.fragment:
        return ""
    place = parts.netloc.rpartition(":")[0] if own_port else parts.netloc
    return f"{parts.scheme}://{place.lower()}"


def check_token(authorization: str, token: str) -> Refusal | None:
    """The token is a Bearer's, or the password of Basic with any name; compared in constant time."""
    if not token or matches_token(authorization, token):
        return None
    return Refusal(401, "This server asks for its token; send it as a Bearer token or as the password.", _CHALLENGE)


def matches_token(authorization: str, token: str) -> bool:
    """Returns whether an Authorization header carries the token."""
    scheme, _, value = authorization.partition(" ")
    offered = value.strip() if scheme.lower() == "bearer" else _basic(authorization)[1]
    digests = [hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest() for text in (offered, token)]
    return hmac.compare_digest(*digests)


def check_content(method: str, path: str, headers: Headers, max_body: int) -> Refusal | None:
    """Bodies are JSON: a page of another site can post text or a form without asking first, JSON it cannot."""
    length = headers.get("content-length", "0")
    if not length.isascii() or not length.isdecimal():
        return Refusal(400, "The content length is no number; leave it to the HTTP library.")
    if len(length) > 15 or int(length) > max_body:
        return Refusal(413, f"The body is larger than {max_body >> 20} MiB; send a smaller picture.")
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if method in ("GET", "HEAD", "OPTIONS") or kind == "application/json":
        return None
    if kind == "multipart/form-data" and path in MULTIPART:
        return None
    if not kind and length == "0" and "transfer-encoding" not in headers:
        return None
    return Refusal(415, f"The body is {kind[:60] or 'of no type'}; send JSON, as application/json.")


def caller(headers: Headers, address: str) -> str:
    """Returns who asks, as far as that can be told: address, name of the login, and program. Progress and cancelling go by it."""
    return f"{address} {_basic(headers.get('authorization', ''))[0][:60]} {headers.get('user-agent', '')[:120]}"


def _basic(authorization: str) -> tuple[str, str]:
    scheme, _, value = authorization.partition(" ")
    try:
        text = base64.b64decode(value.strip(), validate=True).decode() if scheme.lower() == "basic" else ""
    except (binascii.Error, ValueError):
        text = ""
    name, _, password = text.partition(":")
    return name, password


def _same_address(name: str, local: str) -> bool:
    try:
        return _address(name) == _address(local)
    except ValueError:
        return False


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """Returns an address; an IPv4 one also where a socket of both kinds tells it as ::ffff:192.0.2.1. Raises ValueError."""
    address = ipaddress.ip_address(text)
    return getattr(address, "ipv4_mapped", None) or address


class Bucket:
    """So many at once from each address, and then so many a second."""

    def __init__(self, rate: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._burst, self._clock = rate, burst, clock
        self._left: dict[str, tuple[float, float]] = {}

    def take(self, address: str) -> bool:
        """Returns whether there was one left for this address."""
        now = self._clock()
        if len(self._left) > 4096:  # those that are full again say nothing
            self._left = {a: (n, t) for a, (n, t) in self._left.items() if n + (now - t) * self._rate < self._burst}
        level, before = self._left.get(address, (float(self._burst), now))
        level = min(float(self._burst), level + (now - before) * self._rate)
        self._left[address] = (level - 1 if level >= 1 else level, now)
        return level >= 1


class Guard:
    """The middleware. It refuses by the head, bounds the body, and adds the headers that browsers obey."""

    def __init__(self, app: ASGIApp, rules: Rules) -> None:
        self.app, self.rules = app, rules
        self._requests, self._guesses = Bucket(rules.rate, rules.burst), Bucket(1 / 6, 10)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":  # there are no websockets here
            await send({"type": "websocket.close", "code": 1008})
            return
        headers, address = Headers(scope=scope), (scope.get("client") or ("", 0))[0]
        scope.setdefault("state", {})["caller"] = caller(headers, address)
        secured = _with_headers(send)
        refused = self._refusal(scope, headers, address)
        if refused is None:
            await self.app(scope, _bounded(receive, self.rules), secured)
            return
        if refused.status in (413, 415):  # a client that is cut off while it sends never reads why
            await _drain(receive, 4 * self.rules.max_body)
        body = error_body(scope["path"], refused.status, refused.message)
        answer = JSONResponse(
            body, refused.status, {**dict(refused.headers), **cors_headers(headers, self.rules.origins)}
        )
        await answer(scope, receive, secured)

    def _refusal(self, scope: MutableMapping[str, Any], headers: Headers, address: str) -> Refusal | None:
        if not self._requests.take(address):
            return Refusal(
                429, "These are more requests than one address may send; wait a moment.", (("retry-after", "1"),)
            )
        local = (scope.get("server") or ("", 0))[0] or ""
        refused = refusal(self.rules, scope["method"], scope["path"], headers, local)
        if refused is not None and refused.status == 401 and not self._guesses.take(address):
            return Refusal(429, "These are too many wrong tokens; wait a minute.", (("retry-after", "60"),))
        return refused


def _bounded(receive: Receive, rules: Rules) -> Receive:
    """Counts a body's bytes while they come, whatever its head said, and does not wait for ever for the next ones."""
    taken, complete = 0, False

    async def bounded() -> Message:
        nonlocal taken, complete
        if complete:  # the client's leaving may take as long as it likes
            return await receive()
        try:
            async with asyncio.timeout(rules.patience):
                message = await receive()
        except TimeoutError:
            raise HTTPException(408, "The rest of the body did not come; send it again.") from None
        taken += len(message.get("body", b""))
        complete = not message.get("more_body", False)
        if taken > rules.max_body:
            raise HTTPException(413, f"The body is larger than {rules.max_body >> 20} MiB; send a smaller picture.")
        return message

    return bounded


def _with_headers(send: Send) -> Send:
    async def secured(message: Message) -> None:
        if message["type"] == "http.response.start":
            present = {name.decode("latin-1").lower() for name, _ in message["headers"]}
            additions = [(n.encode(), v.encode()) for n, v in _SECURITY.items() if n not in present]
            message = {**message, "headers": [*message["headers"], *additions]}
        await send(message)

    return secured


async def _drain(receive: Receive, limit: int) -> None:
    taken = 0
    while taken < limit:
        try:
            async with asyncio.timeout(5.0):
                message = await receive()
        except TimeoutError:
            return
        taken += len(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body", False):
            return
