"""A certificate, read strictly: of each field one spelling, and nothing that an eye would miss."""

import copy
from datetime import UTC, datetime

import pytest

from tests.verifier.bundles import IDENTITY, ORIGIN, REQUEST, digest
from tests.verifier.story import Story
from verifier import certificate, strict
from verifier.strict import BadDocument

GOOD = Story().bundle().certificate
DIGEST = digest("some")
NONE = {"kind": "none", "digest": "", "index": "", "recipe": "", "release": ""}


def edited(*edits):
    """The certificate with things set in it: a path and a value each."""
    body = copy.deepcopy(GOOD)
    for *path, last, value in edits:
        at = body
        for name in path:
            at = at[name]
        at[last] = copy.deepcopy(value)
    return body


def read(*edits):
    return certificate.parse(strict.canonical(edited(*edits)))


def nothing_live(*edits):
    """One of an installation where nothing serves."""
    release = ("attestations", "release", "")
    return read(("live", NONE), ("entries", "switched", ""), release, *edits)


def refused(reading, *edits):
    with pytest.raises(BadDocument):
        reading(*edits)


def test_what_it_says_is_read_as_it_is_said():
    found = read()

    assert (found.level, found.origin, found.issuer) == ("L3", ORIGIN, IDENTITY)
    assert found.controller == GOOD["controller"]
    assert found.valid_until == datetime(2027, 3, 1, 12, tzinfo=UTC)
    assert found.request.id == REQUEST
    assert found.live.release == 3
    assert {name: str(count) for name, count in found.erased.items()} == {
        name: count for name, count in GOOD["erased"].items() if name != "root"
    }
    assert [each.name for each in found.sets] == [each["name"] for each in GOOD["sets"]]
    assert {each.present for each in found.sets} == {None}
    assert [str(each.present) for each in found.before] == [
        each["present"] for each in GOOD["before"]
    ]


def test_each_time_is_the_one_of_its_name():
    names = ("receivedAt", "decidedAt", "erasedAt", "restoredAt", "completedAt")
    times = {name: f"2026-03-01T12:00:0{n}Z" for n, name in enumerate(names)}

    found = read(*(("request", name, time) for name, time in times.items())).request

    assert [found.received_at, found.decided_at, found.erased_at, found.restored_at,
            found.completed_at] == [
        datetime(2026, 3, 1, 12, 0, n, tzinfo=UTC) for n in range(5)
    ]  # fmt: skip


def test_nothing_may_serve():
    found = nothing_live()

    assert (found.live.kind, found.live.release) == ("none", None)
    assert (found.entries.switched, found.attestations.release) == (None, "")


@pytest.mark.parametrize(
    "edit",
    [
        *(("live", name, DIGEST) for name in ("digest", "index", "recipe")),
        ("live", "release", "3"),
        ("entries", "switched", "3"),
        ("attestations", "release", DIGEST),
    ],
    ids=repr,
)
def test_where_nothing_serves_nothing_is_said_of_what_serves(edit):
    refused(nothing_live, edit)


@pytest.mark.parametrize(
    "edit",
    [
        ("format", "expunge/certificate/v2"),
        ("level", "L0"),
        ("level", ["L1"]),
        ("issuedAt", "2026-03-01T12:00:00+00:00"),
        ("issuer", "the operator"),
        ("origin", "expunge.ex\u0430mple/log"),
        ("origin", 7),
        ("legalBasis", "GDPR Art.\u202f17(1)"),
        ("request", "id", f"urn:uuid:{REQUEST}"),
        ("request", "scope", "some"),
        ("request", "scope", ["whole"]),
        ("live", "kind", "fallback"),
        ("live", "release", "03"),
        ("live", "digest", DIGEST.upper()),
        ("erased", "adapters", "-1"),
        ("erased", "root", DIGEST[:-1]),
        ("erased", "accounts", "1"),
        ("entries", "applied", "0x1"),
        ("entries", "switched", ""),
        ("attestations", "release", ""),
        ("attestations", "adapters", [DIGEST[:-1]]),
        ("attestations", "adapters", [DIGEST, DIGEST]),
        ("attestations", "destructions", DIGEST),
        ("attestations", "replays", GOOD["attestations"]["adapters"]),
        ("acknowledgements", [{"entry": "1", "scorer": "anna"}]),
        ("acknowledgements", [{"entry": "1", "scorer": str(REQUEST)}] * 2),
        ("notErased", ["whatever"]),
        ("notErased", ["backups", "backups"]),
        ("sets", 0, "name", "shard-0/slice-0"),
        ("sets", 0, "name", "shard-001/slice-0"),
        ("sets", 0, "name", "shard-00/slice-00"),
        ("sets", 0, "name", "panels"),
        ("sets", 0, "present", "0"),
        ("sets", [GOOD["sets"][0]] * 2),
        ("files", {"/keys.json": DIGEST}),
        ("files", {"Keys.json": DIGEST}),
        ("files", {"a/b/c": DIGEST}),
        ("files", {"keys.json": DIGEST[:-1]}),
        ("files", [DIGEST]),
    ],
    ids=repr,
)
def test_a_field_has_one_spelling(edit):
    refused(read, edit)


@pytest.mark.parametrize(
    "name",
    [
        "",
        7,
        "a" * (strict.LONGEST_TEXT + 1),
        "a\nb",
        "a\x7fb",
        "a\u202eb",
        "a\u200bb",
        "a\ufeffb",
        "a\u2028b",
        "a\u2029b",
        "e\u0301",
    ],
    ids=ascii,
)
def test_the_controllers_name_hides_nothing(name):
    refused(read, ("controller", name))


@pytest.mark.parametrize("name", ["M\u00fcller & S\u00f8n", "\u682a\u5f0f\u4f1a\u793e", "a" * 2000])
def test_a_controller_is_called_as_they_are_called(name):
    assert read(("controller", name)).controller == name


def test_what_a_large_erasure_says_is_not_too_much_to_read():
    files = {f"sets/{number:064x}.absent": DIGEST for number in range(8000)}

    raw = strict.canonical(edited(("files", files)))

    assert len(raw) > strict.MOST_OCTETS
    assert len(certificate.parse(raw).files) == len(files)


def test_no_more_files_are_listed_than_an_archive_can_hold():
    files = {f"a/{number}": DIGEST for number in range(certificate.MOST_FILES + 1)}

    with pytest.raises(BadDocument, match="files"):
        read(("files", files))
    files.popitem()
    assert len(read(("files", files)).files) == certificate.MOST_FILES


def test_every_entry_and_every_envelope_that_it_names_is_counted():
    one, two = GOOD["sets"][0], GOOD["before"][0]
    found = read(
        ("sets", [one | {"entry": "101"}]),
        ("before", [two | {"entry": "102"}]),
        ("acknowledgements", [{"entry": "103", "scorer": str(REQUEST)}]),
        (
            "entries",
            {"applied": "104", "keyDestroyed": "105", "switched": "106", "verified": "107"},
        ),
        *(("attestations", each, [digest(each)]) for each in ("adapters", "destructions")),
        ("attestations", "release", digest("release")),
        ("attestations", "replays", [digest("replays")]),
    )

    assert found.cited == {*range(101, 108)}
    assert {*found.attestations.all} == {
        digest(each) for each in ("adapters", "destructions", "release", "replays")
    }
