"""`_options` and `exceptions`: every check with good and bad values, and how the problems are told."""

import copy
import dataclasses
import enum
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from asgi_middleware._options import Options, as_bytes, shown
from asgi_middleware.exceptions import ConfigError, MissingExtra, Problem


class Colour(enum.IntEnum):
    RED = 3


class Unprintable:
    def __repr__(self) -> str:
        raise RuntimeError("no repr")


class Secret:
    """Named as Starlette's, and as careful."""

    def __str__(self) -> str:
        return "s3cret"

    def __repr__(self) -> str:
        return "Secret('**********')"


def refused(error: ConfigError) -> None:
    """What is refused while it is made."""
    raise error


# Options as Any: wrong uses are rows too.
Check = Callable[[Any], Any]

# A sentence, the check, what it returns.
GOOD: list[tuple[str, Check, Any]] = [
    ("strings from a list", lambda o: o.strings("o", ["a", "b"], example="['x']"), ("a", "b")),
    ("strings from a tuple", lambda o: o.strings("o", ("a",), example="['x']"), ("a",)),
    ("strings from a set", lambda o: o.strings("o", {"a"}, example="['x']"), ("a",)),
    ("strings from keys", lambda o: o.strings("o", {"a": 1}.keys(), example="['x']"), ("a",)),
    ("no strings", lambda o: o.strings("o", [], example="['x']"), ()),
    ("empty strings are strings", lambda o: o.strings("o", ["", "a"], example="['x']"), ("", "a")),
    ("text", lambda o: o.text("o", "a b", example="'x'"), "a b"),
    ("text in other alphabets", lambda o: o.text("o", "süß ✓", example="'x'"), "süß ✓"),
    ("a choice", lambda o: o.choice("o", "b", ("a", "b")), "b"),
    ("a choice among kinds", lambda o: o.choice("o", True, ("auto", 1, True)), True),
    ("true", lambda o: o.boolean("o", True), True),
    ("false", lambda o: o.boolean("o", False), False),
    ("the least integer", lambda o: o.integer("o", 1, minimum=1), 1),
    ("the greatest integer", lambda o: o.integer("o", 9, minimum=1, maximum=9), 9),
    ("an integer without upper bound", lambda o: o.integer("o", 10**30, minimum=0), 10**30),
    ("an enumerated integer", lambda o: o.integer("o", Colour.RED, minimum=0), Colour.RED),
    ("a header name", lambda o: o.header_name("o", "X-Request-ID"), "X-Request-ID"),
    ("a header name of odd token characters", lambda o: o.header_name("o", "!#$%&'*+.^_`|~"), "!#$%&'*+.^_`|~"),
    ("a second", lambda o: o.seconds("o", 1), None),
    ("the least part of one", lambda o: o.seconds("o", 5e-324), None),
    ("the most of them", lambda o: o.seconds("o", 1.7e308), None),
    ("what is made", lambda o: o.attempt(lambda: "made"), "made"),
]


@pytest.mark.parametrize(("sentence", "check", "returned"), GOOD, ids=[row[0] for row in GOOD])
def test_a_good_value_is_returned_without_a_problem(sentence: str, check: Check, returned: Any) -> None:
    options = Options("Owner")
    assert check(options) == returned
    assert options.problems == []
    options.raise_problems()


STRINGS = "must be a collection of strings"
NAME = "is not a header name; use letters, digits and hyphens, such as 'X-Request-ID'"

