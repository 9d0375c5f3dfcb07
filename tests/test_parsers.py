"""The fuzzed parsers: a few inputs for each target, more by `python -m tests.parsers`; and each check can fail."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from asgi_middleware import ConfigError
from asgi_middleware._cookies import candidates
from asgi_middleware.auth import AuthError
from asgi_middleware.auth.basic import _parse
from asgi_middleware.auth.framing import parsed
from asgi_middleware.compression.negotiation import negotiate
from asgi_middleware.exceptions import Problem
from asgi_middleware.request_id.trace import parse_traceparent, parse_tracestate
from asgi_middleware.stack.files import StackFile, read_file

from .parsers import checks, models
from .parsers.checks import Check, Wrong
from .parsers.engines import by_mutation
from .parsers.mutating import mutated
from .parsers.targets import TARGETS, Target

INPUTS = 150
SEED = 1


@pytest.mark.parametrize("name", TARGETS)
def test_no_input_is_read_wrongly(name: str) -> None:
    assert by_mutation(name, SEED, 600, INPUTS).failure == ""


def test_a_seed_gives_the_same_inputs_for_ever() -> None:
    target = TARGETS["cookie"]
    inputs = [mutated(SEED, number, target.seeds, target.words) for number in range(300)]
    assert inputs == [mutated(SEED, number, target.seeds, target.words) for number in range(300)]
    assert len(set(inputs)) > 250


# --- broken on purpose ------------------------------------------------------------------------------------------------


def ignores_weights(value: bytes, offered: Any) -> Any:
    return next((coding for coding in offered if coding in value), None)


def remembers_the_longest(value: bytes, offered: Any) -> Any:
    return negotiate(value, offered)  # however long it is


def allows_suffixes(value: bytes) -> bool:
    return value.endswith(b"example.com") or models.origin_allowed(value)


def splits_at_blanks(lines: list[bytes]) -> Any:
    names = b",".join(lines).lower().replace(b" ", b",").split(b",")
    return tuple(filter(None, names)), None


def unquotes_all(value: bytes, name: bytes) -> list[bytes]:
    return [found.strip(b'"') for found in candidates(value, name)]


def parses_like_a_dict(value: bytes, name: bytes) -> list[bytes]:
    split = [pair.strip().partition(b"=") for pair in value.split(b";")]
    pairs = {key: found for key, _, found in split}
    return [pairs[name]] if name in pairs else []


def forgives_padding(value: bytes) -> Any:
    try:
        return _parse(value + b"=" * (-len(value) % 4))
    except AuthError:
        return None


def forgives_spellings(value: bytes) -> bytes:
    try:
        return base64.urlsafe_b64decode(value + b"=" * (-len(value) % 4))
    except ValueError:
        raise AuthError(401, None, "") from None


def takes_the_last_name(value: bytes) -> Any:
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        raise AuthError(401, None, "") from None
    return found if isinstance(found, dict) else parsed(b"")


def takes_zeros(value: bytes) -> Any:
    return parse_traceparent(value.replace(b"0" * 32, b"1" * 32))


def takes_doubled_keys(value: bytes) -> str:
    members = [part.strip(b" \t") for part in value.split(b",") if part.strip(b" \t")]
    return parse_tracestate(value) or parse_tracestate(b",".join(dict.fromkeys(members)))


def crashes_on_brackets(path: Path) -> StackFile:
    if b"[[[" in path.read_bytes():
        raise KeyError("[")
    return read_file(path)


def tells_values(path: Path) -> StackFile:
    try:
        return read_file(path)
    except ConfigError:
        raise ConfigError(
            "file", [Problem("file", path.read_text("utf-8", "replace"), "is wrong", "mend it")]
        ) from None


def counts_lines_from_nought(path: Path) -> StackFile:
    found = read_file(path)
    return StackFile(found.entries, [line + 100 for line in found.lines], found.silence, found.problems)


def takes_its_time(value: bytes) -> Any:
    return [byte for byte in value for _ in value] and parse_traceparent(value)


CONTROLS: list[tuple[Callable[..., Any], str, Check]] = [
    (ignores_weights, "accept-encoding", checks.accept_encoding(ignores_weights)),
    (remembers_the_longest, "accept-encoding", checks.accept_encoding(chooser=remembers_the_longest)),
    (allows_suffixes, "origin", checks.origin(allows_suffixes)),
    (splits_at_blanks, "request-headers", checks.request_headers(splits_at_blanks)),
    (unquotes_all, "cookie", checks.cookie(unquotes_all)),
    (parses_like_a_dict, "cookie", checks.cookie(parses_like_a_dict)),
    (forgives_padding, "authorization", checks.authorization(forgives_padding)),
    (forgives_spellings, "token", checks.token(segment=forgives_spellings)),
    (takes_the_last_name, "token", checks.token(content=takes_the_last_name)),
    (takes_zeros, "traceparent", checks.traceparent(takes_zeros)),
    (takes_doubled_keys, "tracestate", checks.tracestate(takes_doubled_keys)),
    (crashes_on_brackets, "config in TOML", checks.config(".toml", crashes_on_brackets)),
    (tells_values, "config in JSON", checks.config(".json", tells_values)),
    (counts_lines_from_nought, "config in YAML", checks.config(".yaml", counts_lines_from_nought)),
    (takes_its_time, "traceparent", checks.bounded(checks.traceparent(takes_its_time))),
]


@pytest.mark.parametrize(("parser", "name", "check"), CONTROLS, ids=[row[0].__name__ for row in CONTROLS])
def test_a_broken_parser_is_found(
    parser: Callable[..., Any], name: str, check: Check, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = TARGETS[name]
    monkeypatch.setitem(TARGETS, name, Target(check, known.seeds, known.words))
    assert by_mutation(name, SEED, 600, 5_000).failure.startswith(("Wrong(", "KeyError('[')"))


# What a middleware must not let through, where the parser is not the one that is broken.
def test_an_application_that_is_not_answered_for_is_found() -> None:
    site = checks.Site(lambda app: app, lambda scope: 1 / 0)
    with pytest.raises(Wrong, match="ZeroDivisionError"):
        site.ask([])
