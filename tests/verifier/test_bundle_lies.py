"""What an operator who signs whatever they like could say of an erasure and of what serves.

Each lie is in the log, under the log's key, and still does not fit with the others.
"""

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.verifier import bundles
from tests.verifier.bundles import LOG, NOON
from tests.verifier.edits import (
    ZEROS,
    but,
    certified,
    code,
    place,
    saying,
    setting,
    told,
    within,
)
from tests.verifier.story import Story
from verifier import dsse, spelling


def test_a_head_from_before_that_covers_the_erasure_is_refused():
    class Late(Story):
        def certify(self):
            self.head_before = self.places["applied"] + 1
            super().certify()

    class Just(Story):
        def certify(self):
            self.head_before = self.places["applied"]
            super().certify()

    assert told(Late) == 11
    assert told(Just) == 0


@pytest.mark.parametrize(
    ("edits", "expected"),
    [
        (certified("issuedAt", value="2026-02-01T12:00:00Z"), 13),
        (certified("validUntil", value="2026-03-01T12:00:00Z"), 13),
        ({"issued": setting(at="2026-02-28T12:00:00.000000Z")}, 13),
        ({"verified": setting(at="2026-03-01T13:00:00.000000Z")}, 13),
        (certified("entries", "verified", value=place("issued", more=1)), 13),
        ({"attested release": setting(at="2026-03-01T13:00:00.000000Z")}, 13),
        ({"issued": saying(level="L2")}, 12),
        ({"issued": saying(live=ZEROS)}, 12),
        ({"issued": saying(certificate=ZEROS)}, 12),
        ({"issued": setting(target="erasure.DeletionRequest:1")}, 12),
        (certified("issuer", value="https://somebody.example"), 12),
        (certified("files", value={}), 0),
    ],
)
def test_a_certificate_is_of_the_moment_when_it_was_logged(edits, expected):
    assert told(edits=edits) == expected


@pytest.mark.parametrize(
    "edits",
    [
        certified("level", value="L4"),
        certified("live", "kind", value="fallback"),
        certified("controller", value="a\u202eb"),
        certified("controller", value="a\nb"),
        certified("controller", value="e\u0301"),
        certified("legalBasis", value="Ärt. 17"),
        certified("notErased", value=["whatever"]),
        certified("request", "id", value=str(bundles.REQUEST).upper()),
        certified("more", value="x"),
        certified("sets", value=[]) | certified("before", value=[{}]),
        {"keys": lambda ring: {**ring, "log": ring["log"] * 2}},
        {"keys": lambda ring: {**ring, "witnesses": [LOG.vkey]}},
        {"keys": lambda ring: {**ring, "attestors": [{"key": "AA=="}]}},
    ],
)
def test_a_certificate_in_another_form_is_none(edits):
    assert told(edits=edits) == 10


class SwitchedAgain(Story):
    """After everything, a release from before goes live once more."""

    def attest(self):
        super().attest()
        self.switch("switch 4", 4, self.panel_before)


def test_a_second_switch_is_not_hidden():
    assert told(SwitchedAgain) == 15


def test_a_second_switch_is_not_hidden_by_leaving_it_out():
    story = SwitchedAgain()
    story.edits["cited"] = lambda cited: [
        each for each in cited if each != story.places["switch 4"]
    ]

    assert code(story.bundle()) == 15


@pytest.mark.parametrize("place", ["cache 2", "verified", "attested release"])
def test_no_entry_between_switch_and_certificate_can_be_left_out(place):
    story = Story()
    story.edits["cited"] = lambda cited: [each for each in cited if each != story.places[place]]

    assert code(story.bundle()) in {14, 15}


def test_a_release_from_before_cannot_be_said_to_serve():
    """Rolled back: the certificate names the first release, which held her."""

    class Back(Story):
        def certificate(self, sets, before):
            body = super().certificate(sets, before)
            body["entries"]["switched"] = str(self.places["switch 1"])
            body["live"] |= {"release": "1"}
            body["acknowledgements"] = []
            return body

    assert told(Back) == 15


