"""`errors` with `debug`: whom it shows the traceback, and how."""

import json
from typing import Any

import pytest

from .apps import raises
from .asgi import http
from .crashing import BODIES, HEADING, HTML, JSON, PAGE, SECRET, TEXT, Mute, answer, crashed

Pairs = list[tuple[str, str]]
LOCAL = ("127.0.0.1", 50000)
DEBUG: list[tuple[str, Any, Pairs, bool]] = [
    ("loopback", LOCAL, [], True),
    ("another loopback address", ("127.8.9.1", 1), [], True),
    ("IPv6 loopback", ("::1", 1), [], True),
    ("loopback as a list", ["127.0.0.1", 1], [], True),
    ("another host", ("192.0.2.1", 1), [], False),
    ("a private host", ("10.0.0.1", 1), [], False),
    ("a container's gateway", ("172.17.0.1", 1), [], False),
    ("another IPv6 host", ("2001:db8::1", 1), [], False),
    ("the unspecified address", ("0.0.0.0", 1), [], False),  # noqa: S104  # an address to refuse
    ("no client", None, [], False),
    ("an empty client", (), [], False),
    ("no address", (None, None), [], False),
    ("an empty address: a Unix socket", ("", 0), [], False),
    ("a name", ("localhost", 1), [], False),
    ("a name that begins alike", ("127.0.0.1.evil.example", 1), [], False),
    ("a test client's name", ("testclient", 50000), [], False),
    ("a proxy, by Forwarded", LOCAL, [("forwarded", "for=192.0.2.1")], False),
    ("a proxy, by Forwarded in capitals", LOCAL, [("FORWARDED", "for=127.0.0.1")], False),
    ("a proxy, by X-Forwarded-For", LOCAL, [("x-forwarded-for", "192.0.2.1")], False),
    ("a proxy, by an empty X-Forwarded-For", LOCAL, [("X-Forwarded-For", "")], False),
    ("a proxy that says loopback", LOCAL, [("x-forwarded-for", "127.0.0.1")], False),
    ("a proxy, by X-Forwarded-Proto", LOCAL, [("X-Forwarded-Proto", "https")], False),
    *(
        (f"a proxy, by {name}", LOCAL, [(name, value)], False)
        for name, value in (
            ("X-Forwarded-Host", "api.example"),
            ("X-Forwarded-Port", "443"),
            ("X-Forwarded-Server", "proxy.example"),
            ("X-Forwarded-Scheme", "https"),
            ("X-Forwarded-Ssl", "on"),
            ("X-Forwarded-Prefix", "/api"),
            ("X-Forwarded-Path", "/api"),
            ("X-Forwarded-Uri", "/api"),
            ("X-Forwarded-Method", "GET"),
            ("X-Forwarded-User", "ada"),
            ("X-Forwarded-Access-Token", "x"),
            ("X-Forwarded-Client-Cert", "x"),
            ("X-FORWARDED-", ""),
        )
    ),
    ("a proxy, by Forwarded without a value", LOCAL, [("forwarded", "")], False),
    ("a proxy, by Via in capitals", LOCAL, [("VIA", "")], False),
    ("a proxy that stands on IPv6 loopback", ("::1", 1), [("x-forwarded-for", "::1")], False),
    ("a proxy, by the last of many headers", LOCAL, [("x-a", "1")] * 200 + [("via", "1.1 cache")], False),
    ("a port in the address", ("127.0.0.1:80", 1), [], False),
    ("blanks around the address", (" 127.0.0.1 ", 1), [], False),
    ("a hostile address", ("127.0.0.1\r\nx: 1\x00", 1), [], False),
    ("an address in bytes", (b"127.0.0.1", 1), [], False),
    ("loopback without a port", ("127.0.0.1",), [], True),
    ("a proxy, by any X-Forwarded", LOCAL, [("x-forwarded-anything", "1")], False),
    ("a proxy, by Via", LOCAL, [("via", "1.1 cache")], False),
    ("a proxy, by a second header", LOCAL, [("host", "localhost"), ("via", "1.1 cache")], False),
    ("other headers", LOCAL, [("x-forwarded", "1"), ("viable", "1"), ("host", "localhost")], True),
]


@pytest.mark.parametrize(("sentence", "client", "headers", "shown"), DEBUG, ids=[row[0] for row in DEBUG])
@pytest.mark.parametrize("accept", ["*/*", "text/html", "text/plain"])
def test_the_traceback_is_for_this_machine_alone(
    sentence: str, client: Any, headers: Pairs, shown: bool, accept: str
) -> None:
    scope = http(headers=[*headers, ("accept", accept)]) | {"client": client}
    form = {"*/*": JSON, "text/html": HTML, "text/plain": TEXT}[accept]
    if not shown:
        assert crashed(scope, debug=True).sent == answer(form, BODIES[form])
    else:
        told = crashed(scope, debug=True).raw_body.decode()
        assert f"ValueError: {SECRET}" in told
        assert "Traceback (most recent call last)" in told
    assert crashed(scope, debug=False).sent == answer(form, BODIES[form])


def test_the_traceback_stands_in_the_body_whole() -> None:
    error = ValueError("<b>&")
    scope = http() | {"request_id": "7f3c-1"}
    exchange = crashed(scope, raises(error), debug=True)
    problem = json.loads(exchange.raw_body)
    shown = problem.pop("traceback")
    assert problem == {"type": "about:blank", "title": "Internal Server Error", "status": 500, "request_id": "7f3c-1"}
    assert shown.startswith("Traceback (most recent call last):\n")
    assert shown.endswith("ValueError: <b>&\n")
    page = crashed(http(headers=[("accept", "text/html")]), raises(error), debug=True).raw_body.decode()
    assert page.startswith(PAGE.format("\n").split("\n")[0] + HEADING + "<pre>Traceback (most recent call last):\n")
    assert page.endswith("ValueError: &lt;b&gt;&amp;\n</pre></html>")
    plain_text = crashed(http(headers=[("accept", "text/plain")]), raises(error), debug=True).raw_body.decode()
    assert plain_text.startswith("Internal Server Error\nTraceback (most recent call last):\n")
    assert plain_text.endswith("ValueError: <b>&\n")


def by_hand(*details: Any) -> SyntaxError:
    """One with details that the compiler would never give."""
    return SyntaxError("made by hand", details)


@pytest.mark.parametrize("accept", ["*/*", "text/html", "text/plain"])
@pytest.mark.parametrize(
    "error",
    [
        Mute(),
        ValueError("caf\xe9 \u2603"),
        ValueError("\x00\r\n\x1b[31m</pre>"),
        ValueError("x" * 100_000),
        FileNotFoundError("name-\udcff.txt"),
        KeyError("\ud800"),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
        UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"),
        ImportError("no module", name="\udcff"),
        SyntaxError("no syntax", ("file-\udcff.py", 1, 1, "a b")),
        by_hand("f", "n", "t", "o"),
        by_hand("f", "1", 0, "t"),
    ],
    ids=lambda error: f"{type(error).__name__}",
)
def test_any_text_of_an_exception_can_be_shown(accept: str, error: Exception) -> None:
    """Names of files that are not UTF-8 reach exceptions as lone surrogates."""
    exchange = crashed(http(headers=[("accept", accept)]), raises(error), debug=True)
    assert exchange.error is error
    assert exchange.status == 500
    assert exchange.header("content-length") == [str(len(exchange.raw_body))]
    assert type(error).__name__ in exchange.raw_body.decode()
