"""agents/sources."""
