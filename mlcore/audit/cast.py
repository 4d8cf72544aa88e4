"""Who plays which part in an audit, and people who are made up for it."""

import hashlib
import hmac
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from mlcore import partition, samples
from mlcore.audit.config import Config
from mlcore.recipe import Recipe
from mlcore.samples import Interaction

People = dict[str, Sequence[Interaction]]

FEWEST: Final = 4  # training targets of a canary, where the recipe takes all there are
NEWYEAR: Final = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Cast:
    """People by part. ``held_out`` and ``candidates`` never train; ``retained`` alone stay.

    The copies of a planted person follow each other.
    """

    retained: People
    erased: People
    held_out: People
    planted: People
    candidates: People


class TooFewPeople(ValueError):
    """There are fewer people, or fewer items, than the audit's configuration takes."""


def draw(
    config: Config, recipe: Recipe, people: Mapping[str, Sequence[Interaction]], *, key: bytes
) -> Cast:
    """Give the parts by a hash of seed and subject, to people who have training samples.

    Erased and held out are drawn alike, so nothing but training tells them apart.

    Raises:
        TooFewPeople: if the people do not suffice.
    """
    if config.retained < recipe.shards:
        raise TooFewPeople(
            f"retained is {config.retained}, fewer than the recipe's {recipe.shards} shards."
        )
    lots = {
        name: hashlib.sha256(f"{config.seed}/part/{name}".encode()).digest()
        for name, interactions in people.items()
        if samples.split(interactions, recipe).train
    }
    order = sorted(lots, key=lots.__getitem__)
    wanted = config.retained + config.erased + config.held_out
    if wanted > len(order):
        raise TooFewPeople(
            f"retained, erased and held_out take {wanted} people, "
            f"and {len(order)} have training samples."
        )
    chosen = iter(order)
    parts = [
        {name: people[name] for name in itertools.islice(chosen, count)}
        for count in (config.erased, config.held_out, config.retained)
    ]
    catalogue = {one.item: one.title for history in people.values() for one in history}
    made_up = range(config.canaries + config.candidates if config.canaries else 0)
    if made_up and _length(recipe) > len(catalogue):
        raise TooFewPeople(
            f"a canary takes {_length(recipe)} items, and there are {len(catalogue)}."
        )

    def canary(number: int, copy: int) -> tuple[str, Sequence[Interaction]]:
        name = hashlib.sha256(f"{config.seed}/canary/{number}/{copy}".encode()).hexdigest()
        return name, _canary(name, f"{config.seed}/{number}", recipe, catalogue, key)

    return Cast(
        erased=parts[0],
        held_out=parts[1],
        retained=parts[2],
        planted=dict(
            canary(number, copy)
            for number in made_up[: config.canaries]
            for copy in range(config.copies)
        ),
        candidates=dict(canary(number, 0) for number in made_up[config.canaries :]),
    )


def _length(recipe: Recipe) -> int:
    """How many interactions a canary has: the last two are the test's and the validation's."""
    return recipe.min_history + (recipe.targets or FEWEST) + 2


def _canary(
    name: str, lot: str, recipe: Recipe, catalogue: Mapping[str, str], key: bytes
) -> list[Interaction]:
    """Somebody like nobody: items drawn by a keyed hash of the lot, liked by a keyed coin."""
    drawn = {item: hmac.digest(key, f"{lot}/{item}".encode(), "sha256") for item in catalogue}
    bar = Decimal(recipe.like_above)
    return [
        Interaction(
            item=item,
            title=catalogue[item],
            # Items come by the first bytes; the last bit is still a fair coin.
            value=bar + 1 if drawn[item][-1] & 1 else bar,
            at=NEWYEAR + timedelta(days=day),
            order_key=partition.order_key(name, item.encode(), key=key),
        )
        for day, item in enumerate(sorted(drawn, key=drawn.__getitem__)[: _length(recipe)])
    ]
