"""The engine: what happens to one response, message by message.

    state     message                     what happens                                      next state
    BEFORE    http.response.start         not to be compressed: sent                        PASS
                                          event stream: sent, encoded                       STREAM
                                          else held                                         HELD
              any other                   sent                                              BEFORE
    HELD      first body, whole           compressed in one shot, behind its start          AWAY, PASS
              first body, more to come    start, then the first piece                       STREAM
              any other                   start, unencoded, then the message                PASS
    AWAY      any, from another task      waits until the first body is sent                as behind it
    STREAM    body                        encoded and flushed                               STREAM
              any other                   sent                                              STREAM
    PASS      any                         sent                                              PASS

A start is held for one message at the most. An application that ends while its start is held gets it sent; one that
raises does not, so that an error handler outside can still answer.
"""

import math
import os
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .. import _headers
from .._responder import Responder, nothing
from .._threads import Allowance, Threads
from .._types import Header, Message, Send, returns_awaitable
from .codecs import Codec, Encoder

# What compression may take of the event loop; what goes beyond is done in threads.
_on_the_loop = Allowance(1_000_000)
# More threads than processors would only take turns with the event loop.
_threads = Threads("asgi_middleware.compression", at_once=min(4, os.cpu_count() or 1))

_BEFORE, _HELD, _AWAY, _STREAM, _PASS = range(5)
_BODY = "http.response.body"

_BODILESS = frozenset({204, 205, 206})
_DIGESTS = frozenset({b"content-digest", b"repr-digest", b"content-md5"})
# No file system holds more; Python refuses to read thousands.
_MOST_DIGITS = 18
_REPLACED = frozenset({b"content-length", b"accept-ranges", b"content-encoding"})


@dataclass(frozen=True, slots=True)
class Policy:
    """What one middleware compresses."""

    minimum_size: int  # bytes
    negotiable_type: Callable[[bytes | None], bool]  # of a raw Content-Type, None where there is none
    offload: bool  # whether long work is done in threads
    thread_minimum_size: float = math.inf  # bytes from which on all work is

    def judge(self, start: Message, facts: dict[bytes, bytes]) -> tuple[bool, int | None]:
        """Whether this response is one that varies by Accept-Encoding, and its declared length.

        `facts` are its headers by their lower-case names. `Content-Encoding: identity`, by which an application opts
        out, is taken off.
        """
        headers: list[Header] = start["headers"]
        status: int = start["status"]
        length = facts.get(b"content-length")
        size = int(length) if length is not None and length.isdigit() and len(length) <= _MOST_DIGITS else None
        if b"content-encoding" in facts:
            codings = _headers.members(_headers.get_all(headers, b"content-encoding"))
            if codings and all(coding.lower() == b"identity" for coding in codings):
                start["headers"] = _headers.drop(headers, (b"content-encoding",))
            return False, size
        if size is not None and size < self.minimum_size and status != 304:
            return False, size
        if status < 200 or status in _BODILESS or b"content-range" in facts or not _DIGESTS.isdisjoint(facts):
            return False, size
        if b"cache-control" in facts and forbids_transform(_headers.get_all(headers, b"cache-control")):
            return False, size
        content_type = facts.get(b"content-type")
        if status == 304:
            # It may leave the type out; the response that it stands for varies. Its length is not a body's.
            return content_type is None or self.negotiable_type(content_type), None
        return self.negotiable_type(content_type), size


def forbids_transform(lines: list[bytes]) -> bool:
    """Whether Cache-Control says no-transform (RFC 9111, 5.2.1.6 and 5.2.2.6)."""
    return any(member.lower() == b"no-transform" for member in _headers.members(lines))


class IdentityResponder(Responder):
    """One response for a client that gets no coding: only Vary, where another client would get one."""

    __slots__ = ("policy",)

    policy: Policy

    def edit(self, start: Message) -> None:
        if self.policy.judge(start, _facts(start))[0]:
            start["headers"] = _varied(start["headers"])


