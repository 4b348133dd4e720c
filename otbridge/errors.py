"""Every exception otbridge raises on purpose.

OtbridgeError
├── ConfigurationError      a setting is wrong; raised once, while configuring
├── WireError               bytes or values that no rule of the protocol covers
│   ├── MalformedData       the sender broke the protocol (HTTP 400, INVALID_ARGUMENT)
│   └── LimitExceeded       well formed, but larger than we accept (HTTP 413, RESOURCE_EXHAUSTED)
├── StoreError              the hub's store cannot be opened or read
└── QueryError              a question to the hub that cannot be answered as asked

Each carries three sentences: what happened, why, and what to do. Nothing here is ever raised
into a log call or a span.
"""

from __future__ import annotations

__all__ = [
    "ConfigurationError",
    "LimitExceeded",
    "MalformedData",
    "OtbridgeError",
    "QueryError",
    "StoreError",
    "WireError",
]


class OtbridgeError(Exception):
    """Base of all our exceptions.

    Args:
        what: What happened, with the offending value.
        why: The rule or the cause behind it; may be empty where *what* says it all.
        do: What the reader can do about it; may be empty where nothing can be done.
    """

    def __init__(self, what: str, why: str = "", do: str = "") -> None:
        super().__init__(what, why, do)
        self.what = what
        self.why = why
        self.do = do

    def __str__(self) -> str:
        return " ".join(part for part in (self.what, self.why, self.do) if part)


class ConfigurationError(OtbridgeError):
    """A setting is missing, contradictory or out of range."""


class WireError(OtbridgeError):
    """Bytes or values that cannot be turned into each other."""


class MalformedData(WireError):  # noqa: N818 - it names the data's fault; "Error" would add nothing
    """The sender broke the protocol; sending the same again cannot help."""


class LimitExceeded(WireError):  # noqa: N818 - as above
    """The data is well formed, but larger than the receiver takes."""


class StoreError(OtbridgeError):
    """The hub's store cannot be opened, written or read."""


class QueryError(OtbridgeError):
    """A question that the hub cannot answer as it was asked."""
