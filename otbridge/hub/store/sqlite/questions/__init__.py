"""From questions to rows: what may be asked, by readers that cannot write."""
