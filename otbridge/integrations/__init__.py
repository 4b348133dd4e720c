"""Frameworks: context in, context out, on top of the official OpenTelemetry instrumentations.

One module per framework, each with `instrument`; importing one loads its framework only then.
"""
