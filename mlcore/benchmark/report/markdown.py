"""Markdown, from texts and figures. A figure that is missing is a dash."""

from collections.abc import Sequence
from typing import Final

DASH: Final = "–"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table whose first column is text and whose others are figures."""
    rule = ["---", *("---:" for _ in head[1:])]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rule, *rows)) + "\n"


def number(value: float | None, digits: int = 3) -> str:
    """A figure with so many decimals."""
    return DASH if value is None else f"{value:,.{digits}f}"


def signed(value: float | None, digits: int = 3) -> str:
    """A difference, with its sign."""
    return DASH if value is None else f"{value:+.{digits}f}"


def between(ci95: Sequence[float] | None, digits: int = 3, *, sign: bool = False) -> str:
    """A 95 % interval."""
    if ci95 is None:
        return DASH
    shown = [signed(one, digits) if sign else number(one, digits) for one in ci95]
    return f"[{shown[0]}, {shown[1]}]"


def times(value: float | None) -> str:
    """A ratio, with as many digits as mean something."""
    if value is None:
        return DASH
    return f"{value:,.0f}×" if value >= 100 else f"{value:.3g}×"


def size(value: float | None) -> str:
    """Bytes, in powers of 1024."""
    if value is None:
        return DASH
    for unit in ("B", "KiB", "MiB"):
        if abs(value) < 1024:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.2f} GiB"
