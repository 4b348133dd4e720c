"""Agent frameworks: one module each, switching on what it can tell, into the same trace."""
