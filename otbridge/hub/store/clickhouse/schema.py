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
- `DerivedWords` holds what a text search finds, folded (see `otbridge.hub.store.text`).

`otel_trace_summary` has a line per trace, hour and day of receipt: what lists of traces are chosen
by. All it keeps may be said twice without becoming wrong (the earliest, the latest, whether ever).
"""

# ruff: noqa: S608 - the SQL is put together from our own names

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final, NamedTuple

from otbridge.errors import StoreError
from otbridge.hub.store.clickhouse.engine import as_rows
from otbridge.hub.store.clickhouse.server import Unreachable
from otbridge.hub.store.clickhouse.words import log_words, span_words
from otbridge.hub.store.text import MAX_PAIR

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otbridge.hub.store.clickhouse.engine import Engine

__all__ = ["ALL_TABLES", "Tables", "migrate"]

_logger = logging.getLogger("otbridge.hub")

ALL_TABLES: Final = ("otel_traces", "otel_logs", "otel_metrics_raw", "otel_trace_summary")
"""The tables that hold records, and grow."""

_MAP = "Map(LowCardinality(String), String)"
_WORD = "LowCardinality(String)"
_KINDS = "Map(LowCardinality(String), LowCardinality(String))"


def _named_by(column: str, key: str) -> str:
    """Return the column with the name of a session: the attribute, where it is a short text."""
    text = f"{column}['{key}']"
    fits = f"AttributeKinds['{key}'] = '' AND lengthUTF8({text}) <= {MAX_PAIR:d}"
    return f"String DEFAULT if({fits}, {text}, '') CODEC(ZSTD(1))"


_SPANS: Final = {
    "Timestamp": "DateTime64(9) CODEC(Delta(8), ZSTD(1))",
    "TraceId": "String CODEC(ZSTD(1))",
    "SpanId": "String CODEC(ZSTD(1))",
    "ParentSpanId": "String CODEC(ZSTD(1))",
    "TraceState": "String CODEC(ZSTD(1))",
    "SpanName": _WORD,
    "SpanKind": _WORD,
    "ServiceName": _WORD,
    "ResourceAttributes": f"{_MAP} CODEC(ZSTD(1))",
    "ScopeName": "String CODEC(ZSTD(1))",
    "ScopeVersion": "String CODEC(ZSTD(1))",
    "SpanAttributes": f"{_MAP} CODEC(ZSTD(1))",
    "Duration": "UInt64 CODEC(T64, ZSTD(1))",
    "StatusCode": _WORD,
    "StatusMessage": "String CODEC(ZSTD(1))",
    "Events.Timestamp": "Array(DateTime64(9)) CODEC(ZSTD(1))",
    "Events.Name": f"Array({_WORD}) CODEC(ZSTD(1))",
    "Events.Attributes": f"Array({_MAP}) CODEC(ZSTD(1))",
    "Links.TraceId": "Array(String) CODEC(ZSTD(1))",
    "Links.SpanId": "Array(String) CODEC(ZSTD(1))",
    "Links.TraceState": "Array(String) CODEC(ZSTD(1))",
    "Links.Attributes": f"Array({_MAP}) CODEC(ZSTD(1))",
    # What a collector writes into the table has ended, and gets the rest by default.
    "State": "Enum8('open' = 1, 'lost' = 2, 'ended' = 3) DEFAULT 'ended'",
    "Received": "DateTime64(9) DEFAULT now64(9) CODEC(Delta(8), ZSTD(1))",
    "Row": "Int64 DEFAULT toUnixTimestamp64Nano(Received) CODEC(Delta(8), ZSTD(1))",
    "Version": "UInt64 DEFAULT bitNot(toUInt64(Row)) CODEC(Delta(8), ZSTD(1))",
    "AttributeKinds": _KINDS,
    "Producer": _WORD,
    "GenAiKind": _WORD,
    "GenAiAgent": _WORD,
    "GenAiConversation": "String CODEC(ZSTD(1))",
    "GenAiRun": "String CODEC(ZSTD(1))",
    "SessionId": _named_by("SpanAttributes", "session.id"),
    "ConversationId": _named_by("SpanAttributes", "gen_ai.conversation.id"),
    "DerivedWords": "String DEFAULT lower(concat(SpanName, ' ', StatusMessage, ' ',"
    " arrayStringConcat(mapValues(SpanAttributes), ' '))) CODEC(ZSTD(1))",
    "ResourceSchemaUrl": _WORD,
    "ResourceRaw": _WORD,
    "ScopeSchemaUrl": _WORD,
    "ScopeRaw": _WORD,
    "Raw": "String CODEC(ZSTD(1))",
}
_LOGS: Final = {
    "Timestamp": "DateTime64(9) CODEC(Delta(8), ZSTD(1))",
    "TraceId": "String CODEC(ZSTD(1))",
    "SpanId": "String CODEC(ZSTD(1))",
    "TraceFlags": "UInt8",
    "SeverityText": _WORD,
    "SeverityNumber": "UInt8",
    "ServiceName": _WORD,
    "Body": "String CODEC(ZSTD(1))",
    "ResourceSchemaUrl": _WORD,
    "ResourceAttributes": f"{_MAP} CODEC(ZSTD(1))",
    "ScopeSchemaUrl": _WORD,
    "ScopeName": "String CODEC(ZSTD(1))",
    "ScopeVersion": _WORD,
    "ScopeAttributes": f"{_MAP} CODEC(ZSTD(1))",
    "LogAttributes": f"{_MAP} CODEC(ZSTD(1))",
    "EventName": "String CODEC(ZSTD(1))",
    "ObservedTimestamp": "DateTime64(9) DEFAULT Timestamp CODEC(Delta(8), ZSTD(1))",
    "Received": "DateTime64(9) DEFAULT now64(9) CODEC(Delta(8), ZSTD(1))",
    "Row": "Int64 DEFAULT toUnixTimestamp64Nano(Received) CODEC(Delta(8), ZSTD(1))",
    "Version": "UInt64 DEFAULT bitNot(toUInt64(Row)) CODEC(Delta(8), ZSTD(1))",
    # Among records of one time: where it stands, and what tells it from all others.
    "Place": "Int64 DEFAULT Row CODEC(Delta(8), ZSTD(1))",
    "Id": "UInt64 DEFAULT rand64() CODEC(ZSTD(1))",
    "AttributeKinds": _KINDS,
    "Producer": _WORD,
    "SessionId": _named_by("LogAttributes", "session.id"),
    "ConversationId": _named_by("LogAttributes", "gen_ai.conversation.id"),
    "DerivedWords": "String DEFAULT lower(concat(Body, ' ', EventName, ' ',"
    " arrayStringConcat(mapValues(LogAttributes), ' '))) CODEC(ZSTD(1))",
    "ResourceRaw": _WORD,
    "ScopeRaw": _WORD,
    "Raw": "String CODEC(ZSTD(1))",
}
_METRICS: Final = {
    "ServiceName": _WORD,
    "ReceivedTimestamp": "DateTime64(9) CODEC(Delta(8), ZSTD(1))",
    "DataPoints": "UInt32",
    # What is in the row, so that a metric is found without reading all.
    "Metrics.MetricName": f"Array({_WORD}) CODEC(ZSTD(1))",
    "Metrics.MetricType": f"Array({_WORD}) CODEC(ZSTD(1))",
    "Metrics.MetricUnit": f"Array({_WORD}) CODEC(ZSTD(1))",
    "Metrics.MetricDescription": f"Array({_WORD}) CODEC(ZSTD(1))",
    "Metrics.AggregationTemporality": f"Array({_WORD}) CODEC(ZSTD(1))",
    "Metrics.IsMonotonic": "Array(Bool) CODEC(ZSTD(1))",
    "Metrics.Attributes": f"Array(Array({_WORD})) CODEC(ZSTD(1))",
    "Metrics.DataPoints": "Array(UInt32) CODEC(ZSTD(1))",
    "Metrics.FirstTime": "Array(Int64) CODEC(ZSTD(1))",
    "Metrics.LastTime": "Array(Int64) CODEC(ZSTD(1))",
    "Received": "DateTime64(9) CODEC(Delta(8), ZSTD(1))",
    "Row": "Int64 CODEC(Delta(8), ZSTD(1))",
    "Version": "UInt64 CODEC(Delta(8), ZSTD(1))",
    "Id": "UInt64 CODEC(ZSTD(1))",
    "Producer": _WORD,
    "Raw": "String CODEC(ZSTD(1))",
}
_SUMMARY: Final = {
    "Day": "Date",
    "Hour": "DateTime",
    "TraceId": "String CODEC(ZSTD(1))",
    "Begun": "SimpleAggregateFunction(min, DateTime64(9))",
    "Ended": "SimpleAggregateFunction(max, DateTime64(9))",
    "Failed": "SimpleAggregateFunction(max, UInt8)",
    "Agents": "SimpleAggregateFunction(max, UInt8)",
    "Services": "SimpleAggregateFunction(groupUniqArrayArray, Array(String))",
    # Whether it is no root, its start, whether it is open: the least of all names the trace.
    "Naming": "SimpleAggregateFunction(min, Tuple(UInt8, Int64, UInt8, String))",
}

_BY_TRACE = "INDEX by_trace TraceId TYPE text(tokenizer = 'array')"
_BY_WORD = "INDEX by_word DerivedWords TYPE text(tokenizer = 'splitByNonAlpha')"
_BY_TIME = "INDEX by_time Timestamp TYPE minmax GRANULARITY 1"
_BY_ROW = "INDEX by_row Row TYPE minmax GRANULARITY 1"

_SPAN_INDEXES: Final = (
    _BY_TRACE,
    _BY_WORD,
    _BY_TIME,
    _BY_ROW,
    "INDEX by_state State TYPE minmax GRANULARITY 1",
    "INDEX by_run GenAiRun TYPE bloom_filter GRANULARITY 4",
    "INDEX by_conversation GenAiConversation TYPE bloom_filter GRANULARITY 4",
    "INDEX by_session SessionId TYPE bloom_filter GRANULARITY 4",
    "INDEX by_link `Links.TraceId` TYPE bloom_filter GRANULARITY 4",
)
_LOG_INDEXES: Final = (
    _BY_TRACE,
    _BY_WORD,
    _BY_TIME,
    _BY_ROW,
    "INDEX by_severity SeverityNumber TYPE minmax GRANULARITY 1",
)

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

    @classmethod
    def of(cls, database: str, cluster: str = "") -> Tables:
        """Return the names in *database*: on a cluster those of the tables over all shards."""
        end = "_all" if cluster else ""
        return cls(*(f"{database}.{table}{end}" for table in ALL_TABLES))


class _Migration(NamedTuple):
    """One step from a version to the next; every statement may be run twice."""

    version: int
    statements: tuple[str, ...]
    spread: tuple[str, ...] = ()
    """The same for the tables that stand for all shards', on a cluster."""


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
            _SPANS,
            _SPAN_INDEXES,
            "(toStartOfFiveMinutes(Timestamp), TraceId, SpanId)",
            2048,
        ),
        _merging(
            "otel_logs",
            _LOGS,
            _LOG_INDEXES,
            "(toStartOfFiveMinutes(Timestamp), ServiceName, Timestamp, Place, Id)",
            8192,
        ),
        _merging("otel_metrics_raw", _METRICS, (_BY_ROW,), "Id", 1024),
        (
            "CREATE TABLE IF NOT EXISTS {db}.otel_trace_summary"
            f" ({', '.join(f'{name} {kind}' for name, kind in _SUMMARY.items())})"
            " ENGINE = AggregatingMergeTree PARTITION BY Day ORDER BY (Hour, TraceId, Day)"
        ),
        "CREATE MATERIALIZED VIEW IF NOT EXISTS {db}.otel_trace_summary_mv"
        " TO {db}.otel_trace_summary AS " + _SUMMARISE.replace("{source}", "{db}.otel_traces"),
    ),
)


