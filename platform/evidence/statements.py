"""Attestations, built: facts in, the RFC 8785 bytes of an in-toto statement out.

Every statement is read back by the verifier's own parser before it leaves, so nothing is signed
that a stranger would refuse. Nothing here reads the clock, the database or a key.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from evidence.facts import (
    AdapterFacts,
    Code,
    CommittedSet,
    DestructionFacts,
    File,
    Place,
    ReleaseFacts,
    ReplayFacts,
    Source,
)
from verifier import statements, strict
from verifier.strict import Json


def adapter(facts: AdapterFacts) -> bytes:
    """SLSA provenance v1 of one adapter version.

    Raises:
        verifier.strict.BadDocument: the facts are not such that a verifier would accept them.
    """
    data = facts.training_set
    parameters: dict[str, Json] = {
        "shard": f"shard-{facts.shard:02}",
        "slice": str(facts.slice),
        "datasetOrigin": data.origin,
        "datasetEpoch": str(data.epoch),
        "baseModel": facts.base.uri,
        "config": facts.recipe.uri,
        "initialization": statements.FROM_PARENT if facts.parent else statements.FROM_BASE,
        "seed": str(facts.seed),
    }
    if facts.batch:
        parameters["deletionBatch"] = facts.batch.id.urn
    return _statement(
        statements.PROVENANCE,
        facts.files,
        {
            "buildDefinition": {
                "buildType": statements.BUILD,
                "externalParameters": parameters,
                "internalParameters": _texts(facts.environment),
                "resolvedDependencies": _dependencies(facts),
            },
            "runDetails": {
                "builder": {"id": facts.builder, "version": _texts(facts.versions)},
                "metadata": {
                    "invocationId": facts.run,
                    "startedOn": moment(facts.started_at),
                    "finishedOn": moment(facts.finished_at),
                },
                "byproducts": [
                    _byproduct(name, digest) for name, digest in sorted(facts.byproducts.items())
                ],
            },
        },
    )


def release(facts: ReleaseFacts) -> bytes:
    """What serves: which adapters, which index, full strength or fallback.

    Raises:
        verifier.strict.BadDocument: the facts are not such that a verifier would accept them.
    """
    members = sorted(facts.members, key=lambda member: member.shard)
    predicate: dict[str, Json] = {
        **_place(facts.place),
        "release": str(facts.release),
        "kind": facts.kind,
        "recipe": facts.recipe,
        "shards": str(facts.shards),
        "index": facts.index,
        "adapters": [
            {
                "shard": str(member.shard),
                "slice": str(member.slice),
                "epoch": str(member.epoch),
                "weights": member.weights,
                "provenance": member.provenance,
            }
            for member in members
        ],
        "sets": {"panel": _set(facts.panel), "trunk-cache": _set(facts.trunk_cache)},
        "switchedAt": moment(facts.switched_at),
        "issuer": facts.issuer,
    }
    if facts.replaces is not None:
        predicate["replaces"] = str(facts.replaces)
    files = [File(name="index", sha256=facts.index)]
    files += [
        File(name=f"shard-{member.shard:02}/adapter", sha256=member.weights) for member in members
    ]
    return _statement(statements.RELEASE, files, predicate)


def destruction(facts: DestructionFacts) -> bytes:
    """What nobody can read any more.

    Raises:
        verifier.strict.BadDocument: the facts are not such that a verifier would accept them.
    """
    predicate: dict[str, Json] = {
        **_place(facts.place),
        "method": "key-destroyed",
        "reason": "erased" if facts.request else "superseded",
        "trunkStates": str(facts.trunk_states),
        "panelRows": str(facts.panel_rows),
        "destroyedAt": moment(facts.destroyed_at),
        "issuer": facts.issuer,
    }
    if facts.request:
        predicate["request"] = facts.request.urn
    return _statement(statements.DESTRUCTION, facts.files, predicate)


def replay(facts: ReplayFacts) -> bytes:
    """An in-toto simple verification result (SVR v0.2): the properties that held, and only those.

    Raises:
        verifier.strict.BadDocument: nothing held, or the facts cannot be stated.
    """
    held = {
        "EXPUNGE_REPLAY_AS_LOGGED": facts.is_as_logged,
        "EXPUNGE_REPLAY_BIT_IDENTICAL": facts.is_identical,
        "EXPUNGE_REPLAY_SAME_ENVIRONMENT": facts.same_environment,
        "EXPUNGE_REPLAY_SAME_RECORDS": facts.same_records,
    }
    policies: list[Json] = [_source(each) for each in facts.policies]
    return _statement(
        statements.REPLAY,
        facts.files,
        {
            "verifier": {"id": facts.verifier, "policies": policies},
            "timeCreated": moment(facts.checked_at),
            "properties": [name for name in statements.PROPERTIES if held[name]],
        },
    )


def _statement(kind: str, files: Iterable[File], predicate: dict[str, Json]) -> bytes:
    payload = strict.canonical(
        {
            "_type": statements.STATEMENT,
            "subject": [{"name": each.name, "digest": {"sha256": each.sha256}} for each in files],
            "predicateType": kind,
            "predicate": predicate,
        }
    )
    statements.parse(payload)
    return payload


def _dependencies(facts: AdapterFacts) -> list[Json]:
    data = facts.training_set
    found: list[Json] = [{"name": "code", "uri": facts.code.uri, "digest": _code(facts.code)}]
    if facts.image:
        found.append({"name": "image", **_source(facts.image)})
    found.append(
        {
            "name": "base-model",
            **_source(facts.base),
            "annotations": {"digestOf": statements.BASE_DIGEST},
        }
    )
    found.append({"name": "recipe", **_source(facts.recipe)})
    found.append(
        {
            "name": "training-set-head",
            "uri": f"https://{data.origin}/epoch/{data.epoch}/checkpoint",
            "digest": {"sha256": data.head},
            "mediaType": "text/plain",
            "annotations": {**_set(data.records), **_place(data.place)},
        }
    )
    if facts.parent:
        parent = Source(uri=facts.parent.uri, sha256=facts.parent.sha256)
        notes: dict[str, Json] = {"slice": str(facts.slice - 1), "epoch": str(facts.parent.epoch)}
        found.append({"name": "parent-checkpoint", **_source(parent), "annotations": notes})
    if facts.batch:
        batch = Source(uri=facts.batch.id.urn, sha256=facts.batch.keys)
        count: dict[str, Json] = {"count": str(facts.batch.count)}
        found.append({"name": "deletion-batch-keys", **_source(batch), "annotations": count})
    return found


def _code(code: Code) -> Json:
    return {"gitCommit": code.commit} if code.commit else {"sha256": code.sha256}


def _source(source: Source) -> dict[str, Json]:
    return {"uri": source.uri, "digest": {"sha256": source.sha256}}


def _byproduct(name: str, digest: str) -> Json:
    media = statements.BYPRODUCTS.get(name)
    found: dict[str, Json] = {"name": name, "digest": {"sha256": digest}}
    return found | ({"mediaType": media} if media else {})


def _set(committed: CommittedSet) -> dict[str, Json]:
    return {"csmtRoot": committed.root, "leafCount": str(committed.count)}


def _place(place: Place) -> dict[str, Json]:
    return {"auditLog": place.log, "auditLogIndex": str(place.index)}


def _texts(texts: Mapping[str, str]) -> dict[str, Json]:
    return dict(texts)


def moment(at: datetime) -> str:
    """To the second, downwards; a statement's order against the log is by position, not by this."""
    if at.tzinfo is None:
        raise strict.BadDocument("time: without a time zone")
    return at.astimezone(UTC).strftime(strict.MOMENT)
