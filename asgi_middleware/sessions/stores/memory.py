"""Sessions in the memory of one process: for tests, for development, and for a site that is one process.

    SessionMiddleware(app, secret_key, store=MemoryStore())

Nobody else sees them, and they are gone when the process ends: with several workers use SQLiteStore.
"""

import heapq
import threading
import time
from collections.abc import Callable

from ..._options import Options
from . import Record, Updated

# The heap may hold so many outdated entries for each one that counts, and a few more, before it is built anew.
_OUTDATED = 2
_FEW = 64


class _Kept:
    """What is known of one key: its record, if it has one, and the subjects that it belongs to."""

    __slots__ = ("expires", "indexed", "record", "subjects")

    def __init__(self) -> None:
        self.record: Record | None = None
        self.expires = 0.0  # when the record does
        self.indexed = 0.0  # until when the subjects are asked to be remembered
        self.subjects: set[str] = set()

    @property
    def until(self) -> float:
        """They go together: no session lives on that its subject's list no longer shows."""
        return max(self.expires, self.indexed)


class MemoryStore:
    """At most `most` sessions; when it is full, the one that would expire soonest makes room for the new one.

    `clock` gives seconds from any start on, and never goes back. Nothing here waits, so it needs no event loop, and
    one lock makes it safe for several threads and their loops. Each operation takes O(log n), amortised.

    Raises ConfigError at construction if an option is wrong.
    """

    def __init__(self, *, most: int = 10_000, clock: Callable[[], float] = time.monotonic) -> None:
        options = Options("MemoryStore")
        self._most = options.integer("most", most, minimum=1, unit="sessions", remedy="leave it out for 10,000")
        options.function("clock", clock, optional=False, plain=True)
        options.raise_problems()
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: dict[str, _Kept] = {}
        self._keys: dict[str, set[str]] = {}  # by subject
        self._heap: list[tuple[float, str]] = []  # (until, key); outdated where the key has another `until` by now

    @classmethod
    def from_url(cls, url: str) -> "MemoryStore":
        """The store of `memory:`. Raises ConfigError for anything behind it."""
        if url != "memory:":
            options = Options("MemoryStore")
            options.problem("url", "", "has something behind its scheme", "write 'memory:'")
            options.raise_problems()
        return cls()

    async def read(self, key: str, *, extend: int | None = None) -> Record | None:
        with self._lock:
            now = self._clock()
            kept = self._live(key, now)
            if kept is None:
                return None
            if extend is not None:
                kept.expires = now + extend
                self._schedule(key, kept)
            return kept.record

    async def create(self, key: str, data: bytes, ttl: int) -> bool:
        with self._lock:
            now = self._clock()
            if self._live(key, now) is not None:
                return False
            kept = self._keep(key, now)
            kept.record = Record(data, 1)
            kept.expires = now + ttl
            self._schedule(key, kept)
            return True

    async def update(self, key: str, data: bytes, ttl: int, *, version: int) -> Updated:
        with self._lock:
            now = self._clock()
            kept = self._live(key, now)
            if kept is None or kept.record is None:
                return "gone"
            if kept.record.version != version:
                return "conflict"
            kept.record = Record(data, version + 1)
            kept.expires = now + ttl
            self._schedule(key, kept)
            return "ok"

    async def touch(self, key: str, ttl: int) -> bool:
        return await self.read(key, extend=ttl) is not None

    async def delete(self, key: str) -> bool:
        with self._lock:
            if self._live(key, self._clock()) is None:
                return False
            self._forget(key)
            return True

    async def index(self, subject: str, key: str, ttl: int) -> None:
        with self._lock:
            now = self._clock()
            kept = self._keep(key, now)
            kept.indexed = max(kept.indexed, now + ttl)
            kept.subjects.add(subject)
            self._keys.setdefault(subject, set()).add(key)
            self._schedule(key, kept)

    async def keys_of(self, subject: str) -> list[str]:
        with self._lock:
            now = self._clock()
            return [key for key in self._keys.get(subject, ()) if self._kept[key].until > now]

    async def purge(self) -> int:
        with self._lock:
            return self._purge(self._clock())

    # All of these are called with the lock held.

    def _live(self, key: str, now: float) -> _Kept | None:
        """What is kept of a key that has a record."""
        kept = self._kept.get(key)
        return kept if kept is not None and kept.record is not None and kept.expires > now else None

    def _keep(self, key: str, now: float) -> _Kept:
        """What is kept of a key, with room made for it if it is new."""
        self._purge(now)
        kept = self._kept.get(key)
        if kept is None:
            if len(self._kept) >= self._most:
                self._forget(self._soonest())
            kept = self._kept[key] = _Kept()
        return kept

    def _forget(self, key: str) -> None:
        for subject in self._kept.pop(key).subjects:
            keys = self._keys[subject]
            keys.discard(key)
            if not keys:
                del self._keys[subject]

    def _purge(self, now: float) -> int:
        """Forget what has expired. How many of them had a record."""
        records = 0
        while self._heap and self._heap[0][0] <= now:
            until, key = heapq.heappop(self._heap)
            kept = self._kept.get(key)
            if kept is not None and kept.until == until:
                records += kept.record is not None
                self._forget(key)
        return records

    def _soonest(self) -> str:
        """The key that expires before all others; there is one."""
        while True:
            until, key = heapq.heappop(self._heap)
            kept = self._kept.get(key)
            if kept is not None and kept.until == until:
                return key

    def _schedule(self, key: str, kept: _Kept) -> None:
        heapq.heappush(self._heap, (kept.until, key))
        if len(self._heap) > _OUTDATED * len(self._kept) + _FEW:
            self._heap = [(each.until, name) for name, each in self._kept.items()]
            heapq.heapify(self._heap)
