"""A structlog logger with the levels that otbridge adds."""

import otbridge

log = otbridge.get_logger(__name__)  # a structlog logger
log.info("order placed", order_id=7)
log.bind(customer="ada").success("paid", amount=12.5)
