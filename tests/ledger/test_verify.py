"""Whatever a superuser does to the log, verify names the first place where it shows."""

import shutil
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ledger import heads, publishing, sequencer, signing, tiles
from ledger.models import TreeHead
from ledger.verify import verify
from tests.ledger.conftest import NOON
from verifier import notes

EDITED = "convert_to(replace(convert_from(body, 'UTF8'), 'run.started', 'run.failed_'), 'UTF8')"


def difference():
    report = verify()
    assert report.ok == (report.first_difference is None)
    return report.first_difference


def loosen():
    """Drop what keeps even a superuser's UPDATE honest."""
    with connection.cursor() as cursor:
        for column in ("event_id", "target"):
            cursor.execute(
                f"ALTER TABLE ledger_entry DROP CONSTRAINT ledger_entry_{column}_is_the_bodys"
            )


def forget_tiles_and_heads(superuser):
    superuser("DELETE FROM ledger_tile; DELETE FROM ledger_treehead")


@pytest.mark.django_db
def test_an_empty_log_is_well():
    assert (verify().ok, verify().entries, verify().heads) == (True, 0, 0)


@pytest.mark.django_db
def test_an_honest_log_is_well(logged, write):
    logged(3)
    logged(254)
    logged(256)
    write(2)

    report = verify()

    assert report.first_difference is None
    assert (report.ok, report.entries, report.heads) == (True, 513, 3)


@pytest.mark.django_db(transaction=True)
def test_verify_reads_one_state_of_a_log_that_grows_meanwhile(logged):
    logged(3)
    with CaptureQueriesContext(connection) as queries:
        assert verify().ok

    assert any("REPEATABLE READ, READ ONLY" in each["sql"] for each in queries)


def test_an_edited_body_is_named(logged, superuser):
    logged(5)
    superuser(f"UPDATE ledger_entry SET body = {EDITED} WHERE index IN (2, 4)")

    assert difference() == "entry 2: its hash is not its body's"


def test_an_edited_body_and_its_hash_show_at_the_next_tree_head(logged, superuser):
    logged(3)
    logged(2)
    superuser(f"UPDATE ledger_entry SET body = {EDITED} WHERE index = 1")
    superuser("UPDATE ledger_entry SET leaf_hash = sha256('\\x00'::bytea || body)")

    assert difference() == "tree head 3: its root is not that of the first 3 entries"


def test_an_edited_body_under_a_tile_shows_at_the_tile(logged, superuser):
    logged(300)
    superuser(f"UPDATE ledger_entry SET body = {EDITED} WHERE index = 1")
    superuser("UPDATE ledger_entry SET leaf_hash = sha256('\\x00'::bytea || body)")

    assert difference() == "tile 0/0: does not hold the entries' hashes"


def test_an_edit_that_nobody_signed_shows_at_the_state(logged, write, superuser):
    logged(3)
    write(2)
    sequencer.drain_all()
    superuser(f"UPDATE ledger_entry SET body = {EDITED} WHERE index = 4")
    superuser("UPDATE ledger_entry SET leaf_hash = sha256('\\x00'::bytea || body)")

    assert difference() == "state: its root is not that of the 5 entries"


@pytest.mark.parametrize("signed", [0, 3])
def test_a_tail_that_nobody_signed_is_not_verified(logged, write, superuser, signed):
    """Whoever rewrites it can make all its hashes agree."""
    logged(signed)
    write(2)
    sequencer.drain_all()
    superuser(f"UPDATE ledger_entry SET body = {EDITED} WHERE index = {signed}")
    superuser("UPDATE ledger_entry SET leaf_hash = sha256('\\x00'::bytea || body)")
    superuser("UPDATE ledger_sequencerstate SET root = %s", tiles.root_at(signed + 2))

    assert difference() == f"entries from {signed} on are under no tree head"


def test_a_deleted_entry_is_named(logged, superuser):
    logged(5)
    superuser("DELETE FROM ledger_entry WHERE index = 2")

    assert difference() == "entry 2: missing, the next one is 3"


