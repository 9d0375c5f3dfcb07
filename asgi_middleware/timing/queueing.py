"""X-Request-Start: when a proxy took the request, so how long it waited until it came here.

    who      writes                     is
    nginx    t=1512379167.574           seconds, with `proxy_set_header X-Request-Start "t=${msec}";`
    Apache   t=1512379167574123         microseconds, with `RequestHeader set X-Request-Start "%t"`
    Heroku   1512379167574              milliseconds

No text says which of them it is; the number does. As seconds every date up to the year 5138 has at most eleven digits,
as milliseconds every one since 1973 has twelve to fourteen, as microseconds fifteen to seventeen.
"""

import re

# No proxy lets a request wait for so long: whatever says so is no time of this request. Seconds.
OLDEST = 600
_START = re.compile(rb"(?:t=)?([0-9]{1,17}(?:\.[0-9]{1,9})?)")
_UNITS = ((1e11, 1.0), (1e14, 1e-3), (float("inf"), 1e-6))


def waited(value: bytes, now: float) -> float | None:
    """Seconds between the time in the header and `now`, in seconds since 1970.

    0 where the proxy's clock is a little ahead of ours. None for what is no time, for times more than ten minutes old
    or ahead, and for several lines: nobody can say which of them the proxy has written.
    """
    found = _START.fullmatch(value)
    if found is None:
        return None
    number = float(found[1])
    unit = next(unit for below, unit in _UNITS if number < below)
    age = now - number * unit
    return max(age, 0.0) if abs(age) <= OLDEST else None
