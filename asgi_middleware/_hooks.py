"""Functions of the application's that are asked about a request: one that fails costs its answer, never the request."""

import inspect
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any


def report(word: str, text: str, *about: object) -> None:
    """Log an error of the middleware with this `word`. Where that fails as well, there is nobody left to tell."""
    with suppress(Exception):
        logging.getLogger(f"asgi_middleware.{word}").error("%s: " + text, word, *about)


class Fault:
    """What may be wrong with one `thing` that a middleware is given; it is reported once.

    `otherwise` says what is done without the thing.
    """

    def __init__(self, word: str, thing: str, *, otherwise: str) -> None:
        self._word = word
        self._thing = thing
        self._otherwise = otherwise
        self._reported = False

    def raised(self, error: Exception) -> None:
        # The kind of an exception alone: its text may quote the client.
        self.seen(f"raised {type(error).__name__}")

    def seen(self, what: str) -> None:
        if not self._reported:
            self._reported = True
            report(self._word, "%s %s; %s. Reported once.", self._thing, what, self._otherwise)


class Hook(Fault):
    """A function, given as this `option`, that must answer with a value of these `kinds`, at once."""

    def __init__(
        self, word: str, option: str, function: Callable[..., Any], kinds: tuple[type, ...], *, otherwise: str
    ) -> None:
        super().__init__(word, option, otherwise=otherwise)
        self._function = function
        self._kinds = kinds

    def __call__(self, *about: Any) -> Any:
        """The answer, or None where there is none."""
        try:
            answer = self._function(*about)
        except Exception as error:  # noqa: BLE001  # as the module says
            self.raised(error)
            return None
        if isinstance(answer, self._kinds):
            return answer
        if inspect.iscoroutine(answer):
            answer.close()
        self.seen(f"returned {type(answer).__name__}, not {' or '.join(kind.__name__ for kind in self._kinds)}")
        return None
