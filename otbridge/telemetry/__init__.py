"""From a log call or a span to OpenTelemetry's signals, and into delivery.

`logs` is the path of every log event, whichever library made it (`logger`, `stdlib`, `loguru`);
`record` turns an event into OTLP; `traces` and `metrics` sit in the SDK's providers; `live` tells
a hub that spans have begun; `relay` passes on what others recorded; `console` is for people.
"""
