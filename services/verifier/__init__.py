"""Verifier: are they who they say?

Reads: privacy.accepted, answered, decisions, closed.
Writes: privacy.verified, privacy.unverified, privacy.waiting, privacy.decided.
Decides: whether the points given match one person's record well enough, and what is asked when they do not.
"""
