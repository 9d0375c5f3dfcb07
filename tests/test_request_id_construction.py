"""`request_id`: a wrong configuration is refused, all at once."""

from typing import Any

import pytest

from asgi_middleware import ConfigError, RequestIDMiddleware

from . import apps

WRONG: list[tuple[str, dict[str, Any], list[tuple[str, str]]]] = [
    ("an app that cannot be called", {"app": None}, [("app", "pass a callable(scope, receive, send)")]),
    ("a header with a space", {"header": "X Request ID"}, [("header", "such as 'X-Request-ID'")]),
    ("an empty header", {"header": ""}, [("header", "such as 'X-Request-ID'")]),
    ("a header beyond ASCII", {"header": "X-Réquest"}, [("header", "such as 'X-Request-ID'")]),
    ("a header with a line break", {"header": "X-Request-ID\n"}, [("header", "such as 'X-Request-ID'")]),
    ("a header in bytes", {"header": b"X-Request-ID"}, [("header", "such as 'X-Request-ID'")]),
    ("trust as a string", {"trust": "proxy"}, [("trust", "use one of False, True")]),
    ("trust as a number", {"trust": 1}, [("trust", "use one of False, True")]),
    ("trust as None", {"trust": None}, [("trust", "use one of False, True")]),
    ("a validator of another name", {"validator": "uuid4"}, [("validator", "use one of 'safe', 'uuid'")]),
    ("no validator", {"validator": None}, [("validator", "use one of 'safe', 'uuid'")]),
    ("a generator of another name", {"generator": "ulid"}, [("generator", "use one of 'uuid4'")]),
    ("no generator", {"generator": None}, [("generator", "use one of 'uuid4'")]),
    ("a string for yes", {"response_header": "yes"}, [("response_header", "use one of False, True")]),
    ("a number for no", {"request_header": 0}, [("request_header", "use one of False, True")]),
    (
        "everything at once",
        {
            "app": "app",
            "header": "a:b",
            "trust": [],
            "validator": 1,
            "generator": 2,
            "response_header": None,
            "request_header": "",
        },
        [
            ("app", "pass a callable(scope, receive, send)"),
            ("header", "such as 'X-Request-ID'"),
            ("trust", "use one of False, True"),
            ("validator", "use one of 'safe', 'uuid'"),
            ("generator", "use one of 'uuid4'"),
            ("response_header", "use one of False, True"),
            ("request_header", "use one of False, True"),
        ],
    ),
]


@pytest.mark.parametrize(("sentence", "options", "expected"), WRONG, ids=[row[0] for row in WRONG])
def test_a_wrong_configuration_is_refused_with_its_remedies(
    sentence: str, options: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    with pytest.raises(ConfigError) as caught_error:
        RequestIDMiddleware(**{"app": apps.silent(), **options})
    error = caught_error.value
    assert error.owner == "RequestIDMiddleware"
    assert [problem.option for problem in error.problems] == [option for option, _ in expected]
    for problem, (_, remedy) in zip(error.problems, expected, strict=True):
        assert problem.remedy.endswith(remedy)
        assert str(problem) in str(error)