class CodingResponder(Responder):
    """One response for a client that gets a coding. To a HEAD only the headers of it, without any work."""

    __slots__ = (
        "_alone",
        "_away",
        "_codec",
        "_encoder",
        "_facts",
        "_method",
        "_policy",
        "_ready",
        "_sent",
        "_size",
        "_state",
        "held",
    )

    _facts: dict[bytes, bytes]  # the start's headers by their lower-case names
    _size: int | None  # of the body, as far as it is declared
    _encoder: Encoder | None  # None for HEAD

    watches = True

    def __init__(self, policy: Policy, codec: Codec, send: Send, method: str | None) -> None:
        super().__init__(send)
        self._policy = policy
        self._codec = codec
        self._method = method
        self._state = _BEFORE
        self._sent: Any = None  # an event, if somebody waits for the first body to be sent
        self.held: Message = None  # the start, while it waits for the message behind it

    @returns_awaitable
    def send(self, message: Message) -> Any:
        state = self._state
        if state == _PASS:
            return self._others(message)
        if state == _BEFORE:
            return Responder.send(self, message)
        if state == _AWAY:
            return self._send_behind(message)
        if message["type"] == _BODY:
            return self._on_first_body(message) if state == _HELD else self._on_next_body(message)
        return self._release_before(message) if state == _HELD else self._others(message)

    async def release(self) -> None:
        """Send the start that is held, unencoded: it may be the whole answer, or not be followed by bytes at all."""
        if self._state == _AWAY:
            await self._first_sent()
            if self.held is None:
                return
        start = self.held
        self._state, self.held = _PASS, None
        start["headers"] = _varied(start["headers"])
        await self._send(start)

    def edit(self, start: Message) -> Any:
        if self._state != _BEFORE:
            return None
        self._facts = facts = _facts(start)
        negotiable, self._size = self._policy.judge(start, facts)
        if negotiable and start["status"] != 304:
            if self._size is None and _is_event_stream(facts):
                self._begin_stream(start, events=True)
                return None
            self.held = start
            self._state = _HELD
            return nothing()
        if negotiable:
            # Its length would have to be that of the encoded response (RFC 9110, 8.6).
            start["headers"] = _weakened(_varied(_headers.drop(start["headers"], (b"content-length",))))
        self._state = _PASS
        return None

    async def _on_first_body(self, message: Message) -> None:
        start = self.held
        body = _body(message)
        if message.get("more_body") and len(body) != self._size:
            self._begin_stream(start, events=_is_event_stream(self._facts))
            await self._send(start)
            await self._on_next_body(message)
            return
        # The whole body is here.
        self._state = _AWAY
        try:
            message = await self._in_one_shot(start, message, body)
            self.held = None
            await self._send(start)
            await self._send(message)
        finally:
            self._state = _HELD if self.held is not None else _PASS
            if self._sent is not None:
                self._sent.set()

    async def _in_one_shot(self, start: Message, message: Message, body: bytes) -> Message:
        """The message with the body encoded, where that pays; `start` is turned into its start."""
        if self._method == "HEAD":
            return self._without_work(start, message, len(body) if self._size is None else self._size)
        if len(body) >= self._policy.minimum_size:
            compress = self._codec.compress
            encoded = compress(body) if self._fits_here(body) else await _threads.run(compress, body)
            if len(encoded) < len(body):
                self._turn_encoded(start, len(encoded))
                message = dict(message)
                message["body"] = encoded
            else:
                start["headers"] = _varied(start["headers"])
        return message

    async def _first_sent(self) -> None:
        """Wait until the first body, which is on its way, is sent or has failed."""
        # Here, not above: importing a middleware imports no third party.
        import anyio

        if self._sent is None:
            self._sent = anyio.Event()
        await self._sent.wait()

    async def _send_behind(self, message: Message) -> None:
        await self._first_sent()
        await self.send(message)

    def _without_work(self, start: Message, message: Message, size: int) -> Message:
        """HEAD: the headers that GET would have, and no body. `size` is 0 where nothing tells GET's."""
        if size == 0:
            start["headers"] = _varied(start["headers"])
        elif size >= self._policy.minimum_size:
            self._turn_encoded(start, None)
            message = dict(message)
            message["body"] = b""
        return message

    async def _on_next_body(self, message: Message) -> None:
        encoder = self._encoder
        body = _body(message)
        more = bool(message.get("more_body"))
        if more and not body:
            await self._send(message)
            return

        message = dict(message)
        if encoder is None:  # HEAD
            message["body"] = b""
            await self._send(message)
            return

        def encode(piece: bytes) -> None:
            with self._alone:
                ready = encoder.feed(piece)
                if not more:
                    ready += encoder.finish()
                elif self._size is None:
                    ready += encoder.flush()
                self._ready.append(ready)

        if self._away == 0 and self._fits_here(body):
            encode(body)
        else:
            self._away += 1
            try:
                await _threads.run(encode, body)
            finally:
                self._away -= 1
        # Everything that is ready, also from a sender who was cancelled: without it the rest would not decode.
        pieces: list[bytes] = []
        while self._ready:
            pieces.append(self._ready.popleft())
        message["body"] = b"".join(pieces)
        await self._send(message)

    async def _release_before(self, message: Message) -> None:
        await self.release()
        await self._send(message)

    def _begin_stream(self, start: Message, *, events: bool) -> None:
        self._state, self.held = _STREAM, None
        if events:
            self._size = None  # flushed per message, whatever was declared
        if self._method == "HEAD":
            self._encoder = None
        else:
            self._encoder = self._codec.encoder(idle=events)
            self._alone = threading.Lock()  # who encodes; an application may send from two tasks
            self._away = 0  # how many pieces are in threads
            self._ready: deque[bytes] = deque()  # encoded, not sent
        self._turn_encoded(start, None)

    def _turn_encoded(self, start: Message, length: int | None) -> None:
        """Make the headers those of the encoded response, whose body has `length` bytes where that is known."""
        facts = self._facts
        headers = _headers.drop(start["headers"], _REPLACED)
        if b"etag" in facts:
            headers = _weakened(headers)
        headers = _varied(headers)
        headers.append((b"content-encoding", self._codec.name))
        if length is not None and b"transfer-encoding" not in facts and not start.get("trailers"):
            headers.append((b"content-length", b"%d" % length))
        start["headers"] = headers

    def _fits_here(self, data: bytes) -> bool:
        """Whether encoding it would not hold up the event loop."""
        size, policy = len(data), self._policy
        if not policy.offload:
            return True
        return size < policy.thread_minimum_size and _on_the_loop.takes(size * self._codec.cost)


def _facts(start: Message) -> dict[bytes, bytes]:
    return {name.lower(): value for name, value in start["headers"]}


def _is_event_stream(facts: dict[bytes, bytes]) -> bool:
    return facts.get(b"content-type", b"").partition(b";")[0].strip().lower() == b"text/event-stream"


def _varied(headers: list[Header]) -> list[Header]:
    return _headers.merge_vary(headers, b"Accept-Encoding")


def _weakened(headers: list[Header]) -> list[Header]:
    """A strong ETag promises the same bytes (RFC 9110, 8.8.1), and an encoded response has others."""
    etag = _headers.get(headers, b"etag")
    return headers if etag is None or etag.startswith(b"W/") else _headers.put(headers, b"etag", b"W/" + etag)


def _body(message: Message) -> bytes:
    body: Any = message.get("body") or b""
    return body if isinstance(body, bytes) else bytes(body)
