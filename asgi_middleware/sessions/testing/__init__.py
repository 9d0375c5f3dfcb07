"""What every store has to pass, also one of your own: each clause of `Store` and `IndexedStore` as a check.

    @pytest.mark.anyio
    @pytest.mark.parametrize("check", testing.CHECKS, ids=lambda check: check.__name__)
    async def test_my_store(check):
        await check(MyStore(...))

    anyio.run(testing.check_store, MyStore(...))    # or all of them at once, without a test framework

A check raises AssertionError with a sentence that says what was expected and what the store did. It works on keys and
subjects of its own and removes its records, so the store may hold others; what it told `index` is over within a minute.
For an optional part that the store does not have it raises unittest.SkipTest, which pytest shows as skipped. The last
check closes the store.

`advance(seconds)`, plain or async, moves the clock of a store that was given one. Without it, the checks of expiry wait
for it to come, a second each. All of it works under asyncio and trio.
"""

from typing import Any

from . import expiry, races, records, subjects
from .trial import Advance, Check

__all__ = ["CHECKS", "Advance", "Check", "check_store"]

CHECKS: tuple[Check, ...] = (
    records.has_every_method,
    records.what_was_never_created_is_not_there,
    records.bytes_come_back_as_they_were,
    records.create_refuses_what_is_there,
    records.each_update_gives_another_version,
    records.only_update_changes_the_version,
    records.an_outdated_update_is_a_conflict,
    records.what_is_deleted_stays_so,
    records.each_key_is_a_record_of_its_own,
    expiry.what_has_expired_is_as_if_deleted,
    expiry.it_lives_for_its_time,
    expiry.its_time_can_be_prolonged,
    expiry.its_time_can_be_shortened,
    expiry.what_is_refused_extends_nothing,
    expiry.purge_leaves_what_lives,
    subjects.a_subject_has_its_keys_and_no_others,
    subjects.the_index_comes_before_the_record,
    subjects.any_text_is_a_subject,
    subjects.the_index_remembers_for_its_time,
    races.one_of_many_creates_wins,
    races.one_of_many_updates_wins,
    races.one_of_many_deletes_wins,
    races.nothing_undoes_a_delete,
    races.no_change_is_lost,
    races.many_at_once_do_not_mix,
    races.no_key_of_a_subject_is_lost,
    races.who_is_cancelled_harms_nobody,
    races.it_can_be_closed_twice,
)


async def check_store(store: Any, advance: Advance | None = None) -> None:
    """Run every check, one after the other. Raises an ExceptionGroup of all that failed, each with its clause."""
    import unittest

    failures: list[Exception] = []
    for check in CHECKS:
        try:
            await check(store, advance)
        except unittest.SkipTest:
            continue
        except Exception as error:  # noqa: BLE001  # whatever the store raises fails the check, and is raised below
            error.add_note(f"{check.__name__}: {check.__doc__}")
            failures.append(error)
    if failures:
        raise ExceptionGroup(f"{type(store).__name__} fails {len(failures)} of {len(CHECKS)} checks", failures)
