"""`compression` in threads: who is cancelled or gone there leaves nothing behind, and holds nobody up.

The codec is zlib's own, and waits at a gate: for every step there is an event, so nothing sleeps and nothing races.

Long, because all of it waits at the same gate.
"""

import asyncio
import contextlib
import functools
import gc
import sys
import threading
import time
import weakref
import zlib
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest

from asgi_middleware import BrotliMiddleware, CompressionMiddleware, GZipMiddleware
from asgi_middleware._threads import Threads
from asgi_middleware.compression import responder as engine

from .apps import TEXT, body, start
from .asgi import App, Message, decode, http, plain
from .compressing import LOOPS, PLAIN, Make, run

# The three classes with an encoder of zlib, which the gate stands before; a level keeps isal out.
CLASSES: list[Any] = [
    pytest.param(lambda app: CompressionMiddleware(app, codings=["gzip"], levels={"gzip": 6}), id="Compression"),
    pytest.param(lambda app: GZipMiddleware(app, compresslevel=6, thread_minimum_size=100_000), id="GZip"),
]
BIG = TEXT * 100  # 288,000 bytes: more than a millisecond's work
PATIENCE = 60  # seconds: as long as the slowest machine could need for what others do at once


@pytest.fixture(autouse=True, scope="module")
def nothing_older() -> None:
    """What the tests before these have left is not looked at again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def four_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as there may be where there are processors for them."""
    monkeypatch.setattr(engine, "_threads", Threads("four at once", at_once=4))


class Stream:
    """A stream of zlib's behind the gate."""

    def __init__(self, gate: "Gate", stream: Any) -> None:
        self._gate = gate
        self._stream = stream

    def compress(self, data: bytes) -> bytes:
        with self._gate.passage(self, data):
            out: bytes = self._stream.compress(data)
            return out

    def flush(self, *mode: int) -> bytes:
        out: bytes = self._stream.flush(*mode)
        return out


class Gate:
    """Stops every big piece in its thread until `leave` is released once for each, and takes notes."""

    def __init__(self) -> None:
        self.leave = threading.Semaphore(0)
        self.lock = threading.Lock()
        self.entered = 0  # how many pieces have come to the gate
        self.inside: list[int] = []  # the streams at the gate now
        self.most = 0  # in one stream at a time
        self.threads: set[int] = set()
        self.streams: list[weakref.ref[Stream]] = []
        self.tell: Callable[[], Any] = bool  # who waits for a piece

    def compressobj(self, *args: Any) -> Stream:
        stream = Stream(self, self.real(*args))
        self.streams.append(weakref.ref(stream))
        return stream

    def compress(self, data: bytes, level: int, wbits: int) -> bytes:
        stream = self.compressobj(level, zlib.DEFLATED, wbits)
        return stream.compress(data) + stream.flush()

    real = staticmethod(zlib.compressobj)

    @contextlib.contextmanager
    def passage(self, stream: Stream, data: bytes) -> Iterator[None]:
        if len(data) < len(BIG):
            yield
            return
        with self.lock:
            self.threads.add(threading.get_ident())
            self.inside.append(id(stream))
            self.most = max(self.most, self.inside.count(id(stream)))
            self.entered += 1
            self.tell()
        try:
            assert self.leave.acquire(timeout=PATIENCE)
            yield
        finally:
            with self.lock:
                self.inside.remove(id(stream))

    async def has_seen(self, pieces: int) -> None:
        """Wait until so many have come; `run` bounds it."""
        soon = from_threads()
        while True:
            came = anyio.Event()
            with self.lock:
                if self.entered >= pieces:
                    self.tell = bool
                    return
                self.tell = functools.partial(soon, came.set)
            await came.wait()