def _words_by_default(end: str = "") -> tuple[str, ...]:
    """Return the statements by which ClickHouse itself says what a text search finds."""
    return tuple(
        f"ALTER TABLE {{db}}.{table}{end} MODIFY COLUMN DerivedWords String DEFAULT {words}"
        for table, words in (("otel_traces", span_words()), ("otel_logs", log_words()))
    )


_SECOND = _Migration(2, _words_by_default(), _words_by_default("_all"))
"""Before, rows that a collector wrote could not be found by `key=value`."""

_MIGRATIONS: Final = (_FIRST, _SECOND)
"""In order; a released one never changes."""

_SPREAD: Final = (
    # All of a trace lives on one shard, so that its answers need no other.
    _spread("otel_traces", "cityHash64(TraceId)"),
    _spread("otel_logs", "cityHash64(if(TraceId = '', toString(Id), TraceId))"),
    _spread("otel_metrics_raw", "Id"),
    _spread("otel_trace_summary", "cityHash64(TraceId)"),
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
    for step in _MIGRATIONS:
        if step.version > known:
            for statement in step.statements:
                _run(engine, node, statement, database)
    if cluster:
        for statement in _SPREAD:
            _run(engine, node, statement, database, cluster)
    for step in _MIGRATIONS:
        if step.version > known:
            for statement in step.spread if cluster else ():
                _run(engine, node, statement, database)
            done = f"INSERT INTO {{db}}.otbridge_schema (Version) VALUES ({step.version})"
            _run(engine, node, done, database)


def _run(engine: Engine, node: int, statement: str, database: str, cluster: str = "") -> None:
    engine.execute(statement.replace("{db}", database).replace("{cluster}", cluster), node)


def _version(engine: Engine, node: int, database: str) -> int:
    newest = f"SELECT max(Version) AS Newest FROM {database}.otbridge_schema"
    sql = f"SELECT groupArray(tuple(Newest)) FROM ({newest}) FORMAT MsgPack"
    ((version,),) = as_rows(engine.execute(sql, node))
    return int(version)
