"""What the certificate's PDF and the README say, in words: pure functions of certificate.json."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from verifier import strict
from verifier.certificate import NOT_ERASED

# What a level says, and what it leaves open. Never more than a verifier checks.
LEVELS: Final[Mapping[str, tuple[str, str, str]]] = {
    "L1": (
        "Signed claim",
        "The operator states the erasure in a signed log that cannot be rewritten unseen.",
        "It does not show what the model that serves was made from.",
    ),
    "L2": (
        "Absence proven",
        "Every list of training records behind what serves is committed to in the signed log, "
        "and each erased record is proven to be in none of them.",
        "It does not show that nothing else was used in training; the lists are the operator’s.",
    ),
    "L3": (
        "Replayed bit for bit",
        "Each erased record is proven absent from every training list behind what serves, and what "
        "was made after the erasure was trained again from those lists, with the same bits.",
        "Who replayed it, and on what, is in the bundle. It may have been the operator.",
    ),
}
LIMIT: Final = (
    "It is evidence of how the model was made, not a theorem about every trace that weights hold."
)
MOVED: Final = (
    "Processes that could answer from the model before: {}. By the operator’s log, each follows "
    "the new one, or stopped, or fell silent and answers no more until it follows."
)
KEPT: Final[Mapping[str, str]] = {
    "base-model": "Base model",
    "others": "Other people’s records",
    "backups": "Backups",
    "exports": "Exported copies",
    "legal-duty": "Kept by law",
}


def is_whole(certificate: Mapping[str, Any]) -> bool:
    """Whether the request was for everything of the person."""
    return bool(certificate["request"]["scope"] == "whole")


def nothing_live(certificate: Mapping[str, Any]) -> bool:
    """Whether no model served when the certificate was issued."""
    return bool(certificate["live"]["kind"] == "none")


def moment(text: str) -> str:
    """A time as a person reads it: ``Fri 5 Feb 2027, 13:41 UTC``; a dash for none."""
    if not text:
        return "–"
    at = datetime.strptime(text, strict.MOMENT)
    return f"{at:%a} {at.day} {at:%b %Y}, {at:%H:%M} UTC"


def grouped(number: str) -> str:
    """``1234567`` as ``1,234,567``."""
    return f"{int(number):,}"


def short(digest: str) -> str:
    """The ends of a digest, as in the console."""
    return f"{digest[:8]}…{digest[-4:]}" if digest else "–"


def lead(certificate: Mapping[str, Any]) -> str:
    """What happened, in a sentence."""
    whose = "The records of one person" if is_whole(certificate) else "The records that were named"
    if certificate["level"] == "L1":
        whose = f"The operator states: {whose[0].lower()}{whose[1:]}"
    if nothing_live(certificate):
        return f"{whose} were deleted. No model was serving when this was issued."
    but = " but for copies that were exported before" if certificate["exports"] else ""
    return (
        f"{whose} were deleted, what had been trained on them was destroyed{but}, "
        "and what serves now was made without them."
    )


def scope(certificate: Mapping[str, Any]) -> str:
    """What was asked for."""
    return "Everything of the person" if is_whole(certificate) else "Named records of the person"


def method(certificate: Mapping[str, Any]) -> list[str]:
    """How it was done, in plain words, a paragraph each."""
    key = "destroyed" if is_whole(certificate) else "replaced, and the old one destroyed"
    said = [
        "People are spread over separate small models (adapters), so that few of them ever learn "
        f"from one person. In one step the records were deleted, the person’s key was {key}, and "
        "every adapter that had learned from the records went out of service.",
    ]
    if nothing_live(certificate):
        return said
    moved = len(certificate["scorers"])
    return [
        *said,
        "Those adapters were then trained again from the data that remains: exact retraining, "
        "no approximation. The old ones were made unreadable.",
        *([MOVED.format(moved)] if moved else []),
    ]


def erased(certificate: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Rows of what was erased: what, how many, how."""
    counts = certificate["erased"]
    key = "Destroyed" if is_whole(certificate) else "Replaced by a new one, the old one destroyed"
    return [
        ("Interactions", grouped(counts["interactions"]), "Rows deleted"),
        ("Cached model states", grouped(counts["trunkStates"]), "Made unreadable"),
        ("Rows of the quality panel", grouped(counts["panelRows"]), "Rows deleted"),
        ("Adapters trained on them", grouped(counts["adapters"]), "Out of service, unreadable"),
        ("The person’s key", "1", key),
    ]


def dates(certificate: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Rows of what happened when: what, its time, its machine-readable time."""
    request = certificate["request"]
    steps = [
        ("Received", request["receivedAt"]),
        ("Decided", request["decidedAt"]),
        ("Erased, out of service", request["erasedAt"]),
        ("Model at full strength again", request["restoredAt"]),
        ("Checked and completed", request["completedAt"]),
        ("Certificate issued", certificate["issuedAt"]),
        ("Certificate valid until", certificate["validUntil"]),
    ]
    return [(name, moment(at), at) for name, at in steps]


def kept(certificate: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What was not erased: its name, and why."""
    return [(KEPT[code], NOT_ERASED[code].replace("'", "’")) for code in certificate["notErased"]]


def digests(certificate: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The appendix: everything that is shortened elsewhere, whole."""
    live, request = certificate["live"], certificate["request"]
    rows = [
        ("Request", request["id"]),
        ("Issuer", certificate["issuer"]),
        ("Log", certificate["origin"]),
        ("Erased records, root", certificate["erased"]["root"]),
        ("Live digest", live["digest"]),
        ("Aggregation index", live["index"]),
        ("Recipe", live["recipe"]),
    ]
    return [(name, value) for name, value in rows if value]
