"""Which server is tested with which application, and what is asked of each pair."""

from .checks import CHECKS, H1_ONLY
from .servers import ALL, APPS, HTTP3, KINDS, TRIO, Pair

# These differ most in what they send, or have found most: they stand behind every server. The others came later, and
# stand behind two: one that is written in C, and one that is strict with applications.
EVERYWHERE = ("raw", "starlette", "django", "litestar", "quart", "sanic")
TWO = ("uvicorn-httptools", "hypercorn")
# They have a place of their own for middleware that speaks ASGI.
NATIVE = ("starlette", "fastapi", "litestar", "quart", "channels")
# What these serve, of all that the checks ask for.
SOME = {
    "databases": ("json", "wire", "visits", "log"),
    "sse": ("events", "log"),
}
# Not a check of a running server: it is told by what one has printed when it has ended.
LIFESPAN = "lifespan"

PAIRS = (
    *(Pair(kind, app) for kind in KINDS for app in EVERYWHERE),
    *(Pair(kind, app) for kind in TWO for app in APPS if app not in EVERYWHERE),
    *(Pair(kind, app) for kind in (*HTTP3, *TRIO) for app in ("raw", "starlette")),
    *(Pair("uvicorn-httptools", app, "native") for app in NATIVE),
    *(Pair(kind, app) for kind, app in zip(TWO, SOME, strict=True)),
)


# Falcon answers once it has as many bytes as Content-Length says. If that is before the last frame of the request,
# which httpx sends apart, Hypercorn 0.18 raises KeyError at that frame and drops the connection: which of the two comes
# first is chance.
BY_CHANCE = {("hypercorn", "falcon", "h2", "echo")}


def checked(pair: Pair, protocol: str) -> list[str]:
    """What a running pair is asked by this protocol."""
    words = [word for word in SOME.get(pair.app, tuple(CHECKS)) if protocol == "h1" or word not in H1_ONLY]
    return [word for word in words if (pair.kind, pair.app, protocol, word) not in BY_CHANCE]


def asked(pair: Pair, protocol: str) -> list[str]:
    """All that is proven of a pair by this protocol; its lifespan counts once."""
    return checked(pair, protocol) + ([LIFESPAN] if protocol == ALL[pair.kind].protocols[0] else [])
