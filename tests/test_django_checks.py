"""`django.checks` and `manage.py asgi_stack`: what is said of which settings, word for word."""

import io
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("django", reason="Django is not installed: the extra `hosts`")

from django.core import management
from django.core.checks import run_checks

from asgi_middleware.django import checks

from . import django_project
from .django_project.driving import changed

pytestmark = [pytest.mark.hosts, pytest.mark.usefixtures("django_project")]

COMMON = "django.middleware.common.CommonMiddleware"
SCOPE = "asgi_middleware.django.middleware.ScopeMiddleware"
GZIP = "django.middleware.gzip.GZipMiddleware"
SESSIONS = "django.contrib.sessions.middleware.SessionMiddleware"
AUTHENTICATION = "django.contrib.auth.middleware.AuthenticationMiddleware"
LOOKUP = "tests.django_project.users.find"
CORS = ("cors", {"allow_origins": ["https://app.example.com"]})
HERE = Path(django_project.__file__).parent
APPS = ["django.contrib.auth", "django.contrib.contenttypes", "asgi_middleware.django"]


# Shaped like a middleware of django-cors-headers, which is not installed here.
OwnCors = type("CorsMiddleware", (), {"__module__": "corsheaders.middleware"})


@pytest.fixture(autouse=True)
def _commands() -> Iterator[None]:
    """Django remembers which app brings which command."""
    remembered: Any = management.get_commands
    remembered.cache_clear()
    yield
    remembered.cache_clear()


def found(**settings: Any) -> list[tuple[str, str, str]]:
    """The ID, the message and the hint of all that the checks say."""
    with changed(**settings):
        messages = run_checks(tags=[checks.TAG])
    return [(str(each.id), str(each.msg), str(each.hint)) for each in messages]


