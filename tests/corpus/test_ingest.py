"""What a row becomes depends on the row alone: not on its batch, its order or its file's format."""

import random
from datetime import UTC, datetime
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet
import pytest

from corpus import canonical, people, reading, vault
from corpus.models import Batch, Identity, Interaction, Item, Subject, SubjectKey
from corpus.reading import BadFile
from ledger import log
from tests.corpus import tables
from tests.corpus.conftest import HEADER
from tests.corpus.test_bad_files import refused
from tests.worlds import NOON
from verifier import merkle, receipts

pytestmark = pytest.mark.django_db

ROWS = [
    ("ada", "m1", "3", "1000"),
    ("bob", "m2", "4.5", "1000"),
    ("ada", "m2", "1", "1010"),
    ("cleo", "m3", "5", "2000"),
    ("ada", "m3", "2", "3000"),
]


def lines(rows) -> str:
    return "".join(",".join(row) + "\n" for row in rows)


def order_keys() -> dict[tuple[str, int], bytes]:
    """The order key of every interaction, by item and time."""
    found = Interaction.objects.values_list("item__external_id", "at", "order_key", "subject__rank")
    return {(item, at, bytes(rank)): bytes(key) for item, at, key, rank in found}


def empty_out() -> None:
    for model in (Interaction, Batch, Identity, SubjectKey, Subject):
        model.objects.all().delete()


@pytest.fixture
def ingested(films, csv_file, take):
    """The rows in one file, and the order keys that they got."""
    take(csv_file(lines(ROWS), name="one.csv"))
    found = order_keys()
    empty_out()
    return found


def test_the_order_of_a_file_does_not_matter(ingested, csv_file, take):
    shuffled = random.Random(1).sample(ROWS, len(ROWS))

    take(csv_file(lines(shuffled), name="shuffled.csv"))

    assert order_keys() == ingested
    assert len(ingested) == len(ROWS)


def test_the_batches_do_not_matter(ingested, csv_file, take):
    for number, row in enumerate(reversed(ROWS)):
        take(csv_file(lines([row]), name=f"{number}.csv"))

    assert order_keys() == ingested


def test_who_else_is_there_does_not_matter(ingested, csv_file, take):
    take(csv_file(lines([("zoe", "m1", "1", "1"), ("abe", "m1", "1", "1")]), name="others.csv"))
    take(csv_file(lines(ROWS), name="again.csv"))

    assert ingested.items() <= order_keys().items()


@pytest.mark.parametrize(
    "timestamps",
    [
        [int(row[3]) for row in ROWS],
        [float(row[3]) for row in ROWS],
        [row[3] for row in ROWS],
        pa.array([int(row[3]) for row in ROWS], pa.timestamp("s")),
        pa.array([int(row[3]) * 10**6 for row in ROWS], pa.timestamp("us", tz="Asia/Tokyo")),
        pa.array([int(row[3]) * 10**9 for row in ROWS], pa.timestamp("ns")),
    ],
    ids=["int", "float", "text", "timestamp", "timestamp with a zone", "nanoseconds"],
)
def test_parquet_and_csv_are_the_same_rows(ingested, parquet_file, take, timestamps):
    path = parquet_file(
        subject=[row[0] for row in ROWS],
        item=[row[1] for row in ROWS],
        value=[float(row[2]) for row in ROWS],
        timestamp=timestamps,
    )

    take(path)

    assert order_keys() == ingested


@pytest.mark.parametrize(
    "spelled",
    [
        b"\xef\xbb\xbf" + (HEADER + lines(ROWS)).encode(),
        (HEADER + lines(ROWS)).replace("\n", "\r\n").encode(),
        (HEADER + lines(ROWS)).rstrip("\n").encode(),
        "".join(
            f'"{s}","{i}","{v}.00","{datetime.fromtimestamp(int(t), UTC)}"\n'
            if v != "4.5"
            else f"{s},{i},+4.5000,{t}.0\n"
            for s, i, v, t in ROWS
        ).encode(),
    ],
    ids=["byte order mark", "CRLF", "no last line break", "quoted, ISO 8601"],
)
def test_a_row_may_be_spelled_in_several_ways(ingested, csv_file, take, spelled):
    header = "" if b"subject" in spelled else HEADER

    take(csv_file(spelled, header=header, name="spelled.csv"))

    assert order_keys() == ingested


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("0", datetime(1970, 1, 1, tzinfo=UTC)),
        ("-1.5", datetime(1969, 12, 31, 23, 59, 58, 500_000, tzinfo=UTC)),
        ("2026-03-01", datetime(2026, 3, 1, tzinfo=UTC)),
        ("2026-03-01T12:00:00", NOON),
        ("2026-03-01T13:00:00+01:00", NOON),
        ("2026-03-01 12:00:00Z", NOON),
    ],
)
def test_a_time_is_unix_seconds_or_iso_8601(text, at):
    assert reading.moment(reading.Raw("row 1", {"timestamp": text}), "timestamp") == at


