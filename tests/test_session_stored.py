"""Sessions in a store: whole responses, and every operation of the store that they took."""

from typing import Any

import pytest

from .asgi import step
from .storing import (
    BORN,
    DELETED,
    GONE,
    KEPT,
    NEW,
    NEXT,
    NOW,
    OLD,
    TERM,
    VARY,
    Operation,
    Pairs,
    Site,
    Use,
    add,
    both,
    cookie,
    key,
    nothing,
    read,
    record,
    saved,
)

O, N = key(OLD), key(NEW)  # noqa: E741  # the old one and the new one


def clear(session: Any) -> None:
    session.clear()


def destroy(session: Any) -> None:
    session.destroy()


def regenerate(session: Any) -> None:
    session.regenerate()


def save(session: Any) -> Any:
    return session.save()


def belongs(subject: str | None) -> Use:
    def use(session: Any) -> None:
        session.subject = subject

    return use


def lives(seconds: int | None) -> Use:
    return lambda session: session.set_expiry(seconds)


def writes(name: str, value: Any) -> Use:
    def use(session: Any) -> None:
        session[name] = value

    return use


def updated(content: dict[str, Any], ttl: int = TERM, version: int = 1, **facts: Any) -> Operation:
    return ("update", O, record(content, **facts), ttl, version)


def created(content: dict[str, Any], ttl: int = TERM, **facts: Any) -> Operation:
    return ("create", N, record(content, NOW, **facts), ttl)


# A sentence, what is done, the operations behind the first read, and all headers. The session is {"a": 1}.
USES: list[tuple[str, Use, list[Operation], Pairs]] = [
    ("untouched", nothing, [], []),
    ("read", read, [], [VARY]),
    ("asked whether it is new", lambda s: s.is_new, [], [VARY]),
    ("asked for its ID", lambda s: s.id, [], [VARY]),
    ("saved, and unchanged", save, [], [VARY]),
    ("written", add, [updated({"a": 1, "b": 2})], saved()),
    ("written, and the same", writes("a", 1), [], [VARY]),
    ("changed, and changed back", both(writes("a", 2), writes("a", 1)), [], [VARY]),
    ("the same, but marked", lambda s: s.mark_modified(), [updated({"a": 1})], saved()),
    ("written and saved", both(add, save), [updated({"a": 1, "b": 2})], saved()),
    ("saved twice", both(add, save, save), [updated({"a": 1, "b": 2})], saved()),
    (
        "written, saved, and written again",
        both(add, save, writes("c", 3)),
        [updated({"a": 1, "b": 2}), ("read", O), updated({"a": 1, "b": 2, "c": 3}, version=2)],
        saved(),
    ),
    ("its last key taken", lambda s: s.pop("a"), [("delete", O)], DELETED),
    ("cleared", clear, [("delete", O)], DELETED),
    ("cleared, then written", both(clear, add), [updated({"b": 2})], saved()),
    ("cleared, saved, then written", both(clear, save, add), [("delete", O), created({"b": 2})], saved(NEW)),
    ("destroyed", destroy, [("delete", O)], DELETED),
    ("destroyed and saved", both(destroy, save), [("delete", O)], DELETED),
    ("destroyed, then written", both(destroy, add), [("delete", O), created({"b": 2})], saved(NEW)),
    ("destroyed, saved, then written", both(destroy, save, add), [("delete", O), created({"b": 2})], saved(NEW)),
    ("written, then destroyed", both(add, destroy), [("delete", O)], DELETED),
    ("saved, then destroyed", both(add, save, destroy), [updated({"a": 1, "b": 2}), ("delete", O)], DELETED),
    ("regenerated", regenerate, [("delete", O), created({"a": 1})], saved(NEW)),
    ("regenerated twice", both(regenerate, regenerate), [("delete", O), created({"a": 1})], saved(NEW)),
    ("regenerated and written", both(regenerate, add), [("delete", O), created({"a": 1, "b": 2})], saved(NEW)),
    ("regenerated and emptied", both(regenerate, clear), [("delete", O)], DELETED),
    ("regenerated, then destroyed", both(regenerate, destroy), [("delete", O)], DELETED),
    ("destroyed, then regenerated", both(destroy, regenerate), [("delete", O)], DELETED),
    (
        "regenerated, its ID asked for, saved and written",
        both(regenerate, lambda s: s.id, save, add),
        [
            ("delete", O),
            created({"a": 1}),
            ("read", N),
            ("update", N, record({"a": 1, "b": 2}, NOW), TERM, 1),
        ],
        saved(NEW),
    ),
    ("a lifetime set", lives(60), [updated({"a": 1}, 60, lifetime=60)], saved(OLD, 60, KEPT.replace(str(TERM), "60"))),
    ("the lifetime that it has", lives(None), [], [VARY]),
    (
        "a subject set",
        belongs("ada"),
        [("index", "ada", O, TERM), updated({"a": 1}, subject="ada")],
        saved(),
    ),
    (
        "a login",
        both(regenerate, belongs("ada")),
        [("delete", O), ("index", "ada", N, TERM), created({"a": 1}, subject="ada")],
        saved(NEW),
    ),
    (
        "a login that is remembered",
        both(regenerate, belongs("ada"), lives(9_999_999)),
        [
            ("delete", O),
            ("index", "ada", N, 9_999_999),
            created({"a": 1}, 9_999_999, lifetime=9_999_999, subject="ada"),
        ],
        saved(NEW, 9_999_999, KEPT.replace(str(TERM), "9999999")),
    ),
]


