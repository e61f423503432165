"""Who may ask the server: Host, Origin, content types, token, bytes, rates."""

from __future__ import annotations

import base64
import inspect
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="the extra sdedge[serve] is not installed")

from starlette.datastructures import Headers
from starlette.testclient import TestClient

from sdedge.server import guard
from sdedge.server.answers import hide_folder, public_text
from sdedge.server.fairness import place
from sdedge.server.guard import Bucket, Guard, Rules, check_host, check_origin, host_name, matches_token, refusal
from tests.server.conftest import installed

PLAIN = Rules()
JSON = "application/json"
ADDRESS = "http://127.0.0.1:7860"


def status(rules=PLAIN, method="POST", path="/sdapi/v1/txt2img", local="", **headers):
    head = {
        "host": "127.0.0.1:7860",
        "content-type": JSON,
        **{name.replace("_", "-"): v for name, v in headers.items()},
    }
    refused = refusal(
        rules, method, path, Headers({name: value for name, value in head.items() if value is not None}), local
    )
    return refused.status if refused else 200


@pytest.mark.parametrize(
    ("host", "code"),
    [("127.0.0.1:7860", 200), ("localhost", 200), ("LOCALHOST:1", 200), ("[::1]:7860", 200), ("evil.example", 421), ("", 421),
     ("127.0.0.1.evil.example", 421), ("localhost@evil.example", 421), ("127.0.0.1:7860/x", 421), ("[::1", 421),
     ("localhost.", 200), ("192.168.1.5", 421)],
)  # fmt: skip
def test_a_name_that_merely_leads_here_is_refused(host, code):
    assert status(host=host) == code


def test_further_names_and_the_address_it_came_in_at_are_taken():
    assert status(Rules(hosts=frozenset({"studio.local"})), host="Studio.local:7860") == 200
    assert status(local="192.168.1.5", host="192.168.1.5:7860") == 200
    assert status(local="192.168.1.5", host="192.168.1.6:7860") == 421
    assert status(local="::ffff:192.168.1.5", host="192.168.1.5:7860") == 200  # at `--host ::`
    assert status(local="::ffff:192.168.1.5", host="192.168.1.6:7860") == 421
    assert check_host(["localhost", "evil.example"], frozenset()) is not None  # two Host headers


@pytest.mark.parametrize(
    ("path", "left"),
    [
        ("/mnt/Anna's disk/served pictures/a b.png", "a b.png"), ("/mnt/Anna's disk/served pictures", "sdedge's folder"),
        ("/mnt/Anna's disk\\served pictures\\a b.png", "a b.png"), ("/srv/x/y.png", "y.png"), ("1/2", "1/2"),
    ],
)  # fmt: skip
def test_no_folder_of_this_machine_is_named_whatever_signs_are_in_its_name(path, left):
    hide_folder(Path("/mnt/Anna's disk/served pictures"))
    assert (
        public_text(f"Cannot write {path}: No space left; free some.")
        == f"Cannot write {left}: No space left; free some."
    )


@pytest.mark.parametrize("role", ["model", "vae", "upscaler"])
def test_a_folder_is_named_no_more_once_something_of_it_is_in_the_library(role):
    path = f"/mnt/Berta's disk/new {role}s/a b.safetensors"
    said = f"Cannot read {path}: no."
    assert "Berta" in public_text(said)
    installed("late", role, path)
    assert public_text(said) == "Cannot read a b.safetensors: no."


@pytest.mark.parametrize(
    ("headers", "code"),
    [({}, 200), ({"origin": "http://127.0.0.1:7860"}, 200), ({"origin": "http://evil.example"}, 403), ({"origin": "null"}, 403),
     ({"origin": "http://127.0.0.1:8000"}, 403), ({"origin": "http://localhost:7860"}, 403),
     ({"sec_fetch_site": "same-origin"}, 200), ({"sec_fetch_site": "none"}, 200), ({"sec_fetch_site": "cross-site"}, 403),
     ({"sec_fetch_site": "same-site"}, 403)],
)  # fmt: skip
def test_pages_of_other_sites_are_refused(headers, code):
    assert (
        status(**headers) == code and status(method="GET", path="/api/pictures/1", content_type=None, **headers) == code
    )


