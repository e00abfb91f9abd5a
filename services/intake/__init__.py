"""Intake: is it well-formed, whose data is it, which law, which clock?

Reads: privacy.requests, privacy.answers (public), decisions, settled, closed; as its second stage, directory.
Writes: privacy.accepted, answered, status.<source> (rejections only), deadlines, decided.
Decides: what becomes of a submission or an answer, per case; tells how much of the time to answer has passed, and
lengthens it; starts the destruction of the case's data key.
"""
