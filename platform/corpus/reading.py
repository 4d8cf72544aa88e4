"""CSV and Parquet files in, checked rows out. The first bad row stops everything.

A message names the row and the column, and never what stands there.
"""

import csv
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import pyarrow
import pyarrow.parquet

NUMBER = re.compile(r"[+-]?\d{1,8}(\.\d{1,4}0*)?")
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
LONGEST_ID = 200

T = TypeVar("T")


class BadFile(ValueError):
    """A file that cannot be taken in; the message names the row or the field."""


@dataclass(frozen=True, slots=True)
class Raw:
    """One row as it stands in the file: its name for people, and its cells."""

    where: str
    cells: Mapping[str, Any]


def rows(path: Path, *, required: tuple[str, ...], more: bool = False) -> Iterator[Raw]:
    """Read a CSV or Parquet file, whichever its first bytes say it is.

    Args:
        required: the columns that must be there.
        more: whether other columns are allowed.

    Raises:
        BadFile: not readable, not UTF-8, cut short, or with other columns.
    """
    with path.open("rb") as file:
        is_parquet = file.read(4) == b"PAR1" or path.suffix.lower() == ".parquet"
    reader = _parquet if is_parquet else _csv
    yield from reader(path, required, more)


def _check_columns(columns: list[str], required: tuple[str, ...], more: bool) -> None:
    # A file without a header has data where the header should be: the names are not repeated.
    wanted = ", ".join(required)
    for name in required:
        if name not in columns:
            is_one = len(columns) == 1 and any(mark in columns[0] for mark in ";\t|")
            hint = "the separator must be a comma" if is_one else f"the columns are {wanted}"
            raise BadFile(f"header: column {name} is missing; {hint}")
    for position, name in enumerate(columns, start=1):
        if columns.count(name) > 1:
            raise BadFile(f"header: column {position} is there twice")
        if not more and name not in required:
            raise BadFile(f"header: column {position} is unknown; use {wanted}")


def _csv(path: Path, required: tuple[str, ...], more: bool) -> Iterator[Raw]:
    # What the reader fails on, if it does. It decodes some thousand bytes at a time, so what is not
    # UTF-8 stops it before it gives the header, even when the header is not at fault.
    ahead = "header"
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True)
        try:
            columns = next(reader, [])
            _check_columns(columns, required, more)
            ahead = "row 1"
            filled = (cells for cells in reader if len(cells) > 1 or any(map(str.strip, cells)))
            for number, cells in enumerate(filled, start=1):
                where = f"row {number} (line {reader.line_num})"
                if len(cells) != len(columns):
                    raise BadFile(f"{where}: has {len(cells)} cells, the header {len(columns)}")
                yield Raw(where, dict(zip(columns, cells, strict=True)))
                ahead = f"row {number + 1}"
        except UnicodeDecodeError:
            if ahead == "header" and _has_readable_header(path):
                ahead = "row 1"
            raise BadFile(f"{ahead} or shortly after: not UTF-8") from None
        except csv.Error as error:
            raise BadFile(f"{ahead}: not CSV ({error})") from None


def _has_readable_header(path: Path) -> bool:
    with path.open("rb") as file:
        try:
            file.readline(csv.field_size_limit()).decode()
        except UnicodeDecodeError:
            return False
    return True


# What pyarrow raises on the way from a cell to Python: text that is not UTF-8 and times that
# Python cannot hold come as ValueError or OverflowError, an unknown time zone as KeyError.
UNREADABLE = (pyarrow.ArrowException, OSError, ValueError, OverflowError, KeyError)


def _parquet(path: Path, required: tuple[str, ...], more: bool) -> Iterator[Raw]:
    number = 0
    try:
        file = pyarrow.parquet.ParquetFile(path)
    except UNREADABLE:
        raise BadFile("file: not Parquet, or cut short") from None
    with file:
        _check_columns(file.schema_arrow.names, required, more)
        batches = file.iter_batches(batch_size=8192)
        while True:
            try:
                found = next(batches, None)
                rows_ = [] if found is None else found.to_pylist()
            except UNREADABLE:
                raise BadFile(f"row {number + 1} or later: cannot be read") from None
            if found is None:
                return
            for cells in rows_:
                number += 1
                yield Raw(f"row {number}", cells)


