"""C16: who is sending."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from otbridge.testing.conform.check import Check, Finding, failed, passed

if TYPE_CHECKING:
    from otbridge.testing.conform.check import Bench

__all__ = ["CHECKS"]

_FORM: Final = re.compile(r"(^|\s)OTel-OTLP-Exporter-[\w.+#-]+/\d")
"""May come after the product's own name, as the specification has it for distributions."""


def _names_itself(bench: Bench) -> Finding:
    seen = bench.trial()
    if not seen.requests:
        return failed("nothing was sent")
    agent = seen.requests[0].headers.get("user-agent", "(none)")
    return (passed if _FORM.search(agent) else failed)(agent)


CHECKS: Final = (
    Check("C16", "sends OTel-OTLP-Exporter-{language}/{version}", _names_itself, level="SHOULD"),
)
