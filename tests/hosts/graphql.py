"""What a GraphQL server has to do behind the stack, asked as its clients ask. Each function raises where it does not.

All serve `notes`, `visits` and `release(key)` as queries, and `events(key)` as a subscription.
"""

import json
import uuid
from collections.abc import Iterator
from typing import Any

from websockets.sync.client import connect
from websockets.typing import Subprotocol

from . import content
from .checks import Client, Host, Reply, facts, framing_of, owed
from .stacks import ORIGIN

NOTES = "{ notes { id title text } }"
EVENTS = [event.decode().strip() for event in content.EVENTS]
# Each protocol's word for `begin`, and for what comes then.
WORDS = {"graphql-transport-ws": ("subscribe", "next"), "graphql-ws": ("start", "data")}


def ask(client: Client, query: str, **headers: str) -> Reply:
    body = json.dumps({"query": query}).encode()
    return client.ask("POST", "/", {"Content-Type": "application/json", **headers}, body)


def release(client: Client, key: str) -> None:
    assert json.loads(ask(client, f'{{ release(key: "{key}") }}').body) == {"data": {"release": True}}


def subscription(key: str) -> str:
    return f'subscription {{ events(key: "{key}") }}'


def check_queries(host: Host) -> None:
    """An answer of 18 KB is whole in every coding, and has all that the stack owes to a response."""
    with Client(host) as client:
        for coding in ("gzip", "br", "zstd", None):
            reply = ask(client, NOTES, **{"Accept-Encoding": coding or "identity"})
            assert facts(reply, host) == owed(framing_of(reply, host), coding=coding)
            assert json.loads(reply.body) == {"data": {"notes": content.NOTES}}


def check_session(host: Host) -> None:
    with Client(host) as client:
        for number in (1, 2, 3):
            reply = ask(client, "{ visits }")
            assert json.loads(reply.body) == {"data": {"visits": number}}
            assert facts(reply, host) == owed(framing_of(reply, host), coding=None, vary=("cookie", "origin"))


def check_socket(host: Host, protocol: str, path: str = "/") -> None:
    """Each event arrives while the next one waits to be released, and the subscription ends by itself."""
    begin, brings = WORDS[protocol]
    url = f"{host.url.replace('http', 'ws', 1)}{path}"
    key = uuid.uuid4().hex
    with (
        Client(host) as client,
        connect(url, subprotocols=[Subprotocol(protocol)], additional_headers={"Origin": ORIGIN}) as socket,
    ):
        assert socket.subprotocol == protocol
        assert socket.response is not None
        assert len(socket.response.headers.get_all("x-request-id")) == 1

        def next_message() -> dict[str, Any]:
            message: dict[str, Any] = json.loads(socket.recv(host.patience))
            return message

        socket.send('{"type": "connection_init"}')
        assert next_message()["type"] == "connection_ack"
        socket.send(json.dumps({"id": "1", "type": begin, "payload": {"query": subscription(key)}}))
        for number, event in enumerate(EVENTS):
            if number:
                release(client, key)
            assert next_message() == {"id": "1", "type": brings, "payload": {"data": {"events": event}}}
        assert next_message() == {"id": "1", "type": "complete"}


def check_stream(host: Host, accept: str) -> None:
    """The same over HTTP, as server-sent events or in parts."""
    key = uuid.uuid4().hex
    body = json.dumps({"query": subscription(key)}).encode()
    headers = {"Content-Type": "application/json", "Accept": accept, "Accept-Encoding": "identity"}
    with Client(host) as client, Client(host) as other, client.stream("POST", "/", headers, body) as (reply, parts):
        assert (reply.status, reply.header("access-control-allow-origin")) == (200, [ORIGIN])
        assert reply.header("content-type")[0].partition(";")[0] == accept.partition(";")[0]
        seen = b""
        for number, event in enumerate(EVENTS):
            if number:
                release(other, key)
            seen = _until(parts, seen, f'{{"events":"{event}"}}'.encode())
        rest = seen + b"".join(parts)
    assert rest.endswith((b"--graphql--\r\n", b"event: complete\r\ndata: \r\n\r\n"))


def _until(parts: Iterator[bytes], seen: bytes, awaited: bytes) -> bytes:
    while awaited not in seen:
        seen += next(parts)
    return seen
