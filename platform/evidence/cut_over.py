"""Who scores from what is live now, and who has stopped: as the log says it."""

from datetime import datetime

from evidence import entries
from evidence.entries import Placed
from ledger.kinds import Kind
from registry.models import Release
from verifier.strict import MOST_ITEMS


class StillAnswers(Exception):
    """Somebody who scored before neither follows the live release nor stopped, or may not have."""


def told(release: Release, switched: Placed, *, at: datetime) -> list[Placed]:
    """Who follows a release; and of those whom its switch names, who stopped instead.

    An entry of each, and of those that came later no more than a certificate holds: each command
    that scores is one more, and what they logged is in the bundle in any case.

    Args:
        at: what a clock that runs ahead says of later does not count.

    Raises:
        StillAnswers: one of them has done neither, or the switch does not say who there was.
    """
    if "scorers" not in switched.event.facts:
        raise StillAnswers(
            "what serves went live before switches named who scores; train --anew, and ask again"
        )
    found = entries.of_target(release, Kind.RELEASE_ACKNOWLEDGED, after=switched.index)
    for scorer in release.scorers:
        target = f"registry.Scorer:{scorer}"
        found += entries.of_target(target, Kind.SCORER_RETIRED, after=switched.index)
    found = [each for each in found if each.event.at <= at]
    if missing := set(release.scorers) - set(map(scorer_of, found)):
        raise StillAnswers(
            f"scorers that may still answer from the release before: {len(missing)}; "
            "ask again in a minute"
        )
    first = {scorer_of(each): each for each in sorted(found, key=_place, reverse=True)}
    named = [first.pop(scorer) for scorer in release.scorers]
    later = sorted(first.values(), key=_place)[: MOST_ITEMS - len(named)]
    return sorted([*named, *later], key=_place)


def _place(entry: Placed) -> int:
    return entry.index


def scorer_of(entry: Placed) -> str:
    """The scorer that an entry is about."""
    if entry.event.kind == Kind.SCORER_RETIRED:
        return entry.event.target.partition(":")[2]
    scorer: str = entry.event.facts["scorer"]
    return scorer
