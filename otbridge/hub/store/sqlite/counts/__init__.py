"""How often and how long: histograms of durations by operation and by edge, and their sums."""
