"""Who is likely to leave: an attribute of people that their installation knows, and we do not.

It belongs to the person and goes with them. Where a recipe keeps slices for likely leavers, it
decides where they train.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db import connection

from corpus import reading, vault
from corpus.models import Subject
from corpus.reading import BadFile

COLUMNS = ("subject", "likely_leaver")


@dataclass(frozen=True)
class LoadedLeavers:
    """What one file brought: its rows, and whose attribute is another now, by their external id."""

    rows: int
    changed: dict[UUID, str] = field(default_factory=dict)


def load(path: Path, *, on_rows: Callable[[int], None] = lambda _: None) -> LoadedLeavers:
    """Take in a file of subject and likely_leaver, inside the caller's transaction.

    Everyone in it must be here already, and is locked against an erasure until the caller's
    transaction ends. Those who are not in it stay as they are.

    Raises:
        BadFile: names the row and the column; the caller's transaction must then roll back.
    """
    reading.check_size(path, most=settings.EXPUNGE_MAX_INGEST_BYTES)
    with connection.cursor() as cursor:
        # The turn of an ingestion: both place people.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('corpus.ingest'))")
    wanted: dict[str, tuple[str, bool]] = {}
    for chunk in reading.chunks(reading.rows(path, required=COLUMNS)):
        for raw in chunk:
            external = reading.identifier(raw, "subject")
            if external in wanted:
                raise BadFile(f"{raw.where}: subject is in the file twice")
            wanted[external] = raw.where, reading.flag(raw, "likely_leaver")
        on_rows(len(wanted))
    if not wanted:
        raise BadFile("file: has no rows")
    return LoadedLeavers(rows=len(wanted), changed=_mark(wanted))


def _mark(wanted: dict[str, tuple[str, bool]]) -> dict[UUID, str]:
    by_lookup = {vault.lookup(external): external for external in wanted}
    people = Subject.objects.filter(identity__lookup__in=list(by_lookup))
    locked = people.select_for_update(of=("self",), no_key=True).order_by("pk")
    found = {
        by_lookup[bytes(lookup)]: (pk, was)
        for pk, was, lookup in locked.values_list("pk", "is_likely_leaver", "identity__lookup")
    }
    changed: dict[UUID, str] = {}
    for external, (where, now) in wanted.items():
        if external not in found:
            raise BadFile(f"{where}: nobody of this subject's id is here")
        pk, was = found[external]
        if was != now:
            changed[pk] = external
    for value in (False, True):
        marked = [pk for pk, external in changed.items() if wanted[external][1] == value]
        Subject.objects.filter(pk__in=marked).update(is_likely_leaver=value)
    return changed
