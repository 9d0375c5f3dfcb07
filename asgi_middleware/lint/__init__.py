"""The ASGI specification as a checker, for both sides of whatever it wraps.

    app = LintMiddleware(app)                                  # raises ASGIViolation at the message that is wrong
    app = LintMiddleware(app, mode="warn")                     # logs it and goes on
    app = LintMiddleware(MyMiddleware(LintMiddleware(app)))    # in tests: which of the three is at fault

Like wsgiref.validate and Rack::Lint: stand it between a server and an application, or around each layer in a test. A
violation names its rule, and the rule says whose fault it is: the server's (the scope, what `receive` gives) or the
application's (what it sends, how it treats what it was given). `RULES` is the whole table.

It changes no scope and no message. Optional keys may be absent and extra keys are fine. Message types that it does not
know pass, if they are in the scope's own namespace: extensions add such. Not for production: it looks at everything.

Where the text and all servers differ, the servers win: early hints and debug messages may come before the start.

Sources: the ASGI specification (core 3.0, HTTP and WebSocket 2.5, lifespan 2.0) and its extensions.
"""

from .middleware import LintMiddleware
from .rules import RULES, ASGIViolation, Rule

__all__ = ["RULES", "ASGIViolation", "LintMiddleware", "Rule"]
