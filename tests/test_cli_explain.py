"""`cli`: what `explain` prints."""

import json
from pathlib import Path

import pytest

from .commanding import ERRORS, Run

pytestmark = pytest.mark.usefixtures("folder")

CORS = """
[[middleware]]
use = "request_id"

[[middleware]]
use = "cors"
allow_origins = ["https://app.example.com"]
paths = ["/api/*"]

[[middleware]]
use = "sessions"
secret_key = { file = "missing.key", create = 32 }
"""
EXPLAINED: list[tuple[str, str, list[str], str]] = [
    (
        "what a page may do",
        CORS,
        [],
        """
entry 2 (cors), paths: /api/*: GET from 'https://app.example.com'
  1. The browser asks nothing first: a form or a link could send the same.
  2. The origin is allowed: allow_origins lists it.
The page reads the answer: status, body, and the headers Cache-Control, Content-Language, Content-Length, \
Content-Type, Expires, Last-Modified and Pragma.
""",
    ),
    (
        "what it may not, and what to change",
        CORS,
        ["--method", "put", "--header", "X-Token: secret", "--header", "Accept: text/html", "--credentials"],
        """
entry 2 (cors), paths: /api/*: PUT from 'https://app.example.com' with X-Token and Accept, with credentials
  1. The browser asks first, by a preflight, for the method PUT and x-token; it keeps a yes for 600 s.
  2. The origin is allowed: allow_origins lists it.
  3. The method is refused: 'PUT' is not in allow_methods.
  4. The header x-token is refused: it is not in allow_headers.
  5. Credentials are refused: allow_credentials is off.
The browser does not send the request: fetch() rejects with a TypeError.
To change that: add 'PUT' to allow_methods.
To change that: add 'x-token' to allow_headers.
To change that: set allow_credentials=True.
""",
    ),
    (
        "a stack without cors",
        ERRORS,
        [],
        "stack.toml: no entry is cors, so browsers let no page of another origin read an answer\n",
    ),
    (
        "each of several, with a blank line between",
        CORS + '[[middleware]]\nuse = "cors"\nallow_origins = []\n',
        [],
        """
entry 2 (cors), paths: /api/*: GET from 'https://app.example.com'
  1. The browser asks nothing first: a form or a link could send the same.
  2. The origin is allowed: allow_origins lists it.
The page reads the answer: status, body, and the headers Cache-Control, Content-Language, Content-Length, \
Content-Type, Expires, Last-Modified and Pragma.

entry 4 (cors): GET from 'https://app.example.com'
  1. The browser asks nothing first: a form or a link could send the same.
  2. The origin is refused: no rule allows 'https://app.example.com'.
The browser sends the request and the application answers it, but the page cannot read the answer: \
fetch() rejects with a TypeError.
To change that: add 'https://app.example.com' to allow_origins.
""",
    ),
]


@pytest.mark.parametrize(("sentence", "stack", "words", "out"), EXPLAINED, ids=[row[0] for row in EXPLAINED])
def test_explain(sentence: str, stack: str, words: list[str], out: str, folder: Path, run: Run) -> None:
    (folder / "stack.toml").write_text(stack)
    asked = ["explain", "stack.toml", "--origin", "https://app.example.com", *words]
    assert run(*asked) == (0, out.replace("\\\n", "").lstrip("\n"), "")
    assert not (folder / "missing.key").exists()


def test_explain_as_json(folder: Path, run: Run) -> None:
    (folder / "stack.toml").write_text(CORS)
    status, out, err = run("explain", "stack.toml", "--origin", "null", "--json")
    assert (status, err) == (0, "")
    assert json.loads(out) == [
        {
            "entry": "entry 2 (cors)",
            "request": "GET from 'null'",
            "steps": [
                "The browser asks nothing first: a form or a link could send the same.",
                "The origin is refused: dangerously_allow_null_origin is off.",
            ],
            "outcome": "The browser sends the request and the application answers it, but the page cannot read the "
            "answer: fetch() rejects with a TypeError.",
            "readable": False,
            "remedies": [
                "serve the page from an origin of its own: sandboxed frames and files of every site send 'null'"
            ],
        }
    ]
    (folder / "stack.toml").write_text(ERRORS)
    assert run("explain", "stack.toml", "--origin", "null", "--json") == (0, "[]\n", "")


def test_explain_refuses_a_stack_that_is_wrong(folder: Path, run: Run) -> None:
    (folder / "stack.toml").write_text('[[middleware]]\nuse = "cors"\n')
    status, out, err = run("explain", "stack.toml", "--origin", "https://app.example.com")
    assert (status, out) == (1, "")
    assert err.startswith("asgi-middleware: stack.toml: ")
