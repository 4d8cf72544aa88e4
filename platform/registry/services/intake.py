"""Data in: the one door through which the corpus grows, because training must notice."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from django.db import transaction

from corpus import catalogue, ingest, leavers
from corpus.models import Deployment
from ledger import log
from ledger.kinds import Kind
from registry.models import Recipe
from registry.services import places

# The actor whose data the demo may empty again. Anybody else's makes an installation a real one.
DEMO = "demo"


@dataclass(frozen=True)
class Taken:
    """What one file brought. `is_new` is False for a file that was taken in before."""

    rows: int
    is_new: bool
    batch: str = ""
    subjects: int = 0


@transaction.atomic(durable=True)
def take_interactions(
    *, path: Path, actor: str, at: datetime, on_rows: Callable[[int], None] = lambda _: None
) -> Taken:
    """Ingest a CSV or Parquet file of subject, item, value, timestamp; all of it or nothing.

    Raises:
        corpus.reading.BadFile: names the row and the column.
    """
    loaded = ingest.load(path, at=at, on_rows=on_rows)
    batch = loaded.batch
    if not loaded.is_new:
        return Taken(rows=batch.rows, is_new=False, batch=str(batch.pk))
    changed = _place(loaded.subjects)
    places.raise_epochs(changed | places.touched(loaded.subjects), actor=actor, at=at)
    Deployment.objects.update(is_demo=actor == DEMO)
    facts = {"rows": str(batch.rows), "records_root": batch.root}
    log.append(Kind.BATCH_INGESTED, actor=actor, on=batch, at=at, facts=facts)
    return Taken(rows=batch.rows, is_new=True, batch=str(batch.pk), subjects=len(loaded.subjects))


@transaction.atomic(durable=True)
def take_catalogue(
    *, path: Path, actor: str, at: datetime, on_rows: Callable[[int], None] = lambda _: None
) -> Taken:
    """Ingest a CSV or Parquet catalogue of item, title and any other columns.

    Raises:
        corpus.reading.BadFile: names the row and the column.
    """
    loaded = catalogue.load(path, on_rows=on_rows)
    if loaded.new:
        Deployment.objects.update(is_demo=actor == DEMO)
        facts = {"rows": str(loaded.rows), "new": str(loaded.new)}
        log.append(Kind.CATALOGUE_INGESTED, actor=actor, on="corpus.Catalogue", at=at, facts=facts)
    return Taken(rows=loaded.rows, is_new=loaded.new > 0)


@transaction.atomic(durable=True)
def take_leavers(
    *, path: Path, actor: str, at: datetime, on_rows: Callable[[int], None] = lambda _: None
) -> Taken:
    """Ingest a CSV or Parquet file of subject, likely_leaver; all of it or nothing.

    Under a recipe that keeps slices for likely leavers, those whose attribute changed move.

    Raises:
        corpus.reading.BadFile: names the row and the column.
    """
    loaded = leavers.load(path, on_rows=on_rows)
    if loaded.changed:
        places.raise_epochs(_place(loaded.changed), actor=actor, at=at)
        Deployment.objects.update(is_demo=actor == DEMO)
        facts = {"rows": str(loaded.rows), "changed": str(len(loaded.changed))}
        log.append(Kind.LEAVERS_INGESTED, actor=actor, on="corpus.Subjects", at=at, facts=facts)
    return Taken(rows=loaded.rows, is_new=bool(loaded.changed), subjects=len(loaded.changed))


def _place(people: Mapping[UUID, str]) -> set[places.Place]:
    """Place people under every recipe; the places that some of them left or moved to."""
    changed: set[places.Place] = set()
    for recipe in Recipe.objects.order_by("pk"):
        changed |= places.place(recipe=recipe, people=people)
    return changed
