"""What an operator who signs whatever they like could say of destruction, replays and nothing."""

from dataclasses import replace

import pytest

from evidence import facts, statements
from tests.verifier import bundles
from tests.verifier.bundles import NOON
from tests.verifier.edits import LAST, ZEROS, but, code, saying, setting, told, within
from tests.verifier.story import Story


def one_more_file(said):
    return replace(said, files=(*said.files, replace(said.files[0], name="b")))


def renamed(said):
    return replace(said, files=(replace(said.files[0], name="shard-01/slice-1/adapter"),))


@pytest.mark.parametrize(
    "edits",
    [
        {"destroy adapters": saying(adapters=[ZEROS])},
        {"destroy adapters": saying(adapters=[])},
        {"destroy adapters": saying(adapters="none")},
        {"destroy adapters": saying(why="superseded")},
        {"destroy adapters": saying(request="0")},
        {"destroy adapters": setting(target="registry.Elsewhere")},
        {"destroy states": saying(trunk_states="3")},
        {"destroy states": saying(ids_sha256=ZEROS)},
        {"attested destroy states": saying(envelope=ZEROS)},
        {"facts destroy states": but(trunk_states=3)},
        {"facts destroy states": but(request=None)},
        {"facts destroy states": but(request=bundles.NAMES)},
        {"facts destroy states": but(destroyed_at=NOON)},
        {"facts destroy states": within("place", index=12)},
        {"facts destroy adapters": one_more_file},
    ],
)  # fmt: skip
def test_what_was_destroyed_is_what_was_logged(edits):
    assert told(edits=edits) == 18


def test_a_destruction_cannot_be_left_out():
    class Less(Story):
        def attest(self):
            super().attest()
            gone = self.attested["destructions"].pop()
            del self.files[f"attestations/{gone}.json"]

    assert told(Less) == 18


def test_what_serves_was_not_destroyed():
    class Alive(Story):
        def gone(self):
            return self.live[0, 0].weights

        def erase(self):
            self.edits["destroy adapters"] = saying(adapters=[self.old[0, 0].weights])
            super().erase()

    assert told(Alive) == 18


def test_a_twin_of_what_was_destroyed_serves_on():
    """Of the last slice nothing was to be learnt, so it has the weights of the one before it."""

    class Twin(Story):
        def train_on(self, made, where, here):
            if made.shard == 0 and made.slice:
                made.weights = made.parent.weights
            super().train_on(made, where, here)

    class Replayed(Twin):
        def replay(self, *made):
            super().replay(*made, self.live[0, 0])

    assert told(Replayed) == 0
    assert code(Twin(level="L2").bundle()) == 0
    assert code(Twin().bundle()) == 19


@pytest.mark.parametrize("turn", [1, -1])
def test_what_was_destroyed_again_after_it_was_trained_alike_is_destroyed(turn):
    """In whatever order the certificate names the two destructions of these weights."""

    class Again(Story):
        def erase(self):
            gone = {"adapters": [self.gone()], "why": "erased", "request": str(bundles.REQUEST)}
            self.log("destroy first", "artefacts.destroyed", "registry.Store", gone)
            self.again = self.adapter(0, 1, 1)
            self.edits["applied"] = saying(adapters="2")
            super().erase()

        def train_on(self, made, where, here):
            made.weights = self.gone() if made.epoch else made.weights
            super().train_on(made, where, here)

        def retrain(self):
            self.live[0, 1] = self.again

        def attest_destructions(self):
            super().attest_destructions()
            place = self.places["destroy first"]
            first = facts.DestructionFacts(
                files=(facts.File(name="adapter-0", sha256=self.gone()),),
                request=bundles.REQUEST,
                trunk_states=0,
                panel_rows=0,
                destroyed_at=self.moment(place),
                place=facts.Place(log=bundles.ORIGIN, index=place),
                issuer=bundles.IDENTITY,
            )
            made = self.sign("first", statements.destruction(first), "registry.Store")
            self.attested["destructions"] = [made, *self.attested["destructions"]][::turn]

    assert code(Again(level="L2").bundle()) == 18


