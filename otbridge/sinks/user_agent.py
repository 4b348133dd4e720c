"""Who is sending, in the words that receivers count their clients by.

OTLP exporter specification, "User Agent": OTel-OTLP-Exporter-{language}/{version}, with the
product's own name before it where a product is built around the exporter.
"""

from __future__ import annotations

from typing import Final

from otbridge import __version__

__all__ = ["USER_AGENT"]

USER_AGENT: Final = f"otbridge/{__version__} OTel-OTLP-Exporter-Python/{__version__}"
