"""The directory: who is known, through which points, with which records; a library beside the kernel.

A blind index (HMAC-SHA-256, a key per brand and field) finds people; what is held of them lies sealed and is compared
after opening. Services ask in batches, loaders fill it. Its answers say which points fit and never what they are,
except to build a client's packet or to reach the person.
"""
