"""The stack that every host gets, and the applications by name."""

import importlib
from collections.abc import Callable

from asgi_middleware import LintMiddleware, Stack
from asgi_middleware.auth import JWT, Bearer, HMACKey
from asgi_middleware.lint import RULES, ASGIViolation
from tests.asgi import App

SECRET = "a-secret-of-the-tests-that-is-long-enough"
ORIGIN = "https://app.example.com"


def six() -> Stack:
    """The recommended six and errors, in the recommended order."""
    return Stack(
        [
            "request_id",
            "timing",
            ("cors", {"allow_origins": [ORIGIN], "allow_credentials": True}),
            "errors",
            "compression",
            ("sessions", {"secret_key": SECRET}),
            ("auth", {"backend": Bearer(JWT(HMACKey(SECRET), issuer="issuer", audience="audience"))}),
        ]
    )


def load(name: str) -> App:
    """The `app` of a module of `apps`."""
    app: App = importlib.import_module(f"tests.hosts.apps.{name}_app").app
    return app


def native(name: str) -> App:
    """The same application with the six in its framework's own way."""
    app: App = importlib.import_module(f"tests.hosts.apps.{name}_app").native(six())
    return app


def linted(inner: App, tell: Callable[[str], object]) -> App:
    """The stack between two checkers; `tell` gets a line for each rule that is broken on either side, once."""
    told: set[str] = set()

    def finder(side: str) -> Callable[[ASGIViolation], None]:
        def found(violation: ASGIViolation) -> None:
            line = f"lint, {side}: {RULES[violation.rule].fault}: {violation.rule}"
            if line not in told:
                told.add(line)
                tell(line)

        return found

    return LintMiddleware(six()(LintMiddleware(inner, mode=finder("inside"))), mode=finder("outside"))
