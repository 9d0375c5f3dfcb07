"""`request_id`: what the other tables leave open."""

from collections.abc import Callable

import pytest

from asgi_middleware import ConfigError, RequestIDMiddleware
from asgi_middleware.request_id import propagate, propagation_headers

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
