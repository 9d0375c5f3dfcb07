"""`request_id`: the hook of httpx and httpx2, over real connections and real redirects.

One server under two names: `localhost` may know, `127.0.0.1` may not.
"""

import asyncio
import contextvars
import importlib
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from asgi_middleware import RequestIDMiddleware
from asgi_middleware.request_id import propagate

from .asgi import drive, http
from .identified import always
from .serving import Server, serving

TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"
TRACED = [("traceparent", f"00-{TRACE}-{SPAN}-01"), ("tracestate", "a=1")]
OURS = ("x-request-id", "traceparent", "tracestate")

CLIENTS = [
    "httpx2:Client",
    "httpx2:AsyncClient",
    pytest.param("httpx:Client", marks=pytest.mark.hosts),
    pytest.param("httpx:AsyncClient", marks=pytest.mark.hosts),
]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving(["uvicorn", "tests.echoing:app", "--port", "0", "--lifespan", "off"]) as running:
        yield running


@pytest.fixture(params=CLIENTS)
def client(request: pytest.FixtureRequest) -> Any:
    """One of the four kinds."""
    module, _, name = request.param.partition(":")
    return getattr(importlib.import_module(module), name)


Get = Callable[..., dict[str, str]]


def within(client: Any, work: Callable[[Get], Any], *, traced: bool = True, options: Any = None) -> Any:
    """Do `work` in a request with the ID `mine`; it is given a function that gets a URL, following redirects.

    That one returns our three headers, as far as they arrived. The client lives as long as the request.
    """
    found: list[Any] = []
    options = {"event_hooks": {"request": [propagate(allow=["localhost"])]}, "timeout": 60, **(options or {})}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        with asyncio.Runner() as runner:
            made = client(**options)

            def get(url: str, **more: Any) -> dict[str, str]:
                response = made.get(url, follow_redirects=True, **more)
                if asyncio.iscoroutine(response):
                    response = runner.run(response, context=contextvars.copy_context())
                return {name: value for name, value in response.json() if name in OURS}

            found.append(work(get))
            if hasattr(made, "aclose"):
                runner.run(made.aclose())
            else:
                made.close()

    wrapped = RequestIDMiddleware(app, generator=always("mine"), trace="continue" if traced else "off")
    exchange = drive(wrapped, http(headers=TRACED))
    if exchange.error is not None:
        raise exchange.error
    return found[0]


def span_of(headers: dict[str, str]) -> str:
    match = re.fullmatch(rf"00-{TRACE}-([0-9a-f]{{16}})-01", headers.get("traceparent", ""))
    assert match is not None, headers
    return match[1]


@pytest.fixture
def may(server: Server) -> str:
    return f"http://localhost:{server.port}/"


@pytest.fixture
def may_not(server: Server) -> str:
    return f"http://127.0.0.1:{server.port}/"


def test_a_host_that_may_know_is_told(client: Any, may: str) -> None:
    headers = within(client, lambda get: get(may))
    assert span_of(headers) != SPAN
    assert headers == {"x-request-id": "mine", "traceparent": headers["traceparent"], "tracestate": "a=1"}


def test_without_a_trace_only_the_id(client: Any, may: str) -> None:
    assert within(client, lambda get: get(may), traced=False) == {"x-request-id": "mine"}


def test_another_host_is_told_nothing(client: Any, may_not: str) -> None:
    assert within(client, lambda get: get(may_not)) == {}


def test_a_redirect_to_another_host_does_not_take_it_along(client: Any, may: str, may_not: str) -> None:
    assert within(client, lambda get: get(f"{may}?to={may_not}")) == {}


def test_a_redirect_from_another_host_is_told(client: Any, may: str, may_not: str) -> None:
    headers = within(client, lambda get: get(f"{may_not}?to={may}"))
    assert (headers["x-request-id"], headers["tracestate"], span_of(headers) != SPAN) == ("mine", "a=1", True)


