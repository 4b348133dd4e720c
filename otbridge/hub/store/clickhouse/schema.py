"""The tables, and how they come to be on every server.

Names and columns are those that the OpenTelemetry collector's ClickHouse exporter writes, so that
what reads its tables (Grafana, for one) reads these, too. What is ours stands behind them:

- `Raw`, `ResourceRaw`, `ScopeRaw`: the record as the bytes that came. Answers are made of these;
  the attributes beside them are for other people's queries.
- A record that comes again takes its own place: a span has its ids, a log record a `Place` and an
  `Id` that are made from its batch's key. ClickHouse removes the copies when it merges, and until
  then answers leave them out. Nothing has to be undone after a crash, and every insert may be
  repeated.
- `Version` says which copy stays: the first ended span, else what was said last of an open one.
- `Row` counts up in the order of storing, `Received` is the hub's clock; partitions are days of
  it, so that old days are dropped whole and a sender's wrong clock does no harm.
- `AttributeKinds` says of attributes that are no texts what they are (see `attributes`).
- `DerivedWords` holds what a text search finds, folded; ClickHouse makes it (see `words`).

`otel_trace_summary` has a line per trace, hour and day of receipt: what lists of traces are chosen
by. All it keeps may be said twice without becoming wrong (the earliest, the latest, whether ever).

`otel_metrics_raw` has metrics as they came; the other tables of metrics have their data points for
who reads the exporter's tables (see `points`).
"""

# ruff: noqa: S608 - the SQL is put together from our own names

from __future__ import annotations

import logging
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from otbridge.errors import StoreError
from otbridge.hub.store.clickhouse.engine import as_rows
from otbridge.hub.store.clickhouse.points import KINDS as POINT_KINDS
from otbridge.hub.store.clickhouse.server import Unreachable
from otbridge.hub.store.clickhouse.tables import (
    BY_ROW,
    LOG_INDEXES,
    LOGS,
    METRICS,
    OURS_IN_POINTS,
    POINTS,
    POINTS_OF,
    POINTS_ORDER,
    SPAN_INDEXES,
    SPANS,
    SUMMARY,
)
from otbridge.hub.store.clickhouse.words import log_words, span_words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otbridge.hub.store.clickhouse.engine import Engine

__all__ = ["ALL_TABLES", "Tables", "migrate"]

_logger = logging.getLogger("otbridge.hub")

_POINTS_TABLES: Final = {kind: f"otel_metrics_{kind}" for kind in POINT_KINDS}

ALL_TABLES: Final = (
    *("otel_traces", "otel_logs", "otel_metrics_raw", "otel_trace_summary"),
    *_POINTS_TABLES.values(),
)
"""The tables that hold records, and grow."""

_SUMMARISE: Final = """SELECT toDate(Received) AS Day, toStartOfHour(Timestamp) AS Hour, TraceId,
  min(Timestamp) AS Begun, max(addNanoseconds(Timestamp, Duration)) AS Ended,
  max(StatusCode = 'Error') AS Failed, max(GenAiKind != '') AS Agents,
  groupUniqArray(toString(ServiceName)) AS Services,
  min((toUInt8(ParentSpanId != ''), toUnixTimestamp64Nano(Timestamp), toUInt8(State != 'ended'),
    toString(SpanName))) AS Naming
FROM {source} GROUP BY Day, Hour, TraceId"""


class Tables(NamedTuple):
    """The names that questions and inserts use, with the database before them."""

    traces: str
    logs: str
    metrics: str
    summary: str
    points: Mapping[str, str]
    """By the kind of data points, as `points.KINDS` has it."""

    @classmethod
    def of(cls, database: str, cluster: str = "") -> Tables:
        """Return the names in *database*: on a cluster those of the tables over all shards."""
        end = "_all" if cluster else ""
        whole = [f"{database}.{table}{end}" for table in ALL_TABLES]
        points = dict(zip(_POINTS_TABLES, whole[-len(_POINTS_TABLES) :], strict=True))
        traces, logs, metrics, summary = whole[: -len(_POINTS_TABLES)]
        return cls(traces, logs, metrics, summary, points)


class _Migration(NamedTuple):
    """One step from a version to the next; every statement may be run twice."""

    version: int
    statements: tuple[str, ...]
    adopting: Mapping[str, str] = MappingProxyType({})
    """By table: what is only to be done where that was there before, by whomever it was made."""


def _merging(
    table: str, columns: Mapping[str, str], indexes: tuple[str, ...], order: str, granularity: int
) -> str:
    """Return the statement for a table of which the copy with the highest version stays."""
    parts = [f"`{name}` {kind}" for name, kind in columns.items()]
    return (
        f"CREATE TABLE IF NOT EXISTS {{db}}.{table} ({', '.join([*parts, *indexes])})"
        f" ENGINE = ReplacingMergeTree(Version) PARTITION BY toDate(Received) ORDER BY {order}"
        f" SETTINGS index_granularity = {granularity}"
    )


def _spread(table: str, key: str) -> str:
    """Return the statement for the table that stands for all shards'."""
    return (
        f"CREATE TABLE IF NOT EXISTS {{db}}.{table}_all AS {{db}}.{table}"
        f" ENGINE = Distributed('{{cluster}}', '{{db}}', '{table}', {key})"
        # What a node missed is on disk for good, and sent within seconds after it is back.
        " SETTINGS fsync_after_insert = 1, fsync_directories = 1,"
        " background_insert_max_sleep_time_ms = 2000"
    )


