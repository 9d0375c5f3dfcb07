"""`request_id`: the functions that are given to it, and what happens when they break."""

import logging
import uuid
from typing import Any

import pytest

from asgi_middleware import RequestIDMiddleware

from . import apps
from .asgi import drive, http
from .identified import always, answered, ask, fails, later


class Unsure:
    def __bool__(self) -> bool:
        raise OverflowError("neither yes nor no")


NO_ID = "returned no ID of 1 to 128 letters, digits and ._~-+/=:@"
UNUSABLE: list[tuple[str, dict[str, Any], str]] = [
    ("a trust that raises", {"trust": fails(KeyError("client"))}, "raised KeyError"),
    ("a validator that raises", {"validator": fails(ValueError("no"))}, "raised ValueError"),
    ("a trust whose answer is neither", {"trust": always(Unsure())}, "returned Unsure, not bool"),
    ("a validator whose answer is neither", {"validator": always(Unsure())}, "returned Unsure, not bool"),
    ("a trust that ends an iteration", {"trust": fails(StopIteration())}, "raised StopIteration"),
    ("a validator that asserts", {"validator": fails(AssertionError())}, "raised AssertionError"),
    ("a trust that takes no argument", {"trust": lambda: True}, "raised TypeError"),
    ("a validator that takes two arguments", {"validator": lambda one, two: True}, "raised TypeError"),
    ("a generator that raises", {"generator": fails(RuntimeError("no entropy"))}, "raised RuntimeError"),
    ("a generator that has come to its end", {"generator": iter(()).__next__}, "raised StopIteration"),
    ("a generator that wants an argument", {"generator": lambda one: "a"}, "raised TypeError"),
    ("a generator of None", {"generator": always(None)}, "returned NoneType, not str"),
    ("a generator of bytes", {"generator": always(b"abc")}, "returned bytes, not str"),
    ("a generator of numbers", {"generator": always(7)}, "returned int, not str"),
    ("a generator of UUID objects", {"generator": uuid.uuid4}, "returned UUID, not str"),
    ("a generator of nothing", {"generator": always("")}, NO_ID),
    ("a generator of 129 characters", {"generator": always("a" * 129)}, NO_ID),
    ("a generator of a space", {"generator": always("a b")}, NO_ID),
    ("a generator of a second header", {"generator": always("a\r\nset-cookie: b=c")}, NO_ID),
    ("a generator of a last line break", {"generator": always("a\n")}, NO_ID),
    ("a generator of Latin-1", {"generator": always("\xe9")}, NO_ID),
    ("a generator of beyond Latin-1", {"generator": always("\u0101")}, NO_ID),
    ("a generator of full-width digits", {"generator": always("\uff11\uff12")}, NO_ID),
    ("a generator of half a character", {"generator": always("\ud800")}, NO_ID),
]


@pytest.mark.parametrize(("sentence", "options", "said"), UNUSABLE, ids=[row[0] for row in UNUSABLE])
def test_it_falls_back_and_reports_once(
    sentence: str, options: dict[str, Any], said: str, caplog: pytest.LogCaptureFixture
) -> None:
    app, scopes = apps.remembers()
    (option,) = options
    wrapped = RequestIDMiddleware(app, **{"trust": option != "generator", **options})
    sent = "A-value-of-the-client"
    for _ in range(3):
        exchange = drive(wrapped, http(headers=[("x-request-id", sent)]))
        assert exchange.error is None
        value = uuid.UUID(scopes[-1]["request_id"])
        assert (value.version, value.variant) == (4, uuid.RFC_4122)
        assert exchange.headers == [("content-type", "text/plain"), ("x-request-id", value.hex)]
    assert len({scope["request_id"] for scope in scopes}) == 3
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("asgi_middleware.request_id", "ERROR")
    assert record.getMessage() == f"request_id: {option} {said}; the ID is a generated one. Reported once."
    assert sent not in caplog.text


def test_each_broken_function_is_reported_for_itself(caplog: pytest.LogCaptureFixture) -> None:
    wrapped = RequestIDMiddleware(
        apps.text(b"ok"), validator=always(True), trust=fails(KeyError()), generator=always(None)
    )
    for _ in range(3):
        drive(wrapped, http(headers=[("x-request-id", "a")]))
    assert [record.getMessage().split()[1] for record in caplog.records] == ["trust", "generator"]


