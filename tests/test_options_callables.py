"""`_options`: applications and functions, and what is taken for neither."""

from collections.abc import Callable
from typing import Any

import pytest

from asgi_middleware._options import Options


def an_app(scope: object, receive: object, send: object) -> None:
    """Stands for an application; never called."""


async def asynchronous(name: str) -> None:
    """Never called."""


def sealed(*, scope: object, receive: object, send: object) -> None:
    """Takes nothing by position."""


def wsgi(environ: object, start_response: object) -> None:
    """Never called."""


class Page:
    """Its instances are applications."""

    async def __call__(self, scope: object, receive: object, send: object) -> None:
        """Never called."""


class OldPage:
    """Its instances are applications of WSGI."""

    def __call__(self, environ: object, start_response: object) -> None:
        """Never called."""


class Unsigned:
    """Can be called, and is no help in how."""

    __signature__ = 5  # which `inspect` refuses with a TypeError

    def __call__(self) -> None:
        """Never called."""


# Options as Any: wrong uses are rows too.
Check = Callable[[Any], Any]

GOOD: list[tuple[str, Check]] = [
    ("an app is a callable", lambda o: o.app(an_app)),
    ("an app is an instance", lambda o: o.app(Page())),
    ("an app that does not say what it takes", lambda o: o.app(iter)),
    ("a function", lambda o: o.function("o", an_app)),
    ("an async function", lambda o: o.function("o", asynchronous)),
    ("no function", lambda o: o.function("o", None)),
    ("a plain function", lambda o: o.function("o", an_app, plain=True)),
    ("no plain function", lambda o: o.function("o", None, plain=True)),
]


@pytest.mark.parametrize(("sentence", "check"), GOOD, ids=[row[0] for row in GOOD])
def test_what_can_be_called_rightly_is_no_problem(sentence: str, check: Check) -> None:
    options = Options("Owner")
    check(options)
    assert options.problems == []


NO_APP = "must be an ASGI application; pass a callable(scope, receive, send)"
NO_FUNCTION = "must be a function; pass a callable, or leave the option out"
WSGI = "is a WSGI application, not an ASGI one; make it one: a2wsgi.WSGIMiddleware(app), of the package a2wsgi"

# A sentence, the check, the problem as text.
BAD: list[tuple[str, Check, str]] = [
    ("an app that cannot be called", lambda o: o.app(None), f"app: None: {NO_APP}"),
    (
        "an app that is a class",
        lambda o: o.app(Page),
        "app: Page: is a class, not an ASGI application; pass an instance of it",
    ),
    ("an app that takes something else", lambda o: o.app(asynchronous), f"app: asynchronous: {NO_APP}"),
    ("an app that takes nothing by position", lambda o: o.app(sealed), f"app: sealed: {NO_APP}"),
    ("an app without a name or a signature", lambda o: o.app(Unsigned()), f"app: Unsigned: {NO_APP}"),
    ("an app of WSGI", lambda o: o.app(wsgi), f"app: wsgi: {WSGI}"),
    ("an app of WSGI that is an instance", lambda o: o.app(OldPage()), f"app: OldPage: {WSGI}"),
    ("no function", lambda o: o.function("o", "f"), f"o: 'f': {NO_FUNCTION}"),
    ("no function where one is needed", lambda o: o.function("o", None, optional=False), f"o: None: {NO_FUNCTION}"),
    *(
        (
            f"{sentence} where the answer is needed at once",
            lambda o, value=value: o.function("o", value, plain=True),
            "o: an async function: must answer at once; pass a plain function",
        )
        for sentence, value in (("an async function", asynchronous), ("an async method", Page()))
    ),
]


@pytest.mark.parametrize(("sentence", "check", "problem"), BAD, ids=[row[0] for row in BAD])
def test_what_cannot_is_a_problem(sentence: str, check: Check, problem: str) -> None:
    options = Options("Owner")
    assert check(options) is None
    assert [str(one) for one in options.problems] == [problem]
