"""What the hub works out from what it was sent: pure functions, no I/O, nothing is changed."""
