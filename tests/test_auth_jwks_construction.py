"""`auth.jwks`: which addresses and sources are refused at construction."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from asgi_middleware import ConfigError, MissingExtra
from asgi_middleware.auth import HMACKey
from asgi_middleware.auth.jwks import JWKS, OIDC, Issuers

from .key_issuer import Published, reading, signed
from .test_auth_jwks import answer
from .tokens import SECRET

HTTPS = "write 'https://...'"
ASCII = "write 'https://...', in ASCII"
HOST = "write 'https://idp.example/...'"
OWN_FETCH = "pass a `fetch` that sends them"
URLS: list[tuple[Any, str]] = [
    ("http://idp.example/keys", HTTPS),
    ("http://127.0.0.1.idp.example/keys", HTTPS),
    ("http://localhost.idp.example/keys", HTTPS),
    ("http://[2001:db8::1]/keys", HTTPS),
    ("http://10.0.0.1/keys", HTTPS),
    ("https://ada:squeamish@idp.example/keys", OWN_FETCH),
    ("http://squeamish@idp.example/keys", OWN_FETCH),
    ("https://idp.example\\@evil.example/", OWN_FETCH),
    ("https://idp.example/keys#a", "leave it out"),
    ("https://idp.example/keys#", "leave it out"),
    ("https:///keys", HOST),
    ("https://", HOST),
    ("https://:443/", HOST),
    ("https://idp.example:port/", HOST),
    ("https://idp.example:/", HOST),
    ("https://idp.example:0/", HOST),
    ("https://idp.example:65536/", HOST),
    ("https://[::1/", HOST),
    ("https://idp\u00e9.example/", HOST),
    ("ftp://idp.example/", ASCII),
    ("file:///etc/keys", ASCII),
    ("idp.example/keys", ASCII),
    ("//idp.example/keys", ASCII),
    ("", ASCII),
    (" https://idp.example/", ASCII),
    ("https://idp.example/\r\nX: y", ASCII),
    ("https://idp.example/a b", ASCII),
    ("https://idp.example/\u00e9", ASCII),
    (b"https://idp.example/", HTTPS),
    (None, HTTPS),
    (5, HTTPS),
]
GOOD_URLS = [
    "https://idp.example/keys",
    "HTTPS://IDP.example:8443",
    "https://10.0.0.1/a;b?x=%20&y=[1]~'*'",
    "https://[2001:db8::1]:1/",
    "http://127.0.0.1/",
    "http://127.9.9.9:65535/",
    "http://[::1]:80/",
    "http://LocalHost:8080/keys",
]


@pytest.mark.parametrize("url", GOOD_URLS)
def test_a_good_address_is_taken_as_it_is(url: str) -> None:
    published = Published()
    answer(reading(JWKS(url, fetch=published)), signed())
    assert published.calls == [url]


@pytest.mark.parametrize(("url", "remedy"), URLS, ids=[repr(row[0]) for row in URLS])
def test_another_address_is_refused(url: Any, remedy: str) -> None:
    for make, option in ((JWKS, "url"), (OIDC, "issuer")):
        with pytest.raises(ConfigError) as caught:
            make(url)
        assert [(problem.option, problem.remedy) for problem in caught.value.problems] == [(option, remedy)]
        assert "squeamish" not in str(caught.value)


async def asynchronous(url: str) -> bytes:
    return b""


A = "https://a.example/"
SOURCES = "pass JWKS(...) or StaticKeys(...)"
WRONG: list[tuple[str, Callable[[], Any], list[tuple[str, str]]]] = [
    (
        "JWKS: all at once",
        lambda: JWKS("", fetch=5, clock=None),  # type: ignore[arg-type]
        [
            ("url", ASCII),
            ("fetch", "pass a callable, or leave the option out"),
            ("clock", "pass a callable, or leave the option out"),
        ],
    ),
    ("JWKS: an async fetch", lambda: JWKS(A, fetch=asynchronous), [("fetch", "pass a plain function")]),  # type: ignore[arg-type]
    ("OIDC: a query", lambda: OIDC(A + "?x=1"), [("issuer", "leave it out")]),
    ("Issuers: none", lambda: Issuers({}), [("sources", "write {'https://idp.example/': JWKS(...)}")]),
    ("Issuers: a list", lambda: Issuers([A]), [("sources", "write {'https://idp.example/': JWKS(...)}")]),  # type: ignore[arg-type]
    (
        "Issuers: all at once",
        lambda: Issuers({"": HMACKey(SECRET), 5: HMACKey(SECRET), A: "key", "b": JWKS, "c": OIDC(A)}),  # type: ignore[dict-item]
        [
            ("sources", "write 'https://idp.example/'"),
            ("sources", "write 'https://idp.example/'"),
            ("sources", SOURCES),
            ("sources", SOURCES),
            ("sources", "make them the same"),
        ],
    ),
    (
        "JWT: an issuer that there are no keys for",
        lambda: reading(OIDC(A), issuer=[A, "https://a.example"]),
        [("issuer", "name some of these, or none")],
    ),
    ("JWT: an empty issuer", lambda: reading(OIDC(A), issuer=""), [("issuer", "name the issuer")]),
    (
        "JWT: any issuer, though each has its keys",
        lambda: reading(OIDC(A), any_issuer=True),
        [("any_issuer", "leave it out")],
    ),
    (
        "JWT: no issuer for keys of nobody in particular",
        lambda: reading(JWKS(A), issuer=None),
        [("issuer", "or set any_issuer=True")],
    ),
    (
        "JWT: revoked is no function",
        lambda: reading(HMACKey(SECRET), revoked=["jti"]),
        [("revoked", "pass a callable, or leave the option out")],
    ),
]


@pytest.mark.parametrize(("sentence", "make", "problems"), WRONG, ids=[row[0] for row in WRONG])
def test_a_wrong_configuration_is_refused_whole(
    sentence: str, make: Callable[[], Any], problems: list[tuple[str, str]]
) -> None:
    with pytest.raises(ConfigError) as caught:
        make()
    assert [(problem.option, problem.remedy) for problem in caught.value.problems] == problems


@pytest.mark.parametrize("make", [partial(JWKS, A), partial(OIDC, A)], ids=["JWKS", "OIDC"])
def test_without_python_jose_the_extra_is_named_at_the_start(
    make: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "jose", None)
    with pytest.raises(MissingExtra) as caught:
        make()
    assert caught.value.extra == "jwt"
