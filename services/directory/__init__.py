"""The directory: who is known, through which points, with which records; a library beside the kernel.

Points are a blind index (HMAC-SHA-256, a key per brand and field); names and record keys lie sealed. Services ask it in
batches; loaders fill it. It answers with groups that fit, never with values, except to build a client's packet.
"""