# A sentence, the check, what it returns to go on with, every problem as text.
BAD: list[tuple[str, Check, Any, list[str]]] = [
    (
        "one string where several are meant",
        lambda o: o.strings("o", "abc", example="['x']"),
        (),
        [f"o: 'abc': {STRINGS}, not one string; write ['abc']"],
    ),
    (
        "one empty string",
        lambda o: o.strings("o", "", example="['x']"),
        (),
        [f"o: '': {STRINGS}, not one string; write ['']"],
    ),
    (
        "bytes",
        lambda o: o.strings("o", b"abc", example="['x']"),
        (),
        [f"o: b'abc': {STRINGS}, not one string; write ['x']"],
    ),
    (
        "no collection",
        lambda o: o.strings("o", None, example="['x']"),
        (),
        [f"o: None: {STRINGS}; write ['x']"],
    ),
    (
        "a number",
        lambda o: o.strings("o", 5, example="['x']"),
        (),
        [f"o: 5: {STRINGS}; write ['x']"],
    ),
    (
        "items that are no strings, the others kept",
        lambda o: o.strings("o", ["a", 1, b"b", None, "c"], example="['x']"),
        ("a", "c"),
        [f"o: {item}: is not a string; write ['x']" for item in ("1", "b'b'", "None")],
    ),
    (
        "empty text",
        lambda o: o.text("o", "", example="'x'"),
        "",
        ["o: '': must be a string that is not empty; write 'x'"],
    ),
    (
        "text that is none",
        lambda o: o.text("o", 5, example="'x'"),
        "",
        ["o: 5: must be a string that is not empty; write 'x'"],
    ),
    *(
        (
            f"text with the control character {character!r}",
            lambda o, character=character: o.text("o", f"a{character}b", example="'x'"),
            "",
            [f"o: {f'a{character}b'!r}: has control characters; leave them out"],
        )
        for character in ("\0", "\t", "\n", "\r", "\x1b", "\x7f")
    ),
    (
        "an unknown choice",
        lambda o: o.choice("o", "c", ("a", "b")),
        "a",
        ["o: 'c': is not among the choices; use one of 'a', 'b'"],
    ),
    (
        "a choice that is equal but of another kind",
        lambda o: o.choice("o", 1, ("auto", True, False)),
        "auto",
        ["o: 1: is not among the choices; use one of 'auto', True, False"],
    ),
    (
        "a choice in another case",
        lambda o: o.choice("o", "A", ("a", "b")),
        "a",
        ["o: 'A': is not among the choices; use one of 'a', 'b'"],
    ),
    (
        "an unhashable choice",
        lambda o: o.choice("o", [], ("a",)),
        "a",
        ["o: []: is not among the choices; use one of 'a'"],
    ),
    *(
        (
            f"{value!r} for a boolean",
            lambda o, value=value: o.boolean("o", value),
            False,
            [f"o: {value!r}: is not among the choices; use one of False, True"],
        )
        for value in (1, 0, "true", None, "")
    ),
    *(
        (
            f"{value!r} for an integer",
            lambda o, value=value: o.integer("o", value, minimum=1, maximum=9),
            1,
            [f"o: {value!r}: must be a whole number, 1 to 9; write for example 1"],
        )
        for value in (0, 10, -1, True, False, 1.0, float("nan"), "5", None)
    ),
    (
        "an integer below an open range, with its unit",
        lambda o: o.integer("o", -5, minimum=0, unit="seconds", remedy="write 600"),
        0,
        ["o: -5: must be a whole number, 0 or more seconds; write 600"],
    ),
    *(
        (
            f"the header name {value!r}",
            lambda o, value=value: o.header_name("o", value),
            "x",
            [f"o: {value!r}: {NAME}"],
        )
        for value in ("", "a b", "a:b", "a\n", "X-Ü", "a\0", "(a)", b"x-id", None, 5, "é")
    ),
    *(
        (
            f"{value!r} for seconds",
            lambda o, value=value: o.seconds("o", value),
            None,
            [f"o: {value!r}: must be a number of seconds above 0; write for example 5.0"],
        )
        for value in (0, -1, True, "5", None, float("inf"), float("nan"))
    ),
    (
        "what is refused while it is made",
        lambda o: o.attempt(lambda: refused(ConfigError("Other", [Problem("a", "1", "is odd", "mend it")] * 2))),
        None,
        ["a: 1: is odd; mend it"] * 2,
    ),
]


@pytest.mark.parametrize(("sentence", "check", "returned", "problems"), BAD, ids=[row[0] for row in BAD])
def test_a_bad_value_is_a_problem_and_something_harmless_is_returned(
    sentence: str, check: Check, returned: Any, problems: list[str]
) -> None:
    options = Options("Owner")
    result = check(options)
    assert [str(problem) for problem in options.problems] == problems
    assert (type(result), result) == (type(returned), returned)
    with pytest.raises(ConfigError) as caught:
        options.raise_problems()
    assert caught.value.owner == "Owner"
    assert list(caught.value.problems) == options.problems


def test_a_mapping_is_no_collection_of_strings() -> None:
    # Its keys would be taken and its values lost: in config lists that is a reference with a typing error.
    options = Options("Owner")
    options.strings("o", {"env": "NAME", "defualt": "x"}, example="['x']")
    assert [(problem.option, problem.seen) for problem in options.problems] == [("o", "dict")]


def test_a_missing_extra_is_told_alone() -> None:
    options = Options("Owner")
    missing = MissingExtra("Other", "codings", "brotli", "brotli")
    with pytest.raises(MissingExtra) as caught:
        options.attempt(lambda: refused(missing))
    assert (caught.value, options.problems) == (missing, [])


AS_BYTES = [
    ("text", "süß", b"s\xc3\xbc\xc3\x9f"),
    ("bytes", b"\xff", b"\xff"),
    ("Starlette's Secret", Secret(), b"s3cret"),
    ("half a character", "a\udcff", None),
    ("something else", Colour.RED, None),
    ("nothing", None, None),
]


