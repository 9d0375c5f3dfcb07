"""`request_id`: the ID in the lines of a log."""

import contextvars
import logging
import logging.handlers
import queue
from collections.abc import Iterator
from typing import Any

import pytest

from asgi_middleware import RequestIDMiddleware
from asgi_middleware.request_id import RequestIDFilter, add_request_id, install_record_factory

from . import apps
from .asgi import drive, http
from .identified import always, inside, numbered


class Lines(logging.Handler):
    """Keeps the lines that it would write."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.setFormatter(logging.Formatter("%(request_id)s %(message)s"))

    def show_traces(self) -> None:
        """Without a trace, a format that asks for one needs a default."""
        self.setFormatter(logging.Formatter("%(request_id)s %(trace_id)s %(message)s", defaults={"trace_id": "-"}))

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@pytest.fixture
def lines() -> Iterator[Lines]:
    handler = Lines()
    logger = logging.getLogger("tests.request_id")
    logger.propagate = False
    logger.setLevel(logging.DEBUG)
    logger.addHandler(handler)
    yield handler
    logger.removeHandler(handler)


def test_every_line_of_a_request_carries_its_id(lines: Lines) -> None:
    lines.addFilter(RequestIDFilter())
    logger = logging.getLogger("tests.request_id")
    wrapped = RequestIDMiddleware(inside(lambda: logger.info("inside")), generator=numbered())
    broken = RequestIDMiddleware(apps.raises(KeyError()), generator=always("broken"))

    def serve() -> None:
        logger.debug("before")
        drive(wrapped)
        logger.info("access")
        drive(wrapped)
        logger.info("access")
        drive(broken)
        logger.error("error")

    contextvars.Context().run(serve)
    assert lines.lines == [
        "- before",
        "made-1 inside",
        "made-1 access",
        "made-2 inside",
        "made-2 access",
        "broken error",
    ]


def test_the_filter_has_a_default_for_outside_and_drops_nothing(lines: Lines) -> None:
    lines.addFilter(RequestIDFilter(default="none"))
    logger = logging.getLogger("tests.request_id")
    for level in (logging.DEBUG, logging.INFO, logging.ERROR, 1000):
        contextvars.Context().run(logger.log, level, "%d", level)
    assert lines.lines == ["none 10", "none 20", "none 40", "none 1000"]


TRACE = "0af7651916cd43dd8448eb211c80319c"
TRACED = [("traceparent", f"00-{TRACE}-b7ad6b7169203331-01")]


def log_in_turns(logger: logging.Logger) -> None:
    """Outside, in a request without a trace, in one with a trace, and after it."""

    def serve() -> None:
        logger.info("before")
        drive(RequestIDMiddleware(inside(lambda: logger.info("plain")), generator=always("a")))
        drive(
            RequestIDMiddleware(inside(lambda: logger.info("traced")), generator=always("b"), trace="continue"),
            http(headers=TRACED),
        )
        logger.info("after")

    contextvars.Context().run(serve)


IN_TURNS = ["- - before", "a - plain", f"b {TRACE} traced", f"b {TRACE} after"]


def test_the_filter_adds_the_trace_where_there_is_one(lines: Lines) -> None:
    lines.show_traces()
    lines.addFilter(RequestIDFilter())
    log_in_turns(logging.getLogger("tests.request_id"))
    assert lines.lines == IN_TURNS


def test_a_filter_in_the_thread_of_a_listener_keeps_what_a_record_has(lines: Lines) -> None:
    records: queue.SimpleQueue[Any] = queue.SimpleQueue()
    handler = logging.handlers.QueueHandler(records)
    handler.addFilter(RequestIDFilter())
    lines.addFilter(RequestIDFilter())
    logger = logging.getLogger("tests.request_id.queued")
    logger.propagate = False
    logger.addHandler(handler)
    listener = logging.handlers.QueueListener(records, lines)
    listener.start()
    drive(RequestIDMiddleware(inside(lambda: logger.error("inside")), generator=always("mine")))
    contextvars.Context().run(logger.error, "outside")
    listener.stop()
    logger.removeHandler(handler)
    assert lines.lines == ["mine inside", "- outside"]


# The factory of records


@pytest.fixture
def factory() -> Iterator[None]:
    """Puts back the factory that was there."""
    before = logging.getLogRecordFactory()
    yield
    logging.setLogRecordFactory(before)


@pytest.mark.usefixtures("factory")
def test_every_record_has_the_id_without_any_filter(lines: Lines) -> None:
    lines.show_traces()
    remove = install_record_factory()
    log_in_turns(logging.getLogger("tests.request_id"))
    assert lines.lines == IN_TURNS
    remove()
    assert not hasattr(logging.makeLogRecord({}), "request_id")


@pytest.mark.usefixtures("factory")
def test_the_factory_has_a_default_for_outside() -> None:
    install_record_factory("none")
    assert contextvars.Context().run(logging.makeLogRecord, {}).request_id == "none"  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]  # added to every record


@pytest.mark.usefixtures("factory")
def test_installing_twice_is_installing_once() -> None:
    before = logging.getLogRecordFactory()
    removes = [install_record_factory(), install_record_factory()]
    installed = logging.getLogRecordFactory()
    assert removes[0] == removes[1]
    removes[1]()
    assert logging.getLogRecordFactory() is before
    removes[0]()
    assert logging.getLogRecordFactory() is before
    install_record_factory()
    assert logging.getLogRecordFactory() not in (before, installed)


@pytest.mark.usefixtures("factory")
def test_the_factory_that_was_there_makes_the_records() -> None:
    class Own(logging.LogRecord):
        pass

    logging.setLogRecordFactory(Own)
    remove = install_record_factory()
    assert isinstance(logging.makeLogRecord({}), Own)
    remove()
    assert logging.getLogRecordFactory() is Own


@pytest.mark.usefixtures("factory")
def test_where_another_has_wrapped_ours_it_stays_and_does_nothing_any_more() -> None:
    remove = install_record_factory()
    ours = logging.getLogRecordFactory()

    def theirs(*args: Any, **kwargs: Any) -> logging.LogRecord:
        return ours(*args, **kwargs)

    logging.setLogRecordFactory(theirs)
    remove()
    assert logging.getLogRecordFactory() is theirs
    assert not hasattr(logging.makeLogRecord({}), "request_id")


@pytest.mark.usefixtures("factory")
def test_a_record_from_elsewhere_keeps_its_own_id() -> None:
    """As received from another process (logging.makeLogRecord)."""
    install_record_factory()
    assert vars(logging.makeLogRecord({"request_id": "theirs"}))["request_id"] == "theirs"


@pytest.mark.usefixtures("factory")
def test_with_the_factory_extra_must_not_name_the_id() -> None:
    """Python's own rule for what a record has already; the manual says so."""
    install_record_factory()
    with pytest.raises(KeyError, match="request_id"):
        logging.getLogger("tests.request_id").error("x", extra={"request_id": "a"})


