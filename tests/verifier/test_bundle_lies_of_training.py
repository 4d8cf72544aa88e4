"""What an operator who signs whatever they like could say of how a model was made."""

from dataclasses import replace
from datetime import timedelta

import pytest

from evidence import facts, statements
from tests.verifier import bundles
from tests.verifier.bundles import ERASED, NOON
from tests.verifier.edits import LAST, ZEROS, but, certified, code, saying, setting, told, within
from tests.verifier.story import Story
from verifier import proof_files


def member(**fields):
    """Sets fields of the first adapter that a release names."""
    return lambda said: replace(
        said, members=(replace(said.members[0], **fields), *said.members[1:])
    )


def one_more_file(said):
    return replace(said, files=(*said.files, replace(said.files[0], name="b")))


class OneShardLess(Story):
    """The evidence of shard 1 is not there, and it serves all the same."""

    def attest(self):
        self.hidden = {place: made for place, made in self.live.items() if place[0]}
        super().attest()

    def certificate(self, sets, before):
        body = super().certificate(sets, before)
        body["sets"] = [each for each in body["sets"] if not each["name"].startswith("shard-01")]
        mine = [made.envelope for made in self.chain() if made.shard == 0]
        body["attestations"]["adapters"] = mine
        return body

    def edited(self, name, value):
        if name == "files":
            kept = [
                each[1].root.hex() for each in self.sets() if not each[0].startswith("shard-01")
            ]
            gone = {f"attestations/{made.envelope}.json" for made in self.chain() if made.shard}
            gone |= {each for each in value if each.endswith(".absent") and each[5:69] not in kept}
            value = {each: data for each, data in value.items() if each not in gone}
        return super().edited(name, value)


def test_no_shard_can_be_left_out():
    assert told(OneShardLess) == 16


def test_no_set_can_be_left_out():
    class Less(Story):
        def sets(self):
            return super().sets()[1:]

    class Nothing(Story):
        def sets(self):
            return []

    assert told(Less) == 17
    assert told(Nothing) == 17


def test_a_set_of_the_same_name_cannot_stand_for_two():
    class Twice(Story):
        def sets(self):
            name, held, entry = super().sets()[0]
            return [*super().sets(), (name, held, entry + 2)]

    class Before(Story):
        def sets(self):
            name, held, entry = super().sets()[0]
            return [(name, held, entry + 2), *super().sets()]

    assert told(Twice) == 17
    assert told(Before) == 17


class Contaminated(Story):
    """What is trained after the erasure starts from, or still is, what had seen her."""

    def retrain(self):
        last = self.slices - 1
        self.live[0, last] = self.adapter(0, last, 1, *self.erased[:1])


def test_no_proof_of_absence_can_be_made_of_a_set_that_holds_a_key():
    assert told(Contaminated) == 17


@pytest.mark.parametrize("forge", [b"", b"\x00\x00", None])
def test_no_other_proof_passes_for_one_of_absence(forge):
    """A proof of presence, of another key, or nothing, in its place."""
    name = None
    story = Contaminated()

    def edit(files):
        nonlocal name
        held = story.live[0, 1].records
        name = f"sets/{held.root.hex()}.absent"
        missing = [b"\xff" * 32] * len(ERASED)
        return {**files, name: proof_files.absent(held, missing) if forge is None else forge}

    story.edits["files"] = edit

    assert code(story.bundle()) == 17
    assert name is not None


def test_a_warm_start_from_a_slice_that_saw_her_shows():
    """Three slices: she was in the middle one, and the last is started from the old middle."""

    class Warm(Story):
        def __init__(self, edits=None):
            super().__init__(edits, slices=3)

        def train(self):
            super().train()
            self.middle = self.adapter(0, 1, 7, *self.erased)

        def retrain(self):
            self.live[0, 1] = self.middle
            super().retrain()

    assert told(Warm) == 17


class Parent(Story):
    """The last slice of shard 0 says that it was started from something else."""

    def adapter_facts(self, made):
        said = super().adapter_facts(made)
        if (made.shard, made.slice) == (0, 1):
            return replace(said, parent=self.parent(said.parent))
        return said

    def parent(self, was):
        return replace(was, sha256=ZEROS)


class OfAnotherShard(Parent):
    def parent(self, was):
        return replace(was, sha256=self.live[1, 0].weights)


class OfAnotherEpoch(Parent):
    def parent(self, was):
        return replace(was, epoch=5)


@pytest.mark.parametrize("story", [Parent, OfAnotherShard, OfAnotherEpoch])
def test_a_parent_that_is_not_in_the_chain_is_refused(story):
    assert told(story) == 16


def test_a_parent_that_was_made_after_its_child_is_refused():
    class Backwards(Story):
        def retrain(self):
            super().retrain()
            self.live[0, 0] = self.adapter(0, 0, 0)

        def adapter(self, shard, slice_, epoch, *keys):
            if (shard, slice_) == (0, 0) and "switch 1" not in self.places:
                self.old[0, 0] = super().adapter(0, 0, 9)
                self.old[0, 0].weights = bundles.digest("weights", 0, 0, 0)
                self.old[0, 0].epoch = 0
                return self.old[0, 0]
            return super().adapter(shard, slice_, epoch, *keys)

    assert told(Backwards) == 16


