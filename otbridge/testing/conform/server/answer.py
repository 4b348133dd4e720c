"""What a server said to one request, the same for HTTP and gRPC."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from otbridge.testing.conform.check import Finding, failed, passed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]

    from otbridge.testing.conform.client import Protocol

__all__ = ["JSON", "PROTOBUF", "Answer", "Partial", "taken_whole"]

PROTOBUF: Final = "application/x-protobuf"
JSON: Final = "application/json"

_FAULTS: Final = frozenset({"UNKNOWN", "INTERNAL", "DATA_LOSS"})
"""gRPC codes that mean what HTTP's 5xx mean: the server has failed, not the request."""

_LATER: Final = frozenset({"429", "UNAVAILABLE"})
"""Statuses that invite the client to send the same again."""


class Partial(NamedTuple):
    """The partial_success of a response."""

    rejected: int
    message: str


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, or the lack of one."""

    protocol: Protocol
    status: str
    """HTTP status in digits, or gRPC code by name; empty where nothing was answered."""
    body: bytes = b""
    """The response message, inflated."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """HTTP headers, names in lower case."""
    message: str = ""
    """gRPC's status message, or what is wrong with an answer that could not be read."""
    details: bytes = b""
    """gRPC's `grpc-status-details-bin`."""

    @property
    def answered(self) -> bool:
        """Whether there is an answer at all."""
        return bool(self.status)

    @property
    def accepted(self) -> bool:
        """Whether it is a success, full or partial."""
        return self.status == "OK" or self.status.startswith("2")

    @property
    def refused(self) -> bool:
        """Whether the request is refused for good, by a server that goes on as it should."""
        return not (self.accepted or self.faulty or self.status in _LATER) and self.answered

    @property
    def faulty(self) -> bool:
        """Whether the server itself has failed."""
        return self.status in _FAULTS or self.status.startswith("5")

    @property
    def content_type(self) -> str:
        """The media type without parameters, in lower case; empty for gRPC."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def partial(self) -> Partial | None:
        """What is said of a partial success; None where nothing is, or it cannot be read."""
        try:
            return _partial_json(self.body) if self._is_json else _partial_protobuf(self.body)
        except ValueError:
            return None

    @property
    def rejected(self) -> int:
        """How many records were rejected, as far as is said."""
        return self.partial.rejected if self.partial else 0

    def status_message(self) -> Status:
        """Return the google.rpc.Status of an error, from the body or gRPC's details.

        Raises:
            ValueError: It is none.
        """
        from google.protobuf import json_format
        from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]

        assert error_details_pb2  # noqa: S101 - loaded so that its types are known in JSON's `Any`
        if self.protocol == "grpc":
            return _decoded(status_pb2.Status, self.details)
        if not self._is_json:
            return _decoded(status_pb2.Status, self.body)
        document = _document(self.body)
        if not document.keys() <= {"code", "message", "details"}:
            raise ValueError("it has other fields than code, message and details")
        try:
            return json_format.ParseDict(document, status_pb2.Status(), ignore_unknown_fields=True)
        except json_format.ParseError as error:
            raise ValueError(str(error)) from None

    @property
    def words(self) -> str:
        """The answer as a phrase for people."""
        if not self.answered:
            return f"no answer: {_cut(self.message) or 'the connection ended'}"
        if self.accepted:
            partial = self.partial
            if partial is None:
                return self.status
            said = f' "{_cut(partial.message)}"' if partial.message else " without a message"
            return f"{self.status}, {partial.rejected} rejected{said}"
        said = self.message or self._said
        return f'{self.status} "{_cut(said)}"' if said else self.status

    @property
    def _said(self) -> str:
        """What an error's body says to people, be it a Status or a page."""
        try:
            message: str = self.status_message().message
        except ValueError:
            return _readable(self.body)
        return message

    @property
    def _is_json(self) -> bool:
        # By what it looks like where it does not say: a wrong type is another rule's matter.
        return self.protocol == "http" and self.body[:1] == b"{"


def taken_whole(answer: Answer) -> Finding:
    """Return that the rule is kept where everything was taken."""
    good = answer.accepted and not answer.rejected
    return (passed if good else failed)(answer.words)


def _partial_protobuf(body: bytes) -> Partial | None:
    # The three signals' responses have the same fields.
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
        ExportTraceServiceResponse,
    )

    response = _decoded(ExportTraceServiceResponse, body)
    if not response.HasField("partial_success"):
        return None
    found = response.partial_success
    return Partial(found.rejected_spans, found.error_message)


def _partial_json(body: bytes) -> Partial | None:
    found = _document(body).get("partialSuccess")
    if not isinstance(found, dict):
        return None
    numbers = [value for key, value in found.items() if key.startswith("rejected")] or [0]
    if not isinstance(numbers[0], int | str):
        raise ValueError("the number of rejected records is no number")  # noqa: TRY004 - as below
    return Partial(int(numbers[0]), str(found.get("errorMessage", "")))


def _decoded(kind: Any, body: bytes) -> Any:
    from google.protobuf.message import DecodeError

    try:
        return kind.FromString(body)
    except DecodeError as error:
        raise ValueError(str(error)) from None


def _document(body: bytes) -> dict[str, Any]:
    try:
        document = msgspec.json.decode(body)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ValueError(f"it is no JSON: {error}") from None
    if not isinstance(document, dict):
        raise ValueError("it is no JSON object")  # noqa: TRY004 - a wrong answer, not a wrong call
    return document


def _readable(body: bytes) -> str:
    text = body.decode("utf-8", "replace")
    return "".join(char for char in text if char.isprintable() and char != "\ufffd")


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= 100 else f"{line[:100]}…"
