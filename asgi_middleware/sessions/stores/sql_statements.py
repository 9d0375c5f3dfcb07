"""The tables of `SQLAlchemyStore`, and its statements in the dialect of each database."""

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, MetaData, Table


class Dialect(NamedTuple):
    """What a database calls by another name.

    `now`: seconds since 1970 by its clock, at the moment at which a row is looked at: one that had to be waited for may
    have expired meanwhile, so PostgreSQL's `now()`, the start of the transaction, would be too early.
    `each` and `all`: options of a connection for statements that commit themselves, and for several in a transaction.
    `turn`: makes two that create the tables at once take turns.
    `cancels`: whether a statement can be cancelled in the middle. SQLite's would keep its lock, and is never long.
    """

    now: str
    each: dict[str, str]
    all: dict[str, str]
    turn: str
    cancels: bool


DIALECTS = {
    "postgresql": Dialect(
        now="CAST(extract(epoch FROM clock_timestamp()) AS double precision)",
        each={"isolation_level": "AUTOCOMMIT"},
        all={"isolation_level": "READ COMMITTED"},
        turn="SELECT pg_advisory_xact_lock(7239461083215)",
        cancels=True,
    ),
    # SQLAlchemy loses the connection of who is cancelled while it sets an option of SQLite's, so there are none.
    "sqlite": Dialect(
        now="((julianday('now') - 2440587.5) * 86400)",
        each={},
        all={},
        turn="BEGIN IMMEDIATE",
        cancels=False,
    ),
}


def tables(table: str) -> "MetaData":
    from sqlalchemy import BigInteger, Column, Double, Index, LargeBinary, MetaData, String, Table

    metadata = MetaData()
    # `expires_at` is in seconds since 1970: unlike a timestamp, the same in every database and time zone.
    Table(
        table,
        metadata,
        Column("key", String(64), primary_key=True),
        Column("data", LargeBinary, nullable=False),
        Column("version", BigInteger, nullable=False),
        Column("expires_at", Double, nullable=False),
        Index(f"{table}_expires_at", "expires_at"),
    )
    Table(
        f"{table}_subjects",
        metadata,
        Column("subject", String(64), primary_key=True),
        Column("key", String(64), primary_key=True),
        Column("expires_at", Double, nullable=False),
        Index(f"{table}_subjects_expires_at", "expires_at"),
    )
    return metadata


class Statements:
    """Every statement, built once. Their parameters bear other names than the columns, which SQLAlchemy reserves."""

    def __init__(self, metadata: "MetaData", table: str, dialect: str) -> None:
        from sqlalchemy import (
            BigInteger,
            Double,
            LargeBinary,
            String,
            bindparam,
            delete,
            literal_column,
            or_,
            select,
            update,
        )

        if dialect == "postgresql":
            from sqlalchemy.dialects.postgresql import insert
        else:
            from sqlalchemy.dialects.sqlite import insert  # type: ignore[assignment]  # has the methods used here

        records = metadata.tables[table]
        subjects = metadata.tables[f"{table}_subjects"]
        this = bindparam("this", type_=String)
        whose = bindparam("whose", type_=String)
        content = bindparam("content", type_=LargeBinary)
        now = literal_column(DIALECTS[dialect].now, Double)
        later = now + bindparam("ttl", type_=Double)

        mine = records.c.key == this
        lives = records.c.expires_at > now
        self.read = select(records.c.data, records.c.version).where(mine, lives)
        touch = update(records).where(mine, lives).values(expires_at=later)
        self.touch = touch.returning(records.c.key)
        self.extend = touch.returning(records.c.data, records.c.version)
        self.update = (
            update(records)
            .where(mine, lives, records.c.version == bindparam("seen", type_=BigInteger))
            .values(data=content, version=records.c.version + 1, expires_at=later)
            .returning(records.c.key)
        )
        self.delete = delete(records).where(mine).returning(lives.label("lived"))

        new = insert(records).values(
            key=this, data=content, version=bindparam("first", type_=BigInteger), expires_at=later
        )
        self.create = new.on_conflict_do_update(
            index_elements=["key"],
            set_={name: new.excluded[name] for name in ("data", "version", "expires_at")},
            where=records.c.expires_at <= now,
        ).returning(records.c.key)

        belongs = insert(subjects).values(subject=whose, key=this, expires_at=later)
        self.index = belongs.on_conflict_do_update(
            index_elements=["subject", "key"],
            set_={"expires_at": belongs.excluded.expires_at},
            where=belongs.excluded.expires_at > subjects.c.expires_at,
        ).returning(subjects.c.key)
        # `touch` and `extend` concern the record alone, which may so outlive what `index` was told; but no session may
        # live on that its subject's list no longer shows.
        record = select(records.c.expires_at).where(records.c.key == subjects.c.key)
        has_record = record.where(records.c.expires_at > now).exists()
        remembered = or_(subjects.c.expires_at > now, has_record)
        self.keys_of = select(subjects.c.key).where(subjects.c.subject == whose, remembered)

        self.purge = [delete(records).where(_old(records, now)).returning(records.c.key)]
        old = _old(subjects, now)
        self.purge_subjects = [
            update(subjects)
            .where(old, has_record)
            .values(expires_at=record.scalar_subquery())
            .returning(subjects.c.key),
            delete(subjects).where(old, ~has_record).returning(subjects.c.key),
        ]


def _old(table: "Table", now: "ColumnElement[Any]") -> "ColumnElement[bool]":
    """Whether a row is among the `most` that expired first, of those that nobody else is about to change."""
    from sqlalchemy import BigInteger, and_, bindparam, select, tuple_

    # As a subquery the clock is read once for the whole statement, without which the index would be of no use.
    expired = table.c.expires_at <= select(now).scalar_subquery()
    first = select(*table.primary_key).where(expired).order_by(table.c.expires_at)
    # An expression of its own is evaluated once, so that the limit holds.
    locked = first.limit(bindparam("most", type_=BigInteger)).with_for_update(skip_locked=True).cte("old")
    return and_(tuple_(*table.primary_key).in_(select(locked)), expired)
