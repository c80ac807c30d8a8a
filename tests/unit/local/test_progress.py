import io

import pytest

from local.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_step_is_a_plain_line_with_its_time_when_nobody_watches() -> None:
    stream = io.StringIO()
    progress = Progress(stream)
    with progress.step("Build"):
        progress.detail("half way")
    detail, step = stream.getvalue().splitlines()
    assert detail == "    half way"
    assert step.startswith("✓ Build ")
    assert step.endswith(" s")
    assert "\r" not in stream.getvalue()


def test_a_failed_step_says_so() -> None:
    stream = io.StringIO()
    with pytest.raises(ValueError, match="broken"), Progress(stream).step("Build"):
        raise ValueError("broken")
    assert stream.getvalue().startswith("✗ Build ")


def test_a_terminal_shows_what_a_step_is_at_in_its_place() -> None:
    stream = Terminal()
    progress = Progress(stream)
    with progress.step("Build"):
        progress.detail("half way")
    assert "… Build: half way" in stream.getvalue()
    assert stream.getvalue().count("\n") == 1
