"""A superuser, with every trigger off, changes the log and makes its hashes agree again.

Each attack is named by verify, and refused by whoever would have to sign it: the key and the last
signed head are not in the database.
"""

import pytest
from django.db import transaction

from ledger import heads, log, memory, tasks, tiles
from ledger.heads import CannotSign
from ledger.kinds import Kind
from ledger.models import Entry, SequencerState, TreeHead
from ledger.sequencer import LogBroken
from ledger.verify import verify
from tests.ledger.conftest import NOON, TABLES
from verifier import merkle

FIRST, SIZE = 260, 300
LEAVES = "UPDATE ledger_entry SET leaf_hash = sha256('\\x00'::bytea || body)"
EDIT = (
    "UPDATE ledger_entry SET body = convert_to(replace(convert_from(body, 'UTF8'), "
    "'{was}', '{now}'), 'UTF8') WHERE index = {index}"
)
KIND = EDIT.format(was="run.started", now="run.failed_", index=41)


@pytest.fixture
def full_log(db, logged):
    """Two heads, a full tile, and a right edge."""
    logged(FIRST)
    logged(SIZE - FIRST)


def rehash(superuser):
    """Make everything that is not signed agree with the bodies."""
    superuser(LEAVES)
    superuser("DELETE FROM ledger_tile")
    size = Entry.objects.count()
    superuser("DELETE FROM ledger_sequencerstate")
    SequencerState.objects.create(next_index=size, root=merkle.EMPTY)
    if size:
        tiles.write_full(0, size)
        superuser("UPDATE ledger_sequencerstate SET root = %s", tiles.root_at(size))
    for head in TreeHead.objects.filter(size__lte=size):
        superuser(
            "UPDATE ledger_treehead SET root = %s WHERE size = %s",
            tiles.root_at(head.size),
            head.size,
        )


def renumber(superuser, start, by):
    """Move all entries from one on: over free ground, as positions are unique."""
    superuser("UPDATE ledger_entry SET index = index + 100000 WHERE index >= %s", start)
    superuser("UPDATE ledger_entry SET index = index - 100000 + %s WHERE index >= 100000", by)


def edit(superuser):
    superuser(KIND)


def edit_and_rehash(superuser):
    superuser(KIND)
    rehash(superuser)


def delete(superuser):
    superuser("DELETE FROM ledger_entry WHERE index = 41")


def delete_and_close_the_gap(superuser):
    superuser("DELETE FROM ledger_entry WHERE index = 41")
    renumber(superuser, 41, -1)
    rehash(superuser)


def reorder(superuser):
    superuser("UPDATE ledger_entry SET index = 100000 WHERE index = 41")
    superuser("UPDATE ledger_entry SET index = 41 WHERE index = 42")
    superuser("UPDATE ledger_entry SET index = 42 WHERE index = 100000")


def reorder_and_rehash(superuser):
    reorder(superuser)
    rehash(superuser)


def forged(superuser, index, facts):
    """Put an event into the log that nobody wrote."""
    with transaction.atomic():
        event = log.append(Kind.RUN_FAILED, actor="mallory", on="a:1", at=NOON, facts=facts)
    superuser(
        "INSERT INTO ledger_entry (index, event_id, target, leaf_hash, body) SELECT %s, event_id, "
        "target, sha256('\\x00'::bytea || body), body FROM ledger_outbox WHERE event_id = %s",
        index,
        event,
    )
    superuser("DELETE FROM ledger_outbox")


def insert(superuser):
    renumber(superuser, 41, 1)
    forged(superuser, 41, {})


def insert_and_rehash(superuser):
    insert(superuser)
    rehash(superuser)


def truncate_the_tail(superuser):
    superuser("DELETE FROM ledger_entry WHERE index >= 280")


def truncate_the_tail_with_its_head(superuser):
    superuser("DELETE FROM ledger_entry WHERE index >= 280")
    superuser("DELETE FROM ledger_treehead WHERE size > 280")
    rehash(superuser)


def empty_the_table(superuser):
    superuser("TRUNCATE ledger_entry")


def empty_the_log(superuser):
    superuser(f"TRUNCATE {', '.join(TABLES)}")


def rehash_the_whole_log(superuser):
    superuser(
        "UPDATE ledger_entry SET body = convert_to(replace(convert_from(body, 'UTF8'), "
        '\'"actor":"test"\', \'"actor":"nobody"\'), \'UTF8\')'
    )
    rehash(superuser)


