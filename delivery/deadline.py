"""The end that a command is given: by the time it may take, or by whoever ends its pod."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGALRM, signal.SIGTERM)


class Ended(BaseException):
    """A command is to clean up and end; a sentence says why.

    It is no Exception, since libraries catch those to try once more.
    """


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Raise Ended, wherever what is within this waits, after so many seconds or at SIGTERM.

    It is raised once: what cleans up after it isn't ended too.
    """

    def end(number: int, _: FrameType | None) -> None:
        for one in _SIGNALS:
            signal.signal(one, signal.SIG_IGN)
        late = f"it was not done after {seconds:g} s"
        raise Ended(late if number == signal.SIGALRM else "it was told to end (SIGTERM)")

    before = {one: signal.signal(one, end) for one in _SIGNALS}
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for one, handler in before.items():
            signal.signal(one, handler)
