"""`LintMiddleware`: every rule fires on what breaks it, and on nothing else; legal traffic fires none."""

import logging
import pickle
import runpy
from typing import Any

import pytest

from asgi_middleware import ConfigError, LintMiddleware
from asgi_middleware.lint import RULES, ASGIViolation
from asgi_middleware.lint.__main__ import main

from . import apps
from .asgi import REQUEST, App, drive, http
from .lint_points import POINTS
from .lint_rows import BREAKS, COMPLETE, DISCONNECT, END, LEGAL, LIFESPAN, OK, STARTUP, broken_rules, receives, start

# These are between two calls, or need a server that fails: they stand below.
ELSEWHERE = {"scope-state-copy", "lifespan-first", "gone-send"}


@pytest.mark.parametrize(
    ("rule", "app", "scope", "messages"),
    BREAKS,
    ids=[f"{number}-{row[0]}" for number, row in enumerate(BREAKS)],
)
def test_the_rule_fires_and_no_other(rule: str, app: App, scope: dict[str, Any], messages: list[Any] | None) -> None:
    assert broken_rules(app, scope, messages) == [rule]


def test_every_rule_is_shown_to_fire() -> None:
    assert {row[0] for row in BREAKS} | ELSEWHERE == set(RULES)


@pytest.mark.parametrize(("sentence", "app", "scope", "messages"), LEGAL, ids=[row[0] for row in LEGAL])
def test_legal_traffic_fires_no_rule(
    sentence: str, app: App, scope: dict[str, Any], messages: list[Any] | None
) -> None:
    assert broken_rules(app, scope, messages) == []


def test_a_violation_is_raised_where_it_happens() -> None:
    exchange = drive(LintMiddleware(apps.sends(END)), http())
    assert isinstance(exchange.error, ASGIViolation)
    assert (exchange.error.rule, exchange.sent) == ("start-first", [])
    assert str(exchange.error) == (
        "start-first (fault: application; HTTP: Response Start): the response starts before its body; "
        "seen: 'a body first'"
    )


def test_in_warn_mode_each_rule_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    app = LintMiddleware(apps.sends(start(103), END), mode="warn")
    for _ in range(3):
        assert drive(app, http()).error is None
    assert [(record.levelname, record.getMessage().split()[0]) for record in caplog.records] == [
        ("WARNING", "start-status")
    ]
    assert caplog.records[0].levelno == logging.WARNING


def test_nothing_is_changed_on_the_way() -> None:
    for _, make, _ in apps.RESPONSES:
        alone, watched = drive(make()), drive(LintMiddleware(make(), mode=lambda violation: None))
        assert alone.sent == watched.sent


def test_a_violation_survives_pickling() -> None:
    violation = pickle.loads(pickle.dumps(ASGIViolation("start-first", "x")))  # noqa: S301  # made on this line
    assert (violation.rule, violation.seen) == ("start-first", "x")


def watched(app: App) -> tuple[LintMiddleware, list[str]]:
    """A lint for more than one call, and what it finds."""
    found: list[str] = []
    return LintMiddleware(app, mode=lambda violation: found.append(violation.rule)), found


def test_a_request_before_startup_has_completed() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await receive()
            drive(lint, http())
            await send(COMPLETE)
            drive(lint, http())
            return
        for message in OK:
            await send(message)

    lint, found = watched(app)
    drive(lint, dict(LIFESPAN), [STARTUP])
    assert found == ["lifespan-first"]


@pytest.mark.parametrize("error", [RuntimeError("no lifespan here"), None])
def test_a_request_after_a_lifespan_that_is_over(error: Exception | None) -> None:
    failed = {"type": "lifespan.startup.failed"}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await receive()
            if error is not None:
                raise error
        for message in [failed] if scope["type"] == "lifespan" else OK:
            await send(message)

    lint, found = watched(app)
    assert drive(lint, dict(LIFESPAN), [STARTUP]).error is error
    drive(lint, http())
    assert found == []