@pytest.mark.parametrize(("sentence", "use", "operations", "headers"), USES, ids=[row[0] for row in USES])
def test_a_session_that_is_there(sentence: str, use: Use, operations: list[Operation], headers: Pairs) -> None:
    site = Site()
    step(site.put({"a": 1}))
    exchange = site.visit(use, cookie(now=BORN))
    assert exchange.error is None
    assert site.store.took() == [("read", O), *operations]
    assert exchange.headers == headers


# The same for one that is not there.
BEGUN: list[tuple[str, Use, list[Operation], Pairs]] = [
    ("untouched", nothing, [], []),
    ("read", read, [], [VARY]),
    ("asked for its ID", lambda s: s.id, [], [VARY]),
    ("written", add, [created({"b": 2})], saved(NEW)),
    ("its ID asked for, and written", both(lambda s: s.id, add), [created({"b": 2})], saved(NEW)),
    ("written and emptied", both(add, lambda s: s.pop("b")), [], [VARY]),
    ("cleared", clear, [], [VARY]),
    ("destroyed", destroy, [], [VARY]),
    ("destroyed and written", both(add, destroy, add), [created({"b": 2})], saved(NEW)),
    ("regenerated", regenerate, [], [VARY]),
    ("regenerated and written", both(regenerate, add), [created({"b": 2})], saved(NEW)),
    ("marked", lambda s: s.mark_modified(), [], [VARY]),
    ("given a lifetime alone", lives(60), [], [VARY]),
    (
        "given a lifetime, and written",
        both(lives(60), add),
        [created({"b": 2}, 60, lifetime=60)],
        saved(NEW, 60, KEPT.replace(str(TERM), "60")),
    ),
    (
        "given a subject alone",
        belongs("ada"),
        [("index", "ada", N, TERM), created({}, subject="ada")],
        saved(NEW),
    ),
    ("saved", save, [], [VARY]),
    ("written and saved", both(add, save), [created({"b": 2})], saved(NEW)),
    ("written, saved and destroyed", both(add, save, destroy), [created({"b": 2}), ("delete", N)], DELETED),
]


@pytest.mark.parametrize(("sentence", "use", "operations", "headers"), BEGUN, ids=[row[0] for row in BEGUN])
def test_a_session_that_is_not_there(sentence: str, use: Use, operations: list[Operation], headers: Pairs) -> None:
    site = Site()
    exchange = site.visit(use)
    assert exchange.error is None
    assert site.store.took() == operations
    assert exchange.headers == headers


@pytest.mark.parametrize(("sentence", "use", "operations", "headers"), BEGUN, ids=[row[0] for row in BEGUN])
def test_an_unknown_id_is_not_taken_over_and_not_deleted(
    sentence: str, use: Use, operations: list[Operation], headers: Pairs
) -> None:
    """Its cookie is one that was issued here once: the session has expired, or somebody logged out."""
    site = Site()
    exchange = site.visit(use, cookie())
    assert exchange.error is None
    assert site.store.took() == [("read", O), *operations]
    assert exchange.headers == headers