# structlog


def test_the_processor_adds_what_is_not_there() -> None:
    events: list[Any] = []

    def note() -> None:
        events.extend(add_request_id(None, "info", event) for event in ({"event": "x"}, {"request_id": "own"}))
        events.append(add_request_id(None, "info", {"trace_id": "own"}))

    contextvars.Context().run(note)
    drive(RequestIDMiddleware(inside(note), generator=always("a")))
    drive(RequestIDMiddleware(inside(note), generator=always("b"), trace="continue"), http(headers=TRACED))
    assert events == [
        {"event": "x"},
        {"request_id": "own"},
        {"trace_id": "own"},
        {"event": "x", "request_id": "a"},
        {"request_id": "own"},
        {"trace_id": "own", "request_id": "a"},
        {"event": "x", "request_id": "b", "trace_id": TRACE},
        {"request_id": "own", "trace_id": TRACE},
        {"trace_id": "own", "request_id": "b"},
    ]


def test_structlog_tells_the_id_of_this_request_not_of_the_one_before() -> None:
    """Two requests in one context, as pipelined ones are, with what the first one has bound still there."""
    structlog = pytest.importorskip("structlog", reason="structlog is not installed: the extra `hosts`")
    events: list[Any] = []

    def keep(logger: Any, method_name: str, event_dict: Any) -> Any:
        events.append(event_dict)
        raise structlog.DropEvent

    merge = structlog.contextvars.merge_contextvars
    logger = structlog.wrap_logger(structlog.PrintLogger(), processors=[merge, add_request_id, keep])

    def first() -> None:
        structlog.contextvars.bind_contextvars(user="ada")
        logger.info("first")

    def second() -> None:
        logger.info("stale")
        structlog.contextvars.clear_contextvars()
        logger.info("cleared")

    def serve() -> None:
        for name, function in (("a", first), ("b", second)):
            drive(RequestIDMiddleware(inside(function), generator=always(name)))

    contextvars.Context().run(serve)
    assert events == [
        {"event": "first", "user": "ada", "request_id": "a"},
        {"event": "stale", "user": "ada", "request_id": "b"},
        {"event": "cleared", "request_id": "b"},
    ]
