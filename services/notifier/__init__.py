"""Notifier: who must hear what, in which words?

Reads: privacy.accepted, answered, waiting, verified, unverified, handed-over, deadlines, settled, closed.
Writes: privacy.status.<source>, privacy.notified, privacy.warned.
Decides: the public status, which letter goes out, and whether to the contact given or the contact on file.
"""
