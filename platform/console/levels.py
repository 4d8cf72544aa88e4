"""How far the evidence of a request reaches, a step at a time."""

from dataclasses import dataclass
from typing import Final

from evidence import paper
from evidence.models import Certificate

# Shorter than on the certificate, which has room to say what each leaves open.
TEXTS: Final = {
    "L1": "The erasing transaction is in the log, under a signed tree head.",
    "L2": "No erased record is in a set that what serves was made from: a proof for each.",
    "L3": "What was made after the erasure was trained again, and came out the same.",
}


@dataclass(frozen=True)
class Level:
    """One level of evidence: whether it is reached, and what it shows."""

    name: str
    title: str
    text: str
    state: str


def levels(certificate: Certificate | None) -> list[Level]:
    """The three levels. The higher ones are reached by a certificate, not by what we could show."""
    reached = certificate.level if certificate else "L1"
    return [
        Level(name, paper.LEVELS[name][0], text, "done" if name <= reached else "waiting")
        for name, text in TEXTS.items()
    ]
