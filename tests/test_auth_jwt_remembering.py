"""`auth.jwt`: good tokens are remembered for a minute, and nothing else, and for nobody else; and some are revoked."""

import itertools
import json
from collections.abc import Mapping
from typing import Any

import pytest

from asgi_middleware.auth import JWT, AuthError, Bearer, HMACKey

from .key_issuer import Clock
from .tokens import (
    EARLY,
    EXPIRED,
    GOOD,
    MALFORMED,
    NOW,
    OTHER_AUDIENCE,
    OTHER_ISSUER,
    SECRET,
    SIGNATURE,
    TYPE,
    ask,
    bad_token,
    claiming,
    headed,
    hs,
    raw,
    refusal,
    run,
    said,
    token,
    verifier,
)

REVOKED = "The token has been revoked"


class Asked:
    """A source with one key, which counts how often a signature is checked."""

    def __init__(self) -> None:
        self.keys = HMACKey(SECRET)
        self.checks = 0
        self.version: Any = 1

    async def find(self, alg: str, kid: str | None) -> Any:
        self.key: Any = await self.keys.find(alg, kid)
        return None if self.key is None else self

    def verify(self, message: bytes, signature: bytes) -> bool:
        self.checks += 1
        return bool(self.key.verify(message, signature))


def test_a_good_token_is_checked_once_a_minute() -> None:
    clock, keys = Clock(NOW), Asked()
    by = verifier(keys, clock=clock)
    seen = []
    for seconds in (0, 1, 59.9, 60, 119.9, 120):
        clock.now = NOW + seconds
        seen.append((said(by, token()), keys.checks))
    assert seen == [("ok", 1), ("ok", 1), ("ok", 1), ("ok", 2), ("ok", 2), ("ok", 3)]


def test_it_is_remembered_until_it_expires_and_not_within_the_leeway() -> None:
    clock, keys = Clock(NOW), Asked()
    by, text = verifier(keys, clock=clock), claiming(exp=NOW + 10)
    seen = []
    for seconds in (0, 9.9, 10, 11, 39.9, 40):
        clock.now = NOW + seconds
        seen.append((said(by, text), keys.checks))
    assert seen == [("ok", 1), ("ok", 1), ("ok", 2), ("ok", 3), ("ok", 4), (EXPIRED, 5)]


def test_a_clock_that_is_set_back_does_not_prolong_it() -> None:
    clock, keys = Clock(NOW), Asked()
    by, text = verifier(keys, clock=clock), claiming(nbf=NOW)
    assert said(by, text) == "ok"
    clock.now = NOW - 31
    assert (said(by, text), keys.checks) == (EARLY, 2)


def test_it_is_forgotten_when_the_keys_change() -> None:
    keys = Asked()
    by = verifier(keys)
    seen = [(said(by, token()), keys.checks)]
    keys.version = 2
    seen.append((said(by, token()), keys.checks))
    seen.append((said(by, token()), keys.checks))
    assert seen == [("ok", 1), ("ok", 2), ("ok", 2)]


def test_keys_that_change_while_one_is_looked_up_leave_nothing_remembered() -> None:
    class Changing(Asked):
        async def find(self, alg: str, kid: str | None) -> Any:
            found = await super().find(alg, kid)
            self.version += 1
            return found

    keys = Changing()
    by = verifier(keys)
    assert [said(by, token()) for _ in range(3)] == ["ok"] * 3
    assert keys.checks == 3


NEVER: list[tuple[str, bytes, str]] = [
    ("another signature", token(sign=hs(b"x" * 32)), SIGNATURE),
    ("expired", claiming(exp=NOW - 30), EXPIRED),
    ("of another issuer", claiming(iss="x"), OTHER_ISSUER),
    ("for another audience", claiming(aud="x"), OTHER_AUDIENCE),
    ("claims that are no JSON", token("["), MALFORMED),
]


@pytest.mark.parametrize(("sentence", "text", "why"), NEVER, ids=[row[0] for row in NEVER])
def test_a_bad_token_is_never_remembered(sentence: str, text: bytes, why: str) -> None:
    keys = Asked()
    by = verifier(keys)
    assert [said(by, text) for _ in range(3)] == [why] * 3
    assert (keys.checks, len(by._good), len(by._headers)) == (3, 0, 0)


def test_neither_a_bad_token_nor_its_header_drives_out_what_is_remembered() -> None:
    keys = Asked()
    by = verifier(keys)
    assert said(by, token()) == "ok"
    for n in range(1100):
        assert said(by, token({"n": n}, {"alg": "HS256", "n": n}, sign=hs(b"x" * 32))) == SIGNATURE
    keys.checks = 0
    assert (said(by, token()), keys.checks, len(by._headers)) == ("ok", 0, 1)


def test_another_spelling_of_a_remembered_token_is_another_token() -> None:
    by = verifier()
    assert said(by, token()) == "ok"
    for text in (token() + b"=", token() + b"\n", b" " + token(), token()[:-1], token()[:-1] + b"_"):
        assert said(by, text) in (MALFORMED, SIGNATURE)


def test_a_remembered_header_is_judged_anew_by_every_verifier() -> None:
    anything, access = verifier(), verifier(typ=["at+jwt"])
    text = headed(typ="JWT")
    assert [said(by, text) for by in (anything, access, anything, access)] == ["ok", TYPE, "ok", TYPE]


def test_verifiers_with_another_policy_share_nothing() -> None:
    keys = HMACKey(SECRET)
    policies = [verifier(keys), verifier(keys, audience="x"), verifier(keys, issuer="x"), verifier(HMACKey(b"x" * 32))]
    assert [[said(by, token()) for by in policies] for _ in range(2)] == [
        ["ok", OTHER_AUDIENCE, OTHER_ISSUER, SIGNATURE]
    ] * 2


