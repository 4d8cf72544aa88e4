"""A person's own records as a CSV file holds them, in the form that record keys are made from."""

import csv
import io
import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from verifier import strict

COLUMNS: Final = ("subject", "item", "value", "timestamp")
MOST_OCTETS: Final = 1 << 28
_NUMBER: Final = re.compile(r"[+-]?\d{1,8}(\.\d{1,4}0*)?")
_SECONDS: Final = re.compile(r"-?\d+(\.\d+)?")


class BadRecords(ValueError):
    """A file is not such a CSV; the message names the row and never what stands there."""


def read(raw: bytes, *, subject: str) -> list[bytes]:
    """The canonical interactions of one person, read as the ingestion reads them.

    Rows of others are passed over, whatever is in them.

    Args:
        raw: CSV with the columns subject, item, value and timestamp, in any order.
        subject: the person's id in that file.

    Raises:
        BadRecords: it is malformed, or has no row of this person.
    """
    if len(raw) > MOST_OCTETS:
        raise BadRecords(f"records: {len(raw)} octets, more than {MOST_OCTETS}")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadRecords("records: not UTF-8") from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    found = []
    try:
        columns = next(reader, [])
        if sorted(columns) != sorted(COLUMNS):
            raise BadRecords(f"records: the columns are not {', '.join(COLUMNS)}")
        for cells in reader:
            if len(cells) == 1 and not cells[0].strip():
                continue
            if cells and len(cells) != len(columns):
                raise BadRecords(f"records: line {reader.line_num}: has {len(cells)} cells")
            row = dict(zip(columns, cells, strict=False))
            if row.get("subject") == subject:
                found.append(_canonical(row, f"records: line {reader.line_num}"))
    except csv.Error:
        raise BadRecords(f"records: line {reader.line_num}: not CSV") from None
    if not found:
        raise BadRecords("records: there is no row of this person")
    return found


def canonical(*, subject: str, item: str, value: Decimal, at: datetime) -> bytes:
    """One interaction as RFC 8785 JSON, all values as strings; ``at`` is aware."""
    plain = f"{value.normalize():f}"
    return strict.canonical(
        {
            "at": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "item": item,
            "subject": subject,
            "value": "0" if plain == "-0" else plain,
        }
    )


def _canonical(row: dict[str, str], where: str) -> bytes:
    if not _NUMBER.fullmatch(value := row["value"].strip()):
        raise BadRecords(f"{where}: value is not a number as the ingestion takes it")
    try:
        return canonical(
            subject=row["subject"],
            item=row["item"],
            value=Decimal(value),
            at=_moment(row["timestamp"].strip()),
        )
    except (ValueError, OverflowError, OSError):
        raise BadRecords(f"{where}: timestamp or a text cannot be read") from None


def _moment(text: str) -> datetime:
    """Unix seconds, or ISO 8601; without an offset it is UTC."""
    if _SECONDS.fullmatch(text):
        return datetime.fromtimestamp(float(text), UTC)
    at = datetime.fromisoformat(text)
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
