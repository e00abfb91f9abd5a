"""Verifier: are they who they say?

Reads: privacy.accepted, answered, decisions, closed.
Writes: privacy.verified, privacy.unverified, privacy.waiting, privacy.decided, privacy.closed (the end of a review).
Decides: whether the points given match one person's record well enough, what is asked when they do not, and when so
many tries have failed that only an operator can believe another one.
"""