def test_what_is_remembered_is_bounded() -> None:
    keys = Asked()
    by = verifier(keys)
    sizes = []
    for n in range(2100):
        assert said(by, token({**GOOD, "n": n}, {"alg": "HS256", "n": n})) == "ok"
        sizes.append((len(by._good), len(by._headers)))
    assert (max(sizes), max(size for _, size in sizes)) == ((1024, 64), 64)
    assert said(by, token({**GOOD, "n": 2099}, {"alg": "HS256", "n": 2099})) == "ok"
    assert keys.checks == 2100


def test_the_token_itself_is_not_kept() -> None:
    by = verifier()
    assert said(by, token()) == "ok"
    assert all(len(digest) == 32 for digest in by._good)


NESTED: list[tuple[str, Any]] = [
    ("plain", {**GOOD}),
    ("a list", {**GOOD, "aud": ["api", "x"]}),
    ("lists and objects", {**GOOD, "realm_access": {"roles": ["a", {"b": [1, 2.5, None, True]}]}, "x": [], "y": {}}),
    ("odd texts", {**GOOD, "x": ["\ud800", "🙂", "\0"], "": {"": ""}}),
    ("large numbers", {**GOOD, "x": [10**400, -(10**400), 1e300, -0.0]}),
]


@pytest.mark.parametrize(("sentence", "claims"), NESTED, ids=[row[0] for row in NESTED])
def test_whoever_gets_claims_may_edit_them_and_nobody_else_sees_it(sentence: str, claims: dict[str, Any]) -> None:
    keys = Asked()
    by = verifier(keys)
    text = token(claims)
    for _ in range(3):
        given: Any = run(by.verify(text))
        assert (given, list(given)) == (claims, list(claims))
        for value in given.values():
            if isinstance(value, (list, dict)):
                value.clear()
        given.clear()
    assert keys.checks == 1


def test_claims_of_any_depth_are_answered() -> None:
    keys = Asked()
    by = verifier(keys)
    text = token(raw("x", "[" * 2500 + "]" * 2500))
    # which depth Python reads differs from version to version
    answers = [said(by, text) for _ in range(2)]
    assert answers in (["ok", "ok"], [MALFORMED, MALFORMED])


# --- revocation


async def later(verdict: Any) -> Any:
    return verdict


VERDICTS: list[tuple[Any, bool]] = [
    (True, True),
    (1, True),
    ("since yesterday", True),
    ([0], True),
    (False, False),
    (None, False),
    (0, False),
    ("", False),
]


@pytest.mark.parametrize(("verdict", "refused"), VERDICTS, ids=repr)
@pytest.mark.parametrize("answer", [lambda verdict: verdict, later], ids=["at once", "later"])
def test_a_revoked_token_is_refused(answer: Any, verdict: Any, refused: bool) -> None:
    backend = Bearer(verifier(revoked=lambda claims: answer(verdict)))
    expected = bad_token(REVOKED) if refused else ("app", "ada", ["read", "write"])
    assert [ask(backend, f"Bearer {token().decode()}") for _ in range(2)] == [expected] * 2


def test_it_is_asked_on_every_request_with_the_claims_and_only_about_good_tokens() -> None:
    taken_back: set[str] = set()
    asked: list[Mapping[str, Any]] = []

    def revoked(claims: Mapping[str, Any]) -> bool:
        asked.append(claims)
        return claims["jti"] in taken_back

    keys = Asked()
    by = verifier(keys, revoked=revoked)
    text = claiming(jti="7")
    seen = [said(by, text), said(by, text)]
    taken_back.add("7")
    seen += [said(by, text)]
    taken_back.clear()
    seen += [said(by, text), said(by, token(sign=hs(b"x"))), said(by, claiming(exp=0))]
    assert seen == ["ok", "ok", REVOKED, "ok", SIGNATURE, EXPIRED]
    assert asked == [{**GOOD, "jti": "7"}] * 4
    assert keys.checks == 3


def test_who_asks_may_edit_what_was_asked_and_the_next_one_does_not_see_it() -> None:
    def revoked(claims: Any) -> None:
        claims["aud"].append("x")

    by = verifier(revoked=revoked)
    text = claiming(aud=["api"])
    assert [run(by.verify(text))["aud"] for _ in range(3)] == [["api", "x"]] * 3


def test_when_it_cannot_tell_that_is_not_the_clients_fault() -> None:
    def revoked(claims: Any) -> Any:
        raise AuthError(503, None, "Try again later")

    assert ask(Bearer(verifier(revoked=revoked)), f"Bearer {token().decode()}") == refusal(503, "Try again later")

    def broken(claims: Any) -> Any:
        raise RuntimeError("the database is gone")

    with pytest.raises(RuntimeError, match="the database is gone"):
        run(verifier(revoked=broken).verify(token()))


def test_the_minute_and_the_revocation_hold_together() -> None:
    clock = Clock(NOW)
    verdicts = itertools.cycle([False, True])
    by = JWT(
        HMACKey(SECRET), any_issuer=True, any_audience=True, revoked=lambda _: next(verdicts), clock=clock, leeway=0
    )
    text = token(json.dumps({"exp": NOW + 61}))
    seen = []
    for seconds in (0, 1, 60, 60.9, 61):
        clock.now = NOW + seconds
        seen.append(said(by, text))
    assert seen == ["ok", REVOKED, "ok", REVOKED, EXPIRED]