def rehash_the_whole_log_without_its_heads(superuser):
    rehash_the_whole_log(superuser)
    superuser("DELETE FROM ledger_treehead")


def shift_a_time(superuser):
    superuser(EDIT.format(was="2026-03-01T12", now="2026-03-01T11", index=41))
    rehash(superuser)


def shift_an_entrys_own_time_back(superuser):
    superuser("UPDATE ledger_entry SET integrated_at = '2026-01-01Z' WHERE index = 41")


def shift_an_entrys_own_time_on(superuser):
    superuser("UPDATE ledger_entry SET integrated_at = '2999-01-01Z' WHERE index = 299")


def shift_a_heads_time(superuser):
    superuser("UPDATE ledger_treehead SET signed_at = '2025-01-01Z' WHERE size = 300")


def restore_an_old_dump(superuser):
    """Rows as they were at the first head: a dump of then has no others."""
    superuser("DELETE FROM ledger_entry WHERE index >= 260")
    superuser("DELETE FROM ledger_treehead WHERE size > 260")
    rehash(superuser)


def fork(superuser):
    """Go on from an old dump with other events, as far as the log had come."""
    restore_an_old_dump(superuser)
    for index in range(FIRST, SIZE):
        forged(superuser, index, {"number": str(index)})
    rehash(superuser)


REWRITTEN = "the log was rewritten below 300, which is signed"
ATTACKS = [
    (edit, "entry 41: its hash is not its body's", None),
    (edit_and_rehash, "tree head 260: the signed text says something else", "not what was signed"),
    (delete, "entry 41: missing, the next one is 42", None),
    (delete_and_close_the_gap, "tree head 260: the signed text says something else", "has 299"),
    (reorder, "tile 0/0: does not hold the entries' hashes", None),
    (
        reorder_and_rehash,
        "tree head 260: the signed text says something else",
        "not what was signed",
    ),
    (insert, "tile 0/0: does not hold the entries' hashes", None),
    (insert_and_rehash, "tree head 260: the signed text says something else", "not what was"),
    (truncate_the_tail, "tree head 300: the log ends after 280 entries", None),
    (
        truncate_the_tail_with_its_head,
        "log.head: a head of size 300 was signed here, and no tree head with its root is stored",
        "has 280 entries, and a head of size 300",
    ),
    (empty_the_table, "tree head 260: the log ends after 0 entries", None),
    (
        empty_the_log,
        "log.head: a head of size 300 was signed here, and no tree head with its root is stored",
        "has 0 entries, and a head of size 300",
    ),
    (
        rehash_the_whole_log,
        "tree head 260: the signed text says something else",
        "not what was signed",
    ),
    (
        rehash_the_whole_log_without_its_heads,
        "log.head: a head of size 300 was signed here, and no tree head with its root is stored",
        REWRITTEN,
    ),
    (shift_a_time, "tree head 260: the signed text says something else", "not what was signed"),
    (shift_an_entrys_own_time_back, "entry 41: its time is before that of entry 40", None),
    (shift_an_entrys_own_time_on, "entry 299: its time has not come yet", None),
    (shift_a_heads_time, "tree head 300: its time is before that of tree head 260", None),
    (
        restore_an_old_dump,
        "log.head: a head of size 300 was signed here, and no tree head with its root is stored",
        "has 260 entries, and a head of size 300",
    ),
    (
        fork,
        "log.head: a head of size 300 was signed here, and no tree head with its root is stored",
        REWRITTEN,
    ),
]


@pytest.mark.parametrize(
    ("attack", "named", "refused"), ATTACKS, ids=lambda each: getattr(each, "__name__", "-")
)
def test_an_attack_is_named_and_what_it_made_is_never_signed(
    full_log, superuser, attack, named, refused
):
    signed = memory.note()
    attack(superuser)

    assert verify().first_difference == named
    if refused:
        with pytest.raises(CannotSign, match=refused):
            heads.sign(at=NOON)
    assert memory.note() == signed


@pytest.mark.parametrize("attack", [truncate_the_tail, empty_the_table, empty_the_log])
def test_nothing_is_added_to_a_log_that_lost_its_edge(full_log, superuser, write, attack):
    attack(superuser)
    write(1)

    with pytest.raises((LogBroken, CannotSign)):
        tasks.sequence()
