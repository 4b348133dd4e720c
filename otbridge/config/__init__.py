"""What a user may set, and where each value comes from.

One table (`settings.SETTINGS`) names every setting, its environment variables, its default and
its meaning; reading, validation, documentation and `otbridge doctor` all come from it. Sources,
strongest first: argument, `OTBRIDGE_*`, `OTEL_*`, file, profile, default.
"""

from otbridge.config.destination import Destination
from otbridge.config.resolve import resolve
from otbridge.config.setting import Setting
from otbridge.config.settings import SETTINGS, Config

__all__ = ["SETTINGS", "Config", "Destination", "Setting", "resolve"]
