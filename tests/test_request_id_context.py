"""`request_id`: what the context variable holds when, in calls, tasks and threads."""

import asyncio
import contextvars
from collections.abc import Callable
from typing import Any

import pytest

from asgi_middleware import RequestIDMiddleware, get_request_id

from . import apps
from .asgi import App, Exchange, Pause, drive, http
from .identified import always, inside


def observed(scenario: Callable[[list[str | None]], None]) -> list[str | None]:
    """What a scenario noted, run in a context of its own."""
    notes: list[str | None] = []
    contextvars.Context().run(scenario, notes)
    return notes


def noted(notes: list[str | None], name: str, then: App | None = None) -> App:
    """An app with the ID `name`: notes the ID, calls `then` in its place, notes the ID again."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        notes.append(get_request_id())
        if then is not None:
            await then(scope, receive, send)
            notes.append(get_request_id())

    return RequestIDMiddleware(app, generator=always(name), trust=False)


def caught(then: App) -> App:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        try:
            await then(scope, receive, send)
        except KeyError:
            await apps.text(b"ok")(scope, receive, send)

    return app


def nested(notes: list[str | None], then: App) -> App:
    """`outer` calls an app in its own process, with a scope and a client of that app's own."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        drive(then)
        await apps.text(b"ok")(scope, receive, send)

    return noted(notes, "outer", app)


def one_call(notes: list[str | None]) -> None:
    notes.append(get_request_id())
    drive(noted(notes, "mine"))
    notes.append(get_request_id())


def one_call_that_raises(notes: list[str | None]) -> None:
    drive(noted(notes, "mine", apps.raises(KeyError())))
    notes.append(get_request_id())


def one_call_that_is_cancelled(notes: list[str | None]) -> None:
    drive(noted(notes, "mine", apps.raises(asyncio.CancelledError())))
    notes.append(get_request_id())


def two_calls(notes: list[str | None]) -> None:
    for name in ("first", "second"):
        drive(noted(notes, name))
        notes.append(get_request_id())


def a_call_after_one_that_raised(notes: list[str | None]) -> None:
    drive(noted(notes, "first", apps.raises(KeyError())))
    drive(noted(notes, "second"))
    notes.append(get_request_id())


def a_nested_call(notes: list[str | None]) -> None:
    drive(nested(notes, noted(notes, "inner")))
    notes.append(get_request_id())


def two_levels_of_nesting(notes: list[str | None]) -> None:
    drive(nested(notes, noted(notes, "inner", noted(notes, "innermost"))))
    notes.append(get_request_id())


def a_nested_call_that_raises(notes: list[str | None]) -> None:
    inner = caught(noted(notes, "inner", apps.raises(KeyError())))
    drive(nested(notes, inner))


def the_end_of_a_call_after_a_nested_one_that_raised(notes: list[str | None]) -> None:
    inner = caught(noted([], "inner", apps.raises(KeyError())))
    drive(nested([], inner))
    notes.append(get_request_id())


def the_error_of_a_call_after_a_nested_one_that_raised(notes: list[str | None]) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        drive(noted([], "inner", apps.raises(KeyError())))
        raise ValueError

    drive(noted([], "outer", app))
    notes.append(get_request_id())


def a_call_by_a_task_that_outlived_its_request(notes: list[str | None]) -> None:
    contexts: list[contextvars.Context] = []
    drive(noted(notes, "first", inside(lambda: contexts.append(contextvars.copy_context()))))
    contexts[0].run(drive, noted(notes, "second"))
    notes.append(contexts[0].run(get_request_id))
    notes.append(get_request_id())


def a_call_by_a_task_of_a_request_under_way(notes: list[str | None]) -> None:
    def task() -> None:
        context = contextvars.copy_context()
        context.run(drive, noted(notes, "second"))
        notes.append(context.run(get_request_id))

    drive(noted(notes, "first", inside(task)))


def another_scope(notes: list[str | None]) -> None:
    drive(noted([], "mine"))
    drive(noted(notes, "lifespan's"), {"type": "lifespan"})
    notes.append(get_request_id())


