"""What is remembered of names and texts is bounded, whatever a program says."""

from __future__ import annotations

import tracemalloc

from otbridge.processors.redact import Redactor
from otbridge.telemetry.clean import clean
from otbridge.wire.attributes import Names
from otbridge.wire.otlp_logs import encode_attributes


def test_texts_that_never_come_again_take_no_memory_under_any_number_of_names() -> None:
    append, _ = clean(Names(tag=b"\x32"), Redactor())
    tracemalloc.start()
    try:
        for number in range(400):
            for name in range(200):
                append([], {f"name_{name}": f"{'text ' * 20}{number} {name}"})
        size, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size < 8 << 20  # 4,096 texts of 110 characters, twice, and the names


def test_what_is_remembered_is_the_same_as_what_is_new() -> None:
    append, _ = clean(Names(tag=b"\x32"), Redactor())
    for number in [*range(600), *range(600)]:
        parts: list[bytes] = []
        attributes = {"state": f"state-{number % 7}", "user": f"user-{number}", "empty": ""}
        assert append(parts, attributes)
        assert b"".join(parts) == encode_attributes(attributes)
