"""LogSink: warnings for slow requests, and access lines that keep their form whatever is sent."""

import json
import logging
import re
from typing import Any

import pytest

from asgi_middleware import ConfigError, TimingMiddleware
from asgi_middleware.timing import LogSink, add

from . import apps
from .asgi import App, drive, http, websocket
from .timed import Clock, Trace

AT = 1_791_640_536.123  # 2026-10-10T13:55:36.123Z


def logged(
    caplog: pytest.LogCaptureFixture,
    app: App,
    scope: dict[str, Any] | None = None,
    *,
    clock: Any = None,
    **options: Any,
) -> list[tuple[str, str, str]]:
    """The lines of one request, each with its logger and level."""
    caplog.clear()
    caplog.set_level(logging.INFO, logger="asgi_middleware")
    options.setdefault("slow", None)
    wrapped = TimingMiddleware(app, sinks=[LogSink(**options)], clock=clock or Clock(), wall_clock=Clock(AT))
    drive(wrapped, scope)
    return [(record.name, record.levelname, record.getMessage()) for record in caplog.records]


def line(caplog: pytest.LogCaptureFixture, app: App, scope: dict[str, Any] | None = None, **options: Any) -> str:
    """The only line."""
    ((name, level, text),) = logged(caplog, app, scope, **options)
    assert (name, level) == ("asgi_middleware.access", "INFO")
    return text


# Slow requests


def taking(clock: Clock, to_start: float, to_end: float, status: int = 200) -> App:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        add("db", 250)
        add("db", 500)
        add("cache", 1)
        clock.now += to_start
        await send(apps.start(status))
        clock.now += to_end
        await send(apps.body(b"ok"))

    return app


SLOW: list[tuple[str, float, float, float | None, bool]] = [
    ("quick", 0.999, 0.0, 1.0, False),
    ("as slow as it may be", 1.0, 0.0, 1.0, True),
    ("slow", 5.0, 0.0, 1.0, True),
    ("a body that takes long", 0.5, 60.0, 1.0, False),
    ("another limit", 0.25, 0.0, 0.25, True),
    ("none", 1e9, 0.0, None, False),
]


