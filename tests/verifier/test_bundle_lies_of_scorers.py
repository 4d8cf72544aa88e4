"""What an operator who signs whatever they like could say of who still answers from what was."""

import pytest

from tests.verifier.edits import ZEROS, certified, saying, setting, told
from tests.verifier.story import Story
from tests.verifier.telling import FOLLOWS, STOPS
from tests.verifier.test_bundle_lies_of_destruction import NothingServes

ANOTHER = "6f1f5a3e-3c0c-4f2a-9b61-0c6a2c1b7d11"


def acknowledging(*names):
    """Leaves these of the two scorers' entries in the certificate."""

    def edit(body):
        kept = {"acknowledged": str(FOLLOWS), "retired": str(STOPS)}
        body["acknowledgements"] = [
            each
            for each in body["acknowledgements"]
            if each["scorer"] in {kept[name] for name in names}
        ]

    return {"certificate": edit}


@pytest.mark.parametrize("names", [["acknowledged"], ["retired"], []])
def test_each_scorer_of_before_follows_or_has_stopped(names):
    assert told(edits=acknowledging(*names)) == 15


@pytest.mark.parametrize(
    "edits",
    [
        certified("scorers", value=[]),
        certified("scorers", value=[str(FOLLOWS)]),
        certified("scorers", value=[str(STOPS), str(FOLLOWS)]),
        certified("scorers", value=[str(FOLLOWS), str(STOPS), ANOTHER]),
        {"switch 3": saying(scorers={"root": ZEROS, "count": "2"})},
        {"switch 3": saying(scorers="none")},
    ],
    ids=["none", "one less", "order", "one more", "another root", "not told"],
)
def test_the_scorers_are_those_that_the_switch_names(edits):
    assert told(edits=edits) == 15


@pytest.mark.parametrize(
    "edits",
    [
        {"retired": setting(target=f"registry.Scorer:{FOLLOWS}")},
        {"retired": setting(target=f"registry.Scorer:{ANOTHER}")},
        {"retired": setting(type="run.lost")},
        {"acknowledged": setting(type="scorer.retired")},
    ],
)
def test_an_entry_is_of_the_scorer_that_it_is_cited_for(edits):
    assert told(edits=edits) == 15


def test_a_scorer_that_stopped_before_the_switch_is_not_one_that_it_names():
    class Early(Story):
        """What was logged before is cited as if it came after."""

        def erase(self):
            super().erase()
            said = {"release": "1", "why": "silent"}
            self.log("early", "scorer.retired", f"registry.Scorer:{STOPS}", said)

        def certificate(self, sets, before):
            body = super().certificate(sets, before)
            body["acknowledgements"][1]["entry"] = str(self.places["early"])
            return body

    assert told(Early) == 15


def test_nobody_goes_back_to_what_served_before():
    class Back(Story):
        def restore(self):
            super().restore()
            said = {"scorer": str(FOLLOWS), "live": self.live_digest(2)}
            self.log("back", "release.acknowledged", "registry.Release:2", said)

    assert told(Back) == 15


def test_nobody_follows_something_else_under_the_same_number():
    """A scorer that came later need not be cited, and is held to what serves all the same."""

    class Else(Story):
        def restore(self):
            super().restore()
            said = {"scorer": ANOTHER, "live": self.live_digest(2)}
            self.log("else", "release.acknowledged", "registry.Release:3", said)

    assert told(Else) == 15


def test_who_followed_the_release_before_did_so_before_the_switch():
    class Followed(Story):
        def erase(self):
            super().erase()
            said = {"scorer": str(FOLLOWS), "live": self.live_digest(2)}
            self.log("followed", "release.acknowledged", "registry.Release:2", said)

    assert told(Followed) == 0


@pytest.mark.parametrize(
    "edits",
    [
        certified("scorers", value=[str(FOLLOWS)]),
        certified("acknowledgements", value=[{"entry": "0", "scorer": str(FOLLOWS)}]),
    ],
)
def test_nobody_scores_where_nothing_serves(edits):
    assert told(NothingServes, edits=edits) == 15


def test_a_scorer_that_joined_after_the_switch_is_one_more_that_follows():
    class Joined(Story):
        def restore(self):
            super().restore()
            said = {"scorer": ANOTHER, "live": self.live_digest()}
            self.log("joined", "release.acknowledged", "registry.Release:3", said)

        def certificate(self, sets, before):
            body = super().certificate(sets, before)
            joined = {"entry": str(self.places["joined"]), "scorer": ANOTHER}
            body["acknowledgements"].append(joined)
            return body

    assert told(Joined) == 0
