"""From a finished record to a receiver's answer, with every record accounted for.

                                    pipeline: what callers see
    put ─► queue ─┐
      │  policies │     sending: what the worker does with a batch
      │           ├─► divide ─► breaker ─► retry ─► hold ─► attempt ─► sink
      │           │      │
      └► spool ───┘      └─► resorts: fallback, spool           strategies: when to do otherwise
           ▲                                │
           └────────────────────────────────┘
    ledger: accepted = delivered + rejected + dropped + spooled + in_memory

Between divide and sink stands a chain of senders: objects with one method, `send(batch)`, each
doing one thing and handing on to the next (`route` puts them together). What the chain does not
take goes to the resorts, in their order, and what they do not take stays where it was.
`delivery` knows the Sink protocol, never a sink.
"""
