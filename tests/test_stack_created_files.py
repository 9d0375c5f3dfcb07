"""`stack`: files that are made where they are missing."""

import os
import re
import secrets
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from asgi_middleware import (
    ConfigError,
    Stack,
)

from .apps import silent
from .stacking import (
    Typed,
    given,
    write,
)

NEW: dict[str, Any] = {"text": {"file": "new.key", "create": 32}}


def test_a_missing_file_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        text = given(NEW, base=tmp_path)["text"]
    finally:
        os.umask(before)
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", text)  # 32 bytes as base64url
    assert os.listdir(tmp_path) == ["new.key"]
    assert (tmp_path / "new.key").read_text().removesuffix("\n") == text
    assert stat.S_IMODE((tmp_path / "new.key").stat().st_mode) == 0o600
    assert given(NEW, base=tmp_path)["text"] == text


@pytest.mark.parametrize(("size", "length"), [(16, 22), (32, 43), (1024, 1366)])
def test_create_is_a_number_of_random_bytes(size: int, length: int, tmp_path: Path) -> None:
    first, second = ({"text": {"file": name, "create": size}} for name in ("one", "two"))
    texts = {given(options, base=tmp_path)["text"] for options in (first, second)}
    assert [len(text) for text in texts] == [length, length]


def test_a_file_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "new.key").write_text("old\n")
    assert given(NEW, base=tmp_path)["text"] == "old"
    assert (tmp_path / "new.key").read_text() == "old\n"


def test_to_look_only_makes_nothing(tmp_path: Path) -> None:
    stack = Stack([(Typed, NEW)], base=tmp_path, create_files=False)
    built: Any = stack(silent())
    assert len(built.given["text"]) == 43
    file = write(tmp_path, '[[middleware]]\nuse = "sessions"\nsecret_key = { file = "new.key", create = 32 }')
    assert len(Stack.from_file(file, create_files=False)) == 1
    assert os.listdir(tmp_path) == ["stack.toml"]
    Stack.from_file(file)
    assert sorted(os.listdir(tmp_path)) == ["new.key", "stack.toml"]


def test_of_two_creators_the_slower_takes_the_faster_ones_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = secrets.token_urlsafe
    faster: list[str] = []
    asked: list[int] = []

    def while_another_is_faster(size: int) -> str:
        asked.append(size)
        if len(asked) == 1:
            faster.append(given(NEW, base=tmp_path)["text"])
        return real(size)

    monkeypatch.setattr(secrets, "token_urlsafe", while_another_is_faster)
    slower = given(NEW, base=tmp_path)["text"]
    assert asked == [32, 32]
    assert [slower] == faster == [(tmp_path / "new.key").read_text().removesuffix("\n")]
    assert os.listdir(tmp_path) == ["new.key"]


def test_creators_at_once_agree(tmp_path: Path) -> None:
    ready = threading.Barrier(8, timeout=10)

    def create(_: int) -> str:
        ready.wait()
        text: str = given(NEW, base=tmp_path)["text"]
        return text

    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(create, range(8)))) == 1
    assert os.listdir(tmp_path) == ["new.key"]


def test_a_file_that_cannot_be_made_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int, *_: Any, **__: Any) -> Any:
        os.close(descriptor)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fdopen", full)
    with pytest.raises(ConfigError) as caught:
        Stack([(Typed, NEW)], base=tmp_path)
    told = "text: the file new.key cannot be made (No space left on device); mend the path"
    assert str(caught.value) == f"Stack: entry 1 (Typed): {told}"
    assert os.listdir(tmp_path) == []


def test_a_folder_that_is_missing_is_not_mended_by_create(tmp_path: Path) -> None:
    options = {"text": {"file": "no_folder/new.key", "create": 32}}
    with pytest.raises(ConfigError) as caught:
        Stack([(Typed, options)], base=tmp_path)
    told = "text: there is no folder for the file no_folder/new.key; make it, or mend the path"
    assert str(caught.value) == f"Stack: entry 1 (Typed): {told}"
