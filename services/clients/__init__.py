"""The clients: who they are, how each is reached, and what is sealed or signed between them and us.

A library beside the kernel, as the directory is. Nothing here knows Kafka or decides about a request.
"""
