"""How long a response took, in the Server-Timing header that every browser's network panel shows.

    from asgi_middleware import TimingMiddleware, measure

    app = TimingMiddleware(app)                        # Server-Timing: total;dur=12.3

    with measure("db", desc="orders"):                 # anywhere inside the request, sync or async
        rows = await fetch()

Stands inside the request ID and outside everything that it is to measure. `total` is the time from the request's
arrival here to the start of the response, on `time.perf_counter`. It never adds Timing-Allow-Origin: other origins
see nothing unless the application says so. The application's own Server-Timing lines stay; ours is a line of its own.

Names of spans tell how an application is built, so by default only `total` leaves the house.

Format: W3C Server Timing (https://www.w3.org/TR/server-timing/), on RFC 9110 tokens and quoted strings.
"""

from .middleware import TimingMiddleware
from .spans import add, measure

__all__ = ["TimingMiddleware", "add", "measure"]
