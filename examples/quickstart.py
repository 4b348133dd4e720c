"""Ten lines: a span with a log line in it."""

import otbridge

otbridge.configure("checkout")
log = otbridge.get_logger(__name__)

with otbridge.span("place order"):
    log.info("order placed", order_id=7, amount=12.5)
    log.warning("stock is low", left=2)
