"""Several parties in one hub, none of which can see that there are others.

A key says whose its bearer is, and nothing else does. Each tenant has a space of its own
(`otbridge.hub.space`), opened when it is first needed and closed when nobody needs it.
"""

from __future__ import annotations
