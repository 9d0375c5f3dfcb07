"""One fault at a time, at every place that a request has for it, and what is wrong with what comes of it.

A place is an await of the whole chain, a `send`, a `receive`, or a message of the application. On asyncio, because what
really waits (threads, locks, stores) waits there, and is cancelled as servers cancel: `Task.cancel()`. For every place
a request is made on the same instance, and after each an ordinary one, which must be answered as by a fresh instance.
"""

import asyncio
import functools
import itertools
import threading
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterator
from dataclasses import dataclass, field
from typing import Any

from asgi_middleware.compression import responder as compression

from . import apps
from .asgi import CONNECT, REQUEST, App, Message, http, plain, websocket
from .subjects import Wrap

HEADERS = [
    ("host", "api.example.com"),
    ("origin", "https://app.example.com"),
    ("x-request-id", "known-id"),  # one of its own makes responses comparable
    ("accept-encoding", "gzip"),
    ("cookie", "theme=dark"),
]
BIG = apps.TEXT * 40  # 115,200 bytes: more than what compression does on the event loop, where `threads` says so
NOBODY: Any = -1  # a place that no request has
STARTS = ("http.response.start", "websocket.accept", "websocket.http.response.start")


class AppError(Exception):
    """What an application raises here."""


@dataclass(frozen=True)
class Conversation:
    """What a server asks, and what the application sends. It receives first; a disconnect ends it."""

    scope: Callable[[], dict[str, Any]]
    received: tuple[Message, ...]
    sent: tuple[Message, ...]


def asked(**changes: Any) -> Callable[[], dict[str, Any]]:
    more = changes.pop("more", [])
    return lambda: http(headers=[*HEADERS, *more], **changes)


def connected() -> dict[str, Any]:
    return websocket(headers=HEADERS)


PIECE: Message = {"type": "http.request", "body": b"a", "more_body": True}
DENIAL: Message = {
    "type": "websocket.http.response.start",
    "status": 403,
    "headers": [(b"content-type", b"text/plain")],
}
ECHO: Message = {"type": "websocket.receive", "text": "hello"}
WHOLE = (apps.start(), apps.body())
CONVERSATIONS: dict[str, Conversation] = {
    "a whole response": Conversation(asked(), (REQUEST,), WHOLE),
    "one that is read in pieces": Conversation(asked(method="POST"), (PIECE, PIECE, REQUEST), WHOLE),
    "a big one": Conversation(asked(), (REQUEST,), (apps.start(), apps.body(BIG))),
    "a stream": Conversation(
        asked(), (REQUEST,), (apps.start(), apps.body(b"one", more=True), apps.body(BIG, more=True), apps.body(b""))
    ),
    "HEAD": Conversation(asked(method="HEAD"), (REQUEST,), WHOLE),
    "a preflight": Conversation(
        asked(method="OPTIONS", more=[("access-control-request-method", "PUT")]), (REQUEST,), WHOLE
    ),
    "a token that is none": Conversation(asked(more=[("authorization", "Bearer a.b.c")]), (REQUEST,), WHOLE),
    "a WebSocket": Conversation(
        connected,
        (CONNECT, ECHO),
        ({"type": "websocket.accept"}, {"type": "websocket.send", "text": "hello"}, {"type": "websocket.close"}),
    ),
    "a denial": Conversation(connected, (CONNECT,), (DENIAL, {"type": "websocket.http.response.body", "body": b"no"})),
}
# The fault, and where it is put.
FAULTS = ("cancelled at every await", "send fails", "disconnected", "the application raises")


def count(session: Any) -> None:
    session["visits"] = session.get("visits", 0) + 1


