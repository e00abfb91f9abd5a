"""The register: every topic projected into tables an operator can ask, and chained so that no one can edit history.

Reads every topic the catalogue lets `ops` read; writes tables of schema `ops`, and signed roots to
`privacy.audit-roots`. Decides nothing. `python -m services.ops.register` runs it.
"""
