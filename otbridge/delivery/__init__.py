"""From a finished record to a receiver's answer, with every record accounted for.

    put ─► queue ─► batch ─► dispatch ─► retry ─► attempt ─► sink
             │                  │
             └──── ledger ◄─────┘

Between dispatch and sink stands a chain of senders: objects with one method, `send(batch)`, each
doing one thing and handing on to the next. Spool, breaker and fallback are further links of it.
`delivery` knows the Sink protocol, never a sink.
"""
