"""Who may use the hub, and what is believed of what they say.

`key_file` keeps keys, `keyring` knows them, `guard` asks for one at every door, `quotas` says how
much each may bring, and `untrusted` and `trace_context` make telemetry that came with a public
key say where it is from. `Access` (in `desk`) is all of it for one hub.
"""
