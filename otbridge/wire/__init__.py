"""Bytes and values, turned into each other: OTLP, bridge frames, compression.

Nothing here opens a socket, starts a thread or asks for the time, so all of it can be tested
with plain values. Encoding never raises: what OTLP cannot hold is converted. Decoding raises
[otbridge.errors.WireError][] for bytes that break the protocol or a limit.
"""
