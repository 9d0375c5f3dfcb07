"""What the order of a stack breaks: how it is told, logged and silenced."""

import dataclasses
import json
import logging
from pathlib import Path
from typing import Any

import pytest

from asgi_middleware import ConfigError, Stack
from asgi_middleware.stack import Finding

from .apps import text
from .test_stack_order import ALL, USERS, auth, cors, found

# --- how it is told ---------------------------------------------------------------------------------------------------

WRONG = [auth(), cors()]
FINDING = Finding(
    "cors-outside-auth",
    "error",
    "entry 2 (cors)",
    "stands inside entry 1 (auth), whose refusals have no CORS headers: where a user is required, preflights get a "
    "401, because browsers send them without credentials, and no page of another origin gets through",
    "move it above entry 1 (auth)",
)
TOLD = f"error: {FINDING.message}; {FINDING.remedy} [cors-outside-auth]"


def test_a_finding_is_data_and_one_line() -> None:
    (finding,) = Stack(WRONG).check()
    assert finding == FINDING
    assert (finding.told, str(finding)) == (TOLD, f"entry 2 (cors): {TOLD}")
    assert list(json.loads(json.dumps(dataclasses.asdict(finding)))) == [
        "code",
        "severity",
        "where",
        "message",
        "remedy",
    ]
    assert hash(finding) == hash(FINDING)
    with pytest.raises(dataclasses.FrozenInstanceError):
        finding.code = "x"  # type: ignore[misc]  # on purpose


def test_what_a_layer_knows_is_not_printed() -> None:
    (layer,) = Stack([("sessions", {"secret_key": "zqxjkvwy" * 5})])._layers
    assert "zqxjkvwy" not in repr(layer)


def test_what_is_missing_is_told_with_what_to_put_there() -> None:
    (finding,) = Stack([auth(USERS)]).check()
    assert str(finding) == (
        "entry 1 (auth): error: looks for its users in the session, and no sessions outside of it covers all of its "
        'requests: those without a session fail; put "sessions" above it, or silence this where it stands outside of '
        "the stack [sessions-outside-session-user]"
    )


def test_names_cannot_break_the_line() -> None:
    stack = Stack([{**auth(), "name": "a\nb"}, {**cors(), "name": "c\x1b[2J{other}"}])
    (finding,) = stack.check()
    assert str(finding).startswith("entry 2 (c\\x1b[2J{other}): error: stands inside entry 1 (a\\nb), whose")


FILE = '[[middleware]]\nuse = "errors"\n\n[[middleware]]\nuse = "request_id"\n'


def test_a_stack_in_a_stack_is_named_by_both() -> None:
    outer = Stack([{"use": Stack([auth()]), "name": "inner"}, cors()], log=False)
    (finding,) = outer.check()
    assert finding.remedy == "move it above entry 1 (inner): entry 1 (auth)"


INNER = Stack([auth()])


def test_in_a_file_it_is_too(tmp_path: Path) -> None:
    path = tmp_path / "stack.toml"
    path.write_text(
        f'[[middleware]]\nuse = "{__name__}:INNER"\nname = "inner"\n[[middleware]]\nuse = "cors"\nallow_origins = []'
    )
    (finding,) = Stack.from_file(path, log=False).check()
    assert (finding.where, finding.remedy) == (
        "entry 2 (cors), line 4",
        "move it above entry 1 (inner): entry 1 (auth)",
    )


def test_in_a_file_the_line_is_told(tmp_path: Path) -> None:
    path = tmp_path / "stack.toml"
    path.write_text(FILE)
    (finding,) = Stack.from_file(path).check()
    assert (finding.where, finding.remedy) == ("entry 2 (request_id), line 4", "move it above entry 1 (errors)")


def test_describe_marks_what_should_move() -> None:
    assert Stack(["errors", "timing", "lint"], log=False).describe() == (
        "Stack\n"
        "└─ errors  ErrorsMiddleware\n"
        "  └─ timing  TimingMiddleware\n"
        "       ! warning: stands inside entry 1 (errors), which answers crashes: their 500 has no Server-Timing, and "
        "sinks are told no status; move it above entry 1 (errors) [timing-outside-errors]\n"
        "    └─ lint  LintMiddleware\n"
        "      └─ app"
    )


def test_each_finding_is_logged_once_when_the_stack_is_built(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    stack = Stack([*WRONG, "timing"])
    stack.check()
    stack.describe()
    stack(text())
    assert caplog.record_tuples == [
        ("asgi_middleware.stack", logging.ERROR, f"Stack: entry 2 (cors): {TOLD}"),
        *(("asgi_middleware.stack", logging.WARNING, f"Stack: {finding}") for finding in stack.check()[1:]),
    ]
    assert found(stack.check())[1:] == [
        ("entry 3 (timing)", "timing-outside-cors"),
        ("entry 3 (timing)", "timing-outside-auth"),
    ]
    path = tmp_path / "stack.toml"
    path.write_text(FILE)
    caplog.clear()
    Stack(ALL)
    Stack(WRONG, log=False)
    Stack.from_file(path, log=False)
    assert caplog.records == []
    Stack.from_file(path)
    assert [record.getMessage().partition(": ")[0] for record in caplog.records] == [str(path)]


# --- silence ----------------------------------------------------------------------------------------------------------


def test_a_code_is_silenced(caplog: pytest.LogCaptureFixture) -> None:
    entries = [*WRONG, "timing"]
    stack = Stack(entries, silence=["cors-outside-auth", "timing-outside-cors", "two-auth"])
    assert found(stack.check()) == [("entry 3 (timing)", "timing-outside-auth")]
    assert len(caplog.records) == 1
    assert "cors-outside-auth" not in stack.describe()


def test_a_file_silences_above_its_first_entry(tmp_path: Path) -> None:
    path = tmp_path / "stack.toml"
    path.write_text(f'silence = ["request-id-outside-errors"]\n{FILE}')
    assert Stack.from_file(path).check() == []
    path.write_text(f'silence = ["request-id-outside-error", "x"]\n{FILE}debug = 1\n')
    with pytest.raises(ConfigError) as caught:
        Stack.from_file(path)
    first, second, third = map(str, caught.value.problems)
    assert first == (
        "silence: 'request-id-outside-error': is the code of no rule; did you mean 'request-id-outside-errors'?"
    )
    assert second.startswith("silence: 'x': is the code of no rule; known: auth-outside-scopes, cors-any-")
    assert third.startswith("entry 2 (request_id), line 5: debug: ")


@pytest.mark.parametrize(("silence", "seen"), [("two-cors", "'two-cors'"), (5, "5"), ([5], "5"), (None, "None")])
def test_silence_is_a_list_of_codes(silence: Any, seen: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Stack([], silence=silence)
    assert [(problem.option, problem.seen) for problem in caught.value.problems] == [("silence", seen)]
