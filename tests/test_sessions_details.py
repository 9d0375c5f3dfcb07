"""`sessions` to the letter: what no other test tells from its neighbours."""

from typing import Any

import pytest

from asgi_middleware.sessions import content

from .apps import start
from .asgi import drive, http
from .baking import KEPT, NO_STORE, NOW, VARY, baked, cookies, saved, signed, visit, wrap


def test_what_takes_the_place_of_a_deletion_that_was_not_sent_is_sent() -> None:
    """Even if it is what came: nobody knows what the client has heard."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["session"].clear()
        with pytest.raises(OSError, match="not sent"):
            await send(start(headers=[]))
        scope["session"]["a"] = 1
        await send(start(headers=[]))

    middleware = wrap(app)

    async def losing_the_first(scope: Any, receive: Any, send: Any) -> None:
        lost = [OSError("not sent")]

        async def send_later(message: Any) -> None:
            if lost:
                raise lost.pop()
            await send(message)

        await middleware(scope, receive, send_later)

    exchange = drive(losing_the_first, http(headers=cookies(baked({"a": 1}))))
    assert (exchange.error, exchange.headers) == (None, saved({"a": 1}))


def test_what_has_no_json_form_is_told_with_its_place_and_the_reason() -> None:
    exchange = visit(lambda session: session.update(a=[{1}]))
    assert repr(exchange.error) == (
        "TypeError(\"session['a'][0] cannot be kept in a session: "
        'TypeError: Object of type set is not JSON serializable")'
    )


def test_what_is_too_deep_to_be_compared_is_sent_again_in_a_new_term(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it came: it was only read."""

    def too_deep(value: object) -> str:
        raise RecursionError

    monkeypatch.setattr(content, "_encode", too_deep)
    exchange = visit(lambda session: session.get("a"), signed(b'{"a":[]}', now=NOW - 200_000), rolling=True)
    again = signed(b'{"a":[]}\n%d' % (NOW - 200_000))
    assert (exchange.error, exchange.headers) == (None, [NO_STORE, ("set-cookie", f"session={again}{KEPT}"), VARY])
