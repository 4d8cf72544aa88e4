"""docs/log-format.md cannot rot: its example is recomputed here."""

import json
import re
from pathlib import Path

import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger import log
from ledger.kinds import Kind
from verifier import merkle, notes

DOC = (Path(__file__).resolve().parents[2] / "docs" / "log-format.md").read_text()


def block(name: str) -> list[str]:
    (found,) = re.findall(rf"^```{name}\n(.*?)\n```$", DOC, re.MULTILINE | re.DOTALL)
    return found.split("\n")


@pytest.fixture
def leaves():
    return [merkle.leaf_hash(each.encode()) for each in block("entries")]


def test_the_entries_are_what_append_would_write():
    for line in block("entries"):
        event = log.parse(line.encode())
        written = log.body_of(
            event.kind,
            event_id=event.event_id,
            actor=event.actor,
            target=event.target,
            at=event.at,
            facts=event.facts,
        )

        assert written.decode() == line
        assert rfc8785.dumps(json.loads(line)).decode() == line


def test_the_members_are_those_that_the_table_names():
    table = re.findall(r"^\| `(\w+)` \|", DOC, re.MULTILINE)

    assert all(sorted(json.loads(line)) == sorted(table) for line in block("entries"))


def test_the_hashes_are_those_of_the_entries(leaves):
    assert [each.hex() for each in leaves] == block("leaves")
    assert [merkle.root_of(leaves).hex()] == block("root")
    assert [each.hex() for each in merkle.inclusion_proof(leaves, 1)] == block("inclusion")
    assert [each.hex() for each in merkle.consistency_proof(leaves, 2)] == block("consistency")


def test_the_head_is_signed_by_the_key_it_names(leaves):
    (vkey,) = block("vkey")
    signer = notes.Signer(
        vkey.split("+")[0], Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    )
    note = "\n".join(block("note")) + "\n"

    checkpoint = notes.Checkpoint.parse(notes.verify_note(note, vkey))

    assert signer.vkey == vkey
    assert checkpoint == notes.Checkpoint(signer.name, len(leaves), merkle.root_of(leaves))
    assert notes.sign_note(checkpoint.text(), signer) == note


def test_every_kind_has_a_place_and_a_verb():
    assert all(re.fullmatch(r"[a-z_]+\.[a-z]+", each) for each in Kind.values)
