"""The report's pages on what erasing and serving cost, and on what proves it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from mlcore.benchmark.config import Config
from mlcore.benchmark.report import markdown
from mlcore.benchmark.report.summary import figure

WHATS: Final = {
    "one_interaction": "1 interaction",
    "one_subject": "1 subject",
    "subjects_10": "10 subjects",
    "subjects_100": "100 subjects",
}
BASELINES: Final = {
    "retrain": "retrain, same recipe, no caches",
    "retrain_all_blocks": "retrain, LoRA on all blocks",
    "apa": "APA, LoRA on all blocks, partition kept",
    "apa_top": "APA, no caches, LoRA where ours is",
    "apa_moved": "APA, LoRA on all blocks, partition made anew",
}


def pages(config: Config, results: Mapping[str, Any]) -> list[str]:
    """One page a measure that has run."""
    made = []
    for measure, page in PAGES.items():
        told = figure(results, measure)
        if told is not None:
            table = config.measures.get(measure, config.quality)
            made.append(page(told, f"K = {table['shards']}, S = {table['slices']}"))
    if "audit" in results:
        made.append(_audit(results["audit"]["result"]))
    return made


def _erasure(told: Mapping[str, Any], place: str) -> str:
    picture = "![Times faster, by what is erased](erasure.svg)\n"
    return _erasing("Erasing", told, place, picture)


def _unsliced(told: Mapping[str, Any], place: str) -> str:
    return _erasing("Erasing without slices", told, place, "")


def _erasing(title: str, told: Mapping[str, Any], place: str, picture: str) -> str:
    whats = [what for what in WHATS if what in told["ours"]]
    head = ["", *(WHATS[what] for what in whats)]
    ours = ["Expunge", *(_seconds(told["ours"][what]["seconds"]) for what in whats)]
    seconds = [
        [BASELINES[base], *(_seconds(one["seconds"].get(what)) for what in whats)]
        for base, one in told["baselines"].items()
    ]
    ratios = [
        [BASELINES[base], *(_ratio(one.get(what)) for what in whats)]
        for base, one in told["ratios"].items()
    ]
    samples = [
        ["Expunge", *(markdown.number(told["ours"][what]["samples_trained"], 0) for what in whats)],
        *(
            [
                BASELINES[base],
                *(markdown.number(one["samples_trained"].get(what), 0) for what in whats),
            ]
            for base, one in told["baselines"].items()
        ),
    ]
    steps = "; ".join(
        f"{BASELINES[base]}: "
        + (
            "run whole"
            if one.get("whole")
            else f"{one['timed_steps']:,} of {one['steps']:,} steps timed"
        )
        for base, one in told["baselines"].items()
    )
    return f"""## {title}

Seconds from the request until everything is retrained, at {place}, over {told["training_rows"]:,}
training rows, and how many times longer each way without our engine takes. Where a full run would
take too long, real optimiser steps were timed between ours and multiplied by their number
({steps}).
{picture}
Times slower than Expunge, with intervals:

{markdown.table(head, ratios)}
Seconds:

{markdown.table(head, [ours, *seconds])}
Samples trained, each counted once an epoch:

{markdown.table(head, samples)}"""


def _clean(told: Mapping[str, Any], place: str) -> str:
    rows = [
        ["until the first row is scored by a clean fallback, s", _seconds(told["seconds"])],
        ["the longest, s", markdown.number(told["largest"])],
        ["trials", str(told["trials"])],
    ]
    return f"""## Time to clean

From the erasure of one subject until a release that never saw it has scored its first row, at
{place}. Nothing is trained in between.

{markdown.table(["", "measured"], rows)}"""


def _throughput(told: Mapping[str, Any], place: str) -> str:
    whole = told["from_prompts"]
    rows = [
        [
            "one adapter, rows a second",
            *(markdown.number(one["single"], 1) for one in (whole, told)),
        ],
        [
            "adaptive mix, rows a second",
            *(markdown.number(one["ours"], 1) for one in (whole, told)),
        ],
        ["ratio", _ratio(whole["ratio"]), _ratio(told["ratio"])],
    ]
    return f"""## Scoring throughput

A batch of {told["batch_size"]} rows through one adapter, and through the adaptive mix with its
weights, at {place}; the two take turns in one process. From prompts is what a new candidate takes;
from trunk states that are cached, only the blocks that are adapted and the mix are left.

