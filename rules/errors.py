"""What a wrong policy file is told with, and what a rule cannot answer."""


class PolicyProblem(ValueError):
    """A policy file is wrong: which file, which line, and what would be right."""

    def __init__(self, file: str, line: int, reason: str) -> None:
        super().__init__(f"{file}:{line}: {reason}")
        self.file, self.line, self.reason = file, line, reason


class AtPath(ValueError):
    """Raised by a model's own check: what is wrong, and below which keys of the model."""

    def __init__(self, path: tuple[int | str, ...], reason: str) -> None:
        super().__init__(reason)
        self.path = path


class NoClock(ValueError):
    """A law sets no time for a right; the brand's own clock says how long it may take."""

    def __init__(self, law: str, right: str) -> None:
        super().__init__(f"{law} sets no time to answer {right}; the brand's own clock does")
        self.law, self.right = law, right