def from_threads() -> Callable[[Callable[[], Any]], Any]:
    """How threads, whoever started them, call something in the event loop that runs."""
    try:
        return asyncio.get_running_loop().call_soon_threadsafe
    except RuntimeError:
        import trio

        return trio.lowlevel.current_trio_token().run_sync_soon


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    found = Gate()
    monkeypatch.setattr(zlib, "compressobj", found.compressobj)
    monkeypatch.setattr(zlib, "compress", found.compress)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-4)  # seconds: an event loop that turns lets the threads come to the gate
    yield found
    sys.setswitchinterval(interval)
    found.leave.release(100)  # a test that fails leaves no thread at the gate


async def turns() -> None:
    """Whoever could go on has gone on after it."""
    for _ in range(20):
        await anyio.lowlevel.checkpoint()


class Client:
    """The other end: keeps what arrives; `gone` makes its send fail, as servers do."""

    def __init__(self) -> None:
        self.sent: list[Message] = []
        self.gone = False
        self.left = anyio.Event()  # when it is set, `receive` tells

    async def send(self, message: Message) -> None:
        await anyio.lowlevel.checkpoint()  # as a server's, it can be cancelled
        if self.gone:
            raise OSError("gone")
        self.sent.append(plain(message))

    async def receive(self) -> Message:
        await self.left.wait()
        return {"type": "http.disconnect"}

    @property
    def body(self) -> bytes:
        return decode(b"".join(message.get("body", b"") for message in self.sent), ["gzip"])

    async def asks(self, app: App, path: str = "/") -> None:
        await app(http(path, headers=[("accept-encoding", "gzip")]), self.receive, self.send)


def answers(*pieces: bytes) -> App:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(start(200, [PLAIN]))
        for piece in pieces[:-1]:
            await send(body(piece, more=True))
        await send(body(pieces[-1]))

    return app


