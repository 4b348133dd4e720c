"""hub/query."""
