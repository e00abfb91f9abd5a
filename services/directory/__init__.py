"""The directory: who is known, through which points, with which records; a library beside the kernel.

A blind index (HMAC-SHA-256, a key per brand and field) finds people; what is held of them lies sealed and is compared
after opening. Services ask in batches; loaders fill it by file, and sources tell it of single records as they change,
which a stage within intake's worker brings in. Its answers say which points fit and never what they are, except to
build a client's packet or to reach the person.
"""
