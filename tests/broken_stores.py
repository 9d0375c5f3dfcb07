"""Stores that break the protocol, each in one way: what shows that each check can fail.

They are MemoryStore, with one method wrong, so nothing but that can be what a check finds.
"""

import unicodedata
from collections.abc import Callable
from fnmatch import fnmatch
from typing import Any

from anyio.lowlevel import checkpoint

from asgi_middleware.sessions.stores import Record, Updated
from asgi_middleware.sessions.stores.memory import MemoryStore


class WithoutTouch(MemoryStore):
    touch: Any = None


class UpdateCreates(MemoryStore):
    async def update(self, key: str, data: bytes, ttl: int, *, version: int) -> Updated:
        await self.create(key, data, ttl)
        return await super().update(key, data, ttl, version=version)


class TouchCreates(MemoryStore):
    async def touch(self, key: str, ttl: int) -> bool:
        await self.create(key, b"", ttl)
        return await super().touch(key, ttl)


class ExtendCreates(MemoryStore):
    async def read(self, key: str, *, extend: int | None = None) -> Record | None:
        if extend:
            await self.create(key, b"", extend)
        return await super().read(key, extend=extend)


class DeleteLies(MemoryStore):
    async def delete(self, key: str) -> bool:
        await super().delete(key)
        return True


class DeleteIsLazy(MemoryStore):
    """What was deleted is empty, but there."""

    async def delete(self, key: str) -> bool:
        record = await self.read(key)
        return record is not None and await self.update(key, b"", 60, version=record.version) == "ok"


class GoneIsConflict(MemoryStore):
    async def update(self, key: str, data: bytes, ttl: int, *, version: int) -> Updated:
        seen = await super().update(key, data, ttl, version=version)
        return "conflict" if seen == "gone" else seen


class KeepsText(MemoryStore):
    async def create(self, key: str, data: bytes, ttl: int) -> bool:
        return await super().create(key, data.decode(errors="replace").encode(), ttl)


class UpdateStrips(MemoryStore):
    async def update(self, key: str, data: bytes, ttl: int, *, version: int) -> Updated:
        return await super().update(key, data.rstrip(b"\x00"), ttl, version=version)


class GivesABuffer(MemoryStore):
    async def read(self, key: str, *, extend: int | None = None) -> Any:
        record: Any = await super().read(key, extend=extend)
        return record and Record(bytearray(record.data), record.version)  # type: ignore[arg-type]  # that is what is wrong


class CreateOverwrites(MemoryStore):
    async def create(self, key: str, data: bytes, ttl: int) -> bool:
        await self.delete(key)
        return await super().create(key, data, ttl)


class CreateSaysOne(MemoryStore):
    async def create(self, key: str, data: bytes, ttl: int) -> Any:
        return int(await super().create(key, data, ttl))


class RefusedCreateUpdates(MemoryStore):
    async def create(self, key: str, data: bytes, ttl: int) -> bool:
        made = await super().create(key, data, ttl)
        record = await self.read(key)
        if not made and record:
            await self.update(key, record.data, ttl, version=record.version)
        return made


class OneVersion(MemoryStore):
    """Who comes last wins."""

    async def read(self, key: str, *, extend: int | None = None) -> Record | None:
        record = await super().read(key, extend=extend)
        return record and Record(record.data, 1)

    async def update(self, key: str, data: bytes, ttl: int, *, version: int) -> Updated:
        record = await super().read(key)
        return "gone" if record is None else await super().update(key, data, ttl, version=record.version)


class TwoVersions(MemoryStore):
    async def read(self, key: str, *, extend: int | None = None) -> Record | None:
        record = await super().read(key, extend=extend)
        return record and Record(record.data, record.version % 2)

    async def update(self, key: str, data: bytes, ttl: int, *, version: int) -> Updated:
        record = await super().read(key)
        if record and record.version % 2 == version:
            version = record.version
        return await super().update(key, data, ttl, version=version)


class VersionOfTheData(OneVersion):
    async def read(self, key: str, *, extend: int | None = None) -> Record | None:
        record = await super().read(key, extend=extend)
        return record and Record(record.data, hash(record.data))


