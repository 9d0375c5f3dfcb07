"""One lifespan: the start of an application and its end."""

from typing import Any

from .conversations import Conversation
from .values import Report, is_text

_ANSWERS = ("startup.complete", "startup.failed", "shutdown.complete", "shutdown.failed")


class Lifespan(Conversation):
    namespace = "lifespan"

    def __init__(self, report_to: Report, scope: Any) -> None:
        super().__init__(report_to, scope)
        self._asked: list[str] = []
        self._answered: list[str] = []
        self._over = False

    @property
    def starting(self) -> bool:
        """Whether the application has been told to start, and has said neither that it has nor that it cannot."""
        return "startup" in self._asked and not self._answered and not self._over

    def gave(self, state: Any) -> bool:
        """Whether this is the very namespace of the lifespan's scope, of which requests get a copy."""
        return state is not None and state is self._scope.get("state")

    def on_received(self, kind: str, message: Any) -> None:
        if kind == "lifespan.startup":
            self.check("lifespan-receive", not self._asked, kind)
        elif kind == "lifespan.shutdown":
            self.check("lifespan-receive", self._answered == ["startup.complete"] and self._asked == ["startup"], kind)
        else:
            self.report("receive-type", kind)
            return
        self._asked.append(kind.removeprefix("lifespan."))

    def on_sent(self, kind: str, message: Any) -> None:
        answer = kind.removeprefix("lifespan.")
        asked = answer.partition(".")[0]
        if answer not in _ANSWERS:
            return
        once = not any(given.startswith(asked) for given in self._answered)
        self.check("lifespan-send", asked in self._asked and once, kind)
        self.check("lifespan-message", is_text(message.get("message", "")), message.get("message"))
        self._answered.append(answer)

    def on_returned(self) -> None:
        answered = {answer.partition(".")[0] for answer in self._answered}
        missing = [asked for asked in self._asked or ["startup"] if asked not in answered]
        self.check("lifespan-answered", not missing, missing)

    def ended(self) -> None:
        self._over = True
