"""Real Kafka, real PostgreSQL and a mail sink on one machine, and who keeps workers running.

Nothing here is needed where real servers are named by the environment; nothing here knows what an event is.
"""
