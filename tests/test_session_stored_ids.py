"""The cookie of a session in a store: what it holds, which are believed, and that the ID itself is nowhere else."""

import base64
import io
import logging
import random
import traceback
from typing import Any

import pytest
from itsdangerous import TimestampSigner

from asgi_middleware.sessions import SessionMiddleware

from .asgi import drive, http, step
from .storing import (
    BORN,
    NEW,
    NOW,
    OLD,
    SECRET,
    TERM,
    VARY,
    Site,
    add,
    cookie,
    key,
    read,
    record,
    saved,
    sends,
    signed,
    using,
)


def test_the_layout_of_the_cookie() -> None:
    """base64url(ID [lifetime]) . base64url(time) . base64url(16 bytes of the signature)."""
    (set_cookie,) = Site().visit(add).header("set-cookie")
    value = set_cookie.removeprefix("session=").partition(";")[0]
    data, time, signature = (base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in value.split("."))
    assert (data, int.from_bytes(time, "big"), len(signature)) == (NEW, NOW, 16)
    assert value == cookie(NEW)
    assert len(value) == 73


def test_an_older_key_is_believed_and_the_newest_signs() -> None:
    site = Site()
    step(site.put({"a": 1}))
    older = signed(OLD, secret="an older key, also of 32 bytes or more")
    keys = [SECRET, "an older key, also of 32 bytes or more"]
    middleware = SessionMiddleware(using(add), keys, store=site.store, clock=lambda: NOW)
    assert drive(middleware, http(headers=sends(older))).headers == saved()


FOREIGN: list[tuple[str, str]] = [
    ("nothing", ""),
    ("garbage", "garbage"),
    ("dots", "..."),
    ("null, as in a deletion", "null"),
    ("an ID without a signature", base64.urlsafe_b64encode(OLD).decode()),
    ("the store's key", key(OLD)),
    ("forged by another key", signed(OLD, secret="a key of somebody else, of 32 bytes")),
    ("issued under another name", cookie(name="admin")),
    ("signed for another purpose", TimestampSigner(SECRET).sign(base64.urlsafe_b64encode(OLD)).decode()),
    ("a signature that is not cut", cookie() + "AAAAA"),
    ("a signature that is cut more", cookie()[:-2]),
    ("without its last character", cookie()[:-1]),
    ("of more than 4,096 bytes", cookie() + "=" * 4096),
    ("signed, but empty", signed(b"")),
    ("signed, but too short", signed(OLD[:31])),
    ("signed, but with something behind it", signed(OLD + b"60s")),
]


@pytest.mark.parametrize(("sentence", "value"), FOREIGN, ids=[row[0] for row in FOREIGN])
def test_what_was_not_issued_here_costs_no_trip_to_the_store(sentence: str, value: str) -> None:
    site = Site()
    step(site.put({"a": 1}))
    step(site.put({"a": 1}, OLD[:31]))
    step(site.put({"a": 1}, b""))
    assert site.visit(read, value).headers == [VARY]
    assert site.store.took() == []
    assert site.visit(add, value).headers == saved(NEW)
    assert site.store.names == ["create"]
    assert site.content() == record({"a": 1})


def test_no_mutation_of_a_cookie_is_believed() -> None:
    draw = random.Random(7)  # noqa: S311  # a test that can be repeated
    site = Site()
    app = site.wrap(using(read))
    value = cookie()
    letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.+/= "\\%'
    mutations = {value[:at] + letter + value[at + 1 :] for at in range(len(value)) for letter in letters}
    mutations |= {value[:at] + value[at + 1 :] for at in range(len(value))}
    while len(mutations) < 8_000:
        at, to = draw.randrange(len(value)), draw.randrange(len(value))
        mutations.add(value[:at] + draw.choice(letters) + value[at:to] + draw.choice(letters) + value[to:])
    # Quotes and spaces around a value are not part of it.
    for mutation in {text for text in mutations if text.strip(" \t").strip('"') != value}:
        exchange = drive(app, http(headers=sends(mutation)))
        assert exchange.error is None
        assert exchange.headers == [VARY], mutation
    assert site.store.took() == []


