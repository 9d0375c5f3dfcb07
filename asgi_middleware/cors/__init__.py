"""CORS: which other origins' scripts may read this application's responses.

    from asgi_middleware import CORSMiddleware

    app = CORSMiddleware(app, allow_origins=["https://app.example.com", "http://localhost:*"])

Stands outside errors, compression, sessions and auth: a preflight carries no credentials, so auth would refuse it,
and a crash or a 401 without CORS headers reads as "blocked by CORS". Inside request ID and timing.

What it does, by clause of the Fetch standard (https://fetch.spec.whatwg.org/#http-cors-protocol):

- A preflight (OPTIONS with Origin and Access-Control-Request-Method) is answered here and never reaches the app:
  200 `OK`, or 400 with the reason. Everything else reaches the app.
- With a list of origins, every response varies by Origin, also those without one and the refused ones, so that no
  cache serves one origin's response to another. With `"*"` the reply is a constant and nothing varies.
- A refused origin learns nothing but the reason. An allowed origin whose method or header is refused gets its origin
  headers, so that the browser names the step that failed.
- A WebSocket handshake is not covered by CORS in browsers: any page may open one, with cookies. Where the list of
  origins is a real one, an Origin that is neither allowed nor the same host is refused before accept.

When a browser says no: `asgi-middleware explain stack.toml --origin ... --method ... --header ...`, or in code
`CORSPolicy.explain`, tells what it does step by step, which rule decided, and what to change. The logger
`asgi_middleware.cors` tells each refused preflight and WebSocket at level DEBUG.

Coming from Starlette: the options and the outward form are the same. What differs:

    Starlette                                        here
    no origins configured: nothing is allowed        ConfigError: say what is allowed, or `[]`
    allow_origins="https://a.example" (a string)     ConfigError; there it matches substrings, even "h"
    allow_origins=["*"], allow_credentials=True      ConfigError; there any site reads as the signed-in user
    allow_methods=("GET",)                           ("GET", "HEAD", "POST"), which browsers send unasked anyway
    `*` reflects nothing but still varies            `*` is a constant, without Vary
    a refused origin is told methods and headers     it is told the reason alone
    the first Access-Control-Request-Headers line    all lines, empty elements allowed, bounded
    Allow-Origin, -Credentials and Expose-Headers    they are replaced; for a refused origin removed
      set by the app are kept
    WebSockets pass                                  checked where the list of origins is a real one
"""

from .middleware import CORSMiddleware
from .policy import CORSPolicy

__all__ = ["CORSMiddleware", "CORSPolicy"]
