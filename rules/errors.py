"""What a wrong policy file is told with."""


class PolicyProblem(ValueError):
    """A policy file is wrong: which file, which line, and what would be right."""

    def __init__(self, file: str, line: int, reason: str) -> None:
        super().__init__(f"{file}:{line}: {reason}")
        self.file, self.line, self.reason = file, line, reason
