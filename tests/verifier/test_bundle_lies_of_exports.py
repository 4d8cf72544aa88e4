"""What left the house before an erasure is named, and said to remain."""

import pytest

from tests.verifier.edits import certified, code, setting, told
from tests.verifier.story import Story

COPIES = "Adapters that learned from the records were exported before; copies remain."


class Exported(Story):
    """What had learned from her was exported while it was live."""

    def train(self):
        super().train()
        said = {"live": self.live_digest(1)}
        self.log("exported", "release.exported", "registry.Release:1", said)


class ExportedAfter(Exported):
    """An export of what is clean is told as one of before."""

    def train(self):
        Story.train(self)

    def erase(self):
        super().erase()
        said = {"live": self.live_digest(2)}
        self.log("exported", "release.exported", "registry.Release:2", said)


def test_that_copies_remain_is_among_what_is_not_proven():
    story = Exported()
    report = story.bundle().check()

    assert report.exit_code == 0
    assert COPIES in report.not_proven
    named = f"before the erasure but by the exports at log entries {story.places['exported']} is"
    assert any(named in each for each in report.not_proven)
    assert COPIES not in Story().bundle().check().not_proven


@pytest.mark.parametrize(
    "edits",
    [
        certified("notErased", value=["base-model", "others", "backups"]),
        {"exported": setting(type="run.lost")},
    ],
)
def test_an_export_that_is_cited_is_one_and_is_said_to_remain(edits):
    assert told(Exported, edits=edits) == 18


def test_an_export_of_after_the_erasure_is_none_of_before():
    assert told(ExportedAfter) == 18


def test_copies_that_are_said_to_remain_are_exports_in_the_log():
    said = certified("notErased", value=["base-model", "others", "backups", "exports"])

    assert told(edits=said) == 18


def test_an_export_that_is_cited_is_in_the_bundle():
    story = Exported()
    story.edits["cited"] = lambda cited: [i for i in cited if i != story.places["exported"]]

    assert code(story.bundle()) == 18


def test_that_no_export_was_left_out_is_said_to_be_claimed_alone():
    """The log before the switch is not in the bundle, so nobody can look for one there."""

    def silent(body):
        return {**body, "exports": [], "notErased": ["base-model", "others", "backups"]}

    report = Exported({"certificate": silent}).bundle().check()

    assert report.exit_code == 0
    assert "That no copy left before the erasure is the operator's word." in report.not_proven