def test_a_link_from_another_site_opens_the_page_and_nothing_else():
    visit = {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate", "content_type": None}
    assert status(method="GET", path="/", **visit) == 200
    assert status(method="GET", path="/api/pictures/1", **visit) == 403
    assert status(method="POST", path="/", **visit) == 403


def test_an_allowed_page_may_ask():
    rules = Rules(origins=frozenset({"https://friend.example"}))
    assert status(rules, origin="https://friend.example", sec_fetch_site="cross-site") == 200
    assert status(rules, origin="https://foe.example") == 403


def test_an_allowed_page_may_read_why_it_is_refused():
    client = TestClient(
        Guard(None, Rules(origins=frozenset({"https://good.example"}), token="secret")), base_url=ADDRESS
    )
    refused = client.get("/api/about", headers={"origin": "https://good.example"})
    assert refused.status_code == 401 and refused.headers["access-control-allow-origin"] == "https://good.example"
    assert "access-control-allow-origin" not in client.get("/api/about").headers
    foreign = client.get("/api/about", headers={"origin": "https://evil.example"})
    assert foreign.status_code == 403 and "access-control-allow-origin" not in foreign.headers


@pytest.mark.parametrize(
    ("kind", "path", "code"),
    [(JSON, "/sdapi/v1/txt2img", 200), (f"{JSON}; charset=utf-8", "/x", 200), ("text/plain", "/sdapi/v1/txt2img", 415),
     ("application/x-www-form-urlencoded", "/sdapi/v1/interrupt", 415), ("multipart/form-data; boundary=x",
     "/v1/images/edits", 200),
     ("multipart/form-data; boundary=x", "/sdapi/v1/txt2img", 415), (None, "/sdapi/v1/interrupt", 200)],
)  # fmt: skip
def test_bodies_are_json_where_they_are_no_form(kind, path, code):
    assert status(path=path, content_type=kind) == code


def test_a_body_without_a_type_is_refused():
    assert status(content_type=None, content_length="3") == 415
    assert status(content_type=None, transfer_encoding="chunked") == 415


@pytest.mark.parametrize(
    ("length", "code"), [("10", 200), (str(100 << 20), 413), ("9" * 30, 413), ("-1", 400), ("x", 400), ("٣", 400)]
)
def test_the_length_bounds_the_body(length, code):
    refused = guard.check_content("POST", "/x", Headers(raw=[(b"content-length", length.encode("utf-8")),
     (b"content-type", b"application/json")]), 64 << 20)  # fmt: skip
    assert (refused.status if refused else 200) == code


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("authorization", "code"),
    [("Bearer s3cret", 200), ("bearer  s3cret", 200), (basic("anybody:s3cret"), 200), (basic(":s3cret"), 200),
     (None, 401), ("", 401),
     ("Bearer s3cre", 401), ("Bearer", 401), (basic("s3cret:"), 401), ("Basic !!", 401), ("Digest s3cret", 401),
     ("Bearer ё", 401)],
)  # fmt: skip
def test_the_token_is_a_bearer_s_or_basic_s_password(authorization, code):
    head = [(b"host", b"127.0.0.1"), (b"content-type", JSON.encode())]
    head += [] if authorization is None else [(b"authorization", authorization.encode("utf-8"))]
    refused = refusal(Rules(token="s3cret"), "GET", "/", Headers(raw=head))
    assert (refused.status if refused else 200) == code


def test_tokens_are_compared_in_constant_time():
    assert "compare_digest" in inspect.getsource(matches_token) and "==" not in inspect.getsource(
        matches_token
    ).replace('== "bearer"', "")


def test_a_bucket_gives_so_many_at_once_and_then_so_many_a_second():
    now = [0.0]
    bucket = Bucket(2, 3, lambda: now[0])
    assert [bucket.take("a") for _ in range(4)] == [True, True, True, False] and bucket.take("b")
    now[0] = 0.5
    assert bucket.take("a") and not bucket.take("a")


async def echo(scope, receive, send):
    """An application that reads the whole body and says how long it was."""
    from starlette.requests import Request
    from starlette.responses import PlainTextResponse

    body = await Request(scope, receive).body()
    await PlainTextResponse(str(len(body)))(scope, receive, send)


def guarded(rules):
    from starlette.middleware.exceptions import ExceptionMiddleware

    return TestClient(Guard(ExceptionMiddleware(echo), rules), base_url=ADDRESS)


def test_a_body_is_counted_whatever_its_head_says():
    client = guarded(Rules(max_body=1000))
    assert client.post("/", content=iter([b"x" * 400] * 2), headers={"content-type": JSON}).text == "800"
    refused = client.post("/", content=iter([b"x" * 400] * 3), headers={"content-type": JSON})
    assert refused.status_code == 413


def test_every_answer_has_the_headers_that_browsers_obey():
    for code, headers in ((200, {}), (421, {"host": "evil.example"})):
        answer = guarded(Rules()).get("/", headers=headers)
        assert answer.status_code == code
        assert answer.headers["x-content-type-options"] == "nosniff" and answer.headers["x-frame-options"] == "DENY"
        assert "access-control-allow-origin" not in answer.headers


def test_a_challenge_goes_with_401_and_guesses_are_few():
    client = guarded(Rules(token="s3cret"))
    codes = [client.get("/", headers={"authorization": "Bearer guess"}).status_code for _ in range(12)]
    assert codes == [401] * 10 + [429] * 2
    assert client.get("/", headers={"authorization": "Bearer s3cret"}).status_code == 200
    assert guarded(Rules(token="x")).get("/").headers["www-authenticate"].startswith("Basic ")


def test_one_address_may_not_send_for_ever():
    client = guarded(Rules(rate=0.001, burst=3))
    answers = [client.get("/") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429] and answers[-1].headers["retry-after"]


@pytest.mark.parametrize(
    ("path", "key"), [("/v1/images/edits", "message"), ("/sdapi/v1/txt2img", "detail"), ("/api/jobs", "error")]
)
def test_refusals_have_the_api_s_own_form(path, key):
    body = guarded(Rules()).get(path, headers={"origin": "http://evil.example"}).json()
    assert (body["error"] if path.startswith("/v1") else body)[key].endswith(".")


def test_websockets_are_closed():
    from starlette.websockets import WebSocketDisconnect

    with pytest.raises(WebSocketDisconnect), guarded(Rules()).websocket_connect("/"):
        pass


@pytest.mark.parametrize(
    ("order", "caller", "target"),
    [([], "a", None), ([(1, "a"), (2, "a")], "b", 2), ([(1, "a"), (2, "b"), (3, "a")], "b", None), ([(1, "a"), (2, "a"),
     (3, "a")], "b", 2),
     ([(1, "a"), (2, "b"), (3, "a"), (4, "a")], "b", 4), ([(1, "a"), (2, "a"), (3, None)], "b", None),
     ([(1, None), (2, "a"), (3, "a")], "b", 3)],
)  # fmt: skip
def test_callers_take_turns(order, caller, target):
    assert place(order, caller) == target


def test_hosts_are_read_as_they_are_written():
    assert host_name("[2001:db8::1]:80") == "2001:db8::1" and host_name("a b") in ("", "a b")
    assert check_origin(Headers({"host": "x", "origin": "http://x"}), "GET", "/", frozenset()) is None