def listens(inner: App) -> App:
    """As Starlette's StreamingResponse does: who disconnects cancels the answer."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        async with anyio.create_task_group() as group:

            async def listen() -> None:
                assert (await receive())["type"] == "http.disconnect"
                group.cancel_scope.cancel()

            group.start_soon(listen)
            await inner(scope, receive, send)
            group.cancel_scope.cancel()

    return app


def tasks_of(loop: str) -> int:
    """How many tasks the event loop has."""
    if loop == "trio":
        import trio

        return trio.lowlevel.current_statistics().tasks_living
    return len(asyncio.all_tasks())


# --- interrupted in the thread ----------------------------------------------------------------------------------------

SHAPES: list[Any] = [pytest.param([BIG], id="one shot"), pytest.param([BIG, b"tail"], id="a stream")]
ENDS = ["a cancelled scope", "a client whose send fails", "an app that hears of the disconnect"]


async def interrupted(make: Make, pieces: list[bytes], gate: Gate, how: str, loop: str) -> list[str]:
    """Ask once, end the request while its first piece is in the thread, and say what is wrong with its end."""
    app = answers(*pieces)
    middleware = make(listens(app) if how == "an app that hears of the disconnect" else app)
    client, scope, ended = Client(), anyio.CancelScope(), anyio.Event()
    entered, tasks = gate.entered, tasks_of(loop)
    faults: list[str] = []

    async def request() -> None:
        with scope, contextlib.suppress(OSError):
            await client.asks(middleware)
        ended.set()

    async with anyio.create_task_group() as group:
        group.start_soon(request)
        await gate.has_seen(entered + 1)
        if how == "a cancelled scope":
            scope.cancel()
        elif how == "a client whose send fails":
            client.gone = True
        else:
            client.left.set()
        await turns()
        if ended.is_set():
            faults.append("ended before its thread")
        gate.leave.release()
        await ended.wait()
    if tasks_of(loop) != tasks:
        faults.append("left a task")
    if any(message["type"] == "http.response.body" for message in client.sent):
        faults.append("sent on")
    return faults


def left_behind(
    make: Make, pieces: list[bytes], gate: Gate, how: str, loop: str, *, patience: float = PATIENCE
) -> list[str]:
    """What is wrong after more interrupted requests than there are places, and one more that is answered."""
    before = {thread.ident for thread in threading.enumerate()}
    references = sys.getrefcount(pieces[0])
    faults: set[str] = set()

    async def main() -> None:
        for _ in range(5):
            faults.update(await interrupted(make, pieces, gate, how, loop))
        client = Client()
        gate.leave.release()
        await client.asks(make(answers(BIG)))
        assert client.body == BIG

    def leftovers() -> set[str]:
        gc.collect()
        found = {
            "left a piece in a thread": gate.inside != [],
            "left a stream": any(reference() is not None for reference in gate.streams),
            "left a buffer": sys.getrefcount(pieces[0]) != references,
            # trio keeps idle threads for the next of its event loops
            "left a thread": loop != "trio" and not {thread.ident for thread in threading.enumerate()} <= before,
        }
        return {fault for fault, there in found.items() if there}

    run(main, loop)
    if threading.get_ident() in gate.threads:
        faults.add("held up the event loop")
    return sorted(faults | soon(leftovers, patience))


def soon(leftovers: Callable[[], set[str]], patience: float = PATIENCE) -> set[str]:
    """What is left once the other threads have had their turn: who has handed over its result still has to let go."""
    until = time.monotonic() + patience
    while leftovers() and time.monotonic() < until:
        time.sleep(0)
    return leftovers()


# One engine is under all classes: every shape and every end of one, and one of another.
INTERRUPTED = [
    *[
        pytest.param(CLASSES[0].values[0], shape.values[0], how, id=f"{shape.id}, {how}")
        for shape in SHAPES
        for how in ENDS
    ],
    pytest.param(CLASSES[1].values[0], SHAPES[0].values[0], ENDS[0], id="GZip, one shot, a cancelled scope"),
]


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize(("make", "pieces", "how"), INTERRUPTED)
def test_who_is_interrupted_leaves_nothing_behind(
    gate: Gate, how: str, pieces: list[bytes], make: Make, loop: str
) -> None:
    assert left_behind(make, pieces, gate, how, loop) == []


class Careless:
    """A middleware that compresses in threads with one fault."""

    kept: ClassVar[list[Any]] = []

    def __init__(self, app: App, fault: str) -> None:
        self.app = app
        self.fault = fault

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def encodes(message: Message) -> None:
            if message["type"] == "http.response.start":
                await send({**message, "headers": [*message["headers"], (b"content-encoding", b"gzip")]})
                return
            stream = zlib.compressobj(6, zlib.DEFLATED, 31)
            piece = message["body"]
            if self.fault == "left a stream":
                self.kept.append(stream)
            elif self.fault == "left a buffer":
                self.kept.append(piece)
            elif self.fault == "left a task":
                self.kept.append(asyncio.create_task(anyio.sleep_forever()))
            elif self.fault == "left a thread":
                waiting = threading.Event()
                self.kept.append(waiting)
                threading.Thread(target=waiting.wait, args=(PATIENCE,), daemon=True).start()
            if self.fault == "ended before its thread":
                data = await anyio.to_thread.run_sync(stream.compress, piece, abandon_on_cancel=True)
            else:
                data = await anyio.to_thread.run_sync(stream.compress, piece)
            await send({**message, "body": data + stream.flush()})

        await self.app(scope, receive, encodes)


@pytest.fixture
def careless() -> Iterator[None]:
    Careless.kept.clear()
    yield
    for found in Careless.kept:
        if isinstance(found, threading.Event):
            found.set()
    Careless.kept.clear()


FAULTS = ["ended before its thread", "left a buffer", "left a stream", "left a task", "left a thread"]


@pytest.mark.usefixtures("careless")
@pytest.mark.parametrize("fault", ["none", *FAULTS])
def test_what_is_left_behind_is_seen(gate: Gate, fault: str) -> None:
    patience = PATIENCE if fault == "none" else 0  # what stays is there at once
    found = left_behind(
        lambda app: Careless(app, fault), [BIG], gate, "a cancelled scope", "asyncio", patience=patience
    )
    assert (fault in found) if fault != "none" else found == []


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("make", CLASSES)
@pytest.mark.parametrize("pieces", SHAPES)
def test_a_cancelled_task_waits_for_its_thread(gate: Gate, pieces: list[bytes], make: Make, loop: str) -> None:
    # What asyncio.timeout and servers do: Task.cancel(), which knows no scopes. Twice, as at a shutdown.
    async def main() -> None:
        client = Client()
        task = asyncio.create_task(client.asks(make(answers(*pieces))))
        await gate.has_seen(1)
        for _ in range(2):
            task.cancel()
            await turns()
            assert not task.done()
        gate.leave.release()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert [message for message in client.sent if message["type"] == "http.response.body"] == []
        assert asyncio.all_tasks() == {asyncio.current_task()}

    def leftovers() -> set[str]:
        gc.collect()
        left = {"left a stream" for reference in gate.streams if reference() is not None}
        return left | {"left a piece in a thread" for _ in gate.inside}

    run(main, loop)
    assert len(gate.streams) == 1
    assert soon(leftovers) == set()


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("make", CLASSES)
def test_who_is_cancelled_while_it_waits_for_a_place_never_enters(gate: Gate, make: Make, loop: str) -> None:
    async def main() -> None:
        clients = [Client() for _ in range(6)]
        waiting, ended, ended_at_once = anyio.CancelScope(), anyio.Event(), False
        middleware = make(answers(BIG))

        async def waits(client: Client) -> None:
            with waiting:
                await client.asks(middleware)
            ended.set()

        async with anyio.create_task_group() as group:
            for client in clients[:4]:
                group.start_soon(client.asks, middleware)
            await gate.has_seen(4)
            group.start_soon(waits, clients[4])
            await turns()
            waiting.cancel()
            await turns()
            ended_at_once = ended.is_set()
            group.start_soon(clients[5].asks, middleware)
            gate.leave.release(6)
        assert ended_at_once  # although all four places were still taken
        assert gate.entered == 5
        assert clients[4].sent == []
        assert [client.body for client in (*clients[:4], clients[5])] == [BIG] * 5

    run(main, loop)


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("make", CLASSES)
def test_a_stream_goes_on_after_a_piece_whose_sender_was_cancelled(gate: Gate, make: Make, loop: str) -> None:
    async def main() -> None:
        client, piece = Client(), anyio.CancelScope()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send(start(200, [PLAIN]))
            await send(body(b"first", more=True))
            with piece:
                await send(body(BIG, more=True))
            await send(body(b"end"))

        async with anyio.create_task_group() as group:
            group.start_soon(client.asks, make(app))
            await gate.has_seen(1)
            piece.cancel()
            await turns()
            gate.leave.release()
        assert client.body == b"first" + BIG + b"end"

    run(main, loop)


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("make", CLASSES)
def test_two_tasks_that_send_into_one_stream_encode_one_after_the_other(gate: Gate, make: Make, loop: str) -> None:
    async def main() -> None:
        client = Client()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await send(start(200, [PLAIN]))
            await send(body(b"", more=True))
            async with anyio.create_task_group() as both:
                both.start_soon(send, body(BIG, more=True))
                both.start_soon(send, body(BIG, more=True))
                await turns()
                both.start_soon(send, body(b"a little", more=True))
            await send(body(b"end"))

        async with anyio.create_task_group() as group:
            group.start_soon(client.asks, make(app))
            await gate.has_seen(1)
            await turns()
            gate.leave.release(2)
        assert gate.most == 1
        assert client.body.replace(BIG, b"", 2) == b"a littleend"

    run(main, loop)


# --- side by side -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("make", CLASSES)
def test_a_stream_is_in_one_thread_at_a_time(gate: Gate, make: Make, loop: str) -> None:
    pieces = [*[BIG] * 7, b"tail"]  # more than are let through one by one, so whoever goes on comes again

    async def main() -> None:
        clients = [Client() for _ in range(3)]
        middleware = make(answers(*pieces))
        async with anyio.create_task_group() as group:
            for client in clients:
                group.start_soon(client.asks, middleware)
            await gate.has_seen(3)
            for done in range(1, 7):
                gate.leave.release()
                await gate.has_seen(3 + done)
                await turns()
                # One has gone on to its next piece; each of the three waits with one, and nobody has come with two.
                assert gate.entered == 3 + done
                assert len(set(gate.inside)) == len(gate.inside) == 3
            gate.leave.release(15)
        assert gate.most == 1
        assert [client.body for client in clients] == [b"".join(pieces)] * 3

    run(main, loop)


def test_a_stream_in_two_threads_is_seen(gate: Gate) -> None:
    async def main() -> None:
        stream = zlib.compressobj(6, zlib.DEFLATED, 31)
        async with anyio.create_task_group() as group:
            for _ in range(2):
                group.start_soon(anyio.to_thread.run_sync, stream.compress, BIG)
            await gate.has_seen(2)
            gate.leave.release(2)

    run(main, "asyncio")
    assert gate.most == 2


SMALL: list[tuple[str, App]] = [
    ("one shot", answers(TEXT)),
    ("a stream", answers(b"one", b"two")),
    ("too small", answers(b"ok")),
]


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("make", CLASSES)
def test_small_answers_are_not_held_up_by_big_ones(gate: Gate, make: Make, loop: str) -> None:
    async def main() -> None:
        big = [Client() for _ in range(7)]
        middleware = make(answers(BIG))
        async with anyio.create_task_group() as group:
            for client in big:
                group.start_soon(client.asks, middleware)
            await gate.has_seen(4)
            await turns()
            assert (gate.entered, len(gate.inside)) == (4, 4)
            for _, app in SMALL:
                small = Client()
                await small.asks(make(app))
                assert small.sent[-1]["more_body"] is False
            identity, head = Client(), Client()
            await middleware(http(), identity.receive, identity.send)
            assert identity.sent[1] == body(BIG)
            scope = http(method="HEAD", headers=[("accept-encoding", "gzip")])
            await middleware(scope, head.receive, head.send)
            assert head.sent[1] == body(b"")
            assert gate.entered == 4
            # Whoever ends makes room for one that waits.
            for more in range(3):
                gate.leave.release()
                await gate.has_seen(5 + more)
            gate.leave.release(4)
        assert [client.body for client in big] == [BIG] * 7

    run(main, loop)


@pytest.mark.parametrize("loop", LOOPS)
def test_each_event_loop_has_its_own_places(gate: Gate, loop: str) -> None:
    middleware = CompressionMiddleware(answers(BIG), codings=["gzip"], levels={"gzip": 6})
    for _ in range(2):

        async def main() -> None:
            clients = [Client() for _ in range(5)]
            async with anyio.create_task_group() as group:
                for client in clients:
                    group.start_soon(client.asks, middleware)
                gate.leave.release(5)
            assert [client.body for client in clients] == [BIG] * 5

        run(main, loop)
    assert gate.entered == 10


@pytest.mark.parametrize("loop", LOOPS)
def test_brotli_is_stopped_by_nobody_either(loop: str) -> None:
    # Its encoder cannot be put behind the gate; cancelled at any turn, it leaves the next answer whole.
    async def main() -> None:
        middleware = BrotliMiddleware(answers(BIG, BIG))
        scope = http(headers=[("accept-encoding", "br")])
        for patience in range(12):
            client = Client()
            with anyio.CancelScope() as cancelled:
                async with anyio.create_task_group() as group:
                    group.start_soon(middleware, scope, client.receive, client.send)
                    for _ in range(patience):
                        await anyio.lowlevel.checkpoint()
                    cancelled.cancel()
        client = Client()
        await middleware(scope, client.receive, client.send)
        raw = b"".join(message.get("body", b"") for message in client.sent)
        assert decode(raw, ["br"]) == BIG * 2

    run(main, loop)