_FIRST = _Migration(
    1,
    (
        _merging(
            "otel_traces",
            SPANS,
            SPAN_INDEXES,
            "(toStartOfFiveMinutes(Timestamp), TraceId, SpanId)",
            2048,
        ),
        _merging(
            "otel_logs",
            LOGS,
            LOG_INDEXES,
            "(toStartOfFiveMinutes(Timestamp), ServiceName, Timestamp, Place, Id)",
            8192,
        ),
        _merging("otel_metrics_raw", METRICS, (BY_ROW,), "Id", 1024),
        (
            "CREATE TABLE IF NOT EXISTS {db}.otel_trace_summary"
            f" ({', '.join(f'{name} {kind}' for name, kind in SUMMARY.items())})"
            " ENGINE = AggregatingMergeTree PARTITION BY Day ORDER BY (Hour, TraceId, Day)"
        ),
        "CREATE MATERIALIZED VIEW IF NOT EXISTS {db}.otel_trace_summary_mv"
        " TO {db}.otel_trace_summary AS " + _SUMMARISE.replace("{source}", "{db}.otel_traces"),
    ),
)


def _words_by_default(end: str = "") -> dict[str, str]:
    """Return by table the statements for ClickHouse to say what a text search finds."""
    return {
        f"{table}{end}": (
            f"ALTER TABLE {{db}}.{table}{end} MODIFY COLUMN DerivedWords String DEFAULT {words}"
        )
        for table, words in (("otel_traces", span_words()), ("otel_logs", log_words()))
    }


_SECOND = _Migration(2, tuple(_words_by_default().values()), _words_by_default("_all"))
"""Before, rows that a collector wrote could not be found by `key=value`."""


def _points_table(kind: str) -> str:
    columns = POINTS | POINTS_OF[kind] | OURS_IN_POINTS
    return _merging(_POINTS_TABLES[kind], columns, (BY_ROW,), POINTS_ORDER, 8192)


def _our_columns(table: str) -> str:
    """Return the statement for a table that a collector has made."""
    added = (f"ADD COLUMN IF NOT EXISTS {name} {kind}" for name, kind in OURS_IN_POINTS.items())
    return f"ALTER TABLE {{db}}.{table} {', '.join(added)}"


_THIRD = _Migration(
    3,
    tuple(map(_points_table, _POINTS_TABLES)),
    {table: _our_columns(table) for table in _POINTS_TABLES.values()},
)
"""Before, only we could read metrics."""

_MIGRATIONS: Final = (_FIRST, _SECOND, _THIRD)
"""In order; a released one never changes."""

_SPREAD: Final = (
    # All of a trace lives on one shard, so that its answers need no other.
    _spread("otel_traces", "cityHash64(TraceId)"),
    _spread("otel_logs", "cityHash64(if(TraceId = '', toString(Id), TraceId))"),
    _spread("otel_metrics_raw", "Id"),
    _spread("otel_trace_summary", "cityHash64(TraceId)"),
    *(_spread(table, "cityHash64(ServiceName, MetricName)") for table in _POINTS_TABLES.values()),
)

_VERSIONS: Final = (
    "CREATE TABLE IF NOT EXISTS {db}.otbridge_schema (Version UInt32, Applied DateTime DEFAULT now())"
    " ENGINE = MergeTree ORDER BY Version"
)


def migrate(engine: Engine, database: str, cluster: str = "") -> None:
    """Bring the tables of every server to this version; several hubs may do so at once.

    A server that cannot be reached is left as it is, for the next hub that starts.

    Raises:
        StoreError: No server can be reached, or one refuses or has tables of a newer otbridge.
    """
    problem: Unreachable | None = None
    reached = 0
    for node in range(engine.nodes):
        try:
            _migrate(engine, node, database, cluster)
        except Unreachable as error:
            problem = error
            _logger.warning("%s", error)
        else:
            reached += 1
    if problem is not None and not reached:
        raise problem


def _migrate(engine: Engine, node: int, database: str, cluster: str) -> None:
    _run(engine, node, "CREATE DATABASE IF NOT EXISTS {db}", database)
    _run(engine, node, _VERSIONS, database)
    known = _version(engine, node, database)
    if known > _MIGRATIONS[-1].version:
        raise StoreError(
            f"The tables in {database} were written by a newer otbridge (schema {known}; this"
            f" one knows {_MIGRATIONS[-1].version}).",
            "Its columns may mean something else.",
            "Upgrade otbridge, or name another database.",
        )
    if known == _MIGRATIONS[-1].version and not cluster:
        return
    before = _tables(engine, node, database)
    steps = [step for step in _MIGRATIONS if step.version > known]
    for statement in (statement for step in steps for statement in step.statements):
        _run(engine, node, statement, database)
    if cluster:
        for statement in _SPREAD:
            _run(engine, node, statement, database, cluster)
    for step in steps:
        for table, statement in step.adopting.items():
            if table in before:
                _run(engine, node, statement, database)
        done = f"INSERT INTO {{db}}.otbridge_schema (Version) VALUES ({step.version})"
        _run(engine, node, done, database)


def _run(engine: Engine, node: int, statement: str, database: str, cluster: str = "") -> None:
    engine.execute(statement.replace("{db}", database).replace("{cluster}", cluster), node)


def _tables(engine: Engine, node: int, database: str) -> set[str]:
    """Return the tables that are there."""
    named = f"SELECT name FROM system.tables WHERE database = '{database}'"
    sql = f"SELECT groupArray(tuple(name)) FROM ({named}) FORMAT MsgPack"
    return {name.decode() for (name,) in as_rows(engine.execute(sql, node))}


def _version(engine: Engine, node: int, database: str) -> int:
    newest = f"SELECT max(Version) AS Newest FROM {database}.otbridge_schema"
    sql = f"SELECT groupArray(tuple(Newest)) FROM ({newest}) FORMAT MsgPack"
    ((version,),) = as_rows(engine.execute(sql, node))
    return int(version)
