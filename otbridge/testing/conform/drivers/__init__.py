"""Programs that send with one SDK each, as `otbridge.testing.conform.task` asks them to."""