@pytest.mark.parametrize(
    "edits",
    [
        {"switch 3": saying(live=ZEROS)},
        {"switch 3": saying(kind="fallback")},
        {"switch 3": saying(index=ZEROS)},
        {"switch 3": saying(adapters={})},
        {"switch 3": saying(adapters={"0": ZEROS})},
        {"switch 3": saying(adapters={"7": ZEROS})},
        {"switch 3": saying(adapters="none")},
        {"switch 3": saying(panel="none")},
        {"switch 3": setting(target="registry.Release:4")},
        {"acknowledged": saying(live=ZEROS)},
        {"acknowledged": saying(scorer="0")},
        {"acknowledged": setting(target="registry.Release:2")},
        {"attested release": saying(kind="https://in-toto.io/attestation/svr/v0.2")},
        {"attested release": setting(target="registry.Release:2")},
        {"facts release": but(release=2)},
        {"facts release": but(kind="fallback")},
        {"facts release": lambda said: replace(said, members=said.members[:1])},
        {"facts release": but(shards=3)},
        {"facts release": lambda said: replace(said, panel=said.trunk_cache)},
        {"facts release": lambda said: replace(said, trunk_cache=said.panel)},
        {"facts release": but(switched_at=NOON)},
        {"facts release": but(issuer="https://somebody.example")},
        {"facts release": within("place", index=4)},
        {"facts release": within("place", log="b.example")},
        certified("live", "digest", value=ZEROS) | {"issued": saying(live=ZEROS)},
        certified("live", "index", value=ZEROS),
        certified("live", "recipe", value=ZEROS),
        certified("live", "release", value="2"),
    ],
)  # fmt: skip
def test_what_serves_is_what_was_switched_to(edits):
    assert told(edits=edits) == 15


def test_an_attestors_key_that_the_log_never_announced_does_not_count():
    class Unannounced(Story):
        def announce(self):
            self.log("announce", "batch.ingested", "corpus.Batch:9", {"rows": "1"})

    assert told(Unannounced) == 15


def test_an_attestors_key_that_was_announced_afterwards_does_not_count():
    class Late(Story):
        def begin(self):
            self.log("ingest", "batch.ingested", "corpus.Batch:1", {"rows": "12"})

        def attest(self):
            super().attest()
            self.announce()

    assert told(Late) == 15


@pytest.mark.parametrize(
    "edits",
    [
        {"announce": saying(identity="https://somebody.example")},
        {"announce": saying(key=spelling.encode(bytes(32)))},
        {"announce": setting(target="evidence.Key:" + ZEROS)},
        {"keys": lambda ring: {**ring, "attestors": []}},
    ],
)
def test_an_attestor_is_who_the_log_announced(edits):
    assert told(edits=edits) in {12, 15}


def test_an_envelope_that_somebody_else_signed_does_not_count():
    other = Ed25519PrivateKey.from_private_bytes(b"\x0b" * 32)

    def signed(envelope):
        return dsse.sign(dsse.Envelope.parse(envelope).payload, other)

    assert told(edits={"envelope release": signed}) == 15
    assert told(edits={"envelope adapter shard-01/slice-0": signed}) == 16


def test_one_erasure_is_not_told_in_two_ways():
    """The smaller telling would be the one that is cited."""

    class Twice(Story):
        def erase(self):
            facts = {"interactions": "9", "records_root": ZEROS, "scope": "whole"}
            self.log("first told", "erasure.applied", self.request, facts)
            super().erase()

    assert told(Twice) == 14


def test_a_log_does_not_go_back_in_time():
    """A deadline that was missed is not met afterwards."""
    assert told(edits={"destroy states": setting(at="2019-03-01T12:00:00.000000Z")}) == 13