class TouchUpdates(MemoryStore):
    async def touch(self, key: str, ttl: int) -> bool:
        record = await self.read(key)
        return record is not None and await self.update(key, record.data, ttl, version=record.version) == "ok"


class ExtendUpdates(MemoryStore):
    async def read(self, key: str, *, extend: int | None = None) -> Record | None:
        record = await super().read(key)
        if record and extend:
            await self.update(key, record.data, extend, version=record.version)
        return record


class ShortKeys(MemoryStore):
    async def create(self, key: str, data: bytes, ttl: int) -> bool:
        return await super().create(key[:-1], data, ttl)

    async def read(self, key: str, *, extend: int | None = None) -> Record | None:
        return await super().read(key[:-1], extend=extend)


class NothingExpires(MemoryStore):
    async def create(self, key: str, data: bytes, ttl: int) -> bool:
        return await super().create(key, data, 1_000_000 * ttl)


class TouchRevives(MemoryStore):
    async def touch(self, key: str, ttl: int) -> bool:
        if key in self._kept:
            self._kept[key].expires = self._clock() + ttl
        return await super().touch(key, ttl)


class ExpiredKeysAreTaken(MemoryStore):
    async def create(self, key: str, data: bytes, ttl: int) -> bool:
        return key not in self._kept and await super().create(key, data, ttl)


class ThirtyDaysAtMost(MemoryStore):
    """As Memcached takes a longer time for a date, which is over."""

    async def create(self, key: str, data: bytes, ttl: int) -> bool:
        return await super().create(key, data, ttl if ttl <= 30 * 86_400 else 0)


