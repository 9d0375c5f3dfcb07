"""`django`: what the order of the stack breaks, in the system checks, in `manage.py asgi_stack` and in the log."""

import io
import logging
from typing import Any

import pytest

pytest.importorskip("django", reason="Django is not installed: the extra `hosts`")

from django.core import management
from django.core.checks import Error, run_checks
from django.core.checks import Warning as Doubt

from asgi_middleware import Stack
from asgi_middleware.django import checks, get_asgi_application

from .django_project.driving import changed

pytestmark = [pytest.mark.hosts, pytest.mark.usefixtures("django_project")]

CORS = ("cors", {"allow_origins": ["https://app.example.com"]})
USERS = ("auth", {"backend": {"use": "session"}})
SESSIONS = ("sessions", {"secret_key": "k" * 32})
DOUBTFUL = [CORS, "request_id"]
WRONG = ["request_id", USERS, SESSIONS]

ROWS: list[tuple[str, list[Any], list[tuple[type, str]]]] = [
    ("a good order", ["request_id", CORS, "errors", SESSIONS, USERS], []),
    ("a doubtful one", DOUBTFUL, [(Doubt, "asgi_middleware.request-id-outside-cors")]),
    ("a wrong one", WRONG, [(Error, "asgi_middleware.sessions-outside-session-user")]),
]


@pytest.mark.parametrize(("sentence", "stack", "said"), ROWS, ids=[row[0] for row in ROWS])
def test_each_finding_is_a_check_of_its_own(sentence: str, stack: list[Any], said: list[tuple[type, str]]) -> None:
    with changed(ASGI_MIDDLEWARE=stack):
        found = run_checks(tags=[checks.TAG])
    assert [(type(each), each.id) for each in found] == said
    findings = Stack(stack, log=False).check()
    assert [str(each.msg) for each in found] == [
        f"settings.ASGI_MIDDLEWARE: {finding.where}: {finding.message}." for finding in findings
    ]
    assert [str(each.hint).lower() for each in found] == [f"{finding.remedy}.".lower() for finding in findings]


def test_asgi_stack_marks_what_should_move_and_fails_for_an_error() -> None:
    out = io.StringIO()
    with changed(ASGI_MIDDLEWARE=WRONG), pytest.raises(management.CommandError, match="sessions-outside-session-user"):
        management.call_command("asgi_stack", stdout=out, no_color=True)
    assert "sessions  SessionMiddleware\n" in out.getvalue()
    assert "! error: " in out.getvalue()


def test_it_is_logged_once_when_the_site_starts(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "asgi_middleware")
    with changed(ASGI_MIDDLEWARE=DOUBTFUL):
        run_checks(tags=[checks.TAG])
        assert caplog.records == []
        get_asgi_application()
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert record.getMessage().startswith("settings.ASGI_MIDDLEWARE: entry 2 (request_id): ")
    assert record.getMessage().endswith("[request-id-outside-cors]")


def test_what_is_silenced_is_neither_told_nor_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "asgi_middleware")
    silenced = ["asgi_middleware.request-id-outside-cors", "asgi_middleware.W002", "auth.W001"]
    with changed(ASGI_MIDDLEWARE=DOUBTFUL, SILENCED_SYSTEM_CHECKS=silenced):
        assert run_checks(tags=[checks.TAG]) == []
        get_asgi_application()
    assert caplog.records == []
