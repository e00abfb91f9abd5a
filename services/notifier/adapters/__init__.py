"""Letters written, sent and printed."""
