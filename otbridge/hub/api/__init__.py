"""The hub's HTTP API: questions in, JSON out. docs/reference/hub-api.md is its contract."""
