"""Prompt templates: what the model reads before it says Yes or No.

After TALLRec (arXiv 2305.00447): what was liked, what was disliked, a target, a binary question.
Much shorter than theirs, since every token costs time in every forward pass.
"""

import re
from collections.abc import Sequence
from typing import Final

from mlcore.recipe import TEMPLATES, BadRecipe

TEXTS: Final = {
    kind: (
        f"Will this person like the {kind}? Yes or No.\n"
        "Liked: {liked}\nDisliked: {disliked}\nTarget: {target}\nAnswer:"
    )
    for kind in TEMPLATES
}
YEAR: Final = re.compile(r" ?\(\d{4}\)$", re.ASCII)


def render(template: str, liked: Sequence[str], disliked: Sequence[str], target: str) -> str:
    """The prompt for one sample; the next token after it is the answer's, `` Yes`` or `` No``.

    Titles keep the order given, oldest first. A year that ends one, "Fargo (1996)", is left out:
    it would cost six of about ten tokens. White space inside a title is one space each, so that
    no title can pretend to be another line of the prompt.

    Raises:
        BadRecipe: for a name that no template has.
    """
    if template not in TEXTS:
        raise BadRecipe(f"template must be one of {', '.join(TEXTS)}, not {template!r}.")
    return TEXTS[template].format(
        liked=_listed(liked), disliked=_listed(disliked), target=_one_line(target)
    )


def _listed(titles: Sequence[str]) -> str:
    return "; ".join(_one_line(title) for title in titles) or "none"


def _one_line(title: str) -> str:
    line = " ".join(title.split())
    return YEAR.sub("", line) or line
