"""Values as text; what isn't one raises a ValueError that says what it must be."""

from collections.abc import Callable


def whole(least: int, most: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        # As many digits as fit: int() itself refuses thousands of them in words of its own.
        fits = text.isascii() and text.isdigit() and len(text) <= len(str(most))
        if not fits or not least <= int(text) <= most:
            raise ValueError(f"a whole number from {least} to {most}")
        return int(text)

    return parse


def number(least: float, most: float, what: str = "a number") -> Callable[[str], float]:
    def parse(text: str) -> float:
        right = f"{what} from {least:g} to {most:g}"
        try:
            value = float(text)
        except ValueError:
            raise ValueError(right) from None
        # Not a number is not between any two.
        if not least <= value <= most:
            raise ValueError(right)
        return value

    return parse
