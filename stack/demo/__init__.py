"""The demo: an upstream app, three merchants and an operator at work, seen from outside like anybody's programs."""
