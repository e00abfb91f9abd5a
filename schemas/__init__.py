"""The language of rightsbus: values, events, topics and how they travel. Imports nothing else of ours."""
