"""`_hooks`: what is said of a function of the application's that fails, and that it is said once."""

import logging
from collections.abc import Callable
from typing import Any

import pytest

from asgi_middleware._hooks import Fault, Hook, report


async def later() -> bool:
    return True


def raising() -> Any:
    raise KeyError("secret")


Row = tuple[str, Callable[..., Any], tuple[type, ...], Any, str | None]

ROWS: list[Row] = [
    ("an answer of the kind", lambda: False, (bool,), False, None),
    ("an answer of one of two kinds", lambda: None, (str, type(None)), None, None),
    ("one of another kind", lambda: 1, (bool,), None, "returned int, not bool"),
    ("one of neither kind", lambda: 1, (str, type(None)), None, "returned int, not str or NoneType"),
    ("one that must be awaited", later, (bool,), None, "returned coroutine, not bool"),
    ("an exception, whose text is nobody's business", raising, (bool,), None, "raised KeyError"),
    ("no such arguments", lambda one: True, (bool,), None, "raised TypeError"),
]


@pytest.mark.parametrize(("sentence", "function", "kinds", "answer", "said"), ROWS, ids=[row[0] for row in ROWS])
@pytest.mark.filterwarnings("error")  # a coroutine that nobody awaits or closes
def test_it_is_asked_each_time_and_reported_once(
    sentence: str,
    function: Callable[..., Any],
    kinds: tuple[type, ...],
    answer: Any,
    said: str | None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    hook = Hook("cors", "option", function, kinds, otherwise="nothing comes of it")
    assert [hook() for _ in range(3)] == [answer] * 3
    assert [(record.name, record.levelname, record.getMessage()) for record in caplog.records] == (
        [("asgi_middleware.cors", "ERROR", f"cors: option {said}; nothing comes of it. Reported once.")] if said else []
    )


def test_what_it_is_about_is_handed_on() -> None:
    def function(*about: Any) -> Any:
        return list(about)

    assert Hook("cors", "option", function, (list,), otherwise="")(1, 2) == [1, 2]


def test_what_stops_a_process_is_not_held_up() -> None:
    def stopped() -> Any:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Hook("cors", "option", stopped, (bool,), otherwise="")()


def test_faults_of_two_things_do_not_silence_each_other(caplog: pytest.LogCaptureFixture) -> None:
    for thing in ("one", "other"):
        fault = Fault("cors", thing, otherwise="so be it")
        fault.seen("is odd")
        fault.raised(ValueError("secret"))
    assert [record.getMessage() for record in caplog.records] == [
        "cors: one is odd; so be it. Reported once.",
        "cors: other is odd; so be it. Reported once.",
    ]


def test_a_log_that_fails_is_nobodys_business(caplog: pytest.LogCaptureFixture) -> None:
    class Down(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise ConnectionError("no log server")

    logger, handler = logging.getLogger("asgi_middleware.cors"), Down()
    logger.addHandler(handler)
    try:
        report("cors", "%d of %d", 1, 2)
    finally:
        logger.removeHandler(handler)
    report("cors", "%d of %d", 2, 2)
    assert [record.getMessage() for record in caplog.records] == ["cors: 2 of 2"]
