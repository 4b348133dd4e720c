"""A client that breaks nearly every rule: one POST, no second try, no word about anything."""

from __future__ import annotations

import os
import sys
import urllib.request

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest


def main() -> None:
    request = ExportLogsServiceRequest()
    records = request.resource_logs.add().scope_logs.add().log_records
    for _ in range(int(os.environ["CONFORM_RECORDS"])):
        records.add().body.string_value = "naive"
    url = os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] + "/v1/logs"
    post = urllib.request.Request(
        url, request.SerializeToString(), {"Content-Type": "application/x-protobuf"}
    )
    try:
        urllib.request.urlopen(post, timeout=2).read()
    except OSError:
        sys.exit(1)


if __name__ == "__main__":
    main()
