"""The attacks, each on every model, and what each says."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from mlcore.audit import arms, lira, statistics
from mlcore.audit.arms import Answers, Arms, Questions
from mlcore.audit.cast import Cast
from mlcore.audit.config import Config
from mlcore.audit.lira import Seen
from mlcore.audit.statistics import Estimate

Asked = Mapping[str, Questions]
Result = dict[str, Any]
Scores = list[list[float]]

PASSES: Final = "passes"
FAILS: Final = "fails"
INCONCLUSIVE: Final = "inconclusive"


def population(config: Config, cast: Cast, models: Arms, asked: Asked) -> Result:
    """Is a sample's loss that of a member? Yeom et al. 2018 (arXiv 1709.01604)."""

    def score(given: Answers, names: Sequence[str]) -> Scores:
        return [[-loss for loss in arms.losses(given, asked, name)] for name in names]

    found: Result = {}
    scored: dict[str, tuple[Scores, Scores]] = {}
    for arm, given in models.named().items():
        members, others = score(given, [*cast.erased]), score(given, [*cast.held_out])
        scored[arm] = members, others
        found[arm] = _attack(config, members, others) | {
            "advantage": statistics.advantage(members, others, limit=-config.loss_threshold)
        }
    return _auc_verdict(config, cast, models, found, scored)


def likelihood_ratio(
    config: Config,
    cast: Cast,
    models: Arms,
    asked: Asked,
    shadows: Sequence[tuple[frozenset[str], Answers]],
    *,
    online: bool,
) -> Result:
    """Is a sample's confidence that of a model which trained on it? LiRA (arXiv 2112.03570).

    Args:
        shadows: who trained each, and what it answers.
    """
    names = [*cast.erased, *cast.held_out]
    inside = {name: [name in trained for trained, _ in shadows] for name in names}
    told = {
        name: [arms.confidences(given, asked, name) for _, given in shadows] for name in names
    }  # by person, then shadow, then sample
    seen = [
        Seen(
            inside=tuple(one[i] for one, was in zip(told[name], inside[name], strict=True) if was),
            outside=tuple(
                one[i] for one, was in zip(told[name], inside[name], strict=True) if not was
            ),
        )
        for name in names
        for i in range(len(asked[name].labels))
    ]
    attack = lira.online if online else lira.offline
    found: Result = {}
    scored: dict[str, tuple[Scores, Scores]] = {}
    for arm, given in models.named().items():
        flat = iter(
            attack(
                [x for name in names for x in arms.confidences(given, asked, name)],
                seen,
                fixed=config.fixed_variance,
            )
        )
        scores = [[next(flat) for _ in asked[name].labels] for name in names]
        scored[arm] = scores[: len(cast.erased)], scores[len(cast.erased) :]
        found[arm] = _attack(config, *scored[arm])
    return _auc_verdict(config, cast, models, found, scored)


def canaries(config: Config, cast: Cast, models: Arms, asked: Asked) -> Result:
    """Does a planted person rank before those who were not? Exposure (arXiv 1802.08232)."""

    def score(given: Answers, name: str) -> float:
        losses = arms.losses(given, asked, name)
        return sum(losses) / len(losses)

    # Copies share every prompt, so one speaks for them.
    planted = [*cast.planted][:: config.copies]
    chance = statistics.chance_exposure(len(cast.candidates))
    found: Result = {}
    above: dict[str, Estimate] = {}
    told: dict[str, list[float]] = {}
    for arm, given in models.named().items():
        others = [score(given, name) for name in cast.candidates]
        bits = [statistics.exposure(score(given, name), others) for name in planted]
        told[arm] = [one - chance for one in bits]
        above[arm] = statistics.mean(told[arm], resamples=config.resamples, seed=config.seed)
        found[arm] = {
            "exposure": sum(bits) / len(bits),
            "above_chance": above[arm].as_json(),
            "most": max(bits),
        }

    def sees(arm: str) -> bool:
        over = statistics.mean(
            [more - less for more, less in zip(told[arm], told["twin"], strict=True)],
            resamples=config.resamples,
            seed=config.seed,
        )
        found[arm]["above_twin"] = over.as_json()
        return above[arm].low > config.seen_bits and over.low > 0

    seen, is_served = sees("before"), sees("fallback")
    left = is_served or any(
        above[arm].low > 0 and above[arm].value > config.left_bits
        for arm in ("fallback", "after", "twin")
    )
    people = [*planted, *cast.candidates]
    return {"chance": chance} | _verdict(models, people, found, seen=seen, left=left)


def difference(config: Config, cast: Cast, models: Arms, asked: Asked) -> Result:
    """What an adversary learns who kept the model before: whose loss rose? (arXiv 2505.24379).

    It has no verdict. Exactness promises nothing against it, and no retraining could: the model
    before did see the erased.
    """

    def rise(names: Sequence[str]) -> Scores:
        return [
            [
                late - early
                for early, late in zip(
                    arms.losses(models.before, asked, name),
                    arms.losses(models.after, asked, name),
                    strict=True,
                )
            ]
            for name in names
        ]

    erased = rise([*cast.erased])
    return {
        "erased_from_retained": _attack(config, erased, rise([*cast.retained])),
        "erased_from_never_trained": _attack(config, erased, rise([*cast.held_out])),
    }


def _attack(config: Config, members: Scores, others: Scores) -> Result:
    auc = statistics.auc(members, others, resamples=config.resamples, seed=config.seed)
    return {
        "auc": auc.as_json(),
        "true_positives": [
            {
                "false_positives": rate,
                "rate": statistics.true_positives(members, others, false_positives=rate),
            }
            for rate in config.false_positives
        ],
        "roc": [list(point) for point in statistics.roc(members, others)],
    }


def _auc_verdict(
    config: Config,
    cast: Cast,
    models: Arms,
    found: Result,
    scored: Mapping[str, tuple[Scores, Scores]],
) -> Result:
    """Seen is what beats guessing and the twin: who was drawn may look like a member to both.

    What counts as seen before the erasure counts as left while the fallback serves, too: that one
    has no twin of its own to equal bit for bit.
    """

    def sees(arm: str) -> bool:
        over = statistics.auc_above(
            scored[arm], scored["twin"], resamples=config.resamples, seed=config.seed
        )
        found[arm]["above_twin"] = over.as_json()
        return bool(found[arm]["auc"]["ci95"][0] > config.seen_auc and over.low > 0)

    def tells(arm: str) -> bool:
        auc = found[arm]["auc"]
        low, high = auc["ci95"]
        return not low <= 0.5 <= high and abs(auc["value"] - 0.5) > config.left_auc

    seen, is_served = sees("before"), sees("fallback")
    left = is_served or any(tells(arm) for arm in ("fallback", "after", "twin"))
    return _verdict(models, [*cast.erased, *cast.held_out], found, seen=seen, left=left)


def _verdict(
    models: Arms, people: Sequence[str], found: Result, *, seen: bool, left: bool
) -> Result:
    identical, largest = arms.differences(
        {name: models.after[name] for name in people},
        {name: models.twin[name] for name in people},
    )
    if not identical:
        verdict, says = FAILS, "the model after the erasure is not that of the twin"
    elif left:
        verdict, says = FAILS, "the test tells the erased from others after the erasure"
    elif not seen:
        verdict, says = INCONCLUSIVE, "the test sees nothing before: it proves nothing"
    else:
        verdict = PASSES
        says = "the test sees the erased before, and after it sees what it sees in the twin: no one"
    return {
        "arms": found,
        "identical": identical,
        "largest_difference": largest,
        "verdict": verdict,
        "says": says,
    }