@pytest.mark.parametrize(("sentence", "value", "expected"), AS_BYTES, ids=[row[0] for row in AS_BYTES])
def test_as_bytes(sentence: str, value: object, expected: bytes | None) -> None:
    assert as_bytes(value) == expected


SHOWN = [
    ("what is neither text nor number is its type", Unprintable(), "Unprintable"),
    ("what holds such things is its type", [1, Unprintable()], "list"),
    ("a number too long to be written is its type", 10**5000, "int"),
    ("a short value is its repr", "a'b", '"a\'b"'),
    ("eighty characters are kept", "a" * 78, "'" + "a" * 78 + "'"),
    ("eighty-one are cut to eighty", "a" * 79, "'" + "a" * 76 + "..."),
    ("a huge one is cut", list(range(10_000)), repr(list(range(10_000)))[:77] + "..."),
]


@pytest.mark.parametrize(("sentence", "value", "text"), SHOWN, ids=[row[0] for row in SHOWN])
def test_shown(sentence: str, value: object, text: str) -> None:
    assert shown(value) == text


# The second: Python refuses to write an integer of more than 4,300 digits in decimal.
@pytest.mark.parametrize("value", [Unprintable(), 10**5000], ids=["its repr raises", "too many digits"])
def test_a_value_that_cannot_be_printed_is_still_a_problem(value: Any) -> None:
    options = Options("Owner")
    assert options.integer("o", value, minimum=1, maximum=9) == 1
    assert [(problem.option, problem.rule) for problem in options.problems] == [("o", "must be a whole number, 1 to 9")]


def test_checks_gather_their_problems_in_order() -> None:
    options = Options("Owner")
    options.app(1)
    options.boolean("a", 2)  # type: ignore[arg-type]  # a wrong use  # pyright: ignore[reportArgumentType]
    options.problem("b", "", "is odd", "mend it")
    with pytest.raises(ConfigError) as caught:
        options.raise_problems()
    assert str(caught.value) == (
        "Owner: 3 problems\n"
        "  - app: 1: must be an ASGI application; pass a callable(scope, receive, send)\n"
        "  - a: 2: is not among the choices; use one of False, True\n"
        "  - b: is odd; mend it"
    )


def test_one_problem_is_told_on_one_line() -> None:
    error = ConfigError("Owner", [Problem("option", "'seen'", "rule", "remedy")])
    assert str(error) == "Owner: option: 'seen': rule; remedy"
    assert isinstance(error, ValueError)


# What stands in any of a problem's words, and how it is told.
TOLD = [
    *((character, ascii(character)[1:-1]) for character in "\x00\t\n\r\x1b\x1f\x7f\x80\x85\x9f\u2028\u2029"),
    *((character, character) for character in " ~0-9fx\\\xa0ü\u2027\u202a✓"),
]


@pytest.mark.parametrize(("character", "told"), TOLD, ids=[ascii(row[0]) for row in TOLD])
def test_a_problem_is_one_line(character: str, told: str) -> None:
    problem = Problem(*(f"{word}{character}" for word in ("option", "seen", "rule", "remedy")))
    assert str(problem) == f"option{told}: seen{told}: rule{told}; remedy{told}"


def test_a_problem_is_not_changed() -> None:
    problem = Problem("option", "seen", "rule", "remedy")
    with pytest.raises(dataclasses.FrozenInstanceError):
        problem.seen = "secret"  # type: ignore[misc]  # on purpose  # pyright: ignore[reportAttributeAccessIssue]
    assert not hasattr(problem, "__dict__")


def test_a_missing_extra_says_how_to_install_it() -> None:
    error = MissingExtra("Owner", "codings", "brotli", "brotli")
    assert str(error) == ("Owner: codings: needs the package brotli; install it: pip install 'asgi-middleware[brotli]'")
    assert (error.extra, isinstance(error, ConfigError)) == ("brotli", True)


ERRORS: list[ConfigError] = [
    ConfigError("Owner", iter([Problem("a", "b", "c", "d"), Problem("e", "", "f", "g")])),
    MissingExtra("Owner", "codings", "brotli", "brotli"),
]


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda error: pickle.loads(pickle.dumps(error))])  # noqa: S301  # our own bytes
@pytest.mark.parametrize("error", ERRORS, ids=["ConfigError", "MissingExtra"])
def test_errors_survive_copying_and_pickling(error: ConfigError, copied: Callable[[ConfigError], ConfigError]) -> None:
    again = copied(error)
    assert (type(again), str(again), again.owner, again.problems) == (
        type(error),
        str(error),
        error.owner,
        error.problems,
    )
    assert getattr(again, "extra", None) == getattr(error, "extra", None)