class Stage:
    """The application inside: plays one conversation after the other, and uses a session where there is one."""

    def __init__(self) -> None:
        self.plays: tuple[int, tuple[Message, ...]] = (1, WHOLE)
        self.raises_at: int = NOBODY
        self.heard: list[Message] = []
        self.sent: list[str] = []
        self.error: AppError | None = None
        self.use: Callable[[Any], Any] = count

    def set(self, conversation: Conversation, raises_at: int = NOBODY) -> None:
        self.plays = len(conversation.received), conversation.sent
        self.raises_at = raises_at
        self.heard, self.sent, self.error = [], [], None

    async def app(self, scope: Any, receive: Any, send: Any) -> None:
        if "session" in scope:
            used = self.use(scope["session"])
            if used is not None:
                await used
        receives, messages = self.plays
        for _ in range(receives):
            self.heard.append(await receive())
            if self.heard[-1]["type"].endswith("disconnect"):
                return
        for number, message in enumerate(messages):
            self._raise_at(number)
            self.sent.append(message["type"])
            await send(message)
        self._raise_at(len(messages))

    def _raise_at(self, number: int) -> None:
        if number == self.raises_at:
            self.error = AppError(number)
            raise self.error


@dataclass
class Run:
    """One request, with one fault at most, and what came of it."""

    conversation: Conversation
    cancelled_at: int = NOBODY
    send_fails_at: int = NOBODY
    disconnected_at: int = NOBODY
    awaits: int = 0
    happened: bool = False  # the fault
    asked: list[Message] = field(default_factory=list)  # what was given to `send`
    after: list[str] = field(default_factory=list)  # of these, what was given after the fault
    sent: list[Message] = field(default_factory=list)  # what `send` has sent
    given: list[Message] = field(default_factory=list)  # by `receive`
    error: BaseException | None = None
    gone: OSError = field(default_factory=lambda: OSError("the client has gone"))

    async def receive(self) -> Message:
        await asyncio.sleep(0)
        number, waiting = len(self.given), self.conversation.received
        if number == self.disconnected_at:
            self.happened = True
        kind = self.conversation.scope()["type"]
        disconnect: Message = {"type": f"{kind}.disconnect"}
        self.given.append(disconnect if self.happened or number >= len(waiting) else waiting[number])
        return self.given[-1]

    async def send(self, message: Message) -> None:
        if self.happened and self.disconnected_at == NOBODY:
            self.after.append(message["type"])
        self.asked.append(message)
        if len(self.asked) > self.send_fails_at != NOBODY:
            self.happened = True
            raise self.gone
        await asyncio.sleep(0)
        self.sent.append(plain(message))

    def __await__(self) -> Generator[Any, Any, None]:
        """What stands between the request and the event loop; at the given await somebody cancels the task."""
        awaited = self._call.__await__()
        step: Callable[[], Any] = functools.partial(awaited.send, None)
        while True:
            try:
                waits_for = step()
            except StopIteration:
                return
            if self.awaits == self.cancelled_at:
                self.happened = True
                task = asyncio.current_task()
                assert task is not None
                task.cancel()
            self.awaits += 1
            try:
                step = functools.partial(awaited.send, (yield waits_for))
            except BaseException as error:  # it goes on into the request
                step = functools.partial(awaited.throw, error)

    async def of(self, app: App) -> "Run":
        self._call: Awaitable[None] = app(self.conversation.scope(), self.receive, self.send)

        async def called() -> None:
            await self

        task = asyncio.create_task(called())
        await asyncio.wait([task])
        self.error = asyncio.CancelledError() if task.cancelled() else task.exception()
        return self


def ends(message: Message) -> bool:
    """Whether nothing may be sent after this one."""
    if message["type"] == "websocket.close":
        return True
    return message["type"].endswith("response.body") and not message.get("more_body")


def wrong(run: Run, stage: Stage) -> Iterator[str]:
    """What is wrong with one request to which its fault has happened."""
    expected: BaseException | None = stage.error
    if run.cancelled_at != NOBODY:
        if not isinstance(run.error, asyncio.CancelledError):
            yield f"the cancellation came out as {run.error!r}"
    else:
        if run.send_fails_at != NOBODY:
            expected = run.gone
        if run.error is not expected:
            yield f"{expected!r} came out as {run.error!r}"
    if sum(message["type"] in STARTS for message in run.asked) > 1:
        yield "a second start"
    if any(ends(message) for message in run.asked[:-1]):
        yield "something was sent after the end"
    if run.after:
        yield f"{run.after[0]} was sent after the fault"
    if stage.heard and stage.heard != run.given:
        yield "the application did not hear what the server said"


