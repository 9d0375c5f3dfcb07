"""What the tests of auth share: users, credentials, backends, and the answers that they get."""

import base64
from collections.abc import Callable
from typing import Any

import bcrypt
import pytest
from argon2 import PasswordHasher
from starlette import authentication
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, Response

from asgi_middleware import ConfigError
from asgi_middleware.auth import AuthError, Bearer, User

from .asgi import Message
from .tokens import (
    Outcome,
    hs,
    refusal,
    token,
    verifier,
)

GOOD = token().decode()
FORGED = token(sign=hs(b"x")).decode()
BEARER = Bearer(verifier())
ANONYMOUS: Outcome = ("app", None, [])
ADA: Outcome = ("app", "ada", ["read", "write"])
BASIC = 'Basic realm="Restricted", charset="UTF-8"'
NOBODY = refusal(401, "Not authenticated", "Bearer")


def refused(make: Any, *given: Any, **options: Any) -> tuple[str, list[str]]:
    """Whose construction it was, and each problem as it is said."""
    with pytest.raises(ConfigError) as caught:
        make(*given, **options)
    return caught.value.owner, [str(problem) for problem in caught.value.problems]


def pair(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


# bcrypt writes $2b$; `htpasswd -B` writes the same hash as $2y$. Cost 4 is its least.
SALT = b"$2b$04$abcdefghijklmnopqrstuu"


def hashed(password: str) -> str:
    return bcrypt.hashpw(password.encode(), SALT).decode().replace("$2b$", "$2y$")


ARGON2 = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


async def never(name: str, password: str) -> bool:
    return False


class Claims:
    """A backend of one's own that always answers the same."""

    scheme = "Custom"

    def __init__(self, answer: User | AuthError | None) -> None:
        self.answer = answer
        self.calls = 0

    async def identify(self, scope: Any) -> Any:
        self.calls += 1
        if isinstance(self.answer, AuthError):
            raise self.answer
        return self.answer


class OtherTokens(Claims):
    """Serves bearer tokens of its own form, and leaves the others to the next."""

    scheme = "Bearer"


WRONG = refusal(401, "Wrong user name or password", BASIC)
UNREADABLE = refusal(400, "The Basic credentials are malformed", BASIC)
LONG = "p" * 72
USERS = {
    "ada": hashed("open sesame"),
    "zoë": hashed("gruß, größe 🙂"),
    "colon": hashed("a:b::c:"),
    "empty": hashed(""),
    "long": hashed(LONG),
    "argon": ARGON2.hash("open sesame", salt=b"saltsaltsalt"),
    "older": bcrypt.hashpw(b"open sesame", SALT.replace(b"2b", b"2a")).decode(),
    "blank name": hashed("x"),
}


def encoded(data: bytes) -> str:
    return "Basic " + base64.b64encode(data).decode()


def known(name: str) -> Outcome:
    return "app", name, []


class Counted:
    """Stands in for a hash function, and counts its calls, which come from threads."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.calls: list[tuple[Any, ...]] = []

    def __call__(self, *args: Any) -> Any:
        self.calls.append(args)
        return self.function(*args)


HTPASSWD = f"""# written by htpasswd -B

ada:{USERS["ada"]}
  zoë:{USERS["zoë"]}\x20
#eve:{USERS["ada"]}
argon:{USERS["argon"]}
"""


def denied(answer: Outcome) -> list[Message]:
    status, headers, text = answer
    order = ["content-type", "content-length", "www-authenticate"]
    pairs = sorted(headers, key=lambda line: order.index(line[0]))
    return [
        {
            "type": "websocket.http.response.start",
            "status": status,
            "headers": [(name.encode(), value.encode()) for name, value in pairs],
        },
        {"type": "websocket.http.response.body", "body": text.encode()},
    ]


def shown_error(conn: HTTPConnection, error: Exception) -> Response:
    return JSONResponse({"error": str(error), "path": conn.url.path}, 418, {"x-from": "on_error"})


CONNECT: Message = {"type": "websocket.connect"}
CLOSED: list[Message] = [{"type": "websocket.close", "code": 1008}]


class StarletteBasic(authentication.AuthenticationBackend):
    """The backend of Starlette's documentation, in short."""

    async def authenticate(
        self, conn: HTTPConnection
    ) -> tuple[authentication.AuthCredentials, authentication.BaseUser] | None:
        if "authorization" not in conn.headers:
            return None
        try:
            scheme, _, value = conn.headers["authorization"].partition(" ")
            if scheme.lower() != "basic":
                return None
            name, _, _ = base64.b64decode(value).decode().partition(":")
        except ValueError:
            raise authentication.AuthenticationError("Invalid basic auth credentials") from None
        scopes = ["authenticated", "admin"] if name == "root" else ["authenticated"]
        return authentication.AuthCredentials(scopes), authentication.SimpleUser(name)
