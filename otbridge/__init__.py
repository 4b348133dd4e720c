"""One trace, from a click in the browser to the last agent's tool call, with its log lines.

The package is laid out as the way of the data, outermost layer first; a layer imports only
what stands below it:

    cli | testing                       commands; fakes and receivers for users' tests
    hub                                 receivers -> store -> query -> live UI, forwarding
    _configure                          joins the SDK's parts, and is the only place that may
    agents | bridge | integrations      agent runs; the Python half of ts-bridge; frameworks
    telemetry                           log call or span -> OpenTelemetry signal -> delivery
    delivery | sinks                    queue -> batch -> retry -> sink, and the ledger
    wire | processors                   bytes <-> values without I/O; event -> enriched event
    config                              what a user may set
    context                             correlation, propagation, suppression
    semconv | typing                    names and protocols
    errors | _clock

Importing it loads none of that: a name is loaded when it is first used.
"""
