"""What we attest is what a stranger reads, and nothing that is bent is read at all."""

import copy
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from evidence import facts, statements
from verifier import dsse, strict
from verifier import statements as reader
from verifier.strict import BadDocument

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
D = [f"{number:x}" * 64 for number in range(16)]
PLACE = facts.Place(log="expunge.example/log", index=81723)
SET = facts.CommittedSet(root=D[1], count=10234)
ID = UUID("6f1f5a3e-3c0c-4f2a-9b61-0c6a2c1b7d10")
FILES = (facts.File(name="shard-07/v13/adapter_model.safetensors", sha256=D[2]),)
BUILDER = "https://expunge.example/builders/trainer@v1"
ADAPTER = facts.AdapterFacts(
    files=FILES,
    shard=7,
    slice=2,
    seed=20261122,
    training_set=facts.TrainingSet(
        origin="expunge.example/ds/shard-07", epoch=13, head=D[3], records=SET, place=PLACE
    ),
    base=facts.Source(uri="https://models.example.com/base@2026-05", sha256=D[4]),
    recipe=facts.Source(uri="https://expunge.example/recipes/small", sha256=D[5]),
    code=facts.Code(uri="git+https://git.example.com/train@refs/tags/v2", commit="a" * 40),
    builder=BUILDER,
    run="https://expunge.example/runs/0d1f",
    started_at=NOON,
    finished_at=NOON + timedelta(minutes=41),
    parent=facts.Parent(uri="https://expunge.example/adapters/1", sha256=D[6], epoch=13),
    batch=facts.Batch(id=ID, keys=D[7], count=3),
    versions={"torch": "2.13.0"},
    byproducts={"model.sig": D[8], "batch-order-log": D[9]},
)
RELEASE = facts.ReleaseFacts(
    release=12,
    replaces=11,
    kind="fallback",
    recipe=D[1],
    shards=8,
    members=(facts.Member(shard=7, slice=2, epoch=13, weights=D[2], provenance=D[3]),),
    index=D[4],
    panel=SET,
    trunk_cache=SET,
    switched_at=NOON,
    place=PLACE,
    issuer=BUILDER,
)
DESTRUCTION = facts.DestructionFacts(
    files=FILES,
    request=ID,
    trunk_states=4,
    panel_rows=1,
    destroyed_at=NOON,
    place=PLACE,
    issuer=BUILDER,
)
REPLAY = facts.ReplayFacts(
    files=FILES,
    is_identical=True,
    same_records=True,
    same_environment=False,
    is_as_logged=True,
    policies=(),
    checked_at=NOON,
    verifier="https://auditor.example/v1",
)
BUILT = {
    "adapter": statements.adapter(ADAPTER),
    "release": statements.release(RELEASE),
    "destruction": statements.destruction(DESTRUCTION),
    "replay": statements.replay(REPLAY),
}


