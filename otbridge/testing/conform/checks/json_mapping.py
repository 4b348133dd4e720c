"""C17: OTLP/JSON is not quite protobuf's JSON: hex ids, integers for enumerations."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from otbridge.testing.conform.check import Check, Finding, failed, not_applicable, passed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from otbridge.testing.conform.check import Bench

__all__ = ["CHECKS"]

_HEX: Final = {"traceId": 32, "spanId": 16, "parentSpanId": 16}
_INT64: Final = {"timeUnixNano", "observedTimeUnixNano", "startTimeUnixNano", "endTimeUnixNano", "intValue"}  # fmt: skip
_ENUMS: Final = {"severityNumber", "kind"}


def _keeps_mapping(bench: Bench) -> Finding:
    seen = bench.trial(environment={"OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"})
    if not seen.requests:
        return not_applicable("the client sends nothing for http/json")
    request = seen.requests[0]
    if "json" not in request.headers.get("content-type", ""):
        return not_applicable("the client has no JSON, and sends protobuf")
    try:
        broken = sorted(set(_faults(json.loads(request.body))))
    except ValueError:
        return failed("the body is no JSON")
    return failed("; ".join(broken)) if broken else passed("ids, enumerations, integers and names")


def _faults(value: Any, name: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            if "_" in key:
                yield f"{key} is not lowerCamelCase"
            yield from _faults(item, key)
    elif isinstance(value, list):
        for item in value:
            yield from _faults(item, name)
    elif name in _HEX and value and not re.fullmatch(rf"[0-9a-fA-F]{{{_HEX[name]}}}", str(value)):
        yield f"{name} is not hex"
    elif name in _INT64 and not (isinstance(value, str) and value.lstrip("-").isdigit()):
        yield f"{name} is not a decimal string"
    elif name in _ENUMS and not isinstance(value, int):
        yield f"{name} is not an integer"


CHECKS: Final = (
    Check("C17", "writes ids, enumerations and integers as OTLP/JSON has them", _keeps_mapping, protocols=("http",)),
)  # fmt: skip
