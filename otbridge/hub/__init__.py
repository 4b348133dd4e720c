"""The hub: receives telemetry, keeps it, and shows it while it arrives.

    doors: receivers/ (OTLP over HTTP and gRPC, the bridge)
       └─► ingest: decode ─► live (shown before it is stored) ─► store (acknowledged after)
    api/ and ui/ ask query/, which asks store/

`process` runs it; `app` puts it together.
"""
