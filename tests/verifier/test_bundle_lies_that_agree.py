"""Lies that agree with each other so well that one check alone is left to catch each."""

from dataclasses import replace
from hashlib import sha256

import pytest

from evidence import facts, statements
from tests.verifier import bundles
from tests.verifier.bundles import ERASED, IDENTITY, NOON
from tests.verifier.edits import ZEROS, but, certified, code, saying, setting, told, within
from tests.verifier.story import Story
from verifier import dsse
from verifier import statements as kinds


def test_keys_out_of_order_are_refused_even_if_they_were_logged_so():
    class Unsorted(Story):
        def begin(self):
            self.erased = ERASED[::-1]
            super().begin()

    assert told(Unsorted) == 14


def test_a_certificate_that_never_was_valid_is_refused_at_its_own_moment():
    issued = Story().bundle().certificate["issuedAt"]
    found = Story(certified("validUntil", value=issued)).bundle()

    assert code(found, now=NOON.fromisoformat(issued)) == 13


def test_an_attestation_that_the_certificate_does_not_speak_of_is_refused():
    idle = {f"attestations/{sha256(b'{}').hexdigest()}.json": b"{}"}

    assert told(edits={"files": setting(**idle)}) == 12


def test_an_attestation_under_anothers_name_is_refused():
    def swap(files):
        one, other, *_ = sorted(name for name in files if name.startswith("attestations/"))
        return {**files, one: files[other], other: files[one]}

    assert told(edits={"files": swap}) == 12


class Late(Story):
    """The replay is logged after the certificate, with a time from before."""

    def log(self, name, *rest):
        if name == "attested replay":
            self.waiting = (name, *rest)
            return -1
        if name == "later":
            self.edits["attested replay"] = setting(at=f"{NOON:%Y-%m-%dT%H:%M:%S.%fZ}")
            super().log(*self.waiting)
        return super().log(name, *rest)


def test_an_attestation_that_was_logged_after_the_certificate_is_refused():
    assert told(Late, {"cited": lambda cited: [*cited, cited[-1] + 1]}) == 13


def test_an_attestation_is_of_the_kind_that_it_is_logged_as():
    payload = statements.replay(
        facts.ReplayFacts(
            files=(facts.File(name="x", sha256=ZEROS),),
            is_identical=True,
            same_records=True,
            same_environment=True,
            is_as_logged=True,
            policies=(),
            checked_at=NOON,
            verifier=IDENTITY,
        )
    )
    lies = {"statement release": lambda _: payload, "attested release": saying(kind=kinds.RELEASE)}

    assert told(edits=lies) == 15


def test_a_set_from_before_is_of_the_slice_that_is_said():
    assert told(edits=certified("before", 0, "name", value="shard-00/slice-0")) == 17


def test_a_set_from_before_was_committed_to_before():
    class Afterwards(Story):
        def restore(self):
            self.late = self.adapter(1, 0, 8, *self.erased)
            super().restore()

        def sets_before(self):
            return [(self.late.name, self.late.records, self.late.committed)]

    assert told(Afterwards) == 17


def test_a_proof_is_of_a_key_that_was_erased():
    def renumbered(files):
        name = next(each for each in sorted(files) if each.endswith(".present"))
        return {**files, name: (9).to_bytes(4, "big") + files[name][4:]}

    assert told(edits={"files": renumbered}) == 17


@pytest.mark.parametrize(
    "edits",
    [
        {"destroy states": saying(trunk_states="3"), "facts destroy states": but(trunk_states=3)},
        {"facts destroy adapters": within("place", log="b.example")},
    ],
)
def test_what_was_destroyed_adds_up(edits):
    assert told(edits=edits) == 18


def test_one_destruction_cannot_be_counted_twice():
    """Two adapters were destroyed, says the erasure, and one of them is attested twice."""

    class Twice(Story):
        def erase(self):
            self.edits["applied"] = saying(adapters="2")
            super().erase()

        def attest_destructions(self):
            super().attest_destructions()
            [envelope] = [self.files[f"attestations/{self.attested['destructions'][1]}.json"]]
            statement = dsse.Envelope.parse(envelope).payload
            other = statement.replace(b'"panelRows":"0"', b'"panelRows":"1"')
            self.attested["destructions"].append(self.sign("twice", other, "registry.Store"))

    assert told(Twice) == 18


def test_a_destruction_is_attested_after_it_happened():
    class Promised(Story):
        def attest_destructions(self):
            index = len(self.entries) + 2

            def later(said):
                place = replace(said.place, index=index)
                return replace(said, place=place, destroyed_at=self.moment(index))

            self.edits["facts destroy adapters"] = later
            super().attest_destructions()
            gone = {"why": "erased", "request": str(bundles.REQUEST), "adapters": [self.gone()]}
            assert len(self.entries) == index
            self.log("at last", "artefacts.destroyed", "registry.Store", gone)

    assert told(Promised) == 18


def test_the_cached_states_that_count_are_the_last_ones_committed():
    class Again(Story):
        def attest(self):
            super().attest()
            self.commit_cache("cache again", self.set(*self.erased, others="cache"))

    assert told(Again) == 17
