"""A request that is over leaves nothing for the garbage collector: its objects go with it.

A cycle (say, a task whose context holds an object that holds the task) would keep each request's scope, headers and
session until a collection, and make every one of those collections longer.
"""

import asyncio
import contextlib
import gc
from contextvars import ContextVar
from typing import Any

import pytest

from . import apps
from .asgi import App, http, websocket
from .breaking import Broken
from .subjects import SUBJECTS, Wrap
from .test_contract import ORIGIN, request_headers


async def _cancelled(scope: Any, receive: Any, send: Any) -> None:
    await asyncio.Event().wait()


ENDS: dict[str, tuple[App, dict[str, Any]]] = {
    "a response": (apps.text(), http(headers=request_headers())),
    "a response to a client that takes no coding": (apps.text(), http(headers=request_headers("identity"))),
    "a crash before the start": (apps.raises(ValueError("a crash")), http(headers=request_headers())),
    "nothing sent": (apps.silent(), http(headers=request_headers())),
    "cancellation": (_cancelled, http(headers=request_headers())),
    "a WebSocket": (apps.accepts(), websocket(headers=[ORIGIN])),
}


def left(wrap: Wrap, end: str) -> list[str]:
    """The kinds of what one request leaves, once a request before it has filled what is remembered."""
    inner, scope = ENDS[end]

    async def one(app: App) -> None:
        async def receive() -> Any:
            return {"type": "http.request"} if scope["type"] == "http" else {"type": "websocket.connect"}

        async def send(message: Any) -> None:
            pass

        call: Any = app({**scope}, receive, send)
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(call)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        if inner is _cancelled:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError, ValueError):
            await task

    async def count() -> list[str]:
        app = wrap(inner)
        gc.disable()
        gc.freeze()  # what was there before is not looked at
        await one(app)
        gc.collect()
        gc.set_debug(gc.DEBUG_SAVEALL)
        try:
            await one(app)
            gc.collect()
            return sorted(type(each).__name__ for each in gc.garbage)
        finally:
            gc.set_debug(0)
            gc.garbage.clear()
            gc.enable()
            gc.unfreeze()

    return asyncio.run(count())


_running: ContextVar[Any] = ContextVar("_running", default=None)


class KeepsItsTask(Broken):
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        _running.set(asyncio.current_task())
        await self.app(scope, receive, send)


@pytest.mark.parametrize("subject", SUBJECTS)
def test_a_request_leaves_nothing(subject: str) -> None:
    assert {end: left(SUBJECTS[subject], end) for end in ENDS} == {end: [] for end in ENDS}


def test_a_task_that_its_context_holds_is_found() -> None:
    assert "Task" in left(KeepsItsTask, "a response")
