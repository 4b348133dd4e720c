"""What the hub has received, on disk before anybody is told that it was.

A request is acknowledged when its bytes are in here and synced (`group_commit`), and leaves when
the store and every destination of `--forward` have gone past it. Each of them follows at its own
pace from a position of its own: while it keeps up it is handed what is in memory anyway, and where
it falls behind, or the hub was killed, it reads from here.

    entries        one request as bytes, and back
    segments       the files: names, extents, what is whole in them after a crash
    log            which segments there are, who follows them, and letting go
    writer         appending a group, all or nothing
    reader         going through the log from a position
    positions      how far each follower is, durably
    group_commit   one sync for all requests that wait for one
    store_follower decoded into the store, behind the acknowledgement (handover, settled, pace,
                   notices: its parts)
    queue_follower into the queues of the destinations
    upkeep         the log in a hub's life

The file layer and the frames are those of the delivery's spool (`otbridge.delivery.spool`).
"""
