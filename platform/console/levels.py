"""How far the evidence of a request reaches, a step at a time."""

from dataclasses import dataclass

from evidence.models import Certificate


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
    texts = {
        "L1": ("Signed claim", "The erasing transaction is in the log, under a signed tree head."),
        "L2": (
            "Absence proven",
            "No erased record is in a set that what serves was made from: a proof for each.",
        ),
        "L3": (
            "Replayed bit for bit",
            "What was made after the erasure was trained again, and came out the same.",
        ),
    }
    return [
        Level(name, title, text, "done" if name <= reached else "waiting")
        for name, (title, text) in texts.items()
    ]
