"""`request_id`: a wrong configuration is refused, all at once."""

from typing import Any

import pytest

from asgi_middleware import ConfigError, RequestIDMiddleware

from . import apps
from .identified import later

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
    ("a generator of another name", {"generator": "ulid"}, [("generator", "use one of 'uuid4', 'uuid7', 'trace'")]),
    ("no generator", {"generator": None}, [("generator", "use one of 'uuid4', 'uuid7', 'trace'")]),
    ("a string for yes", {"response_header": "yes"}, [("response_header", "use one of False, True")]),
    ("a number for no", {"request_header": 0}, [("request_header", "use one of False, True")]),
    ("one name to accept", {"accept": "X-Request-ID"}, [("accept", "write ['X-Request-ID']")]),
    ("no name to accept", {"accept": []}, [("accept", "set trust=False to accept no ID")]),
    (
        "no name to accept, and something else",
        {"header": "a:b", "accept": ()},
        [("header", "such as 'X-Request-ID'"), ("accept", "set trust=False to accept no ID")],
    ),
    ("a number to accept", {"accept": [1]}, [("accept", "write ['X-Request-ID']")]),
    (
        "names to accept with a colon and a space",
        {"accept": ["X-Request-ID", "a:b", "c d"]},
        [("accept", "such as 'X-Request-ID'"), ("accept", "such as 'X-Request-ID'")],
    ),
    ("a trace as a boolean", {"trace": True}, [("trace", "use one of 'off', 'continue'")]),
    ("a trace of another name", {"trace": "restart"}, [("trace", "use one of 'off', 'continue'")]),
    ("IDs from traces without traces", {"generator": "trace"}, [("generator", "set trace='continue' as well")]),
    ("traces as request IDs", {"header": "TraceParent"}, [("header", "leave it to trace='continue'")]),
    ("no clock", {"clock": None}, [("clock", "pass a callable, or leave the option out")]),
    ("an async clock", {"clock": later}, [("clock", "pass a plain function")]),
    ("no randomness", {"token_bytes": b"abc"}, [("token_bytes", "pass a callable, or leave the option out")]),
    ("an async generator", {"generator": later}, [("generator", "pass a plain function")]),
    (
        "everything at once",
        {
            "app": "app",
            "header": "a:b",
            "trust": [],
            "validator": 1,
            "generator": 2,
            "accept": "a",
            "response_header": None,
            "request_header": "",
            "trace": None,
            "clock": 1,
            "token_bytes": 2,
        },
        [
            ("app", "pass a callable(scope, receive, send)"),
            ("header", "such as 'X-Request-ID'"),
            ("accept", "write ['a']"),
            ("trust", "use one of False, True"),
            ("validator", "use one of 'safe', 'uuid'"),
            ("generator", "use one of 'uuid4', 'uuid7', 'trace'"),
            ("response_header", "use one of False, True"),
            ("request_header", "use one of False, True"),
            ("trace", "use one of 'off', 'continue'"),
            ("clock", "pass a callable, or leave the option out"),
            ("token_bytes", "pass a callable, or leave the option out"),
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
