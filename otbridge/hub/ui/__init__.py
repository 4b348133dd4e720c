"""hub/ui."""
