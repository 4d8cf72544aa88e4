"""Proofs read from tiles are those that the whole list of entries would give."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ledger import proofs, sequencer, tiles
from ledger.models import Entry, Outbox, Tile
from tests.ledger.test_sequencer import leaf_hashes
from verifier import merkle
from verifier.merkle import NotProven

pytestmark = pytest.mark.django_db
SIZE = 515


@pytest.fixture
def leaves(write):
    write(SIZE)
    sequencer.drain_all()
    return leaf_hashes()


def test_inclusion_of_any_entry_at_any_size_is_proven(leaves):
    for size in (1, 2, 255, 256, 257, 511, 512, 513, SIZE):
        for index in {0, size // 2, max(0, size - 2), size - 1}:
            proof = proofs.inclusion(index, size)

            assert proof == merkle.inclusion_proof(leaves[:size], index)
            merkle.verify_inclusion(
                leaf=leaves[index],
                index=index,
                size=size,
                proof=proof,
                root=merkle.root_of(leaves[:size]),
            )


def test_consistency_of_any_two_sizes_is_proven(leaves):
    sizes = (1, 2, 3, 255, 256, 257, 511, 512, 513, SIZE)
    for first, second in ((a, b) for a in sizes for b in sizes if a <= b):
        assert proofs.consistency(first, second) == merkle.consistency_proof(leaves[:second], first)


@pytest.mark.parametrize(
    ("ask", "sizes"),
    [
        (proofs.inclusion, (SIZE, SIZE)),
        (proofs.inclusion, (0, SIZE + 1)),
        (proofs.inclusion, (-1, SIZE)),
        (proofs.consistency, (0, SIZE)),
        (proofs.consistency, (2, 1)),
        (proofs.consistency, (SIZE, SIZE + 1)),
    ],
)
def test_nothing_is_proven_of_a_log_that_is_not_there(leaves, ask, sizes):
    with pytest.raises(NotProven):
        ask(*sizes)


def test_an_empty_log_proves_nothing():
    with pytest.raises(NotProven, match="has 0 entries"):
        proofs.inclusion(0, 1)


def test_a_proof_over_full_tiles_reads_no_entries(leaves):
    with CaptureQueriesContext(connection) as queries:
        proofs.inclusion(300, 512)

    assert not [each for each in queries if "ledger_entry" in each["sql"]]
    assert len(queries) <= 12


def test_a_log_that_is_shorter_than_asked_has_no_root(leaves):
    with pytest.raises(tiles.EntriesMissing):
        tiles.root_at(SIZE + 1)


def test_a_tile_that_was_rewritten_is_not_remembered_as_it_was(leaves, superuser):
    before = tiles.root_at(512)
    superuser("UPDATE ledger_tile SET hashes = %s WHERE n = 1", b"".join(leaves[:256]))

    assert tiles.root_at(512) == merkle.root_of(leaves[:256] * 2)
    superuser("UPDATE ledger_tile SET hashes = %s WHERE n = 1", b"".join(leaves[256:512]))
    assert tiles.root_at(512) == before


def test_a_tile_that_is_gone_below_the_edge_is_missed(leaves, superuser):
    superuser("DELETE FROM ledger_tile WHERE n = 0")

    with pytest.raises(tiles.EntriesMissing, match="level 1: 0 of 2"):
        tiles.root_at(512)


def test_roots_are_right_after_all_that_was_remembered_is_forgotten(leaves, monkeypatch):
    monkeypatch.setattr(tiles, "MOST", 0)

    for size in (512, SIZE, 256):
        assert tiles.root_at(size) == merkle.root_of(leaves[:size])


@pytest.mark.slow
def test_tiles_of_tiles_give_the_same_root_and_proofs():
    """65,536 entries fill the first tile of level 1; some more make a right edge on two levels."""
    size = 65_536 + 256 + 3
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO ledger_outbox (event_id, target, body)
            SELECT id, 'a:1', convert_to('{"eventId":"' || id || '","target":"a:1"}', 'UTF8')
            FROM (SELECT md5(n::text)::uuid AS id FROM generate_series(1, %s) n) made
            """,
            [size],
        )
    assert Outbox.objects.count() == size

    sequencer.drain_all(limit=40_000)

    leaves = leaf_hashes()
    assert Tile.objects.filter(level=0).count() == 257
    assert Tile.objects.filter(level=1).count() == 1
    for at in (65_535, 65_536, 65_537, size):
        assert tiles.root_at(at) == merkle.root_of(leaves[:at])
    assert proofs.inclusion(70, size) == merkle.inclusion_proof(leaves, 70)
    assert proofs.consistency(65_537, size) == merkle.consistency_proof(leaves, 65_537)
    assert Entry.objects.count() == size
