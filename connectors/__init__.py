"""Connectors: one file per kind of system. Each takes tasks with record keys and answers with receipts.

A connector knows nothing of requests, people or laws; it sees keys of records and a declared data map.
"""
