"""The catalogue: the public list of things that people rate.

A title is part of every prompt that shows it, so it never changes under an id.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from corpus import reading
from corpus.models import Item
from corpus.reading import BadFile

COLUMNS = ("item", "title")


@dataclass(frozen=True)
class LoadedCatalogue:
    """What one file brought."""

    rows: int
    new: int


def load(path: Path, *, on_rows: Callable[[int], None] = lambda _: None) -> LoadedCatalogue:
    """Take in a file with columns item, title and any others, inside the caller's transaction.

    Items that are there already, under the same title, are left alone.

    Raises:
        BadFile: names the row; the caller's transaction must then roll back.
    """
    reading.check_size(path, most=settings.EXPUNGE_MAX_INGEST_BYTES)
    known = dict(Item.objects.values_list("external_id", "title"))
    before, rows, count = len(known), 0, 0
    for chunk in reading.chunks(_named(path), size=20_000):
        fresh = []
        for raw, item, title in chunk:
            if known.setdefault(item, title) != title:
                raise BadFile(f"{raw.where}: item is in the catalogue under another title")
            if len(known) > before + count:
                count += 1
                fresh.append(Item(external_id=item, title=title, attributes=_others(raw)))
        Item.objects.bulk_create(fresh)
        rows += len(chunk)
        on_rows(rows)
    return LoadedCatalogue(rows=rows, new=count)


def titles(path: Path) -> dict[str, str]:
    """Title by item of a file that is not taken in.

    Raises:
        BadFile: names the row.
    """
    reading.check_size(path, most=settings.EXPUNGE_MAX_INGEST_BYTES)
    return {item: title for _, item, title in _named(path)}


def _named(path: Path) -> Iterator[tuple[reading.Raw, str, str]]:
    seen = set[str]()
    for raw in reading.rows(path, required=COLUMNS, more=True):
        item, title = reading.identifier(raw, "item"), reading.title(raw, "title")
        if item in seen:
            raise BadFile(f"{raw.where}: item is in the file twice")
        seen.add(item)
        yield raw, item, title
    if not seen:
        raise BadFile("file: has no rows")


def _others(raw: reading.Raw) -> dict[str, str]:
    cells = {
        name: str(cell)[:1000]
        for name, cell in raw.cells.items()
        if name not in COLUMNS and cell is not None
    }
    if any("\x00" in text for pair in cells.items() for text in pair):
        raise BadFile(f"{raw.where}: a column has a control character")
    return cells
