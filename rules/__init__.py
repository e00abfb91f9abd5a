"""What is decided by rule, as pure functions: matching people, choosing law, counting days. No I/O, no chance."""
