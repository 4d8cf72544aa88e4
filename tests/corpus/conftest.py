"""A catalogue of a few films, one person who is known already, and files to take in."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from registry.services import intake
from tests.worlds import NOON

HEADER = "subject,item,value,timestamp\n"
FILMS = ["m1", "m2", "m3", "m4"]
KNOWN = [("ada-lovelace", "m1", "4", "1000"), ("ada-lovelace", "m2", "2", "1010")]


@pytest.fixture
def csv_file(tmp_path):
    """Write a file of these lines or bytes, under the usual header unless another is given."""

    def write(content: str | bytes, *, header: str = HEADER, name: str = "rows.csv") -> Path:
        path = tmp_path / name
        text = content.encode() if isinstance(content, str) else content
        path.write_bytes(header.encode() + text)
        return path

    return write


@pytest.fixture
def parquet_file(tmp_path):
    """Write a Parquet file of these columns; those not given are of two good rows."""

    def write(name: str = "rows.parquet", **columns) -> Path:
        good = {
            "subject": ["bob", "cleo"],
            "item": ["m1", "m2"],
            "value": [3.0, 4.5],
            "timestamp": [2000, 2010],
        }
        path = tmp_path / name
        pyarrow.parquet.write_table(pa.table({**good, **columns}), path)
        return path

    return write


@pytest.fixture
def take():
    """Ingest a file of interactions."""
    return lambda path: intake.take_interactions(path=path, actor="test", at=NOON)


@pytest.fixture
def take_catalogue():
    """Ingest a catalogue."""
    return lambda path: intake.take_catalogue(path=path, actor="test", at=NOON)


@pytest.fixture
def films(db, csv_file, take_catalogue):
    """A catalogue of four films."""
    lines = "".join(f"{item},Film {item}\n" for item in FILMS)
    take_catalogue(csv_file(lines, header="item,title\n", name="films.csv"))


@pytest.fixture
def known(films, csv_file, take):
    """Two interactions of one person, ingested."""
    lines = "".join(",".join(row) + "\n" for row in KNOWN)
    path = csv_file(lines, name="known.csv")
    take(path)
    return path
