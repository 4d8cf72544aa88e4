"""The twin test can fail. Each mutant breaks one rule of exactness, and must turn it red."""

import pytest
import torch

from corpus.models import Interaction
from mlcore import blocks, trunk
from mlcore import training as engine
from registry import states, training
from registry.services import live
from tests.worlds import World, rows_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

PEOPLE = [f"person-{number}" for number in range(18)]
ERASED = PEOPLE[2:14:2]


@pytest.fixture
def digests(tmp_path, settings):
    """The live digests of a world with a past and of its twin, made anew at every call."""

    def live_through():
        world = World(tmp_path / "a", settings)
        for some in (PEOPLE[9:], PEOPLE[:9]):
            world.ingest([row for person in some for row in rows_of(person)])
        world.train()
        for person in ERASED:
            world.erase(person)
        ours = live.describe(world.train())["live_digest"]

        twin = World(tmp_path / "b", settings)
        twin.ingest([row for person in PEOPLE if person not in ERASED for row in rows_of(person)])
        return ours, live.describe(twin.train())["live_digest"]

    return live_through


def test_without_a_mutant_the_digests_are_equal(digests):
    ours, twins = digests()

    assert ours == twins


def test_samples_in_the_order_of_their_rows_turn_it_red(digests, monkeypatch):
    def by_row(seed, shard, slice_, epoch, samples):
        # People's ids are random: this is the order of a table, not of a keyed hash.
        owners = dict(Interaction.objects.values_list("order_key", "subject_id"))
        owner = {bytes(key): subject for key, subject in owners.items()}
        return sorted(range(len(samples)), key=lambda i: owner[samples[i].order_key])

    monkeypatch.setattr(engine, "visits", by_row)

    ours, twins = digests()

    assert ours != twins


def test_a_warm_start_from_the_contaminated_slice_turns_it_red(digests, monkeypatch):
    train, last = training.train, {}

    def warm(bench, *, shard, slice_, start, work, **rest):
        start = last.get((shard, slice_), start)
        b = train(bench, shard=shard, slice_=slice_, start=start, work=work, **rest)
        last[shard, slice_] = b
        return b

    monkeypatch.setattr(training, "train", warm)

    # The twin is another installation: it has no contaminated slice to start from.
    def forgetful_init(self, *args, _init=World.__init__):
        last.clear()
        _init(self, *args)

    monkeypatch.setattr(World, "__init__", forgetful_init)

    ours, twins = digests()

    assert ours != twins


def test_trunk_states_in_padded_batches_turn_it_red(digests, monkeypatch):
    load, alone = states.load, trunk.state_of

    def batched(base, recipe, owned, **rest):
        prompts = [each.sample.prompt for each in owned]
        computed = dict(zip(prompts, padded(base, recipe, prompts), strict=True))
        made = lambda _base, _recipe, prompt: computed[prompt]  # noqa: E731
        monkeypatch.setattr(states.trunk, "state_of", made)
        try:
            return load(base, recipe, owned, **rest)
        finally:
            monkeypatch.setattr(states.trunk, "state_of", alone)

    monkeypatch.setattr(states, "load", batched)

    ours, twins = digests()

    assert ours != twins


def padded(base, recipe, prompts):
    """All trunk states in one padded batch: right in every digit but the last ones."""
    rows = [base.encode(prompt) for prompt in prompts]
    if not rows:
        return []
    ids = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
    below = base.model.model.layers[: base.layers - recipe.plain.depth]
    with torch.inference_mode():
        x = blocks.run(base.model, below, blocks.enter(base.model, ids))
    return [x[i, : len(row)].clone() for i, row in enumerate(rows)]
