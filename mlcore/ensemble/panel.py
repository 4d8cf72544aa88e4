"""The validation panel: who is on it, how wrong each checkpoint is there, and the index."""

from collections.abc import Collection, Mapping, Sequence

import torch

from mlcore import aggregation, trunk
from mlcore.aggregation import Index
from mlcore.ensemble.checkpoints import Checkpoint
from mlcore.ensemble.people import Person, Progress
from mlcore.lora import Top, Weights
from mlcore.samples import Sample

Panel = Sequence[tuple[Person, Sample]]


def chosen(people: Collection[Person], count: int) -> Panel:
    """The first people by rank who have a sample to validate on, with that sample."""
    ranked = sorted(people, key=lambda person: person.rank)
    held = [(person, person.validation) for person in ranked if person.validation]
    return held[:count]


def fill(
    checkpoints: Collection[Checkpoint], panel: Panel, top: Top, a: Weights, progress: Progress
) -> int:
    """Give each checkpoint its error on each panel sample; returns how many were computed.

    An error that is there is kept, one on a sample that is on the panel no more is dropped.
    """
    wanted = {sample for _, sample in panel}
    missing = []
    for one in {id(one): one for one in checkpoints}.values():
        one.errors = {sample: error for sample, error in one.errors.items() if sample in wanted}
        missing += [(one, *row) for row in panel if row[1] not in one.errors]
    for done, (one, person, sample) in enumerate(missing, start=1):
        state = person.states[sample.prompt]
        one.errors[sample] = aggregation.panel_error(top, a, one.b, state, sample.label)
        progress("panel", done, len(missing))
    return len(missing)


def index(serving: Mapping[int, Checkpoint], panel: Panel, width: int) -> Index:
    """The panel's rows that every serving adapter has an error on; ``width`` is D.

    After an erasure, someone who is new on the panel waits for ``fill``.
    """
    rows = [
        (person.states[sample.prompt], [one.errors[sample] for one in serving.values()])
        for person, sample in panel
        if sample.prompt in person.states and all(sample in one.errors for one in serving.values())
    ]
    embeddings = [trunk.embed(state) for state, _ in rows]
    return Index(
        tuple(serving),
        torch.stack(embeddings) if rows else torch.zeros(0, width),
        torch.tensor([errors for _, errors in rows]).reshape(len(rows), len(serving)),
    )
