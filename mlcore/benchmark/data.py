"""The data sets, read where they lie: who rated what, who trains and who is tested.

A person's place in line is a hash of the name, so the first hundred are nobody's choice, and the
same in every run. Order keys are a seed's own: under another seed the same people are dealt to
other shards.
"""

import csv
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from mlcore import partition
from mlcore.benchmark.tables import BadConfig
from mlcore.samples import Interaction

# What a recipe says about each: its template and the bar above which a rating is a like.
TELLS: Final[Mapping[str, Mapping[str, Any]]] = {
    "movielens": {"template": "movie", "like_above": "3"},
    "bookcrossing": {"template": "book", "like_above": "0"},
}


@dataclass(frozen=True)
class Rating:
    """One line of a file."""

    item: str
    value: str
    at: int  # seconds; of BookCrossing an order only


@dataclass(frozen=True)
class Data:
    """A data set, cut to the configured size.

    ``train``, ``panel`` and ``test`` name subjects of ``ratings``, in line. In ``leave_last`` data
    one person may do all three with different interactions; in other data each does one, with the
    last.
    """

    name: str
    catalogue: Mapping[str, str]  # item to title
    ratings: Mapping[str, tuple[Rating, ...]]
    train: tuple[str, ...]
    panel: tuple[str, ...]
    test: tuple[str, ...]
    leave_last: bool

    def interactions(self, subject: str, *, seed: int) -> tuple[Interaction, ...]:
        """One person's interactions under the order key of a seed."""
        return tuple(
            Interaction(
                item=one.item,
                title=self.catalogue[one.item],
                value=Decimal(one.value),
                at=datetime.fromtimestamp(one.at, UTC),
                order_key=partition.order_key(
                    subject, f"{one.item}/{one.value}/{one.at}".encode(), key=key("order", seed)
                ),
            )
            for one in self.ratings[subject]
        )


def key(what: str, seed: int) -> bytes:
    """The 32 bytes that play an installation's secret ``order`` or ``partition`` key."""
    return hashlib.sha256(f"expunge/benchmark/{what}/{seed}".encode()).digest()


def movielens(folder: Path, part: Mapping[str, Any]) -> Data:
    """MovieLens-100K as RecBole's atomic files: ``ml-100k.inter`` and ``ml-100k.item``.

    Leave-last: the first people in line train and validate, and the first in line are tested,
    some of whom may not train. Who is on the panel is a seed's, so ``panel`` is empty.

    Raises:
        BadConfig: if a file is missing, or a line of it is no rating of something in the catalogue.
    """
    films, ratings = folder / "ml-100k.item", dict[str, list[Rating]]()
    catalogue = {row[0]: row[1] for _, row in _tabs(films, columns=4)}
    for where, (subject, item, value, at) in _tabs(folder / "ml-100k.inter", columns=4):
        ratings.setdefault(subject, []).append(_rating(where, item, value, at, catalogue))
    people = _in_line(ratings)
    train, test = people[: part["subjects"] or None], people[: part["test_rows"] or None]
    return Data(
        name="movielens",
        catalogue=catalogue,
        ratings={subject: tuple(ratings[subject]) for subject in dict.fromkeys((*train, *test))},
        train=tuple(train),
        panel=(),
        test=tuple(test),
        leave_last=True,
    )


def bookcrossing(folder: Path, part: Mapping[str, Any]) -> Data:
    """BookCrossing: ``valid-*`` subjects train or are the panel, ``test-*`` are tested.

    Everyone's last interaction is the target, and the others are its history.

    Raises:
        BadConfig: if a file is missing, or a line of it is no rating of something in the catalogue.
    """
    books, ratings = folder / "catalogue.csv", dict[str, list[Rating]]()
    catalogue = {item: title for _, (item, title) in _commas(books, ("item", "title"))}
    names = ("subject", "item", "value", "timestamp")
    for where, (subject, item, value, at) in _commas(folder / "interactions.csv", names):
        ratings.setdefault(subject, []).append(_rating(where, item, value, at, catalogue))
    valid = _in_line(name for name in ratings if name.startswith("valid-"))
    test = _in_line(name for name in ratings if name.startswith("test-"))
    panel, rest = valid[: part["panel"]], valid[part["panel"] :]
    train, test = rest[: part["subjects"] or None], test[: part["test_rows"] or None]
    return Data(
        name="bookcrossing",
        catalogue=catalogue,
        ratings={subject: tuple(ratings[subject]) for subject in (*panel, *train, *test)},
        train=tuple(train),
        panel=tuple(panel),
        test=tuple(test),
        leave_last=False,
    )


READERS: Final = {"movielens": movielens, "bookcrossing": bookcrossing}


def _in_line(names: Any) -> list[str]:
    return sorted(names, key=lambda name: hashlib.sha256(f"expunge/{name}".encode()).digest())


def _rating(where: str, item: str, value: str, at: str, catalogue: Mapping[str, str]) -> Rating:
    try:
        is_rating = item in catalogue and Decimal(value).is_finite()
        datetime.fromtimestamp(int(at), UTC)
    except (ArithmeticError, ValueError, OSError):
        is_rating = False
    if not is_rating:
        raise BadConfig(f"{where} is no rating of an item of the catalogue.")
    return Rating(item, value, int(at))


def _tabs(path: Path, *, columns: int) -> Iterator[tuple[str, list[str]]]:
    """Where each line is, and its cells; the first line holds names."""
    with _opened(path) as file:
        for number, line in enumerate(file, start=1):
            cells = line.rstrip("\n").split("\t")
            if len(cells) != columns:
                raise BadConfig(f"{path.name}, line {number} has not {columns} columns.")
            if number > 1:
                yield f"{path.name}, line {number}", cells


def _commas(path: Path, names: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Where each row is, and its cells of these columns."""
    with _opened(path) as file:
        reader = csv.DictReader(file)
        for row in reader:
            cells = [row.get(name) for name in names]
            where = f"{path.name}, line {reader.line_num}"
            if None in cells:
                raise BadConfig(f"{where} has no {names[cells.index(None)]}.")
            yield where, [cell for cell in cells if cell is not None]


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    if not path.is_file():
        raise BadConfig(f"the data folder {path.parent} has no file {path.name}.")
    try:
        with path.open(encoding="utf-8", newline="") as file:
            yield file
    except (UnicodeDecodeError, csv.Error):
        raise BadConfig(f"{path.name} is not a table in UTF-8.") from None