# The same for ada's.
OWNED: list[tuple[str, Use, list[Operation], Pairs]] = [
    ("read", read, [], [VARY]),
    ("written", add, [("index", "ada", O, TERM), updated({"a": 1, "b": 2}, subject="ada")], saved()),
    ("given the same subject", belongs("ada"), [], [VARY]),
    (
        "given another",
        belongs("bob"),
        [("delete", O), ("index", "bob", N, TERM), created({"a": 1}, subject="bob")],
        saved(NEW),
    ),
    ("given none", belongs(None), [("delete", O), created({"a": 1})], saved(NEW)),
    (
        "regenerated",
        regenerate,
        [("delete", O), ("index", "ada", N, TERM), created({"a": 1}, subject="ada")],
        saved(NEW),
    ),
    (
        "emptied, but still ada's",
        lambda s: s.pop("a"),
        [("index", "ada", O, TERM), updated({}, subject="ada")],
        saved(),
    ),
    ("cleared", clear, [("delete", O)], DELETED),
    ("destroyed", destroy, [("delete", O)], DELETED),
    ("cleared and written", both(clear, add), [("delete", O), created({"b": 2})], saved(NEW)),
]


@pytest.mark.parametrize(("sentence", "use", "operations", "headers"), OWNED, ids=[row[0] for row in OWNED])
def test_a_session_of_somebody(sentence: str, use: Use, operations: list[Operation], headers: Pairs) -> None:
    site = Site()
    step(site.put({"a": 1}, subject="ada"))
    exchange = site.visit(use, cookie(now=BORN))
    assert exchange.error is None
    assert site.store.took() == [("read", O), *operations]
    assert exchange.headers == headers


NESTED: list[tuple[str, Use, Any]] = [
    ("read", lambda s: s["n"]["x"], None),
    ("copied", lambda s: s.copy(), None),
    ("a list grows", lambda s: s["n"]["x"].append(2), {"n": {"x": [1, 2]}}),
    ("a dict shrinks", lambda s: s["n"].clear(), {"n": {}}),
    ("changed and changed back", lambda s: (s["n"]["x"].append(2), s["n"]["x"].pop()), None),
]


@pytest.mark.parametrize(("sentence", "use", "content"), NESTED, ids=[row[0] for row in NESTED])
def test_changes_inside_a_value(sentence: str, use: Use, content: Any) -> None:
    site = Site()
    step(site.put({"n": {"x": [1]}}))
    exchange = site.visit(use, cookie(now=BORN))
    assert site.store.took() == [("read", O), *([] if content is None else [updated(content)])]
    assert exchange.headers == ([VARY] if content is None else saved())


def test_the_life_of_a_session() -> None:
    """Each request comes with what the one before was answered with; nothing was put into the store by hand."""
    site = Site()
    seen: list[Any] = []

    def look(session: Any) -> None:
        seen.append((session.is_new, session.created, session.subject, session.id, session.copy()))

    value, secret = None, NEW
    for use in (add, both(regenerate, belongs("ada"), look), both(look, writes("c", 3)), both(look, destroy), look):
        exchange = site.visit(use, *([value] if value else []))
        assert exchange.error is None
        site.now += 10
        for header in exchange.header("set-cookie"):
            value = header.removeprefix("session=").partition(";")[0]
    assert seen == [
        (False, None, "ada", key(NEXT), {"b": 2}),
        (False, NOW + 10, "ada", key(NEXT), {"b": 2}),
        (False, NOW + 10, "ada", key(NEXT), {"b": 2, "c": 3}),
        (True, None, None, key(b"3" * 32), {}),
    ]
    assert value == "null"
    assert site.content(secret) is site.content(NEXT) is None


def test_what_is_written_has_to_have_a_json_form_before_anything_is_done() -> None:
    """A logout aside, nothing is done by halves: the old ID is still good."""
    for use in (add, regenerate, both(destroy, add), belongs("ada")):
        site = Site()
        step(site.put({"a": 1}))
        exchange = site.visit(both(use, writes("s", {"deep": [object()]})), cookie())
        assert isinstance(exchange.error, TypeError)
        assert "session['s']['deep'][0]" in str(exchange.error)
        assert exchange.sent == []
        assert site.store.took() == [("read", O)]
        assert site.content() == record({"a": 1})


def test_a_deletion_cookie_has_the_attributes_of_the_one_that_it_deletes() -> None:
    options: dict[str, Any] = {"path": "/x", "domain": "a.b", "same_site": "none", "partitioned": True}
    site = Site(**options)
    step(site.put({"a": 1}))
    attributes = GONE.replace("path=/", "path=/x").replace("lax", "none") + "; secure; domain=a.b; partitioned"
    assert site.visit(destroy, cookie()).header("set-cookie") == [f"session=null{attributes}"]


def test_a_thousand_requests_without_a_session_cost_the_store_nothing() -> None:
    site = Site()
    for number in range(1_000):
        exchange = site.visit(read if number % 2 else nothing)
        assert exchange.headers == ([VARY] if number % 2 else [])
    assert site.store.took() == []
