"""What a refusal means for the records that it is about.

The words are those of the sinks: HTTP status codes, gRPC status names, and their own.
"""

from __future__ import annotations

from typing import Final

__all__ = ["is_bad_data", "is_endpoint_fault", "is_no_entry", "is_too_large"]

_TOO_LARGE: Final = frozenset({"413", "too_large", "RESOURCE_EXHAUSTED"})
_BAD_DATA: Final = frozenset({"400", "422", "INVALID_ARGUMENT"})
_NO_ENTRY: Final = frozenset({"401", "403", "407", "UNAUTHENTICATED", "PERMISSION_DENIED"})


def is_too_large(reason: str) -> bool:
    """Return whether a smaller request may escape.

    HTTP's 413, a sink's own limit, and gRPC's RESOURCE_EXHAUSTED without RetryInfo, which servers
    say of a message over their limit.
    """
    return reason in _TOO_LARGE


def is_bad_data(reason: str) -> bool:
    """Return whether single records may be at fault, and the others innocent."""
    return reason in _BAD_DATA


def is_no_entry(reason: str) -> bool:
    """Return whether it is us who are refused: a key that is wrong, revoked, or rotated."""
    return reason in _NO_ENTRY


def is_endpoint_fault(reason: str) -> bool:
    """Return whether something else answered in the receiver's place.

    A redirect to a login page, a captive portal's 200 in HTML, bytes that are no OTLP.
    """
    return reason == "invalid_response" or (len(reason) == 3 and reason[0] == "3")
