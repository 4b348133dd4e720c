"""The doors of the hub, one file per protocol. All of them lead to `otbridge.hub.ingest`."""
