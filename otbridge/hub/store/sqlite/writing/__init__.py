"""From batches to rows: who writes, in which order, and in which process."""
