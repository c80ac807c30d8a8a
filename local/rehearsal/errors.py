"""How a run ends before its end."""


class ActionFailedError(Exception):
    """An action failed; the message says why, and what would help."""


class WaitingError(Exception):
    """An approval that nobody has given; the run goes on when somebody does."""


class ChangesForeverError(Exception):
    """The pipeline changes itself in every run."""
