"""The rules for OTLP servers, as data: what the specifications ask, and how strongly.

Sources, by the short names used below: OTLP = opentelemetry-proto docs/specification.md, release
1.11.0; PROTO = the comments in that release's .proto files; COL = what the tests of the OpenTelemetry
Collector's otlpreceiver ask beyond it (v0.159); HTTP = RFC 9110; OWN = our reading, where the
specifications say nothing and a receiver has to do something.
"""

from __future__ import annotations

from typing import Final

from otbridge.testing.conform.rules import Rule

__all__ = ["SERVER_RULES"]

SERVER_RULES: Final = (
    Rule("S1", "MUST", "Accept no compression, and gzip", "OTLP, Protocol Details"),
    Rule("S2", "MUST", "Limit the size of requests, inflated too", "OTLP, OTLP/gRPC Request; OTLP/HTTP Request"),
    Rule("S3", "MUST", "gRPC: over the limit is RESOURCE_EXHAUSTED, for good", "OTLP, OTLP/gRPC Request"),
    Rule("S4", "MUST", "Limit the size of responses", "OTLP, OTLP/gRPC Response; OTLP/HTTP Response"),
    Rule("S5", "SHOULD", "Take an empty request", "OTLP, Full Success"),
    Rule("S6", "MUST", "Answer success with the response message, partial_success unset", "OTLP, Full Success"),
    Rule("S7", "MUST", "Count in partial_success what is rejected", "OTLP, Partial Success"),
    Rule("S8", "MUST", "Warn with 0 rejected and a message", "OTLP, Partial Success"),
    Rule("S9", "SHOULD", "gRPC: bad data is INVALID_ARGUMENT", "OTLP, Failures"),
    Rule("S10", "SHOULD", "gRPC: overload is UNAVAILABLE", "OTLP, OTLP/gRPC Throttling"),
    Rule("S11", "MUST", "gRPC: serve Export of each signal", "PROTO, *_service.proto"),
    Rule("S12", "SHOULD", "Treat zero and wrongly long ids as invalid", "PROTO, trace.proto; logs.proto"),
    Rule("S13", "MUST", "Take every kind of value everywhere", "PROTO, common.proto"),
    Rule("S14", "SHOULD", "Process string table references as absent", "PROTO, common.proto"),
    Rule("S15", "MUST", "Do not assume that reserved flags are zero", "PROTO, trace.proto; logs.proto"),
    Rule("S16", "MAY", "Take empty envelopes", "OTLP, Empty Telemetry Envelopes"),
    Rule("S17", "MUST", "Ignore unknown protobuf fields", "OTLP, Future Versions and Interoperability"),
    Rule("H1", "MUST", "Serve POST on the path of each signal", "OTLP, OTLP/HTTP Request"),
    Rule("H2", "MUST", "Answer in the Content-Type of the request", "OTLP, OTLP/HTTP Response"),
    Rule("H3", "MUST", "Success, full or partial, is exactly 200", "OTLP, Full Success; Partial Success"),
    Rule("H4", "MUST", "Over the limit is 413", "OTLP, OTLP/HTTP Request"),
    Rule("H5", "MUST", "Bad data is 400", "OTLP, Bad Data"),
    Rule("H6", "MUST", "Errors are a google.rpc.Status", "OTLP, Failures"),
    Rule("H7", "SHOULD", "Overload is 429 or 503", "OTLP, OTLP/HTTP Throttling"),
    Rule("H8", "SHOULD", "Take protobuf and JSON on one port", "OTLP, OTLP/HTTP Connection"),
    Rule("H9", "SHOULD", "Compress answers only for those who accept it", "OTLP, OTLP/HTTP Response; HTTP, 12.5.3"),
    Rule("H10", "SHOULD", "Refuse other methods, types and encodings by name", "COL; HTTP, 15.5.6, 15.5.16"),
    Rule("H11", "SHOULD", "Be a Status there too, where the Collector is not", "OTLP, Failures"),
    Rule("J1", "MUST", "JSON: ids are hex, of either case", "OTLP, JSON Protobuf Encoding"),
    Rule("J2", "MUST", "JSON: enums are integers, never names", "OTLP, JSON Protobuf Encoding"),
    Rule("J3", "MUST", "JSON: keys are lowerCamelCase only", "OTLP, JSON Protobuf Encoding"),
    Rule("J4", "MUST", "JSON: ignore unknown fields", "OTLP, JSON Protobuf Encoding"),
    Rule("J5", "MUST", "JSON: 64-bit integers are strings or numbers", "OTLP, JSON Protobuf Encoding"),
    Rule("J6", "MUST", "JSON: bytes are base64, doubles may be NaN", "OTLP, JSON Protobuf Encoding; ProtoJSON"),
    Rule("J7", "SHOULD", "JSON: survive depth, huge numbers, lone surrogates", "OWN; OTLP, Bad Data"),
    Rule("J8", "MUST", "JSON: answer JSON with JSON; take gzip", "OTLP, JSON Protobuf Encoding"),
)  # fmt: skip
"""In the order in which they are reported."""