ROWS: list[tuple[str, dict[str, Any], list[tuple[str, str, str]]]] = [
    ("the project is well", {}, []),
    (
        "every problem of the stack",
        {"ASGI_MIDDLEWARE": [("cors", {"allow_origin": ["https://a.example"]}), {"use": "sesions"}]},
        [
            (
                "asgi_middleware.E001",
                "settings.ASGI_MIDDLEWARE: entry 1 (cors): allow_origin: is no option here.",
                "Did you mean 'allow_origins'?",
            ),
            (
                "asgi_middleware.E001",
                "settings.ASGI_MIDDLEWARE: entry 2 (sesions): use: 'sesions': is no known name.",
                "Did you mean 'sessions'? (or 'package.module:Name').",
            ),
        ],
    ),
    (
        "no stack",
        {"ASGI_MIDDLEWARE": None},
        [
            (
                "asgi_middleware.E001",
                "settings: ASGI_MIDDLEWARE: is not set.",
                'Write ASGI_MIDDLEWARE = ["request_id"], or [] for none.',
            )
        ],
    ),
    (
        "a middleware of the stack in Django's own list",
        {"MIDDLEWARE": [SCOPE, "asgi_middleware.cors.CORSMiddleware"]},
        [
            (
                "asgi_middleware.E011",
                (
                    "MIDDLEWARE holds asgi_middleware.cors.CORSMiddleware, which wraps ASGI applications and is no "
                    "middleware of Django's kind."
                ),
                "Put it into ASGI_MIDDLEWARE.",
            )
        ],
    ),
    (
        "no secret to make a key of",
        {"SECRET_KEY": ""},
        [
            (
                "asgi_middleware.E001",
                "settings.ASGI_MIDDLEWARE: The SECRET_KEY setting must not be empty.",
                "Set it, or give the sessions a secret_key of their own.",
            )
        ],
    ),
    ("no secret, but a key", {"SECRET_KEY": "", "ASGI_MIDDLEWARE": [("sessions", {"secret_key": "k" * 32})]}, []),
    ("runserver, where nobody develops", {"DEBUG": False}, []),
    (
        "runserver without daphne",
        {"DEBUG": True},
        [
            (
                "asgi_middleware.W002",
                "`manage.py runserver` serves WSGI here, so without the stack: no session of it, no ID, no CORS.",
                (
                    'Put "daphne" first in INSTALLED_APPS and set ASGI_APPLICATION, or serve asgi.py with any ASGI '
                    "server, such as `uvicorn mysite.asgi:application --reload`."
                ),
            )
        ],
    ),
    ("runserver without a stack", {"DEBUG": True, "ASGI_MIDDLEWARE": []}, []),
    (
        "Django compresses too",
        {"MIDDLEWARE": [GZIP, SCOPE]},
        [
            (
                "asgi_middleware.W003",
                "Both the stack and Django's GZipMiddleware compress; what Django has encoded stays as it is, gzip.",
                "Take django.middleware.gzip.GZipMiddleware out of MIDDLEWARE.",
            )
        ],
    ),
    ("Django compresses alone", {"MIDDLEWARE": [GZIP, SCOPE], "ASGI_MIDDLEWARE": [CORS]}, []),
    (
        "django-cors-headers too",
        {"MIDDLEWARE": [f"{__name__}.OwnCors", SCOPE]},
        [
            (
                "asgi_middleware.W004",
                "Both the stack and django-cors-headers answer other origins, by different rules.",
                "Take corsheaders.middleware.CorsMiddleware out of MIDDLEWARE, and its settings over into the stack.",
            )
        ],
    ),
    ("django-cors-headers alone", {"MIDDLEWARE": [f"{__name__}.OwnCors", SCOPE], "ASGI_MIDDLEWARE": ["errors"]}, []),
    (
        "Django keeps sessions too",
        {"MIDDLEWARE": [SESSIONS, SCOPE]},
        [
            (
                "asgi_middleware.W005",
                "Both the stack and Django keep sessions: request.asgi_session is the one, request.session the other.",
                (
                    "Take django.contrib.sessions.middleware.SessionMiddleware out of MIDDLEWARE, or sessions out of "
                    "the stack; where both are meant, silence this."
                ),
            )
        ],
    ),
    ("Django keeps sessions alone", {"MIDDLEWARE": [SESSIONS, SCOPE], "ASGI_MIDDLEWARE": ["errors"]}, []),
    (
        "ScopeMiddleware before AuthenticationMiddleware",
        {"MIDDLEWARE": [SESSIONS, SCOPE, AUTHENTICATION], "ASGI_MIDDLEWARE": ["errors"]},
        [
            (
                "asgi_middleware.E008",
                "ScopeMiddleware stands before AuthenticationMiddleware, which replaces the request.user that it sets.",
                f'Put "{SCOPE}" directly behind it.',
            )
        ],
    ),
    (
        "behind it",
        {"MIDDLEWARE": [SESSIONS, AUTHENTICATION, SCOPE], "ASGI_MIDDLEWARE": ["errors"]},
        [],
    ),
    (
        "before it, without a lookup",
        {"MIDDLEWARE": [SESSIONS, SCOPE, AUTHENTICATION], "ASGI_MIDDLEWARE": ["errors"], "ASGI_USER_LOOKUP": None},
        [],
    ),
    (
        "a lookup that nobody asks",
        {"MIDDLEWARE": [COMMON]},
        [
            (
                "asgi_middleware.W010",
                "settings.ASGI_USER_LOOKUP is set, but ScopeMiddleware, which asks it, is not in MIDDLEWARE.",
                f'Add "{SCOPE}" to it, behind AuthenticationMiddleware.',
            )
        ],
    ),
    (
        "a lookup that is none",
        {"ASGI_USER_LOOKUP": "tests.django_project.users.fnd"},
        [
            (
                "asgi_middleware.E009",
                (
                    "settings.ASGI_USER_LOOKUP: function: 'tests.django_project.users.fnd': "
                    "'tests.django_project.users' has no 'fnd'."
                ),
                "Did you mean 'find'?",
            )
        ],
    ),
    ("a middleware that cannot be imported is Django's to say", {"MIDDLEWARE": ["nowhere.at.all", SCOPE]}, []),
]


@pytest.mark.parametrize(("sentence", "settings", "said"), ROWS, ids=[row[0] for row in ROWS])
def test_what_the_checks_say(sentence: str, settings: dict[str, Any], said: list[tuple[str, str, str]]) -> None:
    assert found(**settings) == said


