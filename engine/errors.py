"""The two ways in which a computation ends early on purpose."""


class RefusedInput(ValueError):
    """An input that the project will not work with, told in three parts.

    A refusal is a message to the user, not a fault: the command line prints it
    and exits with 2, a page shows it in place of a result.

    Args:
        problem: what came and where, e.g. ``"study.toml: [model] architecture is 'resnet'"``.
        expected: what would have been accepted.
        remedy: what to do now.

    The parts have no full stop at their end: the message sets them.
    """

    def __init__(self, problem: str, expected: str, remedy: str) -> None:
        self.problem = problem
        self.expected = expected
        self.remedy = remedy
        # The parts are the exception's arguments, so that it survives the way between processes.
        super().__init__(problem, expected, remedy)

    def __str__(self) -> str:
        """Returns the message: problem, expectation and remedy, a sentence each."""
        return " ".join(_closed(part) for part in (self.problem, f"Expected {self.expected}", self.remedy))


class Cancelled(Exception):
    """Raised from a progress callback when the user asked the work to stop."""


def _closed(sentence: str) -> str:
    return sentence if sentence.endswith((".", "?", "!")) else f"{sentence}."


def first_line(error: BaseException, longest: int = 120) -> str:
    """Returns the first line of what an error says, cut; of one that says nothing, that."""
    return (str(error).strip().splitlines() or ["no message"])[0][:longest]