@pytest.mark.parametrize(("sentence", "to_start", "to_end", "slow", "told"), SLOW, ids=[row[0] for row in SLOW])
def test_a_slow_request_is_a_warning(
    sentence: str, to_start: float, to_end: float, slow: float | None, told: bool, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    lines = logged(caplog, taking(clock, to_start, to_end), clock=clock, slow=slow)
    assert [(name, level) for name, level, _ in lines] == [("asgi_middleware.timing", "WARNING")] * told


def test_it_is_told_with_all_that_helps(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    scope = http("/items/7?a=secret", method="PUT", route="/items/{id}", request_id="abc")
    ((_, _, text),) = logged(caplog, taking(clock, 1.25, 0, 201), scope, clock=clock, slow=1.0)
    assert text == "slow: PUT /items/{id} took 1.250 s (201, ok; request_id abc; db 0.750 s; cache 0.001 s)"


def test_one_without_a_response_is_slow_to_its_end(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        clock.now += 3
        raise KeyError("secret")

    lines = logged(caplog, app, http("/a", method="ATTACK"), clock=clock, slow=1.0)
    assert [text for _, _, text in lines] == ["slow: _OTHER unmatched took 3.000 s (no response, error)"]


def test_a_websocket_is_never_slow(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        clock.now += 3
        await send({"type": "websocket.accept"})

    assert logged(caplog, app, websocket(), clock=clock, slow=1.0) == []


def test_a_warning_is_one_line_whatever_stands_in_the_scope(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    scope = http(route="/a\n\x1b[31m\ud800", request_id="b\r\nc")
    ((_, _, text),) = logged(caplog, taking(clock, 2, 0), scope, clock=clock, slow=1.0)
    assert text.isascii()
    assert text.isprintable()


# Access lines

AGENT = ("user-agent", "curl/8.10")
REFERER = ("referer", "https://user:pass@shop.example.com/cart?token=secret#top")
CART = "https://shop.example.com/cart"
COMMON = "127.0.0.1 - - [10/Oct/2026:13:55:36 +0000]"

FORMS: list[tuple[str, dict[str, Any], str]] = [
    ("common", {"access": "common"}, f'{COMMON} "GET /items HTTP/1.1" 200 2880'),
    (
        "combined",
        {"access": "combined"},
        f'{COMMON} "GET /items HTTP/1.1" 200 2880 "{CART}" "curl/8.10"',
    ),
    (
        "combined with queries",
        {"access": "combined", "query": True},
        f'{COMMON} "GET /items?key=secret HTTP/1.1" 200 2880 "{CART}?token=secret#top" "curl/8.10"',
    ),
]


@pytest.mark.parametrize(("sentence", "options", "expected"), FORMS, ids=[row[0] for row in FORMS])
def test_a_line(sentence: str, options: dict[str, Any], expected: str, caplog: pytest.LogCaptureFixture) -> None:
    scope = http("/items", headers=[AGENT, REFERER], query_string=b"key=secret")
    assert line(caplog, apps.text(), scope, **options) == expected


ODD: list[tuple[str, App, dict[str, Any], str]] = [
    ("no client", apps.text(), http(client=None), '- - - [T] "GET / HTTP/1.1" 200 2880'),
    ("a Unix socket", apps.text(), http(client=("", 0)), '- - - [T] "GET / HTTP/1.1" 200 2880'),
    ("IPv6", apps.text(), http(client=["::1", 1]), '::1 - - [T] "GET / HTTP/1.1" 200 2880'),
    ("a client that is none", apps.text(), http(client=7), '- - - [T] "GET / HTTP/1.1" 200 2880'),
    ("a client with blanks", apps.text(), http(client=("a b", 1)), 'ab - - [T] "GET / HTTP/1.1" 200 2880'),
    ("HTTP/2", apps.text(), http(http_version="2"), '127.0.0.1 - - [T] "GET / HTTP/2.0" 200 2880'),
    ("no version", apps.text(), http(http_version=None), '127.0.0.1 - - [T] "GET / HTTP/1.1" 200 2880'),
    ("no bytes", apps.sends(apps.start(204, []), apps.body(b"")), http(), '127.0.0.1 - - [T] "GET / HTTP/1.1" 204 -'),
    ("no response", apps.silent(), http(), '127.0.0.1 - - [T] "GET / HTTP/1.1" - -'),
    ("a WebSocket", apps.accepts(), websocket("/live"), '127.0.0.1 - - [T] "GET /live HTTP/1.1" 101 -'),
    ("another method", apps.text(), http(method="BREW"), '127.0.0.1 - - [T] "BREW / HTTP/1.1" 200 2880'),
    (
        "the path as it was sent",
        apps.text(),
        http(raw_path=b"/a%2Fb"),
        '127.0.0.1 - - [T] "GET /a%2Fb HTTP/1.1" 200 2880',
    ),
    (
        "no such path",
        apps.text(),
        http("/a b/\xe4", raw_path=None),
        '127.0.0.1 - - [T] "GET /a%20b/%C3%A4 HTTP/1.1" 200 2880',
    ),
    (
        "a path with its query",
        apps.text(),
        http(raw_path=b"/a?key=secret"),
        '127.0.0.1 - - [T] "GET /a HTTP/1.1" 200 2880',
    ),
]


@pytest.mark.parametrize(("sentence", "app", "scope", "expected"), ODD, ids=[row[0] for row in ODD])
def test_a_line_of_an_odd_request(
    sentence: str, app: App, scope: dict[str, Any], expected: str, caplog: pytest.LogCaptureFixture
) -> None:
    text = line(caplog, app, scope, access="common")
    assert text.replace(COMMON[15:-1], "T") == expected


def test_a_header_that_is_missing_is_a_hyphen(caplog: pytest.LogCaptureFixture) -> None:
    assert line(caplog, apps.text(), http(), access="combined").endswith(' 200 2880 "-" "-"')


def test_json_tells_everything(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    scope = http("/items", method="PUT", headers=[AGENT, REFERER], query_string=b"key=secret")
    scope |= {"request_id": "abc", "trace": Trace(), "route": "/items"}
    assert json.loads(line(caplog, taking(clock, 0.125, 0.25), scope, access="json", clock=clock)) == {
        "time": "2026-10-10T13:55:36.123Z",
        "type": "http",
        "client": "127.0.0.1",
        "method": "PUT",
        "path": "/items",
        "http_version": "1.1",
        "route": "/items",
        "status": 200,
        "outcome": "ok",
        "error": None,
        "close_code": None,
        "bytes": 2,
        "queue": None,
        "first_byte": 0.125,
        "last_byte": 0.375,
        "total": 0.375,
        "request_id": "abc",
        "trace_id": Trace.trace_id,
        "referer": "https://shop.example.com/cart",
        "user_agent": "curl/8.10",
        "spans": {"db": 0.75, "cache": 0.001},
    }


def test_json_of_nothing(caplog: pytest.LogCaptureFixture) -> None:
    told = json.loads(line(caplog, apps.silent(), {"type": "http", "path": "/"}, access="json"))
    assert {name: value for name, value in told.items() if value not in (None, {})} == {
        "time": "2026-10-10T13:55:36.123Z",
        "type": "http",
        "method": "_OTHER",
        "path": "/",
        "route": "unmatched",
        "outcome": "error",
        "bytes": 0,
        "total": 0.0,
    }


def test_a_logger_that_does_not_listen_costs_no_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, logger="asgi_middleware.access")
    drive(TimingMiddleware(apps.text(), sinks=[LogSink(access="json")]))
    assert caplog.records == []


# Hostile requests

# Apache's own form, read by who takes the fields apart at the quotes
COMBINED = re.compile(
    r'(\S+) - - \[([^]]+)\] "((?:[^"\\]|\\.)*)" (\d+|-) (\d+|-) "((?:[^"\\]|\\.)*)" "((?:[^"\\]|\\.)*)"'
)
NAMED = {"b": 8, "n": 10, "r": 13, "t": 9, "v": 11}


def unescaped(text: str) -> bytes:
    """What mod_log_config had before it, by the rules of its manual."""
    out, position = bytearray(), 0
    while position < len(text):
        character = text[position]
        position += 1
        if character != "\\":
            out.append(ord(character))
            continue
        escape = text[position]
        position += 1
        if escape == "x":
            out.append(int(text[position : position + 2], 16))
            position += 2
        else:
            out.append(NAMED.get(escape, ord(escape)))
    return bytes(out)


HOSTILE: list[tuple[str, bytes]] = [
    ("a line of its own", b"a\r\n1.1.1.1 - - FAKE"),
    ("an escape sequence", b"\x1b[2J\x1b[31m"),
    ("quotes", b'" 200 1 "-" "'),
    ("backslashes", b'\\\\" \\n \\x41 \\'),
    ("every byte", bytes(range(256))),
    ("half a character", "\ud800".encode("utf-8", "surrogatepass")),
    ("format directives", b"%s %(message)s {0} $x"),
    ("nothing", b""),
    ("a thousand and twenty-four bytes", b"a" * 1024),
]


@pytest.mark.parametrize(("sentence", "value"), HOSTILE, ids=[row[0] for row in HOSTILE])
@pytest.mark.parametrize("access", ["combined", "json"])
def test_a_hostile_header_or_path_is_read_back(
    sentence: str, value: bytes, access: Any, caplog: pytest.LogCaptureFixture
) -> None:
    raw = b"/" + value.replace(b"?", b"").replace(b" ", b"")
    scope = http(raw_path=raw)
    scope["headers"] = [(b"user-agent", value), (b"referer", value)]
    text = line(caplog, apps.text(), scope, access=access, query=True)
    assert text.isascii()
    assert text.isprintable()
    if access == "combined":
        found = COMBINED.fullmatch(text)
        assert found is not None
        request, referer, agent = (unescaped(found[group]) for group in (3, 6, 7))
        assert request == b"GET " + raw + b" HTTP/1.1" or len(raw) > 1024
        assert (agent, referer) == (value or b"-", value or b"-")
    else:
        told = json.loads(text)
        assert told["user_agent"] == value.decode("utf-8", "backslashreplace")
        assert told["path"] == raw.decode("utf-8", "backslashreplace") or len(raw) > 1024


def test_fields_are_cut_at_a_kilobyte(caplog: pytest.LogCaptureFixture) -> None:
    scope = http("/" + "a" * 65536, query_string=b"b" * 65536)
    scope["headers"] = [(b"user-agent", b'"' * 65536), (b"referer", b"\xff" * 65536)]
    assert len(line(caplog, apps.text(), scope, access="combined", query=True)) < 9000
    assert len(line(caplog, apps.text(), scope, access="json", query=True)) < 12000
    text = line(caplog, apps.text(), scope, access="common")
    assert text.count("a" * 1023 + "... HTTP/1.1") == 1


def test_texts_with_half_characters_are_json_that_everybody_reads(caplog: pytest.LogCaptureFixture) -> None:
    scope = http(raw_path=None, request_id="\udcff", client=("\ud800", 1), method="G\ud800") | {"path": "/\ud800"}
    text = line(caplog, apps.text(), scope, access="json")
    told = json.loads(text)
    assert "\\ud800" not in text.replace("\\\\ud800", "")
    assert (told["path"], told["request_id"], told["client"]) == ("/%ED%A0%80", "\\udcff", "\\ud800")
    assert line(caplog, apps.text(), scope, access="common").isprintable()


@pytest.mark.parametrize("access", ["combined", "json"])
def test_a_password_is_left_out_however_long_it_is(access: Any, caplog: pytest.LogCaptureFixture) -> None:
    """What is behind the cut says what was before it."""
    for filler in ("secret" * 300, "secret@" * 300, "secret:" + "a" * 70_000):
        scope = http(headers=[("referer", f"https://{filler}@shop.example.com/cart")])
        text = line(caplog, apps.text(), scope, access=access)
        assert "secret" not in text
        assert '"https://shop.example.com/cart"' in text


def test_no_query_is_told_unless_it_is_asked_for(caplog: pytest.LogCaptureFixture) -> None:
    scope = http("/a", query_string=b"key=secret", headers=[REFERER])
    for access in ("common", "combined", "json"):
        assert "secret" not in line(caplog, apps.text(), scope, access=access)
        assert "pass" not in line(caplog, apps.text(), scope, access=access, query=True)


# Construction

REFUSED: list[tuple[str, dict[str, Any], list[tuple[str, str]]]] = [
    ("no time", {"slow": 0}, [("slow", "write for example 5.0")]),
    ("a time as text", {"slow": "1"}, [("slow", "write for example 5.0")]),
    ("another form", {"access": "apache"}, [("access", "use one of None, 'common', 'combined', 'json'")]),
    ("no bool", {"query": 1}, [("query", "use one of False, True")]),
    (
        "everything at once",
        {"slow": -1, "access": True, "query": None},
        [
            ("slow", "write for example 5.0"),
            ("access", "use one of None, 'common', 'combined', 'json'"),
            ("query", "use one of False, True"),
        ],
    ),
]


@pytest.mark.parametrize(("sentence", "options", "expected"), REFUSED, ids=[row[0] for row in REFUSED])
def test_a_wrong_configuration_is_refused(
    sentence: str, options: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    with pytest.raises(ConfigError) as caught:
        LogSink(**options)
    assert caught.value.owner == "LogSink"
    assert [(problem.option, problem.remedy) for problem in caught.value.problems] == expected