def test_the_admin_needs_sessions_of_djangos() -> None:
    needed = ["django.contrib.admin", "django.contrib.messages", "django.contrib.sessions"]
    assert found(MIDDLEWARE=[SESSIONS, AUTHENTICATION, SCOPE], INSTALLED_APPS=[*APPS, *needed]) == []


COOKIES: list[tuple[str, dict[str, Any], str | None]] = [
    ("Django's session", {"MIDDLEWARE": [SESSIONS, SCOPE], "SESSION_COOKIE_NAME": "session"}, "SESSION_COOKIE_NAME"),
    ("which it does not keep", {"SESSION_COOKIE_NAME": "session"}, None),
    ("that against forgeries", {"CSRF_COOKIE_NAME": "session"}, "CSRF_COOKIE_NAME"),
    ("which is kept in its session", {"CSRF_COOKIE_NAME": "session", "CSRF_USE_SESSIONS": True}, None),
    ("that of the language", {"LANGUAGE_COOKIE_NAME": "session"}, "LANGUAGE_COOKIE_NAME"),
]


@pytest.mark.parametrize(("sentence", "settings", "setting"), COOKIES, ids=[row[0] for row in COOKIES])
def test_cookies_of_one_name(sentence: str, settings: dict[str, Any], setting: str | None) -> None:
    settings = {"SILENCED_SYSTEM_CHECKS": ["asgi_middleware.W005"], **settings}
    with changed(**settings):
        messages = [each for each in run_checks(tags=[checks.TAG]) if not each.is_silenced()]
    said = [
        (
            "asgi_middleware.E006",
            (
                "settings.ASGI_MIDDLEWARE: entry 6 (sessions): its cookie is named 'session', "
                f"as settings.{setting} is: each overwrites the other."
            ),
        )
    ]
    assert [(str(each.id), str(each.msg)) for each in messages] == (said if setting else [])


def test_daphne_makes_runserver_serve_the_stack() -> None:
    """Imported in a process of its own by the server's tests: here only the command's kind is looked at."""
    from django.core.management.commands.runserver import Command

    class Daphnes(Command):
        def inner_run(self, *args: Any, **options: Any) -> None:
            """Of another server."""

    class Static(Command):
        """Adds to it, as whitenoise.runserver_nostatic does."""

    for command, wsgi in ((Daphnes(), False), (Static(), True)):
        management.get_commands()["runserver"] = command  # type: ignore[assignment]  # Django allows both
        assert checks._runserver_is_wsgi() is wsgi


ASGI: list[tuple[str, str, bool]] = [
    ("Django's function", "from django.core.asgi import get_asgi_application\n", True),
    ("ours", "from asgi_middleware.django import get_asgi_application\n", False),
    (
        "a stack by hand",
        "from django.core.asgi import get_asgi_application\nfrom asgi_middleware import Stack\n",
        False,
    ),
    ("what is elsewhere", "from mysite.routing import application\n", False),
    ("what is no text", "\udcff", False),
]


