"""Records side by side, compressed together."""