def test_one_instance_does_not_silence_another(caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(2):
        drive(RequestIDMiddleware(apps.text(b"ok"), generator=always(None)))
    assert len(caplog.records) == 2


@pytest.mark.parametrize("option", ["trust", "validator"])
@pytest.mark.filterwarnings("ignore:coroutine:RuntimeWarning")
def test_an_answer_that_must_be_awaited_opens_nothing(option: str, caplog: pytest.LogCaptureFixture) -> None:
    """A coroutine is true, whatever it would answer."""
    assert answered("a", **{option: lambda _: later(False)}) == "made-1"
    assert [record.getMessage().split()[1] for record in caplog.records] == [option]


def test_what_was_rejected_is_in_no_log_not_even_as_the_text_of_an_exception(caplog: pytest.LogCaptureFixture) -> None:
    assert answered("secret-value", validator=lambda value: int(value) > 0) == "made-1"
    assert len(caplog.records) == 1
    assert "secret-value" not in caplog.text


def test_a_report_of_nonsense_shows_no_traceback_of_something_else(caplog: pytest.LogCaptureFixture) -> None:
    wrapped = RequestIDMiddleware(apps.text(b"ok"), generator=always(None))
    try:
        raise KeyError("of something else")
    except KeyError:
        drive(wrapped)
    (record,) = caplog.records
    assert not record.exc_info


def test_invalid_ids_are_not_logged_at_all(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(1)
    for sent in ("", "a b", "a\r\nb", "a" * 129, "\x1b[31m", "a,b"):
        assert answered(sent) == "made-1"
        assert answered(sent, validator="uuid") == "made-1"
    assert answered("a", trust=False) == "made-1"
    assert caplog.records == []


def test_trust_sees_the_scope_and_the_validator_safe_text_of_those_who_are_trusted() -> None:
    asked: list[Any] = []

    def validator(value: str) -> bool:
        asked.append(value)
        return True

    def trust(scope: Any) -> bool:
        asked.append(scope["method"])
        return len(asked) < 6

    values = ["good", "", "a b", "\xe9", "a" * 129, "also.good"]
    given = [answered(sent, validator=validator, trust=trust) for sent in values]
    assert asked == ["GET", "good", "GET", "GET", "GET", "GET", "GET"]
    assert given == ["good", "made-1", "made-1", "made-1", "made-1", "made-1"]


@pytest.mark.parametrize("options", [{}, {"accept": ["x-other"]}, {"request_header": False}, {"trace": "continue"}])
def test_trust_is_not_asked_about_a_request_that_brings_nothing(options: dict[str, Any]) -> None:
    asked: list[Any] = []
    ask([("host", "a"), ("tracestate", "a=1")], trust=asked.append, **options)
    assert asked == []


def test_trust_is_asked_once_about_an_id_and_a_trace() -> None:
    asked: list[Any] = []

    def trust(scope: Any) -> bool:
        asked.append(scope)
        return True

    sent = [("x-request-id", "a"), ("traceparent", "00-12345678901234567890123456789012-1234567890123456-01")]
    _, scope = ask(sent, trust=trust, trace="continue")
    assert (scope["request_id"], scope["trace"].parent_id, len(asked)) == ("a", "1234567890123456", 1)


@pytest.mark.parametrize("option", ["trust", "validator", "generator"])
def test_what_stops_a_process_is_not_held_up(option: str) -> None:
    options: dict[str, Any] = {option: fails(KeyboardInterrupt())}
    wrapped = RequestIDMiddleware(apps.text(b"ok"), **options)
    sent = [] if option == "generator" else [("x-request-id", "a")]
    assert isinstance(drive(wrapped, http(headers=sent)).error, KeyboardInterrupt)


def test_a_log_that_fails_breaks_no_request() -> None:
    class Down(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise ConnectionError("no log server")

    logger, handler = logging.getLogger("asgi_middleware.request_id"), Down()
    logger.addHandler(handler)
    try:
        exchange, _ = ask([("x-request-id", "a")], trust=fails(KeyError()))
    finally:
        logger.removeHandler(handler)
    assert exchange.header("x-request-id") == ["made-1"]