{markdown.table(["", "from prompts", "from cached states"], rows)}"""


def _storage(told: Mapping[str, Any], place: str) -> str:
    names = ["adapters", "checkpoints", "index", "states", "independent_a"]
    rows = [
        [f"{one['shards']}, {one['slices']}", *(markdown.size(one.get(name)) for name in names)]
        for one in told["rows"]
    ]
    head = ["K, S", "adapters", "checkpoints", "index", "states", "adapters if A were not shared"]
    return f"""## Bytes stored

What is kept on disk by the number of shards and slices. The states are what makes erasing fast,
and are personal data: they go with their subject.

{markdown.table(head, rows)}"""


def _moved(told: Mapping[str, Any], place: str) -> str:
    rows = [
        [
            one["partition"],
            f"{one['deleted']:,}",
            f"{one['trials']:,}",
            markdown.number(one["others"], 0),
            markdown.number(one["moved"], 1),
            markdown.number(one["touched"], 2),
            f"{100 * one['share_touching_all']:.0f} %",
        ]
        for one in told["rows"]
    ]
    head = ["partition", "erased", "trials", "others", "moved", "shards touched", "touch all"]
    return f"""## What an erasure moves

Subjects are erased, the partition is made again, and the samples of others that changed their shard
are counted, with the names of the new shards chosen so that the fewest do, at {place}.
A partition that moves anyone is not exact unless every shard it touches is retrained.
![Other samples moved, by partition](moved.svg)

{markdown.table(head, rows)}"""


def _slices(told: Mapping[str, Any], place: str) -> str:
    rows = [
        [one["order"], markdown.number(one["expected"], 1), _seconds(one["measured"], 1)]
        for one in told["rows"]
    ]
    return f"""## Likely leavers in late slices

Samples retrained a request where {100 * told["late_share"]:.0f} % of the subjects, known by a
public attribute, make {100 * told["requests_from_late"]:.0f} % of the requests, at {place}.

{markdown.table(["order of slices", "expected", "measured"], rows)}"""


def _twin(told: Mapping[str, Any], place: str) -> str:
    return f"""## Twins

After a random history of erasures and arrivals, a second engine is given only the data that
remains. The digests of all adapters and of the index were
equal in {told["equal"]:,} of {told["histories"]:,} histories.
"""


def _audit(told: Mapping[str, Any]) -> str:
    arms = ("before", "fallback", "after", "twin")
    rows = [
        [ATTACKS[name], *(_seen(test["arms"][arm]) for arm in arms), test["verdict"]]
        for name, test in told["tests"].items()
    ]
    says = "".join(f"- {ATTACKS[name]}: {test['says']}.\n" for name, test in told["tests"].items())
    kept = told["difference"]["erased_from_never_trained"]["auc"]
    identical = "identical, bit for bit" if told["identical"] else "NOT identical"
    return f"""## Membership audit

Attacks that tell erased people's samples from those of people who never came, on the model before
the erasure, on the clean fallback, after retraining, and on the twin: AUC of the attack (0.5 is
guessing), for canaries bits of exposure above chance. After and twin are {identical}. All
thresholds were fixed before the run.

{markdown.table(["attack", *arms, "verdict"], rows)}
{says}
Someone who kept the model before as well tells the erased apart with an AUC of {_seconds(kept)}.
{told["not_promised"]}
"""


def _seen(arm: Mapping[str, Any]) -> str:
    return _seconds(arm["auc"] if "auc" in arm else arm["above_chance"], 2)


def _seconds(told: Any, digits: int = 3) -> str:
    if told is None:
        return markdown.DASH
    value = markdown.number(told["value"], digits)
    return f"{value} {markdown.between(told['ci95'], digits)}" if told.get("ci95") else value


def _ratio(told: Any) -> str:
    if told is None:
        return markdown.DASH
    ci95: Sequence[float] | None = told.get("ci95")
    value = markdown.times(told["value"])
    return f"{value} [{markdown.times(ci95[0])}, {markdown.times(ci95[1])}]" if ci95 else value


ATTACKS: Final = {
    "population": "loss, population (arXiv 1709.01604)",
    "lira_online": "likelihood ratio, online (arXiv 2112.03570)",
    "lira_offline": "likelihood ratio, offline",
    "canaries": "canaries (arXiv 1802.08232)",
}
PAGES: Final = {
    "erasure": _erasure,
    "unsliced": _unsliced,
    "clean": _clean,
    "throughput": _throughput,
    "storage": _storage,
    "moved": _moved,
    "slices": _slices,
    "twin": _twin,
}
