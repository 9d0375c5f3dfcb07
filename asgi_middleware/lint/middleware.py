"""`LintMiddleware`: watches one conversation after the other."""

import logging
from collections.abc import Callable, Collection
from typing import Any, Literal

from .._options import Options
from .._types import ASGIApp, Message, Receive, Scope, Send
from .conversations import Conversation
from .http import HTTP
from .lifespan import Lifespan
from .rules import RULES, ASGIViolation
from .scopes import Kept, ScopeCheck
from .values import type_of
from .websocket import WebSocket

logger = logging.getLogger("asgi_middleware.lint")

_CONVERSATIONS: dict[str, type[Conversation]] = {"http": HTTP, "websocket": WebSocket, "lifespan": Lifespan}


class LintMiddleware:
    """Checks both sides of every conversation.

    - `mode`: `"raise"` raises ASGIViolation where the rule is broken, `"warn"` logs it once for each rule; or a
      function that is called with each ASGIViolation.
    - `ignore`: rules that are not to be reported, by their names in `RULES`: `["start-header-case"]` around Django,
      whose handler sends `Content-Type`.

    Raises ConfigError with every problem.
    """

    middleware_kind = "lint"

    def __init__(
        self,
        app: ASGIApp,
        *,
        mode: Literal["raise", "warn"] | Callable[[ASGIViolation], None] = "raise",
        ignore: Collection[str] = (),
    ) -> None:
        options = Options("LintMiddleware")
        options.app(app)
        if not callable(mode):
            options.choice("mode", mode, ("raise", "warn"))
        self._ignored = frozenset(options.strings("ignore", ignore, example="['start-header-case']"))
        for unknown in sorted(self._ignored - RULES.keys()):
            options.problem("ignore", repr(unknown), "is not a rule", "use names of asgi_middleware.lint.RULES")
        options.raise_problems()
        self.app = app
        self._warned: set[str] = set()
        self._lifespan: Lifespan | None = None  # the last one: what it says holds for the requests that follow
        self._tell: Callable[[ASGIViolation], None] = _raise
        if callable(mode):
            self._tell = mode
        elif mode == "warn":
            self._tell = self._warn

    def _report(self, violation: ASGIViolation) -> None:
        if violation.rule not in self._ignored:
            self._tell(violation)

    def _warn(self, violation: ASGIViolation) -> None:
        if violation.rule not in self._warned:
            self._warned.add(violation.rule)
            logger.warning("%s", violation)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        ScopeCheck(self._report, scope).whole()
        kind = scope.get("type") if isinstance(scope, dict) else None
        conversation = _CONVERSATIONS.get(kind) if isinstance(kind, str) else None
        if conversation is None:
            await self.app(scope, receive, send)
            return
        line = conversation(self._report, scope)
        self._compare_with_lifespan(line, scope)

        async def checked_receive(*given: Any, **named: Any) -> Message:
            line.called("receive", not given and not named)
            message: Message = await receive(*given, **named)
            line.received(message)
            return message

        async def checked_send(*given: Any, **named: Any) -> None:
            line.called("send", len(given) == 1 and not named)
            line.sent(given[0] if given else named.get("message"))
            try:
                await send(*given, **named)
            except Exception as error:
                line.send_failed(error)
                raise

        kept = Kept(scope)
        try:
            result: Any = await self.app(scope, checked_receive, checked_send)  # type: ignore[func-returns-value]  # it is what is checked
        finally:
            line.ended()
        if result is not None:
            line.report("returns-none", type_of(result))
        for key in kept.changed():
            line.report("scope-kept", key)
        line.returned()

    def _compare_with_lifespan(self, line: Conversation, scope: Scope) -> None:
        if isinstance(line, Lifespan):
            self._lifespan = line
        elif self._lifespan is not None:
            line.check("lifespan-first", not self._lifespan.starting, scope["type"])
            line.check("scope-state-copy", not self._lifespan.gave(scope.get("state")), "the very same")


def _raise(violation: ASGIViolation) -> None:
    raise violation
