"""Entries of the log, each at its place: of a log that is well formed, and of nothing else."""

from datetime import UTC, datetime
from functools import cache
from uuid import UUID

import pytest

from tests.verifier.bundles import ORIGIN
from verifier import excerpt, merkle, spelling, strict
from verifier.checkpoints import Checkpoint
from verifier.merkle import NotProven
from verifier.strict import BadDocument

EVENT = {
    "actor": "system",
    "at": "2026-03-01T12:00:00.250000Z",
    "eventId": "6f1f5a3e-3c0c-4f2a-9b61-0c6a2c1b7d10",
    "facts": {"rows": "12", "root": {"count": "3"}, "adapters": ["a", "b"]},
    "target": "corpus.Batch:1",
    "type": "batch.ingested",
    "v": "1",
}


def event(number=0, **fields):
    """An event of its own, with other fields."""
    own = f"6f1f5a3e-3c0c-4f2a-9b61-{number:012x}"
    return {**EVENT, "eventId": own, **fields}


def logged(*events, places=None):
    """What a log of these events shows: the file, and its head."""
    bodies = [each if isinstance(each, bytes) else strict.canonical(each) for each in events]
    leaves = [merkle.leaf_hash(body) for body in bodies]
    listed = [
        {
            "entry": spelling.encode(bodies[index]),
            "index": str(index),
            "proof": [spelling.encode(each) for each in merkle.inclusion_proof(leaves, index)],
        }
        for index in (range(len(bodies)) if places is None else places)
    ]
    return strict.canonical(listed), Checkpoint(ORIGIN, len(leaves), merkle.root_of(leaves))


def read(*events, **more):
    raw, head = logged(*events, **more)
    return excerpt.parse(raw, head=head)


def test_entries_are_found_by_place_and_by_what_they_are_about():
    log = read(event(0), event(1, target="corpus.Batch:2"), event(2, type="key.announced"))

    assert [each.index for each in log] == [0, 1, 2]
    assert [each.index for each in log.of("batch.ingested")] == [0, 1]
    assert [each.index for each in log.of("batch.ingested", target="corpus.Batch:2")] == [1]
    assert (log.at(2).type, log.at(3), 2 in log, 3 in log) == ("key.announced", None, True, False)


def test_a_time_is_utc_and_its_second_is_rounded_down():
    (found,) = read(event(at="2026-03-01T12:00:00.999999Z"))

    assert found.at == datetime(2026, 3, 1, 12, 0, 0, 999_999, UTC)
    assert found.second == datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert found.event_id == UUID(event()["eventId"])


def test_a_fact_that_is_no_string_is_not_taken_for_one():
    """Two lists are equal to each other, and say nothing that was asked for."""
    (found,) = read(EVENT)

    assert (found.fact("rows"), found.fact("root"), found.fact("adapters")) == ("12", "", "")
    assert found.fact("gone") == ""


@pytest.mark.parametrize("places", [[1, 0], [0, 0], [0, 2, 1]])
def test_entries_come_in_the_order_of_their_places_and_each_once(places):
    with pytest.raises(BadDocument, match="order of their places"):
        read(event(0), event(1), event(2), places=places)


def test_an_entry_is_not_believed_at_another_place():
    raw, head = logged(event(0), event(1), event(2), places=[1])
    moved = raw.replace(b'"index":"1"', b'"index":"2"')
    assert moved != raw

    with pytest.raises(NotProven):
        excerpt.parse(moved, head=head)


def test_one_event_is_not_in_the_log_twice():
    with pytest.raises(BadDocument, match="two of one event"):
        read(event(0), event(0, target="corpus.Batch:2"))


@pytest.mark.parametrize(
    "bent",
    [
        {"v": "2"},
        {"v": 1},
        {"facts": ["rows"]},
        {"facts": "rows"},
        {"facts": {"rows": 12}},
        {"facts": {"rows": None}},
        {"facts": {"rows": True}},
        {"facts": {"rows": {"count": [12]}}},
        {"facts": {"rows": "\0"}},
        {"facts": {"a\0": "12"}},
        {"actor": 7},
        {"actor": "sys\0tem"},
        {"eventId": EVENT["eventId"].upper()},
        {"eventId": EVENT["eventId"].replace("-", "")},
        {"eventId": f"{{{EVENT['eventId']}}}"},
        {"type": ""},
        {"type": "b\u0430tch.ingested"},
        {"type": ["batch.ingested"]},
        {"at": "2026-03-01T12:00:00Z"},
        {"at": "2026-03-01T12:00:00.25Z"},
        {"at": "2026-03-01T12:00:00.250000+00:00"},
        {"at": "2026-13-01T12:00:00.250000Z"},
        {"at": "2026-03-01T1\u0662:00:00.250000Z"},
        {"at": 1772366400},
        {"more": "x"},
    ],
    ids=repr,
)
def test_what_a_log_never_holds_is_refused_even_if_it_is_proven(bent):
    with pytest.raises(BadDocument):
        read(event(**bent))


def test_an_entry_is_as_long_as_a_bundle_of_entries_can_hold():
    """Its length is in two octets there: a longer one was never public."""
    spare = excerpt.LARGEST_ENTRY - len(strict.canonical(event(facts={"x": ""})))

    assert len(read(event(facts={"x": "a" * spare})).at(0).body) == 0xFFFF
    with pytest.raises(BadDocument, match="more than 65535"):
        read(event(facts={"x": "a" * (spare + 1)}))


def test_the_excerpt_of_a_large_log_is_not_too_much_to_read():
    """A bundle that is honest and large must not be one that nobody can check."""
    size = 10_100
    bodies = [strict.canonical(event(number)) for number in range(size)]
    leaves = [merkle.leaf_hash(body) for body in bodies]
    node = cache(lambda start, end: merkle.root_of(leaves[start:end]))
    listed = [
        {
            "entry": spelling.encode(body),
            "index": str(index),
            "proof": [spelling.encode(node(*each)) for each in merkle.inclusion_path(index, size)],
        }
        for index, body in enumerate(bodies)
    ]
    raw = strict.canonical(listed)

    assert len(raw) > strict.MOST_OCTETS
    assert len(excerpt.parse(raw, head=Checkpoint(ORIGIN, size, node(0, size)))) == size
