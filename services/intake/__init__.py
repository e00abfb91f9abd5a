"""Intake: is it well-formed, whose data is it, which law, which clock?

Reads: privacy.requests, privacy.answers (public), waiting, verified, unverified, decisions, closed, notified.
Writes: privacy.accepted, privacy.answered, privacy.status.<source> (rejections only), privacy.decided.
Decides: what becomes of a submission or an answer, per case; starts the destruction of the case's data key.
"""
