"""hub/receivers."""