def chunks(rows: Iterator[T], *, size: int = 20_000) -> Iterator[list[T]]:
    """The same rows, some thousands at a time, so that memory stays bounded."""
    while chunk := list(islice(rows, size)):
        yield chunk


def check_size(path: Path, *, most: int) -> None:
    """Refuse what is not a file, or not one for one transaction to hold.

    Raises:
        BadFile: missing, a folder, not ours to read, empty, or larger than `most` bytes.
    """
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):  # a pipe would keep us waiting
            raise BadFile("file: is a folder or a device")
        path.open("rb").close()
    except OSError as error:
        raise BadFile(f"file: cannot be read ({error.strerror})") from None
    size = found.st_size
    if size > most:
        raise BadFile(
            f"file: {size / 2**20:,.0f} MiB is more than the {most / 2**20:,.0f} MiB of one batch; "
            "split it, or raise EXPUNGE_MAX_INGEST_BYTES"
        )
    if not size:
        raise BadFile("file: is empty")


def identifier(raw: Raw, column: str) -> str:
    """A non-empty id of at most 200 characters; whole numbers are ids too."""
    cell = _present(raw, column)
    if isinstance(cell, bool) or not isinstance(cell, str | int):
        raise BadFile(f"{raw.where}: {column} is neither text nor a whole number")
    text = str(cell)
    if len(text) > LONGEST_ID:
        raise BadFile(f"{raw.where}: {column} is longer than {LONGEST_ID} characters")
    if CONTROL.search(text) or text != text.strip():
        raise BadFile(f"{raw.where}: {column} has a control character or outer white space")
    return text


def title(raw: Raw, column: str) -> str:
    """A non-empty text of at most 500 characters on one line."""
    cell = _present(raw, column)
    if not isinstance(cell, str):
        raise BadFile(f"{raw.where}: {column} is not text")
    text = " ".join(cell.split())
    if CONTROL.search(text):
        raise BadFile(f"{raw.where}: {column} has a control character")
    if len(text) > 500:
        raise BadFile(f"{raw.where}: {column} is longer than 500 characters")
    return text


def number(raw: Raw, column: str) -> Decimal:
    """An exact decimal with at most 8 digits before and 4 after the point."""
    cell = _present(raw, column)
    if isinstance(cell, bool) or not isinstance(cell, str | int | float | Decimal):
        raise BadFile(f"{raw.where}: {column} is not a number")
    text = format(Decimal(repr(cell)), "f") if isinstance(cell, float) else str(cell).strip()
    if not NUMBER.fullmatch(text):
        raise BadFile(
            f"{raw.where}: {column} is not a number with up to 8 digits before "
            "and 4 after the point"
        )
    return Decimal(text)


def flag(raw: Raw, column: str) -> bool:
    """Yes or no: 1 or 0, or a truth value of Parquet's."""
    cell = _present(raw, column)
    if isinstance(cell, bool):
        return cell
    if not isinstance(cell, str | int) or str(cell).strip() not in {"0", "1"}:
        raise BadFile(f"{raw.where}: {column} is neither 0 nor 1")
    return str(cell).strip() == "1"


def moment(raw: Raw, column: str) -> datetime:
    """A time: Unix seconds, or ISO 8601 (UTC where no offset is given)."""
    cell = _present(raw, column)
    try:
        if isinstance(cell, datetime):
            at = cell
        elif isinstance(cell, date):
            at = datetime(cell.year, cell.month, cell.day, tzinfo=UTC)
        elif isinstance(cell, int | float) and not isinstance(cell, bool):
            at = datetime.fromtimestamp(cell, UTC)
        elif re.fullmatch(r"-?\d+(\.\d+)?", str(cell).strip()):
            at = datetime.fromtimestamp(float(str(cell)), UTC)
        else:
            at = datetime.fromisoformat(str(cell).strip())
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        hint = "; milliseconds?" if _may_be_milliseconds(cell) else ""
        raise BadFile(
            f"{raw.where}: {column} is neither Unix seconds nor an ISO 8601 time{hint}"
        ) from None


def _may_be_milliseconds(cell: Any) -> bool:
    try:
        datetime.fromtimestamp(float(str(cell)) / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return False
    return True


def _present(raw: Raw, column: str) -> Any:
    cell = raw.cells[column]
    if cell is None or (isinstance(cell, str) and not cell.strip()):
        raise BadFile(f"{raw.where}: {column} is missing")
    return cell
