"""A report says what it does not prove: less evidence is more of it, and none of it is left out."""

import pytest

from tests.verifier import bundles
from tests.verifier.bundles import LOG, LOG_PQ
from tests.verifier.edits import certified, saying
from tests.verifier.story import Story
from verifier import notes
from verifier.certificate import NOT_ERASED

HOW_MADE = "How what serves was made"
TRAINING = "That training read those lists and nothing else is only claimed"
BY_THEM = "Training was repeated by whoever attests it"
OLDER = "Of 4 adapters, the 1 that were made after the erasure"
WEIGHED = "How the adapters are weighed"
ALWAYS = (
    "not a theorem about the weights",
    "have other keys and are not looked for",
    *(NOT_ERASED[code] for code in ("base-model", "others", "backups")),
    "are the operator's words: certificate.json was checked",
    "What serves later",
    "The time of a head is the operator's word",
)


class Unwitnessed(Story):
    """Nobody else ever saw the log."""

    def head(self, size):
        note = super().head(size)
        text = notes.signed_by(note)[0]
        return (text + "\n" + "".join(notes.lines_by(note, LOG.vkey, LOG_PQ.vkey))).encode()


class AllAnew(Story):
    """One adapter is all there is, and it was made after the erasure."""

    def __init__(self):
        super().__init__(shards=1, slices=1)


def said(story, **given):
    report = story.bundle().check(**given)
    assert report.exit_code == 0
    return " ".join(report.not_proven)


def claiming(level):
    """A story with as much evidence as a level needs, and no more."""
    short = {"L1": {"switch 3": saying(live="0" * 64)}, "L2": {}, "L3": {}}[level]
    story = Story(short, level=level)
    if level == "L2":
        story.replay = lambda *made: None
    return story


@pytest.mark.parametrize(
    ("level", "there", "not_there"),
    [
        ("L1", {HOW_MADE, TRAINING}, {BY_THEM, OLDER, WEIGHED}),
        ("L2", {TRAINING}, {HOW_MADE, BY_THEM, OLDER, WEIGHED}),
        ("L3", {BY_THEM, OLDER, WEIGHED}, {HOW_MADE, TRAINING}),
    ],
)
def test_each_level_says_what_it_leaves_open(level, there, not_there):
    found = said(claiming(level))

    assert {each for each in there | not_there if each in found} == there


@pytest.mark.parametrize("level", ["L1", "L2", "L3"])
def test_what_no_level_proves_is_said_at_each(level):
    found = said(claiming(level))

    assert [each for each in ALWAYS if each not in found] == []


def test_older_adapters_are_only_spoken_of_where_there_are_some():
    assert OLDER in said(Story())
    assert "made after the erasure" not in said(AllAnew())


def test_what_stays_is_named_even_if_the_certificate_does_not_admit_it():
    silent, more = (
        said(Story(certified("notErased", value=codes))) for codes in ([], ["legal-duty"])
    )

    for code in ("base-model", "others", "backups"):
        assert silent.count(NOT_ERASED[code]) == more.count(NOT_ERASED[code]) == 1
    assert (NOT_ERASED["legal-duty"] in silent, NOT_ERASED["legal-duty"] in more) == (False, True)


def test_a_log_that_nobody_witnessed_may_have_been_shown_otherwise():
    alone = "no witness cosigned"

    assert alone in said(Unwitnessed())
    witnessed = said(Story())
    assert alone not in witnessed
    assert "Witnesses that cosigned the head: 1." in witnessed


def test_whose_records_they_were_takes_the_receipt_and_which_they_were_takes_the_copy():
    whose, which = "That these were the person's records is only claimed", "Which records these"
    more = [*bundles.RECORDS, bundles.record("anna", 9)]
    receipt = {"receipt": bundles.RECEIPT}

    assert (whose in said(Story()), which in said(Story())) == (True, False)
    assert (whose in said(Story(), **receipt), which in said(Story(), **receipt)) == (False, True)
    mine = said(Story(), **receipt, records=bundles.RECORDS)
    assert (whose in mine, which in mine, "are not among those erased" in mine) == (False,) * 3
    assert "1 of the records that were given" in said(Story(), **receipt, records=more)


def test_how_a_files_signature_is_checked_is_said_only_where_there_is_one():
    class Bare(Story):
        def models(self):
            return {}

    for story, expected in ((Story(), True), (Bare(), False)):
        report = story.bundle().check()
        assert report.exit_code == 0
        assert any("models/key.pem" in each for each in report.notes) == expected
