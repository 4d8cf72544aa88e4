"""The colours of tokens.css, measured by WCAG 2.2's formula in both themes.

Text needs 4.5 to 1 (success criterion 1.4.3), marks and the edges of controls 3 to 1 (1.4.11).
"""

import re

import pytest
from django.conf import settings

TOKENS = (settings.ROOT / "static" / "tokens.css").read_text()
STATES = ("good", "work", "warn", "bad", "idle")
GROUNDS = ("canvas", "surface", "sunken")
TINTS = tuple(f"{state}-bg" for state in STATES)


def colours(theme):
    """Each colour token of one theme, by name."""
    found = {}
    for name, light, dark in re.findall(
        r"--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)", TOKENS
    ):
        found[name] = light if theme == "light" else dark
    found["on-action"] = re.search(r"--on-action: (#[0-9a-f]{6})", TOKENS)[1]
    return found


def luminance(colour):
    """Relative luminance of sRGB (WCAG 2.2, definitions)."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def ratio(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


PAIRS = [
    *(("text", ground, 4.5) for ground in GROUNDS + TINTS),
    *(("quiet", ground, 4.5) for ground in GROUNDS + TINTS),
    *(("link", ground, 4.5) for ground in GROUNDS + TINTS),
    *((f"{state}-fg", f"{state}-bg", 4.5) for state in STATES),
    *((f"{state}-fg", ground, 4.5) for state in STATES for ground in GROUNDS),
    *((state, ground, 3) for state in STATES for ground in GROUNDS),
    *((state, f"{state}-bg", 3) for state in STATES),
    ("on-action", "action", 4.5),
    ("on-action", "action-hover", 4.5),
    ("surface", "bad", 4.5),  # the overdue pill, the only filled one
    *(("edge", ground, 3) for ground in GROUNDS),
]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("ink", "ground", "least"), PAIRS)
def test_everybody_can_tell_it_from_its_ground(theme, ink, ground, least):
    palette = colours(theme)

    assert ratio(palette[ink], palette[ground]) >= least


def test_formula_gives_the_published_extremes():
    assert ratio("#000000", "#ffffff") == pytest.approx(21)
    assert ratio("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)
