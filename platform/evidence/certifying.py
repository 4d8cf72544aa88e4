"""What a certificate says: a scene, as the JSON of docs/bundle.md."""

import unicodedata
from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from django.conf import settings

from evidence import cut_over, entries, identity, readings, statements
from evidence.models import Attestation
from evidence.scene import Named, Scene
from ledger.kinds import Kind
from verifier import strict
from verifier.certificate import FORMAT
from verifier.strict import Json

# What serves will long be another release; after this time nobody should rely on the paper alone.
VALID: Final = timedelta(days=365)
NOT_ERASED: Final = ("base-model", "others", "backups")


def level_of(scene: Scene) -> str:
    """L3 if every adapter that was made after the erasure was trained again, and came out alike.

    And every one of weights that it destroyed, to show that they were another's. By place and
    position, as the verifier asks: equal weights may have been made before.
    """
    gone = {one for each in scene.destroyed for one in each.event.facts.get("adapters", [])}
    replayed: dict[tuple[str, str], int] = {}
    for each in scene.replays:
        at = entries.of_event(each.event).index
        for named in each.statement.subject.items():
            replayed[named] = max(at, replayed.get(named, -1))
    trained = [
        (made, readings.only(made, Kind.ADAPTER_TRAINED).index, made.digest in gone)
        for made in scene.chain
    ]
    is_whole = all(
        replayed.get((f"{readings.name_of(made.shard, made.slice)}/adapter", made.digest), -1) > at
        for made, at, is_twin in trained
        if is_twin or at > scene.applied.index
    )
    return "L3" if is_whole and any(at > scene.applied.index for _, at, _ in trained) else "L2"


def certificate(
    scene: Scene, attested: Mapping[str, list[Attestation]], *, at: datetime
) -> dict[str, Json]:
    """The certificate but for its ``files``."""
    request, facts = scene.request, scene.applied.event.facts
    return {
        "format": FORMAT,
        "origin": settings.EXPUNGE_ORIGIN,
        "issuer": identity.name(),
        "controller": unicodedata.normalize("NFC", settings.EXPUNGE_CONTROLLER),
        "issuedAt": moment(at),
        "validUntil": moment(at + VALID),
        "level": level_of(scene),
        "legalBasis": request.clock.basis,
        "notErased": [*NOT_ERASED, *(["exports"] if scene.exported else [])],
        "exports": [str(each.index) for each in scene.exported],
        "request": {
            "id": str(request.pk),
            "number": request.number,
            "regulation": request.regulation,
            "scope": request.scope,
            "receivedAt": moment(request.received_at),
            "decidedAt": moment(request.decided_at),
            "erasedAt": moment(request.clean_at),
            "restoredAt": moment(request.restored_at),
            "completedAt": moment(request.completed_at),
        },
        "erased": {
            "interactions": facts["interactions"],
            "root": facts["records_root"],
            "trunkStates": facts["trunk_states"],
            "panelRows": facts["panel_rows"],
            "adapters": facts["adapters"],
            "slices": facts["slices"],
        },
        "live": _live(scene),
        "sets": [_set(each) for each in scene.sets],
        "before": [
            _set(each) | {"present": str(sum(key in each.held for key in scene.keys))}
            for each in scene.before
        ],
        "entries": {
            "applied": str(scene.applied.index),
            "keyDestroyed": str(scene.key_destroyed.index),
            "switched": str(scene.switched.index) if scene.switched else "",
            "verified": str(scene.verified.index),
        },
        "scorers": list(scene.scorers),
        "acknowledgements": [
            {"entry": str(each.index), "scorer": cut_over.scorer_of(each)}
            for each in scene.acknowledged
        ],
        "attestations": {
            "adapters": [each.digest for each in attested["adapters"]],
            "release": attested["release"][0].digest if attested["release"] else "",
            "destructions": [each.digest for each in attested["destructions"]],
            "replays": [each.digest for each in attested["replays"]],
        },
    }


def with_files(body: Mapping[str, Json], files: Mapping[str, bytes]) -> bytes:
    """The bytes of the certificate that vouches for these files."""
    listed: Json = {name: sha256(data).hexdigest() for name, data in files.items()}
    return strict.canonical({**body, "files": listed})


def moment(at: datetime | None) -> str:
    """To the second, downwards."""
    assert at is not None
    return statements.moment(at)


def _live(scene: Scene) -> dict[str, Json]:
    if scene.release is None:
        names = ("digest", "index", "recipe", "release")
        return {"kind": "none", **dict.fromkeys(names, "")}
    return {
        "kind": scene.release.kind,
        "release": str(scene.release.pk),
        "digest": scene.release.live_digest,
        "index": scene.release.index_digest,
        "recipe": scene.release.recipe.digest,
    }


def _set(named: Named) -> dict[str, Json]:
    return {
        "name": named.name,
        "root": named.held.root.hex(),
        "count": str(len(named.held)),
        "entry": str(named.entry.index),
    }
