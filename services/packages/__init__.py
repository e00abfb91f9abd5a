"""Access packages: what is in one, how it is written as a stream into the vault, and how it leaves it again.

A library beside the kernel: the fulfiller makes packages, the notifier's letters carry their links, operators and the
door hand them out.
"""
