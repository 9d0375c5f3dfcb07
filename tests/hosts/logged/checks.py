"""What is asked of a policy under a server: one function per fact, each raising where it does not hold.

`CHECKS` lists them by word. For which policy and server they fail is what `test_request_id_on_hosts` knows.
"""

import json
import re
from collections.abc import Callable
from typing import Any

from .client import Asked, Site

_MADE = re.compile(r"[0-9a-f]{32}")
_BODY = b"x" * 300_000  # beyond what uvicorn takes before it stops reading

# What is asked, with its status and the lines that it leaves.
ORDINARY: dict[str, tuple[int, list[str]]] = {
    "plain": (200, ["inside", "access"]),
    "missing": (404, ["access"]),
    "stream": (200, ["chunk-0", "chunk-1", "chunk-2", "access"]),
    "handled": (400, ["handler", "access"]),
    "background": (200, ["background", "background-thread", "access"]),
    "elsewhere": (200, ["task", "thread", "asyncio-thread", "access"]),
    "django/plain": (200, ["inside", "access"]),
    "django/threaded": (200, ["thread", "access"]),
    "django/stream": (200, ["chunk-0", "chunk-1", "chunk-2", "access"]),
    "django/missing": (404, ["django", "access"]),
    "django/crash": (500, ["signal", "handler", "django", "access"]),
    "django/threaded-crash": (500, ["signal", "handler", "django", "access"]),
}
_TELLING = ("plain", "handled", "django/plain", "django/threaded", "django/crash", "django/threaded-crash")


def _ordinary(site: Site, rest: str, asked: Asked) -> None:
    """Its status, its ID in the response, where the application looked for it, and in all its lines."""
    status, words = ORDINARY[rest]
    assert asked.reply.status == status
    assert asked.reply.header("x-request-id") == [asked.id]
    if rest in _TELLING:
        _told(site, asked)
    if rest.endswith("stream"):
        assert asked.reply.raw == (asked.id if site.ours else "None").encode() * 3
    site.wait(asked, *words)


def _told(site: Site, asked: Asked) -> Any:
    """What the application told, the ID first of all."""
    told = json.loads(asked.reply.raw)
    assert told[site.column] == asked.id
    if site.ours:
        assert (told["scope"], told["header"]) == (asked.id, [asked.id])
    return told


def _release(site: Site, asked: Asked) -> None:
    """Let go of what a request holds. A token in the path would make it a line of that request."""
    assert site.get(f"release/{asked.token.removeprefix('tok-')}").reply.status == 200


def check_given(site: Site) -> None:
    """An ID that was sent along."""
    for rest in ORDINARY:
        _ordinary(site, rest, site.get(rest))


def check_made(site: Site) -> None:
    """One that was made, of which a naive policy tells no application."""
    for rest in ("stream", "missing", "background", "django/threaded", "django/crash"):
        asked = site.get(rest, given=False)
        assert _MADE.fullmatch(asked.id)
        _ordinary(site, rest, asked)


def check_crash(site: Site) -> None:
    """Starlette's handler of 500s answers, and the server writes its error line after that."""
    asked = site.get("crash")
    assert (asked.reply.status, asked.reply.header("x-request-id")) == (500, [asked.id])
    _told(site, asked)
    site.wait(asked, "handler", "access", *site.host.answered_error)


def check_bare_crash(site: Site) -> None:
    """Without a framework the server itself answers: it knows no ID to send, but its lines do."""
    asked = site.get("raw/crash")
    assert (asked.reply.status, asked.reply.header("x-request-id")) == (500, [])
    site.wait(asked, "access", "error")


def check_crash_after(site: Site) -> None:
    """The same on a connection that was given another request before, or that one has been served on."""
    for crash, words in (
        ("crash", ["handler", "access", *site.host.answered_error]),
        ("raw/crash", ["access", "error"]),
    ):
        for before, asked in (site.pipelined("plain", crash), site.in_turn(("plain", _BODY), (crash, b""))):
            _ordinary(site, "plain", before)
            assert asked.reply.status == 500
            site.wait(asked, *words)