def test_the_state_of_a_request_is_a_copy() -> None:
    state: dict[str, Any] = {}

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await receive()
        for message in [COMPLETE] if scope["type"] == "lifespan" else OK:
            await send(message)

    lint, found = watched(app)
    drive(lint, {**LIFESPAN, "state": state}, [STARTUP])
    for given in (state.copy(), None):
        drive(lint, http(state=given))
    assert found == []
    drive(lint, http(state=state))
    assert found == ["scope-state-copy"]


# What a server raises once it has given a disconnect, and what is wrong with that.
RAISED: list[tuple[str, Exception, list[Any], list[str]]] = [
    ("its own error", RuntimeError("closed"), [DISCONNECT], ["gone-send"]),
    ("an OSError", ConnectionResetError(), [DISCONNECT], []),
    ("before any disconnect", RuntimeError("closed"), [REQUEST], []),
]


@pytest.mark.parametrize(("sentence", "error", "messages", "rules"), RAISED, ids=[row[0] for row in RAISED])
def test_what_send_raises_when_the_client_has_gone(
    sentence: str, error: Exception, messages: list[Any], rules: list[str]
) -> None:
    lint, found = watched(receives(1, *OK))
    assert drive(lint, http(), messages, send_fails=error).error is error
    assert found == rules


def test_a_server_may_raise_on_what_is_wrong() -> None:
    lint, found = watched(receives(1, END))
    drive(lint, http(), [DISCONNECT], send_fails=RuntimeError("no start"))
    assert found == ["start-first"]


def test_a_violation_outside_is_none_of_the_server_inside() -> None:
    lint, found = watched(receives(1, END))
    exchange = drive(LintMiddleware(lint), http(), [DISCONNECT])
    assert isinstance(exchange.error, ASGIViolation)
    assert (exchange.error.rule, found) == ("start-first", ["start-first"])


def test_send_fails_as_it_would_without_the_lint() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive("five")

    lint, found = watched(app)
    assert isinstance(drive(lint, http()).error, TypeError)
    assert found == ["call-arguments"]


def test_what_is_ignored_is_not_reported() -> None:
    for mode in ("raise", "warn"):
        lint = LintMiddleware(apps.sends(start(103), END), mode=mode, ignore=["start-status"])
        assert drive(lint, http()).error is None


def test_unknown_rules_and_modes_are_refused_at_once() -> None:
    with pytest.raises(ConfigError) as refused:
        LintMiddleware(apps.text(), mode="Warn", ignore=["start-state"])  # type: ignore[arg-type]  # on purpose
    assert [(problem.option, problem.seen) for problem in refused.value.problems] == [
        ("mode", "'Warn'"),
        ("ignore", "'start-state'"),
    ]
    with pytest.raises(ConfigError, match="must be a collection of strings"):
        LintMiddleware(apps.text(), ignore="start-status")


@pytest.mark.filterwarnings("ignore:.*found in sys.modules:RuntimeWarning")
def test_the_table_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    main()
    printed = capsys.readouterr().out
    runpy.run_module("asgi_middleware.lint", run_name="__main__")
    assert capsys.readouterr().out == printed
    lines = printed.splitlines()
    assert [line.split()[0] for line in lines] == list(RULES)
    assert lines[0] == ("scope-dict              server       the scope is a dict with text keys (core: Applications)")


@pytest.mark.parametrize("mode", ["Raise", None, 1])
def test_a_wrong_mode_is_refused(mode: Any) -> None:
    with pytest.raises(ConfigError, match="use one of 'raise', 'warn'"):
        LintMiddleware(apps.text(), mode=mode)


def test_every_point_is_seen_or_has_its_reason() -> None:
    assert list(POINTS) == list(range(1, 86))
    assert [number for number, point in POINTS.items() if not point.rules and not point.unseen] == []
    assert {name for point in POINTS.values() for name in point.names} == set(RULES)


def test_every_rule_says_where_it_stands() -> None:
    known = ("core: ", "HTTP: ", "WebSocket: ", "lifespan: ", "TLS: ", "extensions: ", "RFC 9110: ")
    assert [name for name, rule in RULES.items() if not rule.clause.startswith(known)] == []
