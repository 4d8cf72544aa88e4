"""Who scores from what is live now, and who has stopped: as the log says it."""

from datetime import datetime

from evidence import entries
from evidence.entries import Placed
from ledger.kinds import Kind
from registry.models import Release


class StillAnswers(Exception):
    """Somebody scored from the release before, and neither follows the live one nor stopped."""


def told(release: Release, switched: Placed, *, at: datetime) -> list[Placed]:
    """Who follows a release; and of those whom its switch names, who stopped instead.

    Args:
        at: what a clock that runs ahead says of later does not count.

    Raises:
        StillAnswers: one of them has done neither.
    """
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
    return sorted(found, key=lambda each: each.index)


def scorer_of(entry: Placed) -> str:
    """The scorer that an entry is about."""
    if entry.event.kind == Kind.SCORER_RETIRED:
        return entry.event.target.partition(":")[2]
    scorer: str = entry.event.facts["scorer"]
    return scorer
