"""`import otbridge` is light, and the first log line comes soon.

CPU time in processes of their own, each against an empty interpreter; the best of several, and
bounds with room, because other work on the machine only ever adds.
"""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

pytestmark = pytest.mark.alone

HEAVY = [
    "asyncio", "grpc", "google.protobuf", "pydantic", "requests", "rich", "structlog", "fastapi",
    "uvicorn", "opentelemetry", "otbridge.hub", "otbridge.delivery", "otbridge.sinks", "http.client",
]  # fmt: skip

MEASURE = """
import json, sys, time
begin = time.process_time()
{code}
spent = time.process_time() - begin
print(json.dumps([spent * 1000, [name for name in {names} if name in sys.modules]]))
"""


def measured(code: str, names: list[str]) -> tuple[float, list[str]]:
    """The least CPU milliseconds of *code* in five runs, and which of *names* it has loaded."""
    results = []
    for _ in range(5):
        done = subprocess.run(
            [sys.executable, "-c", MEASURE.format(code=code, names=names)],
            capture_output=True, text=True, check=True, env={"OTBRIDGE_CONSOLE": "json"},
        )  # fmt: skip
        results.append(json.loads(done.stdout.splitlines()[-1]))
    return min(result[0] for result in results), results[0][1]


def test_the_import_loads_nothing_heavy_and_costs_less_than_75_ms() -> None:
    spent, loaded = measured("import otbridge", HEAVY)
    assert loaded == []
    assert spent < 75


def test_a_logger_needs_structlog_but_neither_grpc_nor_pydantic_nor_protobuf_nor_the_hub() -> None:
    _, loaded = measured(
        "import otbridge; otbridge.configure('x'); otbridge.get_logger('x').info('y')\n"
        "with otbridge.span('z'): pass",
        ["grpc", "google.protobuf", "pydantic", "fastapi", "uvicorn", "otbridge.hub"],
    )
    assert loaded == []


def test_the_first_log_line_is_there_within_250_ms_with_everything_on() -> None:
    """Without rich, which is none of our dependencies: structlog loads it where it finds it."""
    spent, _ = measured(
        "sys.modules['rich'] = None; import otbridge; otbridge.get_logger('x').info('y')", []
    )
    assert spent < 250


def test_the_sdks_metrics_wait_until_somebody_asks_for_a_meter() -> None:
    _, loaded = measured(
        "import otbridge; otbridge.get_logger('x').info('y')", ["opentelemetry.sdk.metrics"]
    )
    assert loaded == []
