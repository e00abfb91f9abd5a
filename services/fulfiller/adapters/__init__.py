"""The fulfiller's surroundings: packets for clients, tasks carried out, packages and suppressions."""
