"""Made-up certificates, for what is printed from them."""

from typing import Any


def made_up(**changes: Any) -> dict[str, Any]:
    """A whole erasure at L3, without ``files``; ``changes`` replace members at the top."""
    digest = "c0d33990c25a2dfca20560c04e70e9c492e5089a8fb3d946fbb927c366eaaaeb"
    return {
        "acknowledgements": [],
        "exports": [],
        "scorers": [],
        "attestations": {"adapters": [digest], "destructions": [], "release": digest,
                         "replays": []},
        "before": [],
        "controller": "Example Streaming B.V., Amsterdam",
        "entries": {"applied": "96471", "keyDestroyed": "96472", "switched": "96530",
                    "verified": "96540"},
        "erased": {"adapters": "2", "interactions": "212", "panelRows": "2", "root": digest,
                   "slices": "2", "trunkStates": "212"},
        "format": "expunge/certificate/v1",
        "issuedAt": "2027-02-05T13:41:02Z",
        "issuer": "https://log.example.com/expunge",
        "legalBasis": "GDPR Art. 17(1)",
        "level": "L3",
        "live": {"digest": digest, "index": digest, "kind": "full", "recipe": digest,
                 "release": "120"},
        "notErased": ["base-model", "others", "backups"],
        "origin": "log.example.com/expunge",
        "request": {
            "id": "7f3a2c58-9d41-4b0e-8a67-52e1d0c4b91e",
            "number": "DR-2027-0042",
            "regulation": "gdpr",
            "scope": "whole",
            "receivedAt": "2027-01-31T20:47:09Z",
            "decidedAt": "2027-02-02T09:00:00Z",
            "erasedAt": "2027-02-05T13:05:02Z",
            "restoredAt": "2027-02-05T13:23:31Z",
            "completedAt": "2027-02-05T13:30:00Z",
        },
        "sets": [{"count": "9", "entry": "5", "name": "panel", "root": digest}] * 34,
        "validUntil": "2028-02-05T13:41:02Z",
        **changes,
    }  # fmt: skip


def nothing_live() -> dict[str, Any]:
    """One where no model served."""
    live = {"kind": "none", **dict.fromkeys(("digest", "index", "recipe", "release"), "")}
    return made_up(live=live, sets=[], level="L1")


def partial() -> dict[str, Any]:
    """One of named records only."""
    whole = made_up()
    return whole | {"request": whole["request"] | {"scope": "items"}, "level": "L2"}


def wide() -> dict[str, Any]:
    """Long names in several scripts, and large counts."""
    erased = {**made_up()["erased"], "interactions": "1234567890", "trunkStates": "1234567890"}
    name = "Ελληνική Ταχυδρομική Υπηρεσία Ψηφιακών Συστάσεων, Žižkovská Öffentlich-rechtliche " * 2
    return made_up(controller=name.strip() + "Ж" * 120, erased=erased,
                   notErased=["base-model", "others", "backups", "legal-duty"])  # fmt: skip
