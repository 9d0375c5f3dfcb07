"""`request_id`: what the other tables leave open."""

from collections.abc import Callable

import pytest

from asgi_middleware import ConfigError, RequestIDMiddleware
from asgi_middleware.request_id import propagate, propagation_headers
from asgi_middleware.request_id.hosts import host_of, known

from . import apps

HOSTS = "is no host; write 'api.example.com', '*.example.com', '127.0.0.1' or '::1', without scheme and port"
TEXTS: list[tuple[Callable[[], object], str]] = [
    (
        lambda: RequestIDMiddleware(apps.silent(), accept=[]),
        "RequestIDMiddleware: accept: []: names no header; name some, or set trust=False to accept no ID",
    ),
    (
        lambda: RequestIDMiddleware(apps.silent(), accept="a"),  # type: ignore[arg-type]  # on purpose  # pyright: ignore[reportArgumentType]
        "RequestIDMiddleware: accept: 'a': must be a collection of strings, not one string; write ['a']",
    ),
    (
        lambda: RequestIDMiddleware(apps.silent(), generator="trace"),
        "RequestIDMiddleware: generator: 'trace': takes its IDs from traces; set trace='continue' as well",
    ),
    (
        lambda: RequestIDMiddleware(apps.silent(), header="TraceState"),
        "RequestIDMiddleware: header: 'TraceState': has a meaning of its own; leave it to trace='continue'",
    ),
    (lambda: propagate(allow=["*."]), f"propagate: allow: '*.': {HOSTS}"),
    (lambda: propagation_headers("", allow=["a:1"]), f"propagation_headers: allow: 'a:1': {HOSTS}"),
]


@pytest.mark.parametrize(("build", "text"), TEXTS, ids=[text[:60] for _, text in TEXTS])
def test_a_refusal_says_what_was_seen_and_what_to_do(build: Callable[[], object], text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build()
    assert str(caught.value) == text


LABEL, DIGITS = "a" * 63, "0123456789abcdef"
NAMES: list[tuple[str, str, str | None]] = [
    ("a label of an underscore", "_.a", "_.a"),
    ("labels that begin and end with one", "_a.a_", "_a.a_"),
    ("labels of digits", "9.0a9", "9.0a9"),
    ("a semicolon at the beginning of a label", "a.;a", None),
    ("one at its end", "a;.a", None),
    ("one inside", "a;a.a", None),
    ("a hyphen at the beginning of a label", "a.-a", None),
    ("one at its end", "a-.a", None),
    ("one inside", "a-a.a", "a-a.a"),
    ("253 characters", f"{LABEL}.{LABEL}.{LABEL}.{LABEL[2:]}", f"{LABEL}.{LABEL}.{LABEL}.{LABEL[2:]}"),
    ("254 characters", f"{LABEL}.{LABEL}.{LABEL}.{LABEL[1:]}", None),
    ("a last label that ends in a digit", "a.b1", "a.b1"),
    ("one that ends in all digits but an x", f"a.0{DIGITS}", f"a.0{DIGITS}"),
    ("a number", "10", None),
    ("a hexadecimal number", f"0x{DIGITS}", None),
    ("as the last label", f"a.0x{DIGITS}", None),
    ("its beginning alone", "a.0x", None),
    ("nothing", "", None),
    ("an opening bracket", "[::1", None),
    ("a closing one", "::1]", None),
    ("a closing one, and something else in front", "a::1]", None),
    ("an opening one, and something else behind", "[::1a", None),
    ("brackets around a name", "[a]", None),
    ("brackets around brackets", "[[::1]]", None),
    ("a zone", "::1%a", None),
    ("Greek, whose last sigma has a form of its own", "\u03c3\u03c2.a", None),
    ("a mark of a script", "\u0939\u093f.a", "xn--22bm.a"),
    ("a number of a script", "\u0661\u0662.a", "xn--9hbc.a"),
    ("a symbol", "\u2603.a", None),
    ("a blank beyond ASCII", "\xa0a.a", None),
    ("beyond ASCII, and capitals within it", "A.b\xfc", "a.xn--b-eha"),
    ("beyond ASCII, and hyphens", "b\xfc-b.a", "xn--b-b-hoa.a"),
]


@pytest.mark.parametrize(("sentence", "host", "expected"), NAMES, ids=[row[0] for row in NAMES])
def test_a_host_has_one_form_or_is_none(sentence: str, host: str, expected: str | None) -> None:
    assert known(host) == expected
    assert expected is None or known(expected) == expected


URLS = ["http://a", "https://a", "ws://a", "wss://a", "WS://A/?#", "ws://a?\n", "ws://a#/", "ws://a:1", "ws://a:65535/"]
NO_URLS = [
    "htp://a",
    "httpss://a",
    "w://a",
    "ws:/a",
    "ws//a",
    "ws://a:",
    "ws://a:123456",
    "ws://a:x",
    "ws://a[",
    "ws://a]",
]


def test_a_url_has_a_host() -> None:
    assert {host_of(url) for url in URLS} == {"a"}
    assert host_of("ws://[::1]:1/[]") == "[::1]"
    assert {host_of(url) for url in [*NO_URLS, "ws://[::1]]", "ws://[::1", "ws://::1]"]} == {None}
