"""Interactions in: validated, staged by COPY, checked as a whole, then moved in one statement.

Everything happens in the caller's transaction, so a bad row leaves nothing behind.
"""

import hmac
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection

from corpus import canonical, people, reading, vault
from corpus.models import Batch, Interaction, Item
from corpus.reading import BadFile, Raw
from mlcore import partition
from verifier import merkle, receipts

COLUMNS = ("subject", "item", "value", "timestamp")

STAGE = """
CREATE TEMPORARY TABLE staged (
    number bigint, place text, subject_id uuid, order_key bytea,
    item_id bigint, value numeric, at timestamptz
) ON COMMIT DROP
"""
TWICE_IN_FILE = """
SELECT again.place, first.place FROM (
    SELECT place, number, subject_id, item_id, at,
        row_number() OVER (PARTITION BY subject_id, item_id, at ORDER BY number) AS nth
    FROM staged
) AS again JOIN staged AS first USING (subject_id, item_id, at)
WHERE again.nth = 2 AND first.number < again.number ORDER BY again.number, first.number LIMIT 1
"""
KNOWN_ALREADY = """
SELECT place FROM staged JOIN corpus_interaction USING (subject_id, item_id, at)
ORDER BY number LIMIT 1
"""
MOVE = """
INSERT INTO corpus_interaction (subject_id, order_key, item_id, value, at, batch_id)
SELECT subject_id, order_key, item_id, value, at, %s FROM staged
"""


@dataclass(frozen=True)
class Loaded:
    """One batch as it was taken in: who is in it, under their external ids."""

    batch: Batch
    is_new: bool
    subjects: dict[UUID, str] = field(default_factory=dict)


def load(path: Path, *, at: datetime, on_rows: Callable[[int], None] = lambda _: None) -> Loaded:
    """Take in a file of interactions, inside the caller's transaction.

    The same file again is a no-op that returns the first batch.

    Args:
        path: CSV or Parquet with the columns subject, item, value and timestamp.
        on_rows: told how many rows have been read, every some thousands.

    Raises:
        BadFile: names the row and the column; the caller's transaction must then roll back.
    """
    reading.check_size(path, most=settings.EXPUNGE_MAX_INGEST_BYTES)
    with connection.cursor() as cursor:
        # One batch at a time: two that bring the same new person would both make them.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('corpus.ingest'))")
    content = _content(path)
    if batch := Batch.objects.filter(content=content).first():
        return Loaded(batch=batch, is_new=False)

    known = people.Known(at=at)
    items = dict(Item.objects.values_list("external_id", "pk"))
    tree, count = merkle.CompactRange(), 0
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS staged")
        cursor.execute(STAGE)
        for chunk in reading.chunks(reading.rows(path, required=COLUMNS)):
            known.meet([reading.identifier(raw, "subject") for raw in chunk])
            with _copy(cursor) as write:
                for raw in chunk:
                    count += 1
                    row, key = _row(raw, known, items)
                    write((count, raw.where, *row))
                    tree.append(merkle.leaf_hash(key))
            on_rows(count)
        if not count:
            raise BadFile("file: has no rows")
        _refuse_duplicates(cursor)
        batch = Batch.objects.create(
            content=content, rows=count, root=tree.root().hex(), ingested_at=at
        )
        cursor.execute(MOVE, [batch.pk])
    return Loaded(batch=batch, is_new=True, subjects=known.met())


def _content(path: Path) -> bytes:
    """A keyed digest of the file: an unkeyed one of a one-row file could be guessed."""
    mac = hmac.new(vault.subkey("batch"), digestmod=sha256)
    with path.open("rb") as file:
        while block := file.read(2**20):
            mac.update(block)
    return mac.digest()


def _row(raw: Raw, known: people.Known, items: dict[str, int]) -> tuple[tuple[Any, ...], bytes]:
    """The staged columns of one row, and its record key."""
    external, item = reading.identifier(raw, "subject"), reading.identifier(raw, "item")
    value, at = reading.number(raw, "value"), reading.moment(raw, "timestamp")
    if item not in items:
        raise BadFile(f"{raw.where}: item is not in the catalogue")
    person = known[external]
    content = canonical.interaction(subject=external, item=item, value=value, at=at)
    order_key = partition.order_key(external, content, key=settings.EXPUNGE_ORDER_KEY)
    return (
        (person.id, order_key, items[item], value, at),
        receipts.record_key(person.key, content),
    )


@contextmanager
def _copy(cursor: Any) -> Iterator[Callable[[tuple[Any, ...]], None]]:
    with cursor.copy("COPY staged FROM STDIN") as copy:
        yield copy.write_row


def _refuse_duplicates(cursor: Any) -> None:
    cursor.execute("ANALYZE staged")
    cursor.execute(TWICE_IN_FILE)
    if found := cursor.fetchone():
        raise BadFile(f"{found[0]}: the same subject, item and timestamp as {found[1]}")
    cursor.execute(KNOWN_ALREADY)
    if found := cursor.fetchone():
        raise BadFile(f"{found[0]}: this subject, item and timestamp were ingested before")


def contents(subject_id: UUID, external_id: str) -> Iterator[tuple[Interaction, bytes]]:
    """One person's interactions with their canonical bytes, in the order of the order key."""
    found = Interaction.objects.filter(subject=subject_id).select_related("item")
    for interaction in found.order_by("order_key"):
        yield (
            interaction,
            canonical.interaction(
                subject=external_id,
                item=interaction.item.external_id,
                value=interaction.value,
                at=interaction.at,
            ),
        )