def spots(value, path=()):
    """Every place in a JSON value."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for name, each in inner if isinstance(value, dict | list) else ():
        yield from spots(each, (*path, name))


def at(value, path):
    for name in path:
        value = value[name]
    return value


def bent(kind, *path, to):
    """A statement with one value replaced, in its canonical form."""
    found = json.loads(BUILT[kind])
    at(found, path[:-1])[path[-1]] = to
    return strict.canonical(found)


def test_an_adapters_provenance_says_what_it_was_made_from():
    found = reader.parse(BUILT["adapter"])
    head = found.dependencies["training-set-head"]

    assert (found.kind, found.author) == (reader.PROVENANCE, BUILDER)
    assert found.subject == {FILES[0].name: D[2]}
    assert head["annotations"] == {
        "csmtRoot": D[1],
        "leafCount": "10234",
        "auditLog": "expunge.example/log",
        "auditLogIndex": "81723",
    }
    assert found.dependencies["parent-checkpoint"]["annotations"] == {"slice": "1", "epoch": "13"}
    assert found.dependencies["deletion-batch-keys"]["uri"] == ID.urn


def test_a_replay_says_only_what_held():
    assert reader.parse(BUILT["replay"]).predicate["properties"] == [
        "EXPUNGE_REPLAY_AS_LOGGED",
        "EXPUNGE_REPLAY_BIT_IDENTICAL",
        "EXPUNGE_REPLAY_SAME_RECORDS",
    ]


@pytest.mark.parametrize("kind", BUILT)
def test_no_field_can_be_added_or_be_of_another_type(kind):
    whole = json.loads(BUILT[kind])
    for path in spots(whole):
        for to in (None, True, 7, "", "\u0430", [], {"x": "y"}):
            changed = copy.deepcopy({"root": whole})
            parent = at(changed, ("root", *path)[:-1])
            last = ("root", *path)[-1]
            if path[-1:] in [("internalParameters",), ("version",)] and isinstance(to, dict):
                continue  # these are free: names and texts
            if path[-1:] in [("byproducts",), ("policies",), ("adapters",)] and to == []:
                continue
            parent[last] = to
            if changed["root"] != whole:
                with pytest.raises(BadDocument):
                    reader.parse(strict.canonical(changed["root"]))
        if isinstance(at(whole, path), dict) and path[-1:] not in [
            ("internalParameters",),
            ("version",),
        ]:
            changed = copy.deepcopy(whole)
            at(changed, path)["extra"] = "x"
            with pytest.raises(BadDocument):
                reader.parse(strict.canonical(changed))


DEPENDENCIES = ("predicate", "buildDefinition", "resolvedDependencies")


@pytest.mark.parametrize("name", list(reader.parse(BUILT["adapter"]).dependencies))
def test_no_dependency_can_be_left_out_or_named_twice(name):
    listed = at(json.loads(BUILT["adapter"]), DEPENDENCIES)
    chosen = [each for each in listed if each["name"] == name]
    without = [each for each in listed if each["name"] != name]

    for to in (without, [*listed, *chosen]):
        with pytest.raises(BadDocument, match="dependencies"):
            reader.parse(bent("adapter", *DEPENDENCIES, to=to))


def test_data_that_enters_another_way_is_refused():
    listed = at(json.loads(BUILT["adapter"]), DEPENDENCIES)
    more = {"name": "more-data", "uri": "https://x.example", "digest": {"sha256": D[1]}}

    with pytest.raises(BadDocument, match="no known name"):
        reader.parse(bent("adapter", *DEPENDENCIES, to=[*listed, more]))


@pytest.mark.parametrize(
    "wrong",
    [
        replace(ADAPTER, parent=None),
        replace(ADAPTER, slice=0),
        replace(ADAPTER, files=()),
        replace(ADAPTER, files=FILES * 2),
        replace(ADAPTER, files=(facts.File(name="../adapter", sha256=D[1]),)),
        replace(ADAPTER, files=(facts.File(name="/adapter", sha256=D[1]),)),
        replace(ADAPTER, finished_at=NOON - timedelta(seconds=1)),
        replace(ADAPTER, started_at=NOON.replace(tzinfo=None)),
        replace(ADAPTER, byproducts={"diary": D[1]}),
        replace(ADAPTER, seed=-1),
    ],
)
def test_facts_that_cannot_be_true_are_not_attested(wrong):
    with pytest.raises(BadDocument):
        statements.adapter(wrong)


def test_a_warm_start_is_of_the_slice_before():
    spot = next(
        index
        for index, each in enumerate(at(json.loads(BUILT["adapter"]), DEPENDENCIES))
        if each["name"] == "parent-checkpoint"
    )

    with pytest.raises(BadDocument, match="parent-checkpoint: slice"):
        reader.parse(bent("adapter", *DEPENDENCIES, spot, "annotations", "slice", to="0"))


def test_a_release_is_of_its_own_adapters_and_index():
    for path in (("predicate", "index"), ("predicate", "adapters", 0, "weights")):
        with pytest.raises(BadDocument, match="subject"):
            reader.parse(bent("release", *path, to=D[15]))
    for members in (RELEASE.members * 2, (replace(RELEASE.members[0], shard=8),)):
        with pytest.raises(BadDocument, match=r"adapters|two of one name"):
            statements.release(replace(RELEASE, members=members))
    assert reader.parse(statements.release(replace(RELEASE, members=(), replaces=None)))


def test_an_erasure_names_its_request_and_nothing_else_does():
    assert reader.parse(statements.destruction(replace(DESTRUCTION, request=None)))
    with pytest.raises(BadDocument, match="request"):
        reader.parse(bent("destruction", "predicate", "reason", to="superseded"))


def test_a_replay_that_shows_nothing_is_not_attested():
    nothing = {"is_identical": False, "same_records": False, "is_as_logged": False}
    with pytest.raises(BadDocument, match="properties"):
        statements.replay(replace(REPLAY, **nothing))


def test_a_key_speaks_only_as_its_own_author():
    key, other = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    envelope = dsse.sign(BUILT["adapter"], key)
    mine, stranger = (key.public_key(), BUILDER), (other.public_key(), BUILDER)

    assert reader.read(envelope, signers=[mine, stranger]).author == BUILDER
    for signers in ([stranger], [(key.public_key(), "https://other.example")],
                    [(key.public_key(), "https://other.example"), stranger]):  # fmt: skip
        with pytest.raises(dsse.BadEnvelope):
            reader.read(envelope, signers=signers)
