"""otbridge in a processor chain of your own."""

import structlog

import otbridge

otbridge.configure("checkout")
structlog.configure(
    processors=[
        structlog.stdlib.add_log_level,
        *otbridge.processors.default(),
        structlog.dev.ConsoleRenderer(),
    ]
)
