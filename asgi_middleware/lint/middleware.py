"""`LintMiddleware`: watches one conversation after the other."""

import logging
from collections.abc import Callable
from typing import Any, Literal

from .._options import Options
from .._types import ASGIApp, Message, Receive, Scope, Send
from .conversations import CONVERSATIONS, as_list
from .rules import ASGIViolation
from .values import check_scope

logger = logging.getLogger("asgi_middleware.lint")

# What nobody between server and application has reason to replace. Routers write `path_params`, `root_path`, `state`.
_KEPT = ("type", "asgi", "http_version", "method", "scheme", "query_string", "headers", "client", "server")


class LintMiddleware:
    """Checks both sides of every conversation.

    - `mode`: `"raise"` raises ASGIViolation where the rule is broken, `"warn"` logs it once for each rule; or a
      function that is called with each ASGIViolation.

    Raises ConfigError with every problem.
    """

    middleware_kind = "lint"

    def __init__(
        self, app: ASGIApp, *, mode: Literal["raise", "warn"] | Callable[[ASGIViolation], None] = "raise"
    ) -> None:
        options = Options("LintMiddleware")
        options.app(app)
        if not callable(mode):
            options.choice("mode", mode, ("raise", "warn"))
        options.raise_problems()
        self.app = app
        self._warned: set[str] = set()
        self._report: Callable[[ASGIViolation], None] = _raise
        if callable(mode):
            self._report = mode
        elif mode == "warn":
            self._report = self._warn

    def _warn(self, violation: ASGIViolation) -> None:
        if violation.rule not in self._warned:
            self._warned.add(violation.rule)
            logger.warning("%s", violation)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        check_scope(self._report, scope)
        kind = scope.get("type") if isinstance(scope, dict) else None
        conversation = CONVERSATIONS.get(kind) if isinstance(kind, str) else None
        if conversation is None:
            await self.app(scope, receive, send)
            return
        line = conversation(self._report, scope)

        async def checked_receive() -> Message:
            message = await receive()
            line.received(message)
            return message

        async def checked_send(message: Message) -> None:
            line.sent(message)
            await send(message)

        given = {key: scope[key] for key in _KEPT if key in scope}
        headers = as_list(scope.get("headers"))
        result: Any = await self.app(scope, checked_receive, checked_send)  # type: ignore[func-returns-value]  # it is what is checked
        if result is not None:
            line.report("returns-none", result)
        for key, value in given.items():
            kept = scope.get(key) is value
            if key == "headers":
                # Starlette puts a list of its own there, of the same pairs, as soon as it looks for one.
                kept = headers is None or headers == as_list(value) == as_list(scope.get(key))
            if not kept:
                line.report("scope-kept", key)
        line.returned()


def _raise(violation: ASGIViolation) -> None:
    raise violation
