"""What every service stands on: bus, step, store, effects, vault, errors, settings, logs, clock, metrics."""