class SetAfterTraining(Story):
    """A set that suits is committed to after the training."""

    def train_on(self, made, where, here):
        if made.epoch:
            said = {"digest": made.weights, **here}
            index = len(self.entries) + 1
            said["set"] = str(bundles.uuid5(bundles.NAMES, f"event {index}"))
            made.trained = self.log(f"trained {where}", "adapter.trained", made.target, said)
            root = {"recipe": bundles.RECIPE, "root": made.records.root.hex()}
            count = {"count": str(len(made.records)), **here}
            made.committed = self.log(
                "late set", "training_set.committed", "r:1", {**root, **count}
            )
        else:
            super().train_on(made, where, here)

    def adapter_facts(self, made):
        said = super().adapter_facts(made)
        return replace(said, started_at=self.moment(1)) if made.epoch else said


def test_a_set_that_is_younger_than_the_training_is_refused():
    assert told(SetAfterTraining) == 16


def test_an_attestation_from_before_the_training_is_refused():
    class Hasty(Story):
        def train_on(self, made, where, here):
            if made.epoch:
                made.trained = len(self.entries) + 1
                payload = statements.adapter(self.adapter_facts(made))
                self.hasty = self.sign("hasty", payload, made.target)
            super().train_on(made, where, here)

        def sign(self, name, payload, target):
            if name == "adapter shard-00/slice-1":
                return self.hasty
            return super().sign(name, payload, target)

    assert told(Hasty) == 16


@pytest.mark.parametrize(
    "edits",
    [
        {f"set {LAST} of epoch 1": saying(root=ZEROS)},
        {f"set {LAST} of epoch 1": saying(count="1")},
        {f"set {LAST} of epoch 1": saying(shard="1")},
        {f"set {LAST} of epoch 1": saying(epoch="0")},
        {f"set {LAST} of epoch 1": saying(recipe=ZEROS)},
        {f"set {LAST} of epoch 1": setting(type="batch.ingested")},
        {f"trained {LAST} of epoch 1": saying(digest=ZEROS)},
        {f"trained {LAST} of epoch 1": saying(slice="0")},
        {f"trained {LAST} of epoch 1": saying(set="0")},
        {f"trained {LAST} of epoch 1": setting(target="registry.AdapterVersion:1")},
        {f"attested adapter {LAST}": setting(target="registry.AdapterVersion:1")},
        {f"attested adapter {LAST}": saying(envelope=ZEROS)},
        {f"facts {LAST}": within("training_set", epoch=0)},
        {f"facts {LAST}": but(shard=1)},
        {f"facts {LAST}": one_more_file},
        {f"facts {LAST}": within("base", sha256=ZEROS)},
        {f"facts {LAST}": within("recipe", sha256=ZEROS)},
        {f"facts {LAST}": but(started_at=NOON)},
        {f"facts {LAST}": but(finished_at=NOON + timedelta(days=1))},
        {f"facts {LAST}": but(builder="https://somebody.example")},
        {f"facts {LAST}": within("training_set", head=ZEROS)},
        {f"facts {LAST}": within("training_set", records=facts.CommittedSet(root=ZEROS, count=6))},
        {"facts release": member(provenance=ZEROS)},
        {"facts release": member(slice=0)},
    ],
)  # fmt: skip
def test_how_an_adapter_was_made_is_as_logged(edits):
    assert told(edits=edits) == 16


@pytest.mark.parametrize(
    "edits",
    [
        {"cache 2": saying(count="7")},
        {"switch 1": saying(panel={"root": ZEROS, "count": "7"})},
        certified("sets", 0, "count", value="7"),
        certified("sets", 0, "entry", value="4"),
        certified("sets", 0, "name", value="shard-00/slice-7"),
        certified("sets", -1, "entry", value="11"),
        certified("before", 0, "present", value="2"),
        certified("before", 0, "name", value="shard-01/slice-1"),
        certified("before", 0, "entry", value="18"),
        certified("before", 2, "entry", value="21"),
    ],
)  # fmt: skip
def test_sets_are_those_that_were_logged(edits):
    assert told(edits=edits) in {15, 17}


def test_a_cache_that_was_committed_to_before_the_switch_does_not_count():
    class Early(Story):
        def sets(self):
            *rest, (name, held, _) = super().sets()
            return [*rest, (name, held, self.places["early"])]

        def retrain(self):
            super().retrain()
            self.commit_cache("early", self.set(others="cache"))

    assert told(Early) == 17


def test_what_was_there_before_is_not_made_up():
    class MadeUp(Story):
        def sets_before(self):
            made = self.old[1, 1]
            return [(made.name, made.records, made.committed)]

    assert told(MadeUp) == 17


def test_a_base_that_had_seen_the_person_is_named_for_others_to_compare():
    """An adapter that was merged into the base is not seen: a bundle has no word but its own."""

    class Merged(Story):
        def adapter_facts(self, made):
            found = super().adapter_facts(made)
            return replace(found, base=replace(found.base, sha256=ZEROS))

    report = Merged().bundle().check()

    assert report.exit_code == 0
    assert any(each.endswith(ZEROS) for each in report.not_proven)
    assert not any(each.endswith(ZEROS) for each in Story().bundle().check().not_proven)
