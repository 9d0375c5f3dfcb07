"""`stack`: what is hidden in any text, and what is not; which problems are told without their value."""

import pytest

from asgi_middleware.exceptions import Problem
from asgi_middleware.stack.hiding import Hidden, is_secret_name, without_secrets

H = "<hidden>"

TEXTS: list[tuple[str, str]] = [
    # URLs
    ("redis://ada:pass@host:6379/0", f"redis://{H}@host:6379/0"),
    ("redis://:pass@host", f"redis://{H}@host"),
    ("a redis://ada@one, redis://eve@two b", f"a redis://{H}@one, redis://{H}@two b"),
    ("sql://ada:pa/ss@host/db", f"sql://{H}@host/db"),
    ("sql://ada:/pa@host", f"sql://{H}@host"),
    ("sql://:pa?ss@host", f"sql://{H}@host"),
    ("sql://ada:pa#s:s s@host", f"sql://{H}@host"),
    ("sql://ada:12-ab/c@host", f"sql://{H}@host"),
    ("sql://ada:123456/7@host", f"sql://{H}@host"),
    ("https://host/a@b", "https://host/a@b"),
    *(
        (f"https://host:12345{mark}a@b", f"https://host:12345{mark}a@b")
        for mark in ("/", "?", "#", " ", ", ", "', '", '", "')
    ),
    ("https://host: a@b", "https://host: a@b"),
    ("https://[::1]:80/a@b", "https://[::1]:80/a@b"),
    ("https://a/b:c@d, https://a?b:c@d, https://a#b:c@d", "https://a/b:c@d, https://a?b:c@d, https://a#b:c@d"),
    ("https://host?a@b", "https://host?a@b"),
    ("https://host#a@b", "https://host#a@b"),
    ("ada@example.com", "ada@example.com"),
    ("//ada@host", "//ada@host"),
    ("redis://ada word@host", "redis://ada word@host"),
    ("redis://ada b:word@host", "redis://ada b:word@host"),
    # what is assigned to a name that tells
    ("https://host/?password=pass&b=1", f"https://host/?password={H}&b=1"),
    ("https://host/?a=1&api_key=pass#b", f"https://host/?a=1&api_key={H}#b"),
    ("https://host/?ssl-key=pass", f"https://host/?ssl-key={H}"),
    ("host=db PASSWORD=pass user=ada", f"host=db PASSWORD={H} user=ada"),
    ("Server=db;Pwd=pass;Uid=ada", f"Server=db;Pwd={H};Uid=ada"),
    ("passwd=pass", f"passwd={H}"),
    ("db.token=pass", f"db.token={H}"),
    ("client2secret=pass", f"client2secret={H}"),
    ("'token=pass'", f"'token={H}'"),
    ("token=<hidden>", "token=<hidden>"),
    ("token=", "token="),
    ("token = pass", "token = pass"),
    ("tokens=5", "tokens=5"),
    *((f"my{mark}pwd=5", f"my{mark}pwd=5") for mark in ("", "5", "_", ".", "-")),
    *((f"{name}=5", f"{name}=5") for name in ("ecret", "ey", "oken", "assword", "wd", "asswd")),
    ("sort=asc&page=2", "sort=asc&page=2"),
    # hashes
    ("ada:$2b$12$abcdefgh", f"ada:{H}"),
    ("'$argon2id$v=19$m=8$abc' b", f"'{H}' b"),
    ("$pbkdf2-sha256$29000$abcdefgh", H),
    ("$6$abcdefgh", H),
    ("$6$abcdefg", "$6$abcdefg"),
    ("it costs $5$ or more", "it costs $5$ or more"),
    ("$-6$abcdefgh", "$-6$abcdefgh"),
    ("$abcdefghijklmnop$abcdefgh", H),
    ("$abcdefghijklmnopq$abcdefgh", "$abcdefghijklmnopq$abcdefgh"),
]


@pytest.mark.parametrize(("text", "expected"), TEXTS, ids=[row[0] for row in TEXTS])
def test_what_is_secret_in_any_text(text: str, expected: str) -> None:
    assert without_secrets(text) == expected
    assert without_secrets(expected) == expected


NAMES = [
    ("secret", True),
    ("secret_keys[1]", True),
    ("backend[1].api_key", True),
    ("db.PassWords", True),
    ("tokens", True),
    ("secrets.name", False),
    ("max_age", False),
    *((name, False) for name in ("ecret", "secre", "ey", "ke", "assword", "passwor", "oken", "toke")),
]


@pytest.mark.parametrize(("path", "secret"), NAMES, ids=[row[0] for row in NAMES])
def test_the_last_name_of_a_path_tells(path: str, secret: bool) -> None:
    assert is_secret_name(path) is secret


# What is hidden, the problem's option, whether its value is.
TOUCHED = [
    ("secret", "secret", True),
    ("secret", "secret[2]", True),
    ("secret", "secret.inner", True),
    ("backend[1].secret", "backend", True),
    ("backend[1].secret", "backend[1]", True),
    ("backend.secret", "backend", True),
    ("backend[1].secret", "backend[1].secret", True),
    ("backend[1].secret", "backend[1].issuer", False),
    ("backend[1].secret", "backend[2]", False),
    ("backend[1].secret", "backend[11]", False),
    ("secret", "secrets", False),
    ("secrets", "secret", False),
    ("secret", "max_age", False),
]


@pytest.mark.parametrize(("path", "option", "hidden"), TOUCHED, ids=[f"{row[0]} {row[1]}" for row in TOUCHED])
def test_a_problem_of_what_is_hidden_is_told_without_its_value(path: str, option: str, hidden: bool) -> None:
    found = Hidden()
    found.add(path, "<from env NAME>", "zqxjkvwy")
    problem = Problem(option, "5", "must be more", "write 6")
    expected = Problem(option, "<from env NAME>", "must be more", "mend it where it is set")
    assert found.scrubbed(problem) == (expected if hidden else problem)
    other = Problem(option, "5", "must be more", "mend it")
    assert found.scrubbed(other).remedy == "mend it"


def test_a_value_is_not_repeated_by_any_problem() -> None:
    found = Hidden()
    found.add("secret", "<hidden>", "zqxjkvwy-and-more, second-one ,    short    ")
    found.add("other", "<hidden>", "eight-xy")
    for text in ("zqxjkvwy", "a zqxjkvwy-an", "eight-xy", "second-o", "xsecond-onex"):
        told = found.scrubbed(Problem("a", text, f"rule {text}", f"write {text}"))
        assert told == Problem("a", "<hidden>", "<hidden>", "<hidden>")
    harmless = Problem("a", "zqxjkvw", "short", "write and-more")
    assert found.scrubbed(harmless) == harmless


def test_an_exception_is_told_where_nothing_is_hidden() -> None:
    found = Hidden()
    error = ValueError("cannot reach redis://ada:pass@host")
    assert found.told(error) == "ValueError: cannot reach redis://<hidden>@host"
    found.add("secret", "<hidden>", 5)
    assert found.told(error) == "ValueError"
