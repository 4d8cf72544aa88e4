"""Heads that are signed and still not of this log, and files and adapters too many or too few."""

from dataclasses import replace
from hashlib import sha256

import pytest

from evidence import statements
from tests.verifier import bundles
from tests.verifier.bundles import LOG, LOG_PQ
from tests.verifier.edits import LAST, setting, told
from tests.verifier.story import Story
from verifier import merkle, notes, spelling

BY_FAR = notes.Cosigner("another.example/log", LOG_PQ.key).vkey


def test_a_key_of_another_log_cannot_be_called_this_ones():
    def other(ring):
        return {**ring, "log": [LOG.vkey, BY_FAR]}

    class OneKey(Story):
        def head(self, size):
            return notes.sign_note(notes.signed_by(super().head(size))[0], LOG).encode()

    assert told(OneKey, {"keys": other}) == 11


def test_a_head_from_before_is_of_the_same_log():
    class Elsewhere(Story):
        def head(self, size):
            found = super().head(size)
            if size != self.head_before:
                return found
            text = notes.signed_by(found)[0].replace("/log", "/two")
            return notes.sign_note(text, LOG).encode()

    assert told(Elsewhere) == 11


def without(suffix):
    return lambda files: {name: data for name, data in files.items() if suffix not in name}


def renamed(files):
    return {name.replace("timestamps/12", "timestamps/11"): data for name, data in files.items()}


def of_another_head(files):
    return {name: b"0" * 40 if name.endswith(".tsr") else data for name, data in files.items()}


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (without("timestamps/"), 10),
        (without("key.pem"), 10),
        (renamed, 11),
        (of_another_head, 11),
    ],
)
def test_what_belongs_together_is_there_and_fits(edit, expected):
    assert told(edits={"files": edit}) == expected


def test_a_timestamp_from_before_the_erasure_is_not_taken_for_its_time():
    class Stamped(Story):
        """Of the head that the certificate is the next entry of."""

        def certify(self):
            self.stamped = len(self.entries)
            self.edits["files"] = self.with_stamp
            super().certify()

        def with_stamp(self, files):
            kept = {name: data for name, data in files.items() if "timestamps" not in name}
            head, stem = self.head(self.stamped), f"timestamps/{self.stamped}"
            return kept | {f"{stem}.head": head, f"{stem}.tsr": sha256(head).digest()}

        def log_files(self, cited):
            path = merkle.consistency_proof(self.leaves(len(self.entries)), self.stamped)
            found = "".join(f"{spelling.encode(each)}\n" for each in path).encode()
            return {**super().log_files(cited), "log/stamped": found}

    for story, tells in ((Stamped, "covers the erasure"), (Story, "is from before the erasure")):
        report = story().bundle().check()
        assert report.exit_code == 0
        assert tells in "".join(report.notes)


def test_the_first_of_all_times_is_a_time_like_any_other():
    """No clock goes back beyond it: what is in a bundle raises nothing."""
    at = "0001-01-01T00:00:00.000000Z"

    assert told(edits={name: setting(at=at) for name in ("ingest", "announce")}) == 0


def test_an_adapter_that_does_not_serve_is_no_evidence():
    class More(Story):
        def chain(self):
            return [*super().chain(), self.old[0, self.slices - 1]]

        def sets(self):
            found = [(made.name, made.records, made.committed) for made in Story.chain(self)]
            found.append(("panel", self.panel, self.places["switch 3"]))
            return [*found, ("trunk-cache", self.cache, self.places["cache 2"])]

    assert told(More) == 16


def test_one_adapter_is_attested_once():
    class Twice(Story):
        def attest_adapters(self):
            super().attest_adapters()
            made = self.live[1, 0]
            again = replace(self.adapter_facts(made), versions={"torch": "2"})
            payload = statements.adapter(again)
            self.attested["adapters"].append(self.sign("again", payload, made.target))

    assert told(Twice) == 16


def test_an_adapter_that_serves_was_made_before():
    class Afterwards(Story):
        def retrain(self):
            """Later: what will come is known already."""
            weights = bundles.digest("weights", 0, self.slices - 1, 1)
            self.live[0, self.slices - 1] = replace(self.old[0, self.slices - 1], weights=weights)

        def restore(self):
            super().restore()
            super().retrain()

    assert told(Afterwards) == 16


def test_a_training_set_is_in_this_log():
    def elsewhere(said):
        place = replace(said.training_set.place, log="b.example")
        return replace(said, training_set=replace(said.training_set, place=place))

    assert told(edits={f"facts {LAST}": elsewhere}) == 16
