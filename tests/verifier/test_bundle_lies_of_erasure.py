"""What an operator who signs whatever they like could say of what was erased, and when."""

import pytest

from tests.verifier.edits import ZEROS, certified, place, saying, second, told
from tests.verifier.story import Story


@pytest.mark.parametrize(
    "edit",
    [
        lambda keys: keys[:-1],
        lambda keys: [*keys, b"\xff" * 32],
        lambda keys: [*keys[:-1], b"\xff" * 32],
        lambda keys: keys[::-1],
        lambda keys: [*keys, keys[-1]],
        lambda keys: [*keys, b"\xff"],
        lambda keys: [],
    ],
    ids=["one less", "one more", "another", "order", "twice", "not a key", "none"],
)
def test_the_erased_keys_are_those_that_were_logged(edit):
    assert told(edits={"erased": edit}) == 14


@pytest.mark.parametrize(
    "edits",
    [
        {"applied": saying(records_root=ZEROS)},
        {"applied": saying(interactions="2")},
        certified("erased", "adapters", value="0"),
        certified("erased", "slices", value="3"),
        certified("erased", "panelRows", value="0"),
        certified("erased", "trunkStates", value="5"),
        {"applied": saying(scope="items")},
        {"key destroyed": saying(fate="rotated")},
        {"verified": saying(ok="no")},
        certified("erased", "interactions", value="4"),
        certified("erased", "root", value=ZEROS),
        certified("entries", "applied", value=place("applied", more=-1)),
        certified("entries", "keyDestroyed", value=place("applied")),
        certified("entries", "verified", value=place("key destroyed")),
        certified("request", "erasedAt", value=second("applied", more=-1)),
        certified("request", "erasedAt", value=second("applied", more=1)),
        certified("request", "completedAt", value=second("verified", more=1)),
        certified("request", "restoredAt", value=second("applied", more=-1)),
        certified("request", "restoredAt", value=second("restored", more=1)),
        certified("request", "decidedAt", value=second("decided", more=1)),
        certified("request", "receivedAt", value="2026-03-02T12:00:00Z"),
        certified("request", "scope", value="items"),
        certified("request", "regulation", value="ccpa"),
        certified("request", "number", value="DR-2026-0002"),
        {"filed": saying(scope="items")},
        {"filed": saying(regulation="ccpa")},
        {"filed": saying(number="DR-2026-0002")},
        {"decided": saying(to="denied")},
        {"restored": saying(to="failed")},
    ],
)  # fmt: skip
def test_the_erasure_is_the_one_that_was_logged(edits):
    assert told(edits=edits) == 14


def test_a_key_that_was_destroyed_before_the_erasure_is_not_this_ones():
    class Early(Story):
        def begin(self):
            super().begin()
            self.log("early", "subject_key.destroyed", self.request, {"fate": "destroyed"})

    early = certified("entries", "keyDestroyed", value=place("announce", more=1))

    assert told(Early, early) == 14


def test_a_verification_from_before_the_erasure_does_not_count():
    class Early(Story):
        def begin(self):
            super().begin()
            self.log("early", "verification.done", self.request, {"ok": "yes"})

        def certificate(self, sets, before):
            self.places["verified"] = self.places["early"]
            return super().certificate(sets, before)

    assert told(Early) == 14


def test_a_later_verification_that_failed_is_not_hidden():
    class Later(Story):
        def attest(self):
            super().attest()
            self.log("again", "verification.done", self.request, {"ok": "no"})

    assert told(Later) == 14