CONTEXT: list[tuple[str, Callable[[list[str | None]], None], list[str | None]]] = [
    ("none before, ours during, ours after", one_call, [None, "mine", "mine"]),
    ("an exception leaves ours", one_call_that_raises, ["mine", "mine"]),
    ("cancellation leaves ours", one_call_that_is_cancelled, ["mine", "mine"]),
    ("calls in a row leave each its own", two_calls, ["first", "first", "second", "second"]),
    ("what an exception left does not come back", a_call_after_one_that_raised, ["first", "second", "second"]),
    ("a nested call gives back the outer ID", a_nested_call, ["outer", "inner", "outer", "outer"]),
    (
        "every level gives back the one around it",
        two_levels_of_nesting,
        ["outer", "inner", "innermost", "inner", "outer", "outer"],
    ),
    ("a nested call that raises leaves its own", a_nested_call_that_raises, ["outer", "inner", "inner"]),
    (
        "a nested call that raised is forgotten when the outer one returns",
        the_end_of_a_call_after_a_nested_one_that_raised,
        ["outer"],
    ),
    (
        "a nested call that raised is forgotten when the outer one raises",
        the_error_of_a_call_after_a_nested_one_that_raised,
        ["outer"],
    ),
    (
        "an outer ID that is over is not put back",
        a_call_by_a_task_that_outlived_its_request,
        ["first", "first", "second", "second", "first"],
    ),
    (
        "an outer ID under way is put back in a task",
        a_call_by_a_task_of_a_request_under_way,
        ["first", "second", "first", "first"],
    ),
    ("a lifespan changes nothing", another_scope, ["mine", "mine"]),
]


@pytest.mark.parametrize(("sentence", "scenario", "expected"), CONTEXT, ids=[row[0] for row in CONTEXT])
def test_the_context_variable(
    sentence: str, scenario: Callable[[list[str | None]], None], expected: list[str | None]
) -> None:
    assert observed(scenario) == expected


def test_a_nested_call_does_not_change_the_outer_response() -> None:
    exchanges: list[Exchange] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        exchanges.append(drive(RequestIDMiddleware(apps.text(b"ok"), generator=always("inner"))))
        await apps.text(b"ok")(scope, receive, send)

    outer = drive(RequestIDMiddleware(app, generator=always("outer")))
    assert exchanges[0].header("x-request-id") == ["inner"]
    assert outer.header("x-request-id") == ["outer"]


def test_a_request_that_its_loop_abandons_ends_quietly() -> None:
    """As when a loop is closed: the coroutine is closed in another context than the one it ran in."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await Pause()

    async def nothing(*_: Any) -> Any: ...

    context = contextvars.Context()
    coroutine = RequestIDMiddleware(app, generator=always("mine"))(http(), nothing, nothing)
    context.run(coroutine.send, None)
    contextvars.Context().run(coroutine.close)
    assert context.run(get_request_id) == "mine"


def test_a_request_that_is_given_up_leaves_the_id_of_the_one_in_which_it_is_closed() -> None:
    """As by the garbage collector, which closes a task that waits for what nobody knows any more."""

    async def waiting(scope: Any, receive: Any, send: Any) -> None:
        await Pause()

    async def nothing(*_: Any) -> Any: ...

    abandoned = RequestIDMiddleware(waiting)(http(headers=[("x-request-id", "abandoned")]), nothing, nothing)
    contextvars.Context().run(abandoned.send, None)
    notes: list[str | None] = []

    def work() -> None:
        abandoned.close()
        notes.append(get_request_id())

    drive(RequestIDMiddleware(inside(work)), http(headers=[("x-request-id", "mine")]))
    assert notes == ["mine"]


def test_responses_of_requests_that_share_a_context_are_not_mixed_up() -> None:
    """Interleaved step by step; the variable is the last one's then, so the response must not ask it."""
    sent: dict[str, list[Any]] = {}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await Pause()
        await send(apps.start(headers=[]))
        await Pause()

    wrapped = RequestIDMiddleware(app)

    def begin(name: str) -> Any:
        async def send(message: Any) -> None:
            sent[name] = message["headers"]

        async def receive() -> Any: ...

        return wrapped(http(headers=[("x-request-id", name)]), receive, send)

    calls: list[Any] = [begin(name) for name in ("a", "b", "c")]
    for _ in range(2):
        for call in calls:
            call.send(None)
    for call in calls:
        with pytest.raises(StopIteration):
            call.send(None)
    assert sent == {name: [(b"x-request-id", name.encode())] for name in ("a", "b", "c")}


