"""docs/vectors/csmt.json is what its generator writes, and every vector has its verdict."""

import json
from pathlib import Path
from uuid import UUID

import pytest

from verifier import csmt, csmt_vectors
from verifier.merkle import NotProven
from verifier.sets import BadSet, CommittedSet

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "vectors"
TEXT = (FOLDER / "csmt.json").read_text()
VECTORS = json.loads(TEXT)
SETS = {each["name"]: each for each in VECTORS["sets"]}
# The ways to cheat that others have fallen for, each of which needs a vector.
CHEATS = [
    "terminal == target",
    "prefix mismatch",
    "other leaf's path",
    "truncated siblings",
    "flipped byte",
    "inner node as leaf",
    "> 256 siblings",
    "appended EMPTY",
]


def name_of(vector) -> str:
    return vector["name"]


def judge(vector) -> None:
    octets = {part: bytes.fromhex(vector[part]) for part in ("root", "key")}
    proof = csmt.from_text(vector["proof"])
    if vector["claim"] == "present":
        csmt.verify_present(**octets, value=bytes.fromhex(vector["value"]), proof=proof)
    else:
        csmt.verify_absent(**octets, proof=proof)


def set_of(each) -> CommittedSet:
    rows = [line.split(" ") for line in each["rows"]]
    return CommittedSet.of((bytes.fromhex(key), bytes.fromhex(value)) for key, value in rows)


def test_the_file_is_what_the_generator_writes():
    assert csmt_vectors.document() == TEXT


def test_no_two_vectors_have_one_name():
    for part in ("sets", "proofs", "files"):
        names = [each["name"] for each in VECTORS[part]]
        assert len(names) == len(set(names))


@pytest.mark.parametrize("cheat", CHEATS)
def test_every_known_way_to_cheat_has_a_vector(cheat):
    names = [each["name"] for each in VECTORS["proofs"] if each["verdict"] == "refused"]

    assert any(name.startswith(cheat) for name in names)


def test_both_kinds_of_absence_and_presence_are_shown():
    for which in ("present", "absent"):
        assert any(each["claim"] == which for each in VECTORS["proofs"])
    reasons = {each["reason"] for each in VECTORS["proofs"] if each["verdict"] == "accepted"}
    assert reasons == set(csmt_vectors.GENUINE.values())


@pytest.mark.parametrize("vector", VECTORS["values"], ids=lambda each: each["shard"])
def test_every_value_is_the_vectors(vector):
    shard, multiplicity = int(vector["shard"]), int(vector["multiplicity"])
    value = csmt.value_of(UUID(vector["record"]), shard=shard, multiplicity=multiplicity)

    assert value.hex() == vector["value"]


@pytest.mark.parametrize("vector", VECTORS["sets"], ids=name_of)
def test_every_set_has_the_vectors_root(vector):
    assert set_of(vector).root.hex() == vector["root"]


@pytest.mark.parametrize("vector", VECTORS["proofs"], ids=name_of)
def test_every_proof_has_the_vectors_verdict(vector):
    if vector["verdict"] == "accepted":
        judge(vector)
    else:
        with pytest.raises(NotProven, match=f"^{vector['fails']}: "):
            judge(vector)


@pytest.mark.parametrize(
    "vector",
    [each for each in VECTORS["proofs"] if each["verdict"] == "accepted"],
    ids=name_of,
)
def test_every_genuine_proof_is_made_byte_for_byte(vector):
    tree = set_of(SETS[vector["name"].split(": ")[0]])

    assert csmt.to_text(tree.prove(bytes.fromhex(vector["key"]))) == vector["proof"]


@pytest.mark.parametrize("vector", VECTORS["files"], ids=name_of)
def test_every_file_has_the_vectors_verdict(vector):
    raw = csmt.from_text(vector["file"])

    if vector["verdict"] == "accepted":
        tree = CommittedSet.decode(raw)
        assert tree.root.hex() == vector["root"]
        assert tree.encode() == raw
    else:
        with pytest.raises(BadSet):
            CommittedSet.decode(raw)


def test_the_readme_names_every_member_and_every_check():
    readme = (FOLDER / "README.md").read_text()
    members = {
        member
        for part in ("values", "sets", "proofs", "files")
        for each in VECTORS[part]
        for member in each
    }
    checks = {each["fails"] for each in VECTORS["proofs"] if each["verdict"] == "refused"}

    assert [
        each for each in sorted({*VECTORS, *members, *checks}) if f"`{each}`" not in readme
    ] == []
