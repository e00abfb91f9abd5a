"""What can go wrong with servers, said for whoever started them."""


class StackError(Exception):
    """A server could not be started or used; the message says what to do about it."""
