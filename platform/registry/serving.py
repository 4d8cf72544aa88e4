"""Scoring with the live release, and measuring how good it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from django.utils import timezone

from corpus.models import Item, Subject
from mlcore import adapters, aggregation, evaluation, trunk
from mlcore.samples import Interaction, candidate_prompt
from mlcore.scoring import Scorer
from registry import answering, samples, states, storage
from registry.bench import Bench, bench_of
from registry.models import Release
from registry.services import live
from registry.states import Progress

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class UnknownItem(LookupError):
    """An item is not in the catalogue."""


@dataclass(frozen=True)
class Scored:
    """P(like) of each candidate, in the order given, and the release that says so."""

    scores: list[float]
    release: Release


@dataclass(frozen=True)
class Quality:
    """How well the live release predicts held-out interactions. AUC is None without both labels."""

    auc: float | None
    samples: int
    release: int


def scorer(bench: Bench, release: Release) -> Scorer:
    """A release's adapters and index, ready to score."""
    return Scorer(
        bench.base,
        bench.plain,
        a=bench.a,
        adapters={
            member.shard: adapters.from_bytes(storage.get(member.adapter.weights))[1]
            for member in live.members(release)
        },
        index=aggregation.from_bytes(storage.get(release.index)),
    )


def score(history: Sequence[Interaction], candidates: Sequence[str]) -> Scored:
    """P(like) of each candidate for someone with this history, from the live release.

    Args:
        history: in any order; their times decide.
        candidates: external ids of catalogue items.

    Raises:
        UnknownItem: naming the candidate's position.
        registry.answering.Overtaken: what serves would not stand still.
        registry.services.live.NothingLive: nothing was trained yet.
    """

    def compute(release: Release) -> Scored:
        titles = titles_of(candidates, what="candidate")
        bench = bench_of(release.recipe)
        prompts = [candidate_prompt(history, titles[item], bench.plain) for item in candidates]
        trunks = [trunk.state_of(bench.base, bench.plain, prompt) for prompt in prompts]
        return Scored(scorer(bench, release).score(trunks), release)

    return answering.answer(compute)


def titles_of(items: Sequence[str], *, what: str) -> Mapping[str, str]:
    """The titles of these items.

    Raises:
        UnknownItem: naming the position of the first that the catalogue does not hold.
    """
    found = dict(Item.objects.filter(external_id__in=items).values_list("external_id", "title"))
    for position, item in enumerate(items, start=1):
        if item not in found:
            raise UnknownItem(f"{what} {position}: not in the catalogue")
    return found


def history_of(subject: Subject) -> list[Interaction]:
    """What we hold of this person, as the engine takes it."""
    for _, interactions in samples.histories(Subject.objects.filter(pk=subject.pk)):
        return interactions
    return []


def told(pairs: Sequence[tuple[str, Decimal]]) -> list[Interaction]:
    """A history that the caller tells, oldest first, of items and values.

    Raises:
        UnknownItem: naming the position.
    """
    titles = titles_of([item for item, _ in pairs], what="history entry")
    return [
        Interaction(
            item=item,
            title=titles[item],
            value=value,
            at=LONG_AGO + timedelta(seconds=position),
            order_key=b"",
        )
        for position, (item, value) in enumerate(pairs)
    ]


def quality(*, progress: Progress) -> Quality:
    """The AUC of the live release on everyone's last interaction, which nothing trains on.

    Raises:
        registry.answering.Overtaken: what serves would not stand still.
        registry.services.live.NothingLive: nothing was trained yet.
    """

    def compute(release: Release) -> Quality:
        bench = bench_of(release.recipe)
        with samples.snapshot():
            held_out = samples.held_out(release.recipe)
            epochs = samples.epochs(release.recipe)
        trunks = states.load(
            bench.base,
            release.recipe,
            held_out,
            epochs=epochs,
            clock=timezone.now,
            progress=progress,
        )
        scores = scorer(bench, release).score(trunks)
        labels = [each.sample.label for each in held_out]
        return Quality(auc=evaluation.auc(scores, labels), samples=len(labels), release=release.pk)

    return answering.answer(compute)
