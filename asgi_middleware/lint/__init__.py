"""The ASGI specification as a checker, for both sides of whatever it wraps.

Like wsgiref.validate and Rack::Lint: around an application in its tests, around a middleware on both sides, or between
a server and what it serves.

    from starlette.testclient import TestClient

    from asgi_middleware.lint import RULES, LintMiddleware

    def test_the_app_keeps_to_the_specification():
        found = []
        checked = LintMiddleware(app, mode=found.append, ignore=["scope-version"])  # the client names no version
        with TestClient(checked) as client:  # `with`: so that its lifespan is checked too
            client.get("/")
        assert [violation.rule for violation in found if RULES[violation.rule].fault != "server"] == []

    app = LintMiddleware(app)                                  # raises ASGIViolation at the message that is wrong
    app = LintMiddleware(app, mode="warn")                     # logs each rule once, to `asgi_middleware.lint`
    app = LintMiddleware(MyMiddleware(LintMiddleware(app)))    # which of the three is at fault

A violation is an exception with `rule`, its name in `RULES`, and `seen`, what was there instead, as text without
secrets. The rule says whose fault it is (the server's: the scope, and what `receive` gives; the application's: what it
sends, and how it treats what it was given), which clause it stands in, and what should be.
`python -m asgi_middleware.lint` prints the table.

It changes no scope and no message, and passes on every exception. Optional keys may be absent and extra keys are fine.
What is sent and of a type that it does not know passes, if it is in the scope's own namespace: extensions add such.
So do whole protocols that it does not know. Not for production: it looks at everything.

Where the text and all servers differ, the servers win: early hints may come before the start, and a body on HEAD is
left to the server. Transfer-Encoding may be sent by the letter, to be ignored: it is reported, for it is a mistake.

Known to break a rule, each to be ignored by its name: Starlette's TestClient gives no `asgi` (scope-version); Granian
gives ports as text (scope-address); Hypercorn, Daphne and Granian, told of a root path, leave it out of `path`
(scope-path-whole); Django, Sanic and Datasette send `Content-Type` (start-header-case); Sanic refuses a WebSocket that
it has no route for with HTTP's own messages (send-namespace); BlackSheep's streams have a Transfer-Encoding
(start-transfer-encoding).

Sources: the ASGI specification (core 3.0, HTTP and WebSocket 2.5, lifespan 2.0, TLS 0.2) and its extensions.
"""

from .middleware import LintMiddleware
from .rules import RULES, ASGIViolation, Rule

__all__ = ["RULES", "ASGIViolation", "LintMiddleware", "Rule"]
