"""Files of likely leavers: all of it or nothing, and the first bad row is named."""

import pytest

from corpus import vault
from corpus.models import Subject
from corpus.reading import BadFile
from registry.services import intake
from tests.corpus import tables
from tests.worlds import NOON

pytestmark = pytest.mark.django_db(transaction=True)

HEADER = "subject,likely_leaver\n"


@pytest.fixture
def mark(known):
    """Ingest a file of marks."""
    return lambda path: intake.take_leavers(path=path, actor="test", at=NOON)


def is_marked() -> bool:
    return vault.find("ada-lovelace").is_likely_leaver


def test_a_mark_is_set_and_taken_back(mark, csv_file):
    mark(csv_file("ada-lovelace,1\n", header=HEADER))
    assert is_marked()

    mark(csv_file("ada-lovelace,0\n", header=HEADER))
    assert not is_marked()


def test_parquet_may_say_true(mark, parquet_file, tmp_path):
    import pyarrow as pa
    import pyarrow.parquet

    path = tmp_path / "marks.parquet"
    pyarrow.parquet.write_table(
        pa.table({"subject": ["ada-lovelace"], "likely_leaver": [True]}), path
    )

    mark(path)

    assert is_marked()


def test_the_same_file_again_changes_nothing(mark, csv_file):
    path = csv_file("ada-lovelace,1\n", header=HEADER)
    mark(path)
    before = tables.state()

    assert not mark(path).is_new
    assert tables.changed(before) == set()


@pytest.mark.parametrize(
    ("content", "header", "message"),
    [
        ("", HEADER, "file: has no rows"),
        ("ada-lovelace,1\n", "subject,late\n", "header: column likely_leaver is missing"),
        ("ada-lovelace,1,x\n", "subject,likely_leaver,more\n", "header: column 3 is unknown"),
        ("ada-lovelace,yes\n", HEADER, r"row 1 .*: likely_leaver is neither 0 nor 1"),
        ("ada-lovelace,\n", HEADER, r"row 1 .*: likely_leaver is missing"),
        (",1\n", HEADER, r"row 1 .*: subject is missing"),
        ("ada-lovelace,1\nada-lovelace,1\n", HEADER, r"row 2 .*: subject is in the file twice"),
        ("ada-lovelace,1\nbob,1\n", HEADER, r"row 2 .*: nobody of this subject's id is here"),
    ],
)
def test_a_bad_file_is_refused_whole(mark, csv_file, content, header, message):
    before = tables.state()

    with pytest.raises(BadFile, match=message) as caught:
        mark(csv_file(content, header=header))

    assert "ada" not in str(caught.value)
    assert "bob" not in str(caught.value)
    assert tables.changed(before) == set()
    assert not Subject.objects.filter(is_likely_leaver=True).exists()
