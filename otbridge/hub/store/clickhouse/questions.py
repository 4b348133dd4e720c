"""Puts questions together, and asks them within their budget."""

# ruff: noqa: S608 - the SQL is put together from our own names; values only go in as parameters

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otbridge.hub.store.budget import left_s
from otbridge.hub.store.clickhouse.engine import BUDGET_S, as_rows
from otbridge.hub.store.clickhouse.words import decimal, pair
from otbridge.hub.store.text import asked, pair_word

if TYPE_CHECKING:
    from collections.abc import Iterable

    from otbridge.hub.store.clickhouse.engine import Engine
    from otbridge.hub.store.clickhouse.schema import Tables
    from otbridge.hub.store.vocabulary import Term

__all__ = ["COUNTED_EXACTLY", "Asker", "Conditions", "escaped", "hexes"]

_MEMORY: Final = 1_000_000_000
"""Bytes that one question may take on a server."""

COUNTED_EXACTLY: Final = 1_000_000
"""Records in a table up to which none is counted twice, whether or not it is merged."""

_NO_WORD: Final = "(?:^|[\\x00-/:-@\\[-`{-\\x7f])"
"""What stands before a word in `DerivedWords`: the beginning, or ASCII without letter and digit."""


class Conditions:
    """A WHERE clause that is put together piece by piece; values only ever go in as parameters."""

    def __init__(self, *always: str, beside: Conditions | None = None) -> None:
        """Begin with *always*; *beside* is another clause of the same statement."""
        self._sql = list(always)
        self.parameters: dict[str, str] = {} if beside is None else beside.parameters

    def add(self, sql: str, **values: Any) -> None:
        """Add a condition that has to hold too; `{name:Type}` in it stands for a value."""
        for name, value in values.items():
            own = f"{name}{len(self.parameters)}"
            sql = sql.replace(f"{{{name}:", f"{{{own}:")
            self.parameters[own] = escaped(value)
        self._sql.append(sql)

    def add_term(self, term: Term) -> bool:
        """Add that the words of *term* occur in `DerivedWords`; return whether it asks anything."""
        wanted = asked(term)
        if wanted is None:
            return False
        if term.key is not None:
            self.add_pairs(term.key, [term.text])
            return True
        parts: list[str] = []
        values: dict[str, Any] = {}
        if wanted.whole:
            parts.append("hasAllTokens(DerivedWords, {whole:Array(String)})")
            values["whole"] = list(wanted.whole)
        if wanted.begun:
            # The first is looked up in the index; the second says where in the word it stands.
            parts += ["DerivedWords LIKE {like:String}", "match(DerivedWords, {begun:String})"]
            values["like"] = f"%{wanted.begun}%"
            values["begun"] = _NO_WORD + wanted.begun
        self.add(" AND ".join(parts), **values)
        return True

    def add_pairs(self, key: str, texts: Iterable[str], number: float | None = None) -> None:
        """Add that the attribute *key* has one of these short values, as `DerivedWords` has it.

        Args:
            key: Which attribute.
            texts: Ways in which the value is written.
            number: It, where it is a number, which ClickHouse writes in a way of its own, too.
        """
        words: list[str] = []
        values: dict[str, Any] = {}
        for place, text in enumerate(texts):
            values |= {f"said{place}": f"{key}={text}", f"old{place}": pair_word(key, text)}
            words += (pair(f"{{said{place}:String}}"), f"{{old{place}:String}}")
        if number is not None:
            values |= {"before": f"{key}=", "number": repr(number)}
            words.append(pair(f"concat({{before:String}}, {decimal('{number:Float64}')})"))
        self.add(f"hasAnyTokens(DerivedWords, [{', '.join(words)}])", **values)

    def __str__(self) -> str:
        return " AND ".join(f"({condition})" for condition in self._sql) or "1"


class Asker:
    """Asks questions about the tables of one store."""

    def __init__(self, engine: Engine, tables: Tables) -> None:
        self._engine = engine
        self.tables = tables
        self.budget_s = BUDGET_S
        """Seconds that one statement may take."""

    def counted(self, table: str) -> str:
        """Return *table* as it is named where its records are counted.

        Copies that are not merged yet are left out, unless there are so many records that this
        would take too long and a few copies do not matter.
        """
        # ClickHouse knows this number without looking at any record.
        ((records,),) = self.rows(f"SELECT count() FROM {table}")
        return f"{table} FINAL" if records < COUNTED_EXACTLY else table

    def rows(
        self, select: str, where: Conditions | None = None, *, threads: int = 0
    ) -> list[list[Any]]:
        """Return all rows that the statement finds, in its order.

        Args:
            select: A SELECT; its parameters are those of *where*.
            where: Where the parameters come from.
            threads: How many threads it is worth; 0 leaves it to ClickHouse.

        Raises:
            QueryTooSlow: It takes too much time or memory.
            StoreError: ClickHouse cannot be asked.
        """
        settings: dict[str, Any] = {
            "max_execution_time": left_s(self.budget_s),
            "timeout_before_checking_execution_speed": 0,
            "max_memory_usage": _MEMORY,
            # What a trace's rows are asked of is on their shard.
            "distributed_product_mode": "local",
        }
        if threads:
            settings["max_threads"] = threads
        sql = f"SELECT groupArray(tuple(*)) FROM ({select}) FORMAT MsgPack"
        return as_rows(self._engine.ask(sql, where.parameters if where else {}, settings))


def hexes(ids: Any) -> list[str]:
    """Return ids as the columns have them."""
    return [one.hex() for one in ids]


def escaped(value: Any) -> str:
    """Return a parameter's value as ClickHouse's tab-separated texts have it."""
    if isinstance(value, list):  # of ids or folded words, which hold nothing to escape
        return "[" + ",".join(f"'{item}'" for item in value) + "]"
    text = str(value)
    for plain, escape in (("\\", "\\\\"), ("\t", "\\t"), ("\n", "\\n"), ("\0", "\\0")):
        text = text.replace(plain, escape)
    return text
