"""Functions of the application's that are asked about a request: one that fails costs its answer, never the request."""

import inspect
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any

_logger = logging.getLogger("asgi_middleware.timing")


def report(text: str, *about: object) -> None:
    """Log an error. Where that fails as well, there is nobody left to tell."""
    with suppress(Exception):
        _logger.error(text, *about)


class Hook:
    """A function that must answer with a value of these `kinds`, at once. What it does wrong is logged, once."""

    def __init__(self, option: str, function: Callable[..., Any], kinds: tuple[type, ...], otherwise: str) -> None:
        self._option = option
        self._function = function
        self._kinds = kinds
        self._otherwise = otherwise
        self._reported = False

    def __call__(self, *about: Any) -> Any:
        """The answer, or None where there is none."""
        try:
            answer = self._function(*about)
        except Exception as error:  # noqa: BLE001  # as the module says
            self._report("raised", error)
            return None
        if isinstance(answer, self._kinds):
            return answer
        if inspect.iscoroutine(answer):
            answer.close()
        self._report("returned", answer)
        return None

    def _report(self, what: str, seen: object) -> None:
        if not self._reported:
            self._reported = True
            # The kind of an exception alone: its text may quote the client.
            report("timing: %s %s %s; %s. Reported once.", self._option, what, type(seen).__name__, self._otherwise)
