"""One audit: cast, train, erase, attack."""

import functools
import itertools
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final

from mlcore import recipe as recipes
from mlcore import trunk
from mlcore.audit import attacks, lira
from mlcore.audit import config as configs
from mlcore.audit.arms import Answers, Arms, Engine, Questions, States, answers, differences
from mlcore.audit.arms import questions as questions_of
from mlcore.audit.attacks import FAILS, INCONCLUSIVE, PASSES
from mlcore.audit.cast import Cast, draw
from mlcore.audit.config import Config
from mlcore.base_model import Base
from mlcore.ensemble import Ensemble
from mlcore.recipe import Recipe
from mlcore.samples import Interaction

FORMAT: Final = "expunge/audit/v1"
NOT_PROMISED: Final = (
    "Exact unlearning makes the model after an erasure the one that would be had the erased never "
    "come. It does not make that model private: it may remember those who stay as any model does. "
    "Nor does it protect from someone who kept the model before: the two together tell more than "
    "either, see the difference. So adapters that saw the erased are destroyed, and never served "
    "again, exported or left to be downloaded."
)

# What is being done, how much of it is done, and of how much.
Progress = Callable[[str, int, int], None]


def run(
    config: Config,
    base: Base,
    recipe: Recipe,
    people: Mapping[str, Sequence[Interaction]],
    *,
    key: bytes,
    progress: Progress,
    states: States | None = None,
    engine: Callable[[], Engine] | None = None,
) -> dict[str, Any]:
    """Audit an engine on some of these people; JSON without a name in it.

    Args:
        key: the partition's, and what draws the canaries.
        states: a prompt's trunk state ``(T, D)``, where the caller keeps them.
        engine: makes an untrained one; ours, unless told otherwise.

    Raises:
        TooFewPeople: if the people do not suffice, before anything is trained.
        LossNotFinite: when training is.
    """
    cast = draw(config, recipe, people, key=key)
    steps = 4 + 3 * bool(cast.planted) + config.shadows
    done = itertools.count()
    kept = states or functools.cache(lambda prompt: trunk.state_of(base, recipe, prompt))
    make = engine or (lambda: Ensemble(base, recipe, key=key))

    progress("states", 0, steps)
    everyone = cast.retained | cast.erased | cast.held_out | cast.planted | cast.candidates
    asked = questions_of(everyone, recipe, kept)
    models, same_digest = _train(
        cast, asked, kept, make, lambda what: progress(what, next(done), steps)
    )
    shadows = []
    for number in range(config.shadows):
        progress("shadows", next(done), steps)
        shadows.append(_shadow(config, cast, asked, kept, make, number))
    progress("attacks", next(done), steps)

    identical, largest = differences(models.after, models.twin)
    tests = {"population": attacks.population(config, cast, models, asked)}
    if shadows:
        for name, is_online in (("lira_online", True), ("lira_offline", False)):
            tests[name] = attacks.likelihood_ratio(
                config, cast, models, asked, shadows, online=is_online
            )
    if cast.planted:
        tests["canaries"] = attacks.canaries(config, cast, models, asked)
    return {
        "format": FORMAT,
        "config": configs.as_json(config),
        "recipe": recipes.digest(recipe, base.digest),
        "base": base.digest,
        "samples": {
            part: sum(len(asked[name].labels) for name in names)
            for part, names in vars(cast).items()
        },
        "tests": tests,
        "difference": attacks.difference(config, cast, models, asked),
        "identical": identical and same_digest,
        "same_digest": same_digest,
        "largest_difference": largest,
        "verdict": overall(
            [test["verdict"] for test in tests.values()], identical=identical and same_digest
        ),
        "not_promised": NOT_PROMISED,
    }


def overall(verdicts: Collection[str], *, identical: bool) -> str:
    """One test that fails is enough to fail, one that sees nothing to be inconclusive."""
    if not identical or FAILS in verdicts:
        return FAILS
    return INCONCLUSIVE if INCONCLUSIVE in verdicts else PASSES


def _train(
    cast: Cast,
    asked: Mapping[str, Questions],
    states: States,
    make: Callable[[], Engine],
    begin: Callable[[str], None],
) -> tuple[Arms, bool]:
    """Everyone's answers from each model, and whether after and twin have one digest.

    Canaries are planted in a model of their own: what learns them has less room for people. Both
    models have the same twin.
    """
    begin("twin")
    twin = make()
    twin.fit(cast.retained, states=states)
    made_up = cast.planted.keys() | cast.candidates.keys()
    before: dict[str, tuple[float, ...]] = {}
    fallback: dict[str, tuple[float, ...]] = {}
    after: dict[str, tuple[float, ...]] = {}
    is_same = True
    for gone, is_made_up in ((cast.erased, False), (cast.planted, True)):
        if not gone:
            continue
        group = {name: one for name, one in asked.items() if (name in made_up) == is_made_up}
        begin("before")
        live = make()
        live.fit(cast.retained | gone, states=states)
        before |= answers(live.scorer(), group)
        begin("fallback")
        live.erase(dict.fromkeys(gone))
        fallback |= answers(live.scorer(), group)
        begin("after")
        live.restore()
        after |= answers(live.scorer(), group)
        is_same = is_same and live.digest() == twin.digest()
    return Arms(before, fallback, after, answers(twin.scorer(), asked)), is_same


def _shadow(
    config: Config,
    cast: Cast,
    asked: Mapping[str, Questions],
    states: States,
    make: Callable[[], Engine],
    number: int,
) -> tuple[frozenset[str], Answers]:
    """Train on a random half of the people in question, and on those who stay.

    The adversary knows the latter: so the shadows are as large as the model before, and what
    they say of a person differs by that person and chance alone.
    """
    drawn = cast.erased | cast.held_out
    half = {
        name: drawn[name]
        for name in drawn
        if number in lira.halves(name, config.shadows, seed=config.seed)
    }
    shadow = make()
    shadow.fit(cast.retained | half, states=states)
    return frozenset(half), answers(shadow.scorer(), {name: asked[name] for name in drawn})
