"""Fulfiller: which systems and which clients must do what; is all of it done?

Reads: privacy.accepted, answered, verified, unverified, task-results, client-replies, client-heard, decisions,
deadlines, released, warned; and, as its second stage, privacy.tasks.<system> of the systems we run a connector for,
task-exports, closed.
Writes: privacy.tasks.<system>, task-results, clients.<client>.requests, handed-over, client-heard, waiting, released,
settled, closed, decided; accepted, where a client instructs unasked.
Decides: the parts of a request, their order, and when all of them have ended.
"""
