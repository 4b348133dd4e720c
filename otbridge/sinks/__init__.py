"""The last stop of the data's way: one file per protocol, each sends one request once.

A sink answers `Success`, `Retryable` or `Rejected` (see `otbridge.typing`); waiting, retrying and
counting are the business of `otbridge.delivery`. Each module loads its transport when it is first
used, so naming a sink costs nothing.
"""
