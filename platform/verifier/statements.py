"""What our attestations say, read strictly: four kinds of in-toto statement, and no others.

What a statement does not say in the one way that docs/attestations.md gives, it does not say.
Unknown fields, kinds and dependencies are refused, and what must hold is required to be there: so
leaving something out, or ignoring it, never makes an adapter look cleaner than it is.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeAlias

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from verifier import dsse, strict
from verifier.strict import BadDocument, Json

STATEMENT: Final = "https://in-toto.io/Statement/v1"
PROVENANCE: Final = "https://slsa.dev/provenance/v1"
BUILD: Final = "https://expunge.example/buildtypes/lora-shard-retrain/v1"
RELEASE: Final = "https://expunge.example/attestation/release/v1"
DESTRUCTION: Final = "https://expunge.example/attestation/destruction/v1"
REPLAY: Final = "https://in-toto.io/attestation/svr/v0.2"

FROM_BASE: Final = "base-model-only"
FROM_PARENT: Final = "parent-checkpoint"
BASE_DIGEST: Final = "expunge/base-digest/v1"
# What a run leaves besides the adapter, and the media type of each.
BYPRODUCTS: Final[dict[str, str | None]] = {
    "batch-order-log": None,
    "eval-report": None,
    "model.sig": "application/vnd.dev.sigstore.bundle.v0.3+json",
    "nonmembership-bundle": "application/vnd.expunge.nonmembership.v1+json",
}
SETS: Final = ("panel", "trunk-cache")
PROPERTIES: Final = (
    "EXPUNGE_REPLAY_AS_LOGGED",
    "EXPUNGE_REPLAY_BIT_IDENTICAL",
    "EXPUNGE_REPLAY_SAME_ENVIRONMENT",
    "EXPUNGE_REPLAY_SAME_RECORDS",
)
ORIGIN: Final = r"[a-z0-9.-]+(/[\w.-]+)*"
_NAME: Final = r"(?!\.\.?(/|$))[\w.-]+(/(?!\.\.?(/|$))[\w.-]+)*"
_URN: Final = f"urn:uuid:{strict.UUID}"

Object: TypeAlias = dict[str, Any]
Check: TypeAlias = Callable[[Json, str], object]
Shape: TypeAlias = dict[str, Check]


@dataclass(frozen=True)
class Statement:
    """A statement whose every field was checked: docs/attestations.md says what each holds.

    Args:
        kind: the predicate's type, one of the four above.
        subject: what it is about: SHA-256 by name.
        predicate: what it says of that, as JSON; numbers are decimal strings.
        author: who says so, by the identity in it; that is worth what the signature is worth.
    """

    kind: str
    subject: dict[str, str]
    predicate: Object
    author: str

    @property
    def dependencies(self) -> dict[str, Object]:
        """What an adapter was made from, by name; of other kinds nothing."""
        found = self.predicate.get("buildDefinition", {}).get("resolvedDependencies", ())
        return {each["name"]: each for each in found}


def read(envelope: bytes, *, signers: Sequence[tuple[Ed25519PublicKey, str]]) -> Statement:
    """Verify an envelope, and read the statement in the very bytes that were verified.

    Args:
        envelope: as ``dsse.sign`` writes it.
        signers: the keys that are trusted, each with the one identity that it may speak as.

    Raises:
        dsse.BadEnvelope: no trusted key signed it, or a key that may not speak as its author.
        BadDocument: it is signed, and is not a statement of ours.
    """
    verified = dsse.verify(envelope, [key for key, _ in signers])
    statement = parse(verified.payload)
    allowed = {key.public_bytes_raw() for key, name in signers if name == statement.author}
    if not any(key.public_bytes_raw() in allowed for key in verified.keys):
        raise dsse.BadEnvelope("envelope: its key may not speak as the statement's author")
    return statement


def parse(payload: bytes) -> Statement:
    """Read a statement: canonical JSON of one of the four kinds.

    Raises:
        BadDocument: it is anything else.
    """
    names = ("_type", "subject", "predicateType", "predicate")
    found = strict.members(strict.loads(payload), "statement", names)
    strict.exactly(found["_type"], "statement: type", STATEMENT)
    check = _PREDICATES.get(strict.text(found["predicateType"], "predicate's type"))
    if check is None:
        raise BadDocument("predicate's type: unknown")
    subject: dict[str, str] = {}
    for each in strict.items(found["subject"], "subject", least=1):
        file = _shape(each, "subject", {"name": _like(_NAME), "digest": _SHA256})
        if file["name"] in subject:
            raise BadDocument("subject: two of one name")
        subject[file["name"]] = file["digest"]["sha256"]
    predicate: Any = found["predicate"]
    author = check(predicate, subject)
    return Statement(str(found["predicateType"]), subject, predicate, author)


def _shape(value: Json, where: str, fields: Shape, optional: Shape | None = None) -> Object:
    """An object of exactly these fields, each of which passes its own check."""
    optional = optional or {}
    found = strict.members(value, where, fields, optional)
    for name, each in found.items():
        (fields.get(name) or optional[name])(each, f"{where}: {name}")
    return found


def _one_of(*allowed: str) -> Check:
    def check(value: Json, where: str) -> None:
        if value not in allowed:
            raise BadDocument(f"{where}: not {' or '.join(allowed)}")

    return check


def _like(pattern: str) -> Check:
    return lambda value, where: strict.text(value, where, pattern=pattern)


def _anything(value: Json, where: str) -> None:
    """Checked elsewhere."""


def _of(**fields: Check) -> Check:
    return partial(_shape, fields=fields)


def _commit_or_sha256(value: Json, where: str) -> None:
    is_commit = isinstance(value, dict) and "gitCommit" in value
    (_of(gitCommit=_like("[0-9a-f]{40}([0-9a-f]{24})?")) if is_commit else _SHA256)(value, where)


def _named(value: Json, where: str, shapes: dict[str, Shape]) -> dict[str, Object]:
    """A list of objects by their names, each of the shape that its name calls for."""
    found: dict[str, Object] = {}
    for each in strict.items(value, where):
        name = strict.text(each.get("name") if isinstance(each, dict) else None, where)
        if name in found or name not in shapes:
            raise BadDocument(f"{where}: one of no known name, or two of one")
        found[name] = _shape(each, name, {"name": strict.text, **shapes[name]})
    return found


def _provenance(value: Json, subject: dict[str, str]) -> str:
    """SLSA provenance of one adapter, and the policy of its build type."""
    predicate = strict.members(value, "predicate", ("buildDefinition", "runDetails"))
    build = _shape(predicate["buildDefinition"], "build", _BUILD)
    given = _shape(build["externalParameters"], "parameters", _PARAMETERS, _MORE_PARAMETERS)
    slice_ = int(given["slice"])
    # These and no other way in: an image may be named, the others must be, or must not be.
    needed = {"base-model", "code", "recipe", "training-set-head"}
    needed |= {"deletion-batch-keys"} if "deletionBatch" in given else set()
    # A warm start is a way in for data too: it is named, and it is of the slice before this one.
    needed |= {"parent-checkpoint"} if slice_ else set()
    found = _named(build["resolvedDependencies"], "dependencies", _DEPENDENCIES)
    if wrong := sorted((found.keys() - {"image"}) ^ needed):
        raise BadDocument(f"dependencies: {wrong[0]} is missing, or not asked for")
    head = f"https://{given['datasetOrigin']}/epoch/{given['datasetEpoch']}/checkpoint"
    strict.exactly(found["training-set-head"]["uri"], "training-set-head", head)
    strict.exactly(found["base-model"]["uri"], "base-model", given["baseModel"])
    strict.exactly(found["recipe"]["uri"], "recipe", given["config"])
    if "deletionBatch" in given:
        strict.exactly(found["deletion-batch-keys"]["uri"], "batch", given["deletionBatch"])
    strict.exactly(given["initialization"], "initialization", FROM_PARENT if slice_ else FROM_BASE)
    if slice_:
        before = found["parent-checkpoint"]["annotations"]["slice"]
        strict.exactly(before, "parent-checkpoint: slice", str(slice_ - 1))
    return _run(predicate["runDetails"])


def _run(value: Json) -> str:
    run = strict.members(value, "run", ("builder", "metadata", "byproducts"))
    builder = _shape(run["builder"], "builder", {"id": strict.uri, "version": strict.texts})
    times: Shape = {"startedOn": strict.moment, "finishedOn": strict.moment}
    when = _shape(run["metadata"], "metadata", {"invocationId": strict.uri, **times})
    # Spelt as they are, times sort like their texts.
    if when["startedOn"] > when["finishedOn"]:
        raise BadDocument("metadata: the run ends before it starts")
    _named(run["byproducts"], "byproducts", _BYPRODUCTS)
    return str(builder["id"])


def _release(value: Json, subject: dict[str, str]) -> str:
    fields = _shape(value, "release", _RELEASE, {"replaces": strict.number})
    expected = {"index": fields["index"]}
    last = -1
    for each in strict.items(fields["adapters"], "adapters"):
        member = _shape(each, "adapter", _MEMBER)
        shard = int(member["shard"])
        if not last < shard < int(fields["shards"]):
            raise BadDocument("adapters: not of ascending shards of the recipe, one of each")
        last = shard
        expected[f"shard-{shard:02}/adapter"] = member["weights"]
    if subject != expected:
        raise BadDocument("subject: not the index and the adapters of the release")
    return str(fields["issuer"])


def _destruction(value: Json, subject: dict[str, str]) -> str:
    fields = _shape(value, "destruction", _DESTRUCTION, {"request": _like(_URN)})
    if (fields["reason"] == "erased") != ("request" in fields):
        raise BadDocument("request: of every erasure, and of nothing else")
    return str(fields["issuer"])


def _replay(value: Json, subject: dict[str, str]) -> str:
    fields = strict.members(value, "result", ("properties", "timeCreated", "verifier"))
    strict.moment(fields["timeCreated"], "result: timeCreated")
    verifier = _shape(fields["verifier"], "verifier", {"id": strict.uri, "policies": strict.items})
    for each in verifier["policies"]:
        _shape(each, "policy", _SOURCE)
    properties = strict.items(fields["properties"], "properties", least=1)
    if properties != [name for name in PROPERTIES if name in properties]:
        raise BadDocument("properties: one is unknown, there twice, or out of order")
    return str(verifier["id"])


_SHA256: Final = _of(sha256=strict.sha256)
_COMMITTED: Final[Shape] = {"csmtRoot": strict.sha256, "leafCount": strict.number}
_PLACE: Final[Shape] = {"auditLog": _like(ORIGIN), "auditLogIndex": strict.number}
_BUILD: Final[Shape] = {
    "buildType": _one_of(BUILD),
    "externalParameters": _anything,
    "internalParameters": strict.texts,
    "resolvedDependencies": _anything,
}
_PARAMETERS: Final[Shape] = {
    "shard": _like(r"shard-(\d\d|[1-9]\d{2,8})"),
    "slice": strict.number,
    "datasetOrigin": _like(ORIGIN),
    "datasetEpoch": strict.number,
    "baseModel": strict.uri,
    "config": strict.uri,
    "initialization": strict.text,
    "seed": strict.number,
}
_MORE_PARAMETERS: Final[Shape] = {"deletionBatch": _like(_URN)}
_SOURCE: Final[Shape] = {"uri": strict.uri, "digest": _SHA256}
_DEPENDENCIES: Final[dict[str, Shape]] = {
    "base-model": {**_SOURCE, "annotations": _of(digestOf=_one_of(BASE_DIGEST))},
    "code": {"uri": strict.uri, "digest": _commit_or_sha256},
    "deletion-batch-keys": {**_SOURCE, "annotations": _of(count=strict.number)},
    "image": _SOURCE,
    "parent-checkpoint": {**_SOURCE, "annotations": _of(epoch=strict.number, slice=strict.number)},
    "recipe": _SOURCE,
    "training-set-head": {
        **_SOURCE,
        "annotations": _of(**_COMMITTED, **_PLACE),
        "mediaType": _one_of("text/plain"),
    },
}
_BYPRODUCTS: Final[dict[str, Shape]] = {
    name: {"digest": _SHA256} | ({"mediaType": _one_of(media)} if media else {})
    for name, media in BYPRODUCTS.items()
}
_MEMBER: Final[Shape] = {
    **dict.fromkeys(("shard", "slice", "epoch"), strict.number),
    **dict.fromkeys(("weights", "provenance"), strict.sha256),
}
_RELEASE: Final[Shape] = {
    **_PLACE,
    **dict.fromkeys(("release", "shards"), strict.number),
    **dict.fromkeys(("index", "recipe"), strict.sha256),
    "adapters": _anything,
    "issuer": strict.uri,
    "kind": _one_of("full", "fallback"),
    "sets": _of(**dict.fromkeys(SETS, _of(**_COMMITTED))),
    "switchedAt": strict.moment,
}
_DESTRUCTION: Final[Shape] = {
    **_PLACE,
    **dict.fromkeys(("panelRows", "trunkStates"), strict.number),
    "destroyedAt": strict.moment,
    "issuer": strict.uri,
    "method": _one_of("key-destroyed"),
    "reason": _one_of("erased", "superseded"),
}
_PREDICATES: Final[dict[str, Callable[[Json, dict[str, str]], str]]] = {
    PROVENANCE: _provenance,
    RELEASE: _release,
    DESTRUCTION: _destruction,
    REPLAY: _replay,
}
