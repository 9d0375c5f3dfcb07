"""`request_id`: the ID in the lines of a log."""

import contextvars
import logging
from collections.abc import Iterator

import pytest

from asgi_middleware import RequestIDMiddleware
from asgi_middleware.request_id import RequestIDFilter

from . import apps
from .asgi import drive
from .identified import always, inside, numbered


class Lines(logging.Handler):
    """Keeps the lines that it would write."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.setFormatter(logging.Formatter("%(request_id)s %(message)s"))

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