def check_silence_after(site: Site) -> None:
    """An application that returns without an answer, while the request before it is still at its background work."""
    if not site.host.ends_silence:
        return
    with site.open("held", "raw/silence") as (before, asked):
        _release(site, before)
        site.wait(before, "released", "access")
    assert (asked.reply.status, asked.reply.header("x-request-id")) == (500, [])
    site.wait(asked, "access")


def check_later(site: Site) -> None:
    """What outlives its response or its request keeps the ID, whatever is served meanwhile."""
    for rest in ("held", "later"):
        with site.open(rest) as (asked,):
            between = site.get("plain")
            _release(site, asked)  # before anything can fail: a server ends no sooner than its requests
            _ordinary(site, "plain", between)
            site.wait(asked, "released", "access")


def check_pipelined(site: Site) -> None:
    """Three requests that are sent at once on one connection."""
    for rests in (("plain", "plain", "plain"), ("background", "elsewhere", "plain")):
        for rest, asked in zip(rests, site.pipelined(*rests), strict=True):
            _ordinary(site, rest, asked)


def check_uploads(site: Site) -> None:
    """Large bodies one after the other on one connection: uvicorn goes on reading in the context of a request."""
    for asked in site.in_turn(*[("plain", _BODY)] * 4):
        assert _told(site, asked)["length"] == len(_BODY)
        _ordinary(site, "plain", asked)


def check_at_once(site: Site) -> None:
    """Several at the same time: on connections of their own, and on one where the server speaks HTTP/2."""
    for rest in ("stream", "elsewhere"):
        for asked in site.at_once([rest] * 4):
            _ordinary(site, rest, asked)


def check_nested(site: Site) -> None:
    """A call within the process has an ID of its own, and leaves the outer one's response and lines alone."""
    asked = site.get(f"nested/{site.policy}")
    assert asked.reply.header("x-request-id") == [asked.id]
    inner = f"{asked.token}n"
    headers, told = _told(site, asked)["nested"]
    assert (headers, told[site.column]) == ([inner], inner)
    site.wait(asked, "after-nested", "access")


def check_bound(site: Site) -> None:
    """What structlog was told to remember by the request before; the ID is right whatever it remembers."""
    first, second = site.pipelined("bind", "bind")
    assert _told(site, first)["bound"] == {}
    assert _told(site, second)["bound"] == ({"user": first.token} if site.host.keeps_context else {})
    for asked in (first, second):
        assert asked.reply.header("x-request-id") == [asked.id]
        site.wait(asked, "access")


def check_accept(site: Site) -> None:
    """The accepted handshake carries the ID."""
    asked, _ = site.socket("ws")
    assert (asked.reply.status, asked.reply.header("x-request-id")) == (101, [asked.id])


def check_denial(site: Site) -> None:
    """The refused one does."""
    asked, _ = site.socket("ws/denied")
    assert (asked.reply.status, asked.reply.header("x-request-id")) == (403, [asked.id])


def check_socket(site: Site) -> None:
    """The application of a WebSocket sees the ID."""
    asked, said = site.socket("ws")
    assert said is not None
    assert json.loads(said)[site.column] == asked.id
    assert {line.ids[site.column] for word, line in site.lines(asked.token) if word == "socket"} == {asked.id}


def check_socket_lines(site: Site) -> None:
    """So do all lines that the server writes about it."""
    asked, _ = site.socket("ws")
    site.wait(asked, "socket", *site.host.socket)


def check_socket_crash(site: Site) -> None:
    """And the error line of an application that raises after it has accepted."""
    asked, _ = site.socket("ws/crash")
    site.wait_for(asked, "error")


CHECKS: dict[str, Callable[[Site], None]] = {
    name.removeprefix("check_"): check for name, check in list(globals().items()) if name.startswith("check_")
}
