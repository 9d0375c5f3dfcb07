"""`request_id`: the W3C's test-suite of Trace Context in small, against the example on a real server.

A harness asks the service with some headers to call it back, and judges with which headers the service does.
"""

import http.client
import json
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from .serving import Server, serving
from .trace_suite import CASES, GOOD, SEVERAL, TRACE, Header, wrong_with

pytestmark = pytest.mark.hosts


class Harness(ThreadingHTTPServer):
    """Keeps the headers with which it is called."""

    calls: list[list[Header]]

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Callback)
        self.calls = []
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/callback"

    def stop(self) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()


class Callback(BaseHTTPRequestHandler):
    def do_POST(self) -> None:  # the name that is called
        harness: Any = self.server
        harness.calls.append(list(self.headers.items()))
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_request(self, code: object = "-", size: object = "-") -> None:
        pass


@pytest.fixture(scope="module")
def service() -> Iterator[Server]:
    with serving(["uvicorn", "examples.trace_service:app", "--port", "0"]) as running:
        yield running


@pytest.fixture(scope="module")
def harness() -> Iterator[Harness]:
    running = Harness()
    yield running
    running.stop()


def asked(service: Server, harness: Harness, headers: Sequence[Header], count: int = 1) -> list[list[Header]]:
    """The headers of the calls that the service makes when it is asked with these, in one connection of its own.

    As they are, doubled ones and blanks around values too, which clients would not send.
    """
    harness.calls.clear()
    body = json.dumps([{"url": harness.url, "arguments": []}] * count).encode()
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=60)
    connection.putrequest("POST", "/test")
    connection.putheader("content-length", str(len(body)))
    for name, value in headers:
        connection.putheader(name, value)
    connection.endheaders(body)
    response = connection.getresponse()
    told = json.loads(response.read())
    connection.close()
    assert (response.status, len(harness.calls)) == (200, count)
    assert all(told["trace"][3:35] == value[3:35] for value in values(harness.calls, "traceparent"))
    return list(harness.calls)


def values(calls: list[list[Header]], name: str) -> list[str]:
    return [value for call in calls for key, value in call if key.lower() == name]


@pytest.mark.parametrize(("sentence", "headers", "same", "state"), CASES, ids=[row[0] for row in CASES])
def test_a_case_of_the_suite(
    service: Server, harness: Harness, sentence: str, headers: list[Header], same: bool, state: str
) -> None:
    assert wrong_with(asked(service, harness, headers), same, state) == []


@pytest.mark.parametrize(("sentence", "headers", "same"), SEVERAL, ids=[row[0] for row in SEVERAL])
def test_three_calls_of_one_request(
    service: Server, harness: Harness, sentence: str, headers: list[Header], same: bool
) -> None:
    assert wrong_with(asked(service, harness, headers, 3), same) == []


def test_the_id_goes_along(service: Server, harness: Harness) -> None:
    calls = asked(service, harness, [("X-Request-ID", "mine"), ("traceparent", GOOD)], 2)
    assert values(calls, "x-request-id") == ["mine", "mine"]
    assert {value[3:35] for value in values(calls, "traceparent")} == {TRACE}
