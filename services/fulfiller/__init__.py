"""Fulfiller: which systems and which clients must do what; is all of it done?

Reads: privacy.accepted, answered, verified, unverified, task-results, client-replies, decisions, deadlines,
released, notified; and, as its second stage, privacy.tasks.<system> of the systems we run a connector for.
Writes: privacy.tasks.<system>, task-results, clients.<client>.requests, handed-over, waiting, released, settled,
closed, decided.
Decides: the parts of a request, their order, and when all of them have ended.
"""