class NoReplay(Story):
    def replay(self, *made):
        """Nobody trained again."""


def test_a_level_that_the_evidence_does_not_reach_is_refused():
    assert code(NoReplay().bundle()) == 19
    assert code(NoReplay(level="L2").bundle()) == 0


@pytest.mark.parametrize(
    ("edits", "level"),
    [
        ({"switch 3": saying(live=ZEROS)}, "L1"),
        ({"facts destroy states": but(trunk_states=3)}, "L1"),
        ({"facts replay": but(is_identical=False)}, "L2"),
        ({"keys": lambda ring: ring}, "L3"),
    ],
)
def test_a_certificate_that_claims_little_holds_with_what_it_shows(edits, level):
    report = Story(edits, level="L1").bundle().check(receipt=bundles.RECEIPT)

    assert (report.exit_code, report.level, report.claimed) == (0, level, "L1")
    assert report.steps[-1].ok


def test_nothing_is_shown_by_replays_if_nothing_was_trained_since():
    """All that serves is from before: whoever was erased was in the panel and the cache alone."""

    class Panel(NoReplay):
        def train(self):
            self.erased, erased = [], self.erased
            super().train()
            self.erased = erased

        def erase(self):
            self.edits["destroy adapters"] = saying(adapters=[ZEROS])
            super().erase()
            self.live = dict(self.old)

        def gone(self):
            return ZEROS

        def retrain(self):
            """Nothing is stale."""

        def sets_before(self):
            return []

    assert code(Panel().bundle()) == 19
    assert code(Panel(level="L2").bundle()) == 0


@pytest.mark.parametrize(
    "edit",
    [
        but(is_identical=False),
        but(same_records=False),
        but(files=(facts.File(name=f"{LAST}/adapter", sha256=ZEROS),)),
        renamed,
        but(verifier="https://somebody.example"),
    ],
)  # fmt: skip
def test_a_replay_that_shows_less_does_not_reach_the_highest_level(edit):
    assert told(edits={"facts replay": edit}) == 19


class NothingServes(Story):
    """There was never a release: what she had was in the cache, and in an adapter on its way."""

    def __init__(self, edits=None):
        super().__init__(edits, level="L2")

    def switch(self, name, number, panel, kind="full"):
        """Nothing goes live."""

    def retrain(self):
        self.live = {}

    def restore(self):
        self.cache = self.set(others="cache")
        self.commit_cache("cache 2", self.cache)
        self.verify()

    def attest(self):
        self.attest_destructions()

    def sets(self):
        return [("trunk-cache", self.cache, self.places["cache 2"])]

    def sets_before(self):
        return [("trunk-cache", self.cache_before, self.places["cache 1"])]

    def models(self):
        return {}


def test_that_nothing_serves_can_be_shown():
    assert told(NothingServes) == 0


def test_nothing_serves_only_if_the_log_never_switched():
    class Switched(NothingServes):
        def erase(self):
            super().erase()
            Story.switch(self, "switch 9", 9, self.panel_before)

    assert told(Switched) == 15


def test_that_nothing_serves_takes_the_whole_log():
    assert told(NothingServes, {"cited": lambda cited: cited[1:]}) == 15


def test_nothing_live_leaves_the_cache_to_be_shown():
    class Empty(NothingServes):
        def sets(self):
            return []

    assert told(Empty) == 17


def test_what_held_the_person_is_what_was_destroyed():
    """Not some other adapter, nor none, whatever the erasure says of how many."""

    class Spared(Story):
        def gone(self):
            return ZEROS

        def erase(self):
            last = self.old[0, self.slices - 1]
            kept, last.weights = last.weights, ZEROS
            super().erase()
            last.weights = kept

    assert told(Spared) == 18