def test_a_whole_number_is_an_id_too(films, parquet_file, take):
    take(parquet_file(subject=[1, 2]))

    assert vault.find("1").interactions.count() == 1


def test_the_batchs_root_is_over_the_record_keys_of_its_rows(films, csv_file, take):
    taken = take(csv_file(lines(ROWS)))

    keys = [
        receipts.record_key(
            vault.subject_key(vault.find(subject)),
            canonical.interaction(
                subject=subject,
                item=item,
                value=Decimal(value),
                at=datetime.fromtimestamp(int(at), UTC),
            ),
        )
        for subject, item, value, at in ROWS
    ]
    root = merkle.root_of([merkle.leaf_hash(key) for key in keys]).hex()
    batch = Batch.objects.get(pk=taken.batch)
    assert (batch.root, batch.rows, taken.subjects) == (root, 5, 3)
    assert len(set(keys)) == len(ROWS)
    assert log.history(batch)[0].facts == {"rows": "5", "records_root": root}


def test_two_installations_commit_differently_to_the_same_row(films, csv_file, take):
    """A commitment hangs on the person's random key, so nobody can guess it from the row."""
    first = take(csv_file(lines(ROWS), name="one.csv"))
    root = Batch.objects.get(pk=first.batch).root
    empty_out()

    second = take(csv_file(lines(ROWS), name="one.csv"))

    assert Batch.objects.get(pk=second.batch).root != root


def test_a_rank_is_the_same_wherever_the_order_key_is(films, csv_file, take, settings):
    take(csv_file(lines(ROWS)))
    rank = bytes(vault.find("ada").rank)

    assert people.rank("ada") == rank
    settings.EXPUNGE_ORDER_KEY = b"o" * 31 + b"p"
    assert people.rank("ada") != rank


def test_nothing_is_taken_in_that_cannot_be_logged(films, csv_file, take, monkeypatch):
    before = tables.state()

    def full(*args, **kwargs):
        raise OSError("disk full")

    monkeypatch.setattr(log, "append", full)

    with pytest.raises(OSError, match="disk full"):
        take(csv_file(lines(ROWS)))
    assert tables.changed(before) == set()


CATALOGUES = {
    "another title": ("m1,Another Film\n", "row 1 (line 2): item is in the catalogue under"),
    "an item twice": ("m8,Eight\nm8,Eight\n", "row 2 (line 3): item is in the file twice"),
    "an item twice with two titles": ("m8,Eight\nm8,8\n", "row 2 (line 3): item is in the file"),
    "no title": ("m8,\n", "row 1 (line 2): title is missing"),
    "no item": (",Eight\n", "row 1 (line 2): item is missing"),
    "a NUL in the title": ("m8,Ei\x00ght\n", "row 1 (line 2): title has a control character"),
    "a title too long": (f"m8,{'x' * 501}\n", "row 1 (line 2): title is longer than 500"),
    "no rows": ("", "file: has no rows"),
}


@pytest.mark.parametrize("wrong", CATALOGUES)
def test_a_bad_catalogue_is_refused_whole(films, csv_file, take_catalogue, wrong):
    content, message = CATALOGUES[wrong]

    refused(take_catalogue, csv_file(content, header="item,title\n"), message)


def test_a_control_character_in_any_other_column_is_refused(films, csv_file, take_catalogue):
    path = csv_file("m8,Eight,19\x0099\n", header="item,title,year\n")

    refused(take_catalogue, path, "row 1 (line 2): a column has a control character")


def test_a_catalogue_grows_and_the_same_one_again_changes_nothing(films, csv_file, take_catalogue):
    path = csv_file("m1,Film m1,1999\nm9,The  Ninth\tFilm,2001\n", header="item,title,year\n")

    assert take_catalogue(path).is_new
    before = tables.state()
    assert not take_catalogue(path).is_new

    assert tables.changed(before) == set()
    ninth = Item.objects.get(external_id="m9")
    assert (ninth.title, ninth.attributes) == ("The Ninth Film", {"year": "2001"})


def test_a_catalogue_in_parquet_may_have_columns_of_any_type(films, tmp_path, take_catalogue):
    path = tmp_path / "films.parquet"
    table = pa.table(
        {"item": ["m9"], "title": ["Nine"], "genres": [["a", "b"]], "none": pa.nulls(1)}
    )
    pyarrow.parquet.write_table(table, path)

    take_catalogue(path)

    assert Item.objects.get(external_id="m9").attributes == {"genres": "['a', 'b']"}


def test_an_interaction_happens_once_whatever_the_rating(known, csv_file, take):
    with pytest.raises(BadFile, match="ingested before"):
        take(csv_file("ada-lovelace,m1,1,1000\n", name="again.csv"))

    assert Interaction.objects.count() == 2


def test_lines_that_are_wholly_blank_are_skipped(films, csv_file, take):
    taken = take(csv_file("ada,m1,3,2000\n\n  \nada,m2,4,2001\n\n"))

    assert taken.rows == Interaction.objects.count() == 2