def left_behind(app: Any, tasks: int) -> Iterator[str]:
    """What a request that is over still holds."""
    if len(asyncio.all_tasks()) != tasks:
        yield "a task"
    limiters = compression._threads._limiters
    places = None if limiters is None else limiters.get(None)
    if places is not None and places.borrowed_tokens:
        yield "a place among the threads"
    yield from held_in(app, set())


def held_in(value: Any, known: set[int], depth: int = 0) -> Iterator[str]:
    """The locks that are held, the saves and transactions that are under way, in an object of ours and all below."""
    if id(value) in known or depth > 8:
        return
    known.add(id(value))
    names = {
        *getattr(value, "__dict__", ()),
        *itertools.chain(*(getattr(k, "__slots__", ()) for k in type(value).__mro__)),
    }
    if not type(value).__module__.startswith(("asgi_middleware", "tests")):
        if isinstance(value, (list, tuple)):
            for item in value:
                yield from held_in(item, known, depth + 1)
        return
    for name in sorted(names):
        item = getattr(value, name, None)
        if isinstance(item, (type(threading.Lock()), asyncio.Lock)) and item.locked():
            yield f"the lock {name}"
        elif getattr(item, "in_transaction", False):
            yield "a transaction"
        elif name == "_saving" and item:
            yield "a save"
        elif not isinstance(item, type):
            yield from held_in(item, known, depth + 1)


def runs(conversation: Conversation, fault: str) -> Iterator[tuple[Run, int]]:
    """Requests with the fault at one place after the other, and the message before which the application raises."""
    for place in itertools.count():
        if fault == "cancelled at every await":
            yield Run(conversation, cancelled_at=place), NOBODY
        elif fault == "send fails":
            yield Run(conversation, send_fails_at=place), NOBODY
        elif fault == "disconnected":
            yield Run(conversation, disconnected_at=place), NOBODY
        else:
            yield Run(conversation), place


@dataclass
class Sweep:
    """Every fault at every place of some conversations. `found` says what is wrong, `cases` how many there were."""

    wrap: Wrap
    use: Callable[[Any], Any] = count
    cases: int = 0
    found: list[str] = field(default_factory=list)

    async def run(self, conversations: dict[str, Conversation], faults: tuple[str, ...] = FAULTS) -> None:
        stage = Stage()
        app = self.wrap(stage.app)
        expected = await self._ordinary(self.wrap(Stage().app))
        tasks = len(asyncio.all_tasks())
        for sentence, conversation in conversations.items():
            for fault in faults:
                for run, raises_at in runs(conversation, fault):
                    stage.set(conversation, raises_at)
                    stage.use = self.use
                    await run.of(app)
                    if not (run.happened or stage.error):
                        break  # there are no more places
                    self.cases += 1
                    place = max(run.cancelled_at, run.send_fails_at, run.disconnected_at, raises_at)
                    where = f"{sentence}, {fault}, {place}"
                    self.found += [f"{where}: {what}" for what in wrong(run, stage)]
                    self.found += [f"{where}: left {what}" for what in left_behind(app, tasks)]
                    stage.set(CONVERSATIONS["a whole response"])
                    stage.use = count
                    if await self._ordinary(app) != expected:
                        self.found.append(f"{where}: the next request is answered otherwise")

    async def _ordinary(self, app: App) -> Any:
        run = await Run(CONVERSATIONS["a whole response"]).of(app)
        return run.sent, repr(run.error)


def swept(
    wrap: Wrap,
    conversations: dict[str, Conversation] = CONVERSATIONS,
    faults: tuple[str, ...] = FAULTS,
    use: Callable[[Any], Any] = count,
) -> Sweep:
    """The sweep, done, on an event loop of its own. `use` is what the application does to its session."""
    sweep = Sweep(wrap, use)
    work: Coroutine[Any, Any, None] = sweep.run(conversations, faults)
    asyncio.run(work)
    return sweep