class ExpiresEarly(MemoryStore):
    async def create(self, key: str, data: bytes, ttl: int) -> bool:
        return await super().create(key, data, ttl // 2 or ttl)


class ExtendIsIgnored(MemoryStore):
    async def read(self, key: str, *, extend: int | None = None) -> Record | None:
        return await super().read(key)


class TouchIsIgnored(MemoryStore):
    async def touch(self, key: str, ttl: int) -> bool:
        return await self.read(key) is not None


class UpdateKeepsItsTime(MemoryStore):
    async def update(self, key: str, data: bytes, ttl: int, *, version: int) -> Updated:
        left = int(self._kept[key].expires - self._clock()) if key in self._kept else ttl
        return await super().update(key, data, left, version=version)


class NeverShortens(MemoryStore):
    async def read(self, key: str, *, extend: int | None = None) -> Record | None:
        if extend and key in self._kept:
            extend = max(extend, int(self._kept[key].expires - self._clock()))
        return await super().read(key, extend=extend)


class RefusedCreateExtends(MemoryStore):
    async def create(self, key: str, data: bytes, ttl: int) -> bool:
        made = await super().create(key, data, ttl)
        return made or not await self.touch(key, ttl)


class ReadExtends(MemoryStore):
    async def read(self, key: str, *, extend: int | None = None) -> Record | None:
        return await super().read(key, extend=extend or 60)


class ConflictExtends(MemoryStore):
    async def update(self, key: str, data: bytes, ttl: int, *, version: int) -> Updated:
        await self.touch(key, ttl)
        return await super().update(key, data, ttl, version=version)


class PurgeRemovesAll(MemoryStore):
    async def purge(self) -> int:
        return sum([await self.delete(key) for key in list(self._kept)])


class PurgeForgetsTheIndex(MemoryStore):
    async def purge(self) -> int:
        self._keys.clear()
        return 0


class PurgeSaysNothing(MemoryStore):
    async def purge(self) -> Any:
        await super().purge()


class ListsTwice(MemoryStore):
    async def keys_of(self, subject: str) -> list[str]:
        return 2 * await super().keys_of(subject)


class ListsAll(MemoryStore):
    async def keys_of(self, subject: str) -> list[str]:
        return list(self._kept)


class OneSubjectEach(MemoryStore):
    async def index(self, subject: str, key: str, ttl: int) -> None:
        for keys in self._keys.values():
            keys.discard(key)
        await super().index(subject, key, ttl)


class IndexCreates(MemoryStore):
    async def index(self, subject: str, key: str, ttl: int) -> None:
        await self.create(key, b"", ttl)
        await super().index(subject, key, ttl)


class IndexNeedsARecord(MemoryStore):
    async def index(self, subject: str, key: str, ttl: int) -> None:
        if await self.read(key):
            await super().index(subject, key, ttl)


class _Renamed(MemoryStore):
    name: Callable[[str], str]

    async def index(self, subject: str, key: str, ttl: int) -> None:
        await super().index(self.name(subject), key, ttl)

    async def keys_of(self, subject: str) -> list[str]:
        return await super().keys_of(self.name(subject))


class IgnoresCase(_Renamed):
    name = staticmethod(str.casefold)


class IgnoresSpaces(_Renamed):
    name = staticmethod(str.strip)


class Normalises(_Renamed):
    def name(self, subject: str) -> str:
        return unicodedata.normalize("NFC", subject)


class CutsSubjects(_Renamed):
    def name(self, subject: str) -> str:
        return subject[:254]


class ReplacesHalves(_Renamed):
    def name(self, subject: str) -> str:
        return subject.encode(errors="replace").decode()


class ReadsPatterns(MemoryStore):
    async def keys_of(self, subject: str) -> list[str]:
        return [key for name, keys in self._keys.items() if fnmatch(name, subject) for key in keys]


class ForgetsWithTheRecord(MemoryStore):
    async def keys_of(self, subject: str) -> list[str]:
        return [key for key in await super().keys_of(subject) if self._kept[key].record is None or await self.read(key)]


class LastIndexCounts(MemoryStore):
    async def index(self, subject: str, key: str, ttl: int) -> None:
        if key in self._kept:
            self._kept[key].indexed = 0
        await super().index(subject, key, ttl)


# --- what is not atomic: somebody else comes in between ---------------------------------------------------------------


class CreateInTwoSteps(MemoryStore):
    async def create(self, key: str, data: bytes, ttl: int) -> bool:
        if await self.read(key):
            return False
        await checkpoint()
        await self.delete(key)
        return await super().create(key, data, ttl)


class UpdateInTwoSteps(MemoryStore):
    """Also brings back what was deleted in between."""

    async def update(self, key: str, data: bytes, ttl: int, *, version: int) -> Updated:
        record = await self.read(key)
        if record is None:
            return "gone"
        if record.version != version:
            return "conflict"
        await checkpoint()
        await self.delete(key)
        await self.create(key, data, ttl)
        self._kept[key].record = Record(data, version + 1)
        return "ok"


class TouchInTwoSteps(MemoryStore):
    async def touch(self, key: str, ttl: int) -> bool:
        record = await self.read(key)
        await checkpoint()
        return record is not None and (await super().touch(key, ttl) or await self.create(key, record.data, ttl))


class DeleteInTwoSteps(MemoryStore):
    async def delete(self, key: str) -> bool:
        record = await self.read(key)
        await checkpoint()
        await super().delete(key)
        return record is not None


class IndexInTwoSteps(MemoryStore):
    async def index(self, subject: str, key: str, ttl: int) -> None:
        keys = set(self._keys.get(subject, ()))
        await checkpoint()
        await super().index(subject, key, ttl)
        self._keys[subject] = keys | {key}


class OneAnswerForAll(MemoryStore):
    last: Record | None = None

    async def read(self, key: str, *, extend: int | None = None) -> Record | None:
        self.last = await super().read(key, extend=extend)
        await checkpoint()
        return self.last


class AnswersInLine(MemoryStore):
    """One connection, on which the answer to who was cancelled waits for the next who asks."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.line: list[Record | None] = []

    async def read(self, key: str, *, extend: int | None = None) -> Record | None:
        self.line.append(await super().read(key, extend=extend))
        await checkpoint()
        return self.line.pop(0)


class HalfWritten(MemoryStore):
    async def update(self, key: str, data: bytes, ttl: int, *, version: int) -> Updated:
        seen = await super().update(key, b"half", ttl, version=version)
        await checkpoint()
        if seen == "ok":
            self._kept[key].record = Record(data, version + 1)
        return seen


class ClosesOnce(MemoryStore):
    closed = False

    async def aclose(self) -> None:
        if self.closed:
            raise AssertionError("it is closed")
        self.closed = True