@pytest.mark.parametrize("named", ["asgi_application", "beside the URLs", "above the settings"])
@pytest.mark.parametrize(("sentence", "text", "warned"), ASGI, ids=[row[0] for row in ASGI])
def test_asgi_py_is_read_where_it_can_be_found(
    sentence: str, text: str, warned: bool, named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = f"site_{uuid.uuid4().hex}"  # Python remembers what it has imported
    (tmp_path / package).mkdir()
    (tmp_path / package / "__init__.py").touch()
    (tmp_path / package / "asgi.py").write_bytes(text.encode("utf-8", "surrogateescape"))
    monkeypatch.syspath_prepend(tmp_path)
    settings: dict[str, dict[str, Any]] = {
        "asgi_application": {"ASGI_APPLICATION": f"{package}.asgi.application"},
        "beside the URLs": {"ASGI_APPLICATION": None, "ROOT_URLCONF": f"{package}.urls"},
        "above the settings": {
            "ASGI_APPLICATION": None,
            "ROOT_URLCONF": "urls",
            "SETTINGS_MODULE": f"{package}.settings.local",
        },
    }
    file = tmp_path / package / "asgi.py"
    said = [
        (
            "asgi_middleware.W007",
            f"{file} makes its application with Django's function, so the stack is not around it.",
            "Write there: from asgi_middleware.django import get_asgi_application",
        )
    ]
    assert found(**settings[named]) == (said if warned else [])


def test_an_asgi_py_that_is_nowhere_is_nobodys_matter() -> None:
    assert found(ASGI_APPLICATION="nowhere.asgi.application") == []
    assert found(ASGI_APPLICATION=None, ROOT_URLCONF="urls", SETTINGS_MODULE="settings") == []


# --- the commands ------------------------------------------------------------


def command(*words: str, **settings: Any) -> tuple[str, str, str]:
    """What a command of manage.py prints, on both streams, and the error that it ends with."""
    out, err = io.StringIO(), io.StringIO()
    error = ""
    with changed(**settings):
        try:
            management.call_command(*words, stdout=out, stderr=err, no_color=True)
        except management.CommandError as raised:
            error = str(raised)
    return out.getvalue(), err.getvalue(), error


def test_check_finds_the_project_well() -> None:
    assert command("check") == ("System check identified no issues (0 silenced).\n", "", "")


def test_asgi_stack_prints_the_onion() -> None:
    assert command("asgi_stack", ASGI_MIDDLEWARE=["request_id", CORS, ("sessions", {"max_age": 60})]) == (
        (
            "settings.ASGI_MIDDLEWARE\n"
            "└─ request_id  RequestIDMiddleware\n"
            "  └─ cors  CORSMiddleware\n"
            "       allow_origins = ['https://app.example.com']\n"
            "    └─ sessions  SessionMiddleware\n"
            "         max_age = 60\n"
            "         secret_key = <hidden>\n"
            "      └─ app\n"
            "System check identified no issues (0 silenced).\n"
        ),
        "",
        "",
    )


def test_asgi_stack_tells_what_is_wrong_and_fails() -> None:
    out, err, error = command("asgi_stack", ASGI_MIDDLEWARE=["corse"])
    assert (out, err) == ("", "")
    assert error == (
        "SystemCheckError: System check identified some issues:\n\nERRORS:\n"
        "?: (asgi_middleware.E001) settings.ASGI_MIDDLEWARE: entry 1 (corse): use: 'corse': is no known name.\n"
        "\tHINT: Did you mean 'cors'? (or 'package.module:Name').\n\nSystem check identified 1 issue (0 silenced)."
    )


def test_asgi_stack_tells_of_a_key_that_cannot_be_made() -> None:
    out, _, error = command("asgi_stack", SECRET_KEY="", ASGI_MIDDLEWARE=["sessions"])
    assert out == ""
    assert "(asgi_middleware.E001) settings.ASGI_MIDDLEWARE: The SECRET_KEY setting must not be empty." in error


def test_asgi_stack_tells_what_is_doubtful_and_does_not_fail() -> None:
    out, err, error = command("asgi_stack", MIDDLEWARE=[GZIP, SCOPE])
    assert (out.splitlines()[0], error) == ("settings.ASGI_MIDDLEWARE", "")
    assert "?: (asgi_middleware.W003) Both the stack" in err


def test_the_exit_status_says_so_too(tmp_path: Path, django_project: Path) -> None:
    (tmp_path / "wrong.py").write_text("from tests.django_project.settings import *\nASGI_MIDDLEWARE = ['corse']\n")
    folders = [str(tmp_path), str(HERE.parent.parent), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(folders)}
    done = subprocess.run(
        [sys.executable, "-m", "django", "asgi_stack", "--settings", "wrong"],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout, done.stderr.splitlines()[0]) == (
        1,
        "",
        "SystemCheckError: System check identified some issues:",
    )


def test_asgi_stack_makes_no_files(tmp_path: Path) -> None:
    entry = {"use": "sessions", "secret_key": {"file": "session.key", "create": 32}}
    out, _, error = command("asgi_stack", ASGI_MIDDLEWARE=[entry], BASE_DIR=tmp_path)
    assert "secret_key = <from file session.key>" in out
    assert (error, list(tmp_path.iterdir())) == ("", [])