# Tasks and threads


def under_asyncio(wrapped: App, names: list[str]) -> list[list[str]]:
    """Serve these requests at once; the ID of each response."""

    async def one(name: str) -> list[str]:
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        async def receive() -> Any: ...

        await wrapped(http(headers=[("x-request-id", name)]), receive, send)
        return [value.decode() for _, value in sent[0]["headers"]]

    async def main() -> list[list[str]]:
        return await asyncio.gather(*(one(name) for name in names))

    return asyncio.run(main())


NAMES = [f"request-{number}" for number in range(20)]


def test_requests_at_once_each_see_their_own_id() -> None:
    seen: list[tuple[str, str | None]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for _ in range(3):
            await asyncio.sleep(0)
            seen.append((scope["request_id"], get_request_id()))
        await send(apps.start(headers=[]))

    assert under_asyncio(RequestIDMiddleware(app), NAMES) == [[name] for name in NAMES]
    assert sorted(seen) == sorted((name, name) for name in NAMES for _ in range(3))


def test_a_request_that_begins_in_the_context_of_a_live_one_leaves_its_own_id() -> None:
    """uvicorn begins a pipelined request from inside of `send`, while the one before may have work to do."""
    notes: list[str | None] = []

    async def nothing(*_: Any) -> None:
        pass

    async def serve(name: str, app: App) -> None:
        await RequestIDMiddleware(app)(http(headers=[("x-request-id", name)]), nothing, nothing)
        notes.append(get_request_id())

    async def first(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.create_task(serve("second", nothing))
        await serve("called", nothing)

    asyncio.run(serve("first", first))
    assert notes == ["second", "first", "first"]


def test_a_call_from_a_task_that_a_live_request_has_begun_gives_back_the_outer_id() -> None:
    """As an endpoint behind a BaseHTTPMiddleware does, which runs it in a task of its own."""
    notes: list[str | None] = []

    async def nothing(*_: Any) -> None:
        pass

    async def endpoint() -> None:
        called = http(headers=[("x-request-id", "inner")], client=("testclient", 1))
        await RequestIDMiddleware(nothing)(called, nothing, nothing)
        notes.append(get_request_id())

    async def outer(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.create_task(endpoint())
        notes.append(get_request_id())

    asyncio.run(RequestIDMiddleware(outer, generator=always("outer"))(http(), nothing, nothing))
    assert notes == ["outer", "outer"]


def test_threads_of_a_request_see_its_id() -> None:
    seen: list[tuple[str, str | None, str | None]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        import anyio.to_thread

        seen.append(
            (
                scope["request_id"],
                await asyncio.to_thread(get_request_id),
                await anyio.to_thread.run_sync(get_request_id),
            )
        )
        await send(apps.start(headers=[]))

    assert under_asyncio(RequestIDMiddleware(app), NAMES[:4]) == [[name] for name in NAMES[:4]]
    assert sorted(seen) == [(name, name, name) for name in NAMES[:4]]


def test_a_background_task_keeps_the_id_when_its_request_is_over() -> None:
    seen: list[tuple[str, str | None]] = []

    async def main() -> None:
        tasks: list[asyncio.Task[None]] = []
        over = asyncio.Event()

        async def background(expected: str) -> None:
            await over.wait()
            seen.append((expected, get_request_id()))

        async def app(scope: Any, receive: Any, send: Any) -> None:
            tasks.append(asyncio.create_task(background(scope["request_id"])))

        async def nothing(*_: Any) -> Any: ...

        wrapped = RequestIDMiddleware(app)
        for name in ("a", "b"):  # in one context, as pipelined requests are
            await wrapped(http(headers=[("x-request-id", name)]), nothing, nothing)
        over.set()
        await asyncio.gather(*tasks)

    asyncio.run(main())
    assert seen == [("a", "a"), ("b", "b")]
