"""The files of a bundle but for the certificate's own: docs/bundle.md says what each holds."""

from collections.abc import Sequence
from itertools import chain

from evidence import entries, identity, keys, model_signing, readings
from evidence.models import Attestation
from evidence.scene import Scene
from ledger import earlier, rotation, signing, witnessing
from ledger.kinds import Kind
from ledger.models import HeadTimestamp, TreeHead
from registry import storage
from registry.services import live
from verifier import case, dsse, proof_files, strict
from verifier.strict import Json

Attested = dict[str, list[Attestation]]


def attested(scene: Scene) -> Attested:
    """The attestations of everything in a scene, by their part of the certificate.

    Raises:
        evidence.entries.NotPlaced: something is not attested yet.
    """
    sources = [each.event.event_id for each in scene.destroyed]
    sources += [scene.switched.event.event_id] if scene.switched else []
    found = {each.source: each for each in Attestation.objects.filter(source__in=sources)}
    if len(found) != len(sources):
        raise entries.NotPlaced("something of it is not attested yet")
    return {
        "adapters": [readings.envelope_of(made) for made in scene.chain],
        "release": [found[scene.switched.event.event_id]] if scene.switched else [],
        "destructions": [found[each.event.event_id] for each in scene.destroyed],
        "replays": scene.replays,
    }


def files_of(
    scene: Scene,
    attestations: Attested,
    *,
    before: TreeHead | None,
    stamp: HeadTimestamp | None,
) -> dict[str, bytes]:
    """Everything that the certificate lists, but for its PDF and the README."""
    assert scene.request.sealed_key is not None
    files = {
        case.ERASED: b"".join(scene.keys),
        case.SEALED: bytes(scene.request.sealed_key),
        case.KEYS: _keys(attestations),
    }
    for each in _all(attestations):
        files[f"attestations/{each.digest}.json"] = bytes(each.envelope)
    for named in scene.sets:
        files[f"sets/{named.held.root.hex()}.absent"] = proof_files.absent(named.held, scene.keys)
    for named in scene.before:
        files[f"sets/{named.held.root.hex()}.present"] = proof_files.present(named.held, scene.keys)
    if before is not None:
        files[case.BEFORE] = before.note.encode()
    files |= _models(scene)
    if stamp is not None:
        name = f"timestamps/{stamp.head.size}"
        files |= {f"{name}.head": stamp.head.note.encode(), f"{name}.tsr": bytes(stamp.token)}
    return files


def cited(scene: Scene, attestations: Attested, *, until: int) -> list[entries.Placed]:
    """The entries of the log that a bundle holds, by position.

    Args:
        until: the position of the certificate's own entry; all from the switch up to it are there.
    """
    found = [
        *_announced(attestations),
        *(
            each
            for vkey in earlier.retired()
            for each in entries.of_target(rotation.target(vkey), Kind.LOG_KEY_RETIRED)
        ),
        *entries.of_target(scene.request),
        *(each.entry for each in (*scene.sets, *scene.before)),
        *(readings.only(made, Kind.ADAPTER_TRAINED) for made in (*scene.chain, *scene.old)),
        *scene.destroyed,
        *(entries.of_event(each.event) for each in _all(attestations)),
        *scene.exported,
        *scene.acknowledged,
    ]
    # With nothing live all of the log is shown: that nothing ever was.
    found += entries.between(scene.switched.index if scene.switched else 0, until)
    by_index = {each.index: each for each in found if each.index <= until}
    return [by_index[index] for index in sorted(by_index)]


def _all(attestations: Attested) -> list[Attestation]:
    return [*chain(*attestations.values())]


def _announced(attestations: Attested) -> list[entries.Placed]:
    """Where the log announced the keys of these attestations, and the one of now."""
    names = {identity.target(keys.attestor())}
    for each in _all(attestations):
        signed = dsse.Envelope.parse(bytes(each.envelope)).signatures
        names |= {identity.target_of(signature.key_id) for signature in signed}
    return [readings.announced(name) for name in sorted(names)]


def _keys(attestations: Attested) -> bytes:
    attestors: list[Json] = [
        {
            "identity": entry.event.facts["identity"],
            "index": str(entry.index),
            "key": entry.event.facts["key"],
        }
        for entry in _announced(attestations)
    ]
    wanted = witnessing.configured()
    witnesses: list[Json] = [each.vkey for each in wanted.witnesses.values()] if wanted else []
    logs: list[Json] = [*_log_keys()]
    return strict.canonical({"attestors": attestors, "log": logs, "witnesses": witnesses})


def _log_keys() -> Sequence[str]:
    """Those that sign now, and those that may have signed the head from before the erasure."""
    return [*signing.vkeys(), *(signing.second_vkey() or "").split(), *earlier.retired()]


def _models(scene: Scene) -> dict[str, bytes]:
    """OpenSSF model-signing bundles of the adapters that serve, and the key that they are of."""
    if scene.release is None:
        return {}
    key = keys.models()
    found: dict[str, bytes] = {}
    for member in live.members(scene.release):
        weights = storage.get(member.adapter.weights)
        found[f"models/{member.adapter.digest}.sig"] = model_signing.sign(
            {"adapter.safetensors": weights}, key=key, name=f"shard-{member.shard:02}"
        )
    if found:
        found["models/key.pem"] = model_signing.public_pem(key)
    return found
