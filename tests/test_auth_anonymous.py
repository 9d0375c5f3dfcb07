"""A user who is not authenticated is anonymous, whoever gave it: what a lookup finds may be Django's AnonymousUser."""

from collections.abc import Callable
from typing import Any

import pytest
from starlette import authentication
from starlette.requests import HTTPConnection

from asgi_middleware import AuthMiddleware
from asgi_middleware.auth import Basic, Bearer, SessionUser, User

from . import apps
from .asgi import drive, http
from .authenticating import ADA, ANONYMOUS, GOOD, WRONG, Claims, pair
from .tokens import Outcome, ask, bad_token, outcome, refusal, verifier


class Guest:
    """As Django's AnonymousUser: there, with scopes even, and not authenticated."""

    is_authenticated = False
    identity = "guest"
    scopes = ("admin",)


async def guest(*args: Any) -> Any:
    return Guest()


class Guests(authentication.AuthenticationBackend):
    """A Starlette backend that gives everybody a user."""

    async def authenticate(self, conn: HTTPConnection) -> Any:
        return authentication.AuthCredentials(["guest"]), Guest()


SESSION = {"session": {"_subject": "user-1"}}
TOKEN, PASSWORD = (("authorization", f"Bearer {GOOD}"),), (("authorization", pair("ada", "x")),)
GUESTS: list[tuple[str, Callable[[], Any], tuple[tuple[str, str], ...], Outcome, Outcome]] = [
    (
        "of a token: a credential that is not good",
        lambda: Bearer(verifier(), user=guest),
        TOKEN,
        bad_token("The token's user is not known"),
        bad_token("The token's user is not known"),
    ),
    ("of a password: the same", lambda: Basic(check=guest), PASSWORD, WRONG, WRONG),
    (
        "of a session: a login that has ended",
        lambda: SessionUser(guest),
        (),
        ANONYMOUS,
        refusal(401, "Not authenticated", "Session"),
    ),
    (
        "of a backend of one's own",
        lambda: Claims(Guest()),  # type: ignore[arg-type]
        (),
        ANONYMOUS,
        refusal(401, "Not authenticated", "Custom"),
    ),
    (
        "of Starlette's: theirs to give, and anonymous",
        Guests,
        (),
        ("app", None, ["guest"]),
        refusal(401, "Not authenticated"),
    ),
]


@pytest.mark.parametrize(
    ("sentence", "make", "headers", "optional", "required"), GUESTS, ids=[row[0] for row in GUESTS]
)
def test_a_user_who_is_not_authenticated(
    sentence: str, make: Callable[[], Any], headers: tuple[tuple[str, str], ...], optional: Outcome, required: Outcome
) -> None:
    answers = []
    choices: list[dict[str, Any]] = [{}, {"required": True}, {"required": True, "public": ["/open"]}]
    for options in choices:
        app, scopes = apps.remembers()
        middleware = AuthMiddleware(app, make(), **options)
        answers.append(outcome(drive(middleware, http("/open", headers=list(headers), **SESSION)), scopes))
    assert answers == [optional, required, optional]


def test_the_next_backend_is_asked() -> None:
    assert ask([Claims(Guest()), Bearer(verifier())], f"Bearer {GOOD}") == ADA  # type: ignore[arg-type]


def test_what_is_no_user_object_is_a_bug_and_told() -> None:
    for answer in (False, "ada", {"identity": "ada"}):
        exchange = drive(AuthMiddleware(apps.text(), Claims(answer)))  # type: ignore[arg-type]
        assert isinstance(exchange.error, TypeError)
        assert str(exchange.error) == f"Claims gave {type(answer).__name__}, which is no user object"
    assert drive(AuthMiddleware(apps.text(), Claims(User("ada", scheme="x")), required=True)).status == 200


class Rows(authentication.AuthenticationBackend):
    """A Starlette backend whose user is whatever the database has, and says nothing of being authenticated."""

    async def authenticate(self, conn: HTTPConnection) -> Any:
        return authentication.AuthCredentials(["authenticated"]), {"id": 7}


def test_a_user_of_starlettes_who_does_not_say_is_one() -> None:
    assert drive(AuthMiddleware(apps.text(), Rows(), required=True)).status == 200
