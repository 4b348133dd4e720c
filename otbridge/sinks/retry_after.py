"""The Retry-After header: seconds, or a date (RFC 9110 §10.2.3)."""

from __future__ import annotations

import math
import time
from datetime import UTC

__all__ = ["parse_retry_after"]


def parse_retry_after(value: str | None, now: float | None = None) -> float | None:
    """Return the seconds to wait from *now*, or None where the header is absent or nonsense.

    Args:
        value: The header's value.
        now: Seconds since the Unix epoch; the present where it is None.
    """
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        pass  # then it is a date
    else:
        return seconds if math.isfinite(seconds) and seconds >= 0 else None
    from email.utils import parsedate_to_datetime  # http.client has loaded it by now

    try:
        date = parsedate_to_datetime(value)
    except (TypeError, ValueError, IndexError):
        return None
    if date.tzinfo is None:  # "-0000", which RFC 5322 §3.3 has for UTC of unknown place
        date = date.replace(tzinfo=UTC)
    return max(0.0, date.timestamp() - (time.time() if now is None else now))