def test_reordered_entries_show_at_the_next_tree_head(logged, superuser):
    logged(3)
    logged(2)
    superuser("UPDATE ledger_entry SET index = 99 WHERE index = 0")
    superuser("UPDATE ledger_entry SET index = 0 WHERE index = 1")
    superuser("UPDATE ledger_entry SET index = 1 WHERE index = 99")

    assert difference() == "tree head 3: its root is not that of the first 3 entries"


def test_a_cut_off_tail_shows_by_the_head_that_was_signed(logged, superuser):
    logged(3)
    logged(2)
    root = tiles.root_at(4)
    superuser("DELETE FROM ledger_entry WHERE index = 4")
    superuser("UPDATE ledger_sequencerstate SET next_index = 4, root = %s", root)

    assert difference() == "tree head 5: the log ends after 4 entries"


def test_a_cut_off_tail_that_nobody_signed_shows_by_the_state(logged, write, superuser):
    logged(3)
    write(2)
    sequencer.drain_all()
    superuser("DELETE FROM ledger_entry WHERE index = 4")

    assert difference() == "state: says 5 entries, the log has 4"


def test_a_lost_state_row_shows(logged, superuser):
    logged(3)
    superuser("DELETE FROM ledger_sequencerstate")

    assert difference() == "state: says 0 entries, the log has 3"


def test_an_id_or_target_that_is_not_the_bodys_is_named(logged, superuser):
    logged(3)
    loosen()

    superuser("UPDATE ledger_entry SET target = 'somebody:else' WHERE index = 2")
    assert difference() == "entry 2: its target is not its body's"

    superuser("UPDATE ledger_entry SET event_id = %s WHERE index = 1", UUID(int=1))
    assert difference() == "entry 1: its event id is not its body's"


@pytest.mark.parametrize("body", [b"{}", b"[]", b"\xff", b"no json"])
def test_a_body_that_is_no_event_is_named(logged, superuser, body):
    logged(3)
    loosen()
    superuser("UPDATE ledger_entry SET body = %s WHERE index = 1", body)
    superuser("UPDATE ledger_entry SET leaf_hash = sha256('\\x00'::bytea || body)")

    assert difference() == "entry 1: its body is not an event"


def test_a_missing_or_a_surplus_tile_is_named(logged, superuser):
    logged(257)

    superuser("INSERT INTO ledger_tile (level, n, hashes) SELECT 1, 0, hashes FROM ledger_tile")
    assert difference() == "tiles: 2 are stored, the entries fill 1"

    superuser("DELETE FROM ledger_tile WHERE level = 0")
    assert difference() == "tile 0/0: missing, at entry 255"


def test_a_head_that_another_key_signed_again_is_named(logged, superuser, settings):
    logged(3)
    stranger = notes.Signer(settings.EXPUNGE_ORIGIN, Ed25519PrivateKey.generate())
    text = notes.verify_note(TreeHead.objects.get().note, signing.vkey())
    superuser("UPDATE ledger_treehead SET note = %s", notes.sign_note(text, stranger))

    assert difference() == "tree head 3: note: no known key signed it"


def test_a_whole_log_signed_again_with_a_new_key_fails_for_who_noted_the_old_one(
    logged, write, superuser, keys
):
    logged(3)
    noted = signing.vkey()
    forget_tiles_and_heads(superuser)
    shutil.rmtree(keys)
    shutil.rmtree(publishing.folder())
    heads.sign(at=NOON)

    assert verify().ok
    assert verify(vkey=noted).first_difference == "tree head 3: note: no known key signed it"


def test_a_head_whose_columns_were_edited_is_named(logged, superuser):
    logged(3)
    superuser("UPDATE ledger_treehead SET root = sha256('x')")

    assert difference() == "tree head 3: the signed text says something else"


@pytest.mark.django_db
def test_a_head_without_any_key_to_check_it_with_is_named(logged, keys):
    logged(3)
    (keys / "log.pub").unlink()

    assert difference() == "tree head 3: there is no verification key to check it with"


@pytest.mark.django_db
def test_entries_are_streamed(logged):
    """A log of any length is read with a cursor on the server, not into a list."""
    logged(3)
    with CaptureQueriesContext(connection) as queries:
        verify()

    reads = [each["sql"] for each in queries if 'FROM "ledger_entry"' in each["sql"]]
    assert len(reads) == 1
    assert reads[0].startswith("DECLARE")
