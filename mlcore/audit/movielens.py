"""MovieLens-100K as an audit takes it: the folder's two tables, as people with histories."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from mlcore import partition
from mlcore.samples import Interaction


class NotMovieLens(ValueError):
    """The folder does not hold the data; the message is one sentence."""


def read(folder: Path, *, key: bytes) -> dict[str, Sequence[Interaction]]:
    """Everyone's ratings, by person; ``key`` orders their samples.

    Args:
        folder: holds ml-100k.inter and ml-100k.item, tables with tabs and a line of names.

    Raises:
        NotMovieLens: if a file is missing, or a line is not a rating of a known film.
    """
    titles = {row[0]: row[1] for _, row in _table(folder / "ml-100k.item", columns=4)}
    people: dict[str, list[Interaction]] = {}
    for number, (person, item, rating, time) in _table(folder / "ml-100k.inter", columns=4):
        try:
            one = Interaction(
                item=item,
                title=titles[item],
                value=Decimal(rating),
                at=datetime.fromtimestamp(int(time), UTC),
                order_key=partition.order_key(person, f"{item}/{rating}/{time}".encode(), key=key),
            )
        except (KeyError, ArithmeticError, ValueError) as error:
            raise NotMovieLens(
                f"ml-100k.inter, line {number} is not a rating of a known film."
            ) from error
        people.setdefault(person, []).append(one)
    return dict(people)


def _table(path: Path, *, columns: int) -> Iterator[tuple[int, list[str]]]:
    if not path.is_file():
        raise NotMovieLens(f"There is no {path.name} in the folder of the data.")
    try:
        lines = path.read_text("utf-8").split("\n")
    except UnicodeDecodeError:
        raise NotMovieLens(f"{path.name} is not a table in UTF-8.") from None
    for number, line in enumerate(lines[1:], start=2):
        row = line.split("\t")
        if number == len(lines) and not line:
            break
        if len(row) != columns:
            raise NotMovieLens(f"{path.name}, line {number} has {len(row)} columns, not {columns}.")
        yield number, row
