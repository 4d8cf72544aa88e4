"""MovieLens-100K as the platform ingests it: two CSV files under var/demo."""

import csv
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

TAG = b"expunge/demo/v1\x00"


@dataclass(frozen=True)
class Files:
    """The catalogue and the interactions, ready to ingest, and gone when that is done."""

    catalogue: Path
    interactions: Path
    subjects: int

    def __enter__(self) -> "Files":
        return self

    def __exit__(self, *_: object) -> None:
        self.catalogue.unlink()
        self.interactions.unlink()


def prepare(movielens: Path, folder: Path, *, subjects: int | None) -> Files:
    """Write the catalogue, and all ratings of some people: the same people every time.

    Args:
        movielens: the folder with ml-100k.inter and ml-100k.item.
        subjects: how many people, or None for all 943.
    """
    folder.mkdir(parents=True, exist_ok=True)
    catalogue, interactions = folder / "catalogue.csv", folder / "interactions.csv"
    with catalogue.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["item", "title", "year", "genres"])
        writer.writerows(_table(movielens / "ml-100k.item"))
    ratings = list(_table(movielens / "ml-100k.inter"))
    people = sorted({row[0] for row in ratings}, key=_lot)
    chosen = set(people[:subjects])
    with interactions.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["subject", "item", "value", "timestamp"])
        writer.writerows(row for row in ratings if row[0] in chosen)
    return Files(catalogue, interactions, len(chosen))


def _table(path: Path) -> Iterator[list[str]]:
    with path.open(encoding="utf-8") as file:
        next(file)
        for line in file:
            yield line.rstrip("\n").split("\t")


def _lot(person: str) -> bytes:
    """Who comes first: by a hash, so that the first hundred are nobody's choice."""
    return hashlib.sha256(TAG + person.encode()).digest()
