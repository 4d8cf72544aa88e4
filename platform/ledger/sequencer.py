"""Give events their places. Any number of sequencers may run: they take turns at one row's lock."""

from django.db import connection, transaction

from ledger import memory, tiles
from ledger.models import Entry, SequencerState
from verifier import merkle

# Up to an id, not a list of ids: the planner, who takes an outbox that was analysed while it was
# empty for empty still, would compare each row with each of the list.
TAKE = """
DELETE FROM ledger_outbox
WHERE id <= (SELECT max(id) FROM (SELECT id FROM ledger_outbox ORDER BY id LIMIT %s) AS first)
RETURNING id, event_id, target, body
"""
COPY = "COPY ledger_entry (index, event_id, target, leaf_hash, body) FROM STDIN (FORMAT BINARY)"
COLUMNS = ["int8", "uuid", "varchar", "bytea", "bytea"]


class LogBroken(RuntimeError):
    """The log's state and its entries disagree. Nothing is added until a person has looked."""


@transaction.atomic(durable=True)
def drain(*, limit: int = 1024) -> int:
    """Move up to ``limit`` events from the outbox to the end of the log, in one transaction.

    The state row is locked before the outbox is read, so that whoever sequences next sees all
    that went before: an event written after another one committed is never placed before it.
    A crash anywhere rolls back to both the outbox and the log of before.

    Returns:
        How many events got their place.

    Raises:
        LogBroken: the entries do not lead to the root that the state row holds, or the log is
            shorter than the head that was signed last: a database was restored.
    """
    state = _locked()
    # What came after the backup would get other places, and the log would fork.
    if (signed := memory.size()) > state.next_index:
        raise LogBroken(
            f"the log has {state.next_index} entries, and a head of size {signed} is signed; if "
            "the database was restored, the README says how to go on (replay_erasures)"
        )
    with connection.cursor() as cursor:
        cursor.execute(TAKE, [limit])
        events = sorted(cursor.fetchall())
    if not events:
        return 0

    try:
        tree = tiles.compact_range(state.next_index)
    except tiles.EntriesMissing as missing:
        raise LogBroken(f"the log of {state.next_index} entries has gaps: {missing}") from missing
    if tree.root() != bytes(state.root):
        raise LogBroken(f"the log of {state.next_index} entries is not the one that was hashed")

    with connection.cursor() as cursor, cursor.copy(COPY) as copy:
        copy.set_types(COLUMNS)
        for _, event_id, target, body in events:
            leaf = merkle.leaf_hash(body)
            copy.write_row((tree.size, event_id, target, leaf, body))
            tree.append(leaf)
    tiles.write_full(state.next_index, tree.size)
    state.next_index, state.root = tree.size, tree.root()
    state.save(update_fields=["next_index", "root"])
    return len(events)


def drain_all(*, limit: int = 1024) -> int:
    """Drain until the outbox is empty, a transaction for each ``limit`` events."""
    total = 0
    while moved := drain(limit=limit):
        total += moved
    return total


def may_drain() -> bool:
    """Whether this connection's role may place events; else another process does."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT has_table_privilege('ledger_entry', 'INSERT')")
        return bool(cursor.fetchone()[0])


def _locked() -> SequencerState:
    """The state row, locked; made here if this is the first event ever."""
    # Not a data migration: whatever empties the tables, as a test's flush does, empties this too.
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO ledger_sequencerstate (id, next_index, root) VALUES (1, 0, %s) "
            "ON CONFLICT DO NOTHING",
            [merkle.EMPTY],
        )
        if cursor.rowcount and Entry.objects.exists():
            raise LogBroken("the log has entries, but its state row is gone")
    return SequencerState.objects.select_for_update().get(pk=1)