def test_over_there_and_back_again(client: Any, may: str, may_not: str) -> None:
    headers = within(client, lambda get: get(f"{may}?to={may_not}&to={may}"))
    assert (headers["x-request-id"], headers["tracestate"], span_of(headers) != SPAN) == ("mine", "a=1", True)
    assert within(client, lambda get: get(f"{may}?to={may_not}&to={may}&to={may_not}")) == {}


def test_each_request_and_each_redirect_is_a_span_of_its_own(client: Any, may: str) -> None:
    seen = within(client, lambda get: [span_of(get(may)), span_of(get(may)), span_of(get(f"{may}?to={may}"))])
    assert len({*seen, SPAN}) == 4


def test_what_the_caller_set_wins_and_stays(client: Any, may: str, may_not: str) -> None:
    def work(get: Get) -> list[dict[str, str]]:
        own = {"X-Request-ID": "own"}
        return [get(url, headers=own) for url in (may, may_not, f"{may}?to={may_not}", f"{may}?to={may}")]

    first, second, third, fourth = within(client, work)
    assert second == third == {"x-request-id": "own"}
    for headers in (first, fourth):
        span_of(headers)
        assert (headers["x-request-id"], headers["tracestate"]) == ("own", "a=1")


@pytest.mark.parametrize("name", ["traceparent", "TraceState"])
def test_a_trace_of_the_callers_own_is_not_mixed_with_ours(client: Any, name: str, may: str, may_not: str) -> None:
    def work(get: Get) -> list[dict[str, str]]:
        return [get(url, headers={name: "own"}) for url in (may, may_not, f"{may}?to={may_not}")]

    own = {name.lower(): "own"}
    assert within(client, work) == [{"x-request-id": "mine", **own}, own, own]


def test_headers_of_the_client_are_the_callers_own(client: Any, may: str, may_not: str) -> None:
    options = {"headers": {"X-Request-ID": "own"}}
    work: Callable[[Get], Any] = lambda get: [get(may), get(may_not)]  # noqa: E731  # a line says it
    assert within(client, work, traced=False, options=options) == [{"x-request-id": "own"}] * 2


def test_two_hooks_do_not_undo_each_other(client: Any, may: str) -> None:
    hooks = [propagate(allow=["localhost"]), propagate(allow=["elsewhere.example"])]
    for both in (hooks, hooks[::-1]):
        options = {"event_hooks": {"request": both}}
        assert within(client, lambda get: get(may), traced=False, options=options) == {"x-request-id": "mine"}


def test_a_url_with_a_user_name_is_judged_by_the_host_that_the_client_connects_to(client: Any, may: str) -> None:
    url = may.replace("//", "//user:password@")
    assert within(client, lambda get: get(url), traced=False) == {"x-request-id": "mine"}
    assert within(client, lambda get: get(may.replace("localhost", "localhost@127.0.0.1")), traced=False) == {}


def test_outside_of_a_request_nothing_is_told(may: str) -> None:
    import httpx2

    def ask() -> Any:
        with httpx2.Client(event_hooks={"request": [propagate(allow=["localhost"])]}, timeout=60) as client:
            return client.get(may).json()

    assert not {name for name, _ in contextvars.Context().run(ask)} & set(OURS)


def test_a_request_sent_again_within_another_one_tells_that_one(may: str) -> None:
    """What the hook had added is not taken for the caller's own."""
    import httpx2

    seen: list[dict[str, str]] = []
    with httpx2.Client(event_hooks={"request": [propagate(allow=["localhost"])]}, timeout=60) as client:
        request = client.build_request("GET", may)

        async def app(scope: Any, receive: Any, send: Any) -> None:
            seen.append({name: value for name, value in client.send(request).json() if name in OURS})

        for name in ("first", "second"):
            assert drive(RequestIDMiddleware(app, generator=always(name))).error is None
    assert seen == [{"x-request-id": "first"}, {"x-request-id": "second"}]