CANDIDATES: list[tuple[str, list[str], list[bytes]]] = [
    ("garbage, then ours", ["garbage", cookie()], [OLD]),
    ("ours as the fourth", ["a", "b", "c", cookie()], [OLD]),
    ("ours as the fifth", ["a", "b", "c", "d", cookie()], []),
    ("two of ours: the first alone", [cookie(NEW), cookie(OLD)], [NEW]),
    ("one of another name, then ours", [cookie(name="x"), cookie()], [OLD]),
]


@pytest.mark.parametrize(("sentence", "values", "tried"), CANDIDATES, ids=[row[0] for row in CANDIDATES])
def test_several_cookies(sentence: str, values: list[str], tried: list[bytes]) -> None:
    site = Site()
    assert site.visit(read, *values).headers == [VARY]
    assert site.store.took() == [("read", key(secret)) for secret in tried]


def test_a_cookie_field_in_several_lines() -> None:
    site = Site()
    drive(site.wrap(using(read)), http(headers=[("cookie", "a=1"), ("Cookie", f"session={cookie()}")]))
    assert site.store.took() == [("read", key(OLD))]


CORRUPT: list[bytes] = [
    b"",
    b"\n",
    b"{",
    b"{}",
    b'{"a":1}',
    b"[]\n1",
    b"{}\nx",
    b"{}\n[1,2]",
    b"{}\n[1,2,3]",
    b'{}\n["1",2,"3"]',
    b'{}\n[1,"2","3"]',
    b'{}\n[1,2,"3",4]',
    b'{}\n{"1":1,"2":2,"3":3}',
    b"{} \n1",
    b"\xff\n1",
    b"[" * 100_000,
    b"{}\n1\n2",
    b"\x80\x04N.",
]


@pytest.mark.parametrize("data", CORRUPT, ids=[repr(data[:12]) for data in CORRUPT])
@pytest.mark.parametrize("rolling", [False, True])
def test_a_corrupt_record_is_no_session(data: bytes, rolling: bool, caplog: pytest.LogCaptureFixture) -> None:
    site = Site(rolling=rolling)
    step(site.memory.create(key(OLD), data, TERM))
    long_ago = cookie(now=NOW - TERM // 2)
    assert site.visit(lambda session: session.is_new or 1 / 0, long_ago).headers == [VARY]
    assert caplog.record_tuples == [
        ("asgi_middleware.sessions", logging.ERROR, f"the record of session {key(OLD)} is not one of ours: no session")
    ]
    assert site.visit(add, long_ago).headers == saved(NEW)
    assert site.content() == data


def spellings(secret: bytes) -> list[str]:
    """How it might show, in text."""
    coded = base64.urlsafe_b64encode(secret).decode().rstrip("=")
    return [secret.decode(), secret.hex(), coded, base64.b64encode(secret).decode().rstrip("=")]


def test_the_id_itself_is_in_no_record_key_log_exception_or_representation(caplog: pytest.LogCaptureFixture) -> None:
    secrets = [OLD, NEW, b"2" * 32, b"3" * 32]
    out = io.StringIO()

    class Sharp(Exception):
        pass

    def fails() -> None:
        raise Sharp("the store is down")

    def exposes(session: Any) -> None:
        for shown in (repr(session), str(session), session.id, dict(session), session.keys(), session.created):
            print(shown, file=out)
        session["b"] = 2
        session.subject = "ada"

    with caplog.at_level(0):
        for name in (None, "read", "index", "create", "update", "delete", "touch"):
            for on_store_error in ("raise", "empty"):
                for corrupt in (False, True):
                    site = Site(on_store_error=on_store_error, rolling=True)
                    step(site.memory.create(key(OLD), b"?" if corrupt else record({"a": 1}), TERM))
                    if name is not None:
                        site.store.hooks[name] = fails
                    for use in (read, exposes, lambda s: s.regenerate(), lambda s: s.destroy()):
                        exchange = site.visit(use, cookie(now=BORN - TERM // 2))
                        if exchange.error is not None:
                            traceback.print_exception(exchange.error, file=out)
                            print(repr(exchange.error), exchange.error.args, file=out)
                    print(site.store.operations, site.memory._kept.keys(), file=out)
                    print([kept.record for kept in site.memory._kept.values()], file=out)
                    print(repr(site.wrap(using(read))), file=out)
    text = out.getvalue() + caplog.text
    assert "the store is down" in text
    assert key(OLD) in text
    assert [shown for secret in secrets for shown in spellings(secret) if shown in text] == []
