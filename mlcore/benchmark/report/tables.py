"""The report's pages on quality, and what stands around them."""

from collections.abc import Mapping, Sequence
from typing import Any

from mlcore.baselines.systems import SYSTEMS
from mlcore.benchmark import ours
from mlcore.benchmark.config import Config
from mlcore.benchmark.report import markdown, paper, quality
from mlcore.benchmark.report.quality import Place, Quality, Scored


def head(
    config: Config,
    results: Mapping[str, Any],
    targets: Sequence[Mapping[str, Any]],
    command: str,
) -> str:
    """Title, the targets, and what was run."""
    rows = [
        [
            target["target"],
            target["goal"],
            markdown.DASH if target["value"] is None else f"{target['value']:.4g}",
            _interval(target["ci95"]),
            "yes" if target["met"] else "not run" if target["value"] is None else "no",
        ]
        for target in targets
    ]
    minutes = sum(told["seconds"] for told in results.values()) / 60
    return f"""# Benchmark: {config.name}

Written by the benchmark from its result files; no figure is entered by hand. Everything below
came from

```sh
{command}
```

whose {len(results)} jobs took {minutes:.1f} minutes in all. Intervals are 95 %: of AUC by a paired
bootstrap over test rows and seeds, {config.statistics["resamples"]:,} resamples; of times, over the
trials.

## Targets

What the engine was to reach, on `{config.recipe.base}`, and what was measured.

{markdown.table(["target", "goal", "measured", "95 % interval", "met"], rows)}"""


def quality_pages(config: Config, found: Mapping[Place, Scored]) -> list[str]:
    """Each data set's systems, the paper's table beside ours, and the grid."""
    pages = []
    for held in paper.TITLES:
        rows = quality.main_table(config, found, held)
        if rows:
            pages += [_systems(config, held, rows), _beside(held, rows)]
        else:
            pages.append(
                f"## Quality on {paper.TITLES[held]}\n\nLeft out: "
                f"no `--data {held}=FOLDER` was given, or its jobs have not run.\n"
            )
    if cells := quality.grid(config, found):
        pages.append(_grid(config, cells))
    return pages


def _systems(config: Config, held: str, rows: Sequence[Quality]) -> str:
    K, S = config.quality["shards"], config.quality["slices"]
    cells = [
        [
            ours.label(row.system),
            "yes" if ours.is_exact(row.system) else "no",
            str(row.seeds),
            markdown.number(row.auc.value, 4),
            markdown.between([row.auc.low, row.auc.high]),
            markdown.signed(row.versus_retrain.value, 4) if row.versus_retrain else markdown.DASH,
            markdown.between([row.versus_retrain.low, row.versus_retrain.high], sign=True)
            if row.versus_retrain
            else markdown.DASH,
        ]
        for row in rows
    ]
    columns = ["system", "exact", "seeds", "AUC", "interval", "minus retrain", "interval"]
    reasons = "".join(
        f"- {ours.label(row.system)}: {SYSTEMS[row.system].why_not}\n"
        for row in rows
        if not ours.is_exact(row.system) and "/" not in row.system
    )
    return f"""## Quality on {paper.TITLES[held]}

AUC on the same test rows, after training on the same samples in the same order with the same steps,
at K = {K} and, for ours, S = {S}. The differences are paired with `retrain` over the seeds that
both have; an interval that holds 0 means that the run cannot tell the two apart.
![AUC of each system, with intervals](quality-{held}.svg)

{markdown.table(columns, cells)}
Not exact means that erasing may end elsewhere than never having seen the data:

{reasons}"""


def _beside(held: str, rows: Sequence[Quality]) -> str:
    measured = {row.system: row.auc.value for row in rows}
    printed = paper.PRINTED[held]
    cells = [
        [
            ours.label(system),
            markdown.number(printed[system], 4),
            markdown.signed(printed[system] - printed["retrain"], 4),
            markdown.number(measured.get(system), 4),
            markdown.signed(_less(measured.get(system), measured.get("retrain")), 4),
        ]
        for system in printed
    ]
    columns = ["system", "paper AUC", "minus its retrain", "here AUC", "minus our retrain"]
    return f"""### Beside the paper's table

What the paper printed (arXiv 2404.10327v1: 1,024 samples, K = 4) and what its systems score here.
The base models and the samples differ, so only the differences within a column compare.

{markdown.table(columns, cells)}"""


def _grid(config: Config, cells: Mapping[tuple[int, int], Quality]) -> str:
    rows = [
        [
            str(K),
            *(
                f"{markdown.number(cells[K, S].auc.value, 4)} ({_versus(cells[K, S])})"
                if (K, S) in cells
                else markdown.DASH
                for S in config.grid["slices"]
            ),
        ]
        for K in config.grid["shards"]
    ]
    columns = ["K", *(f"S = {S}" for S in config.grid["slices"])]
    seeds = len(config.grid["seeds"])
    return f"""## Shards and slices

AUC of our engine on MovieLens-100K by the number of shards K and slices S, and in brackets its
difference from `retrain`, under {seeds} seed{"s" if seeds > 1 else ""}. More shards make an
erasure cheaper and leave each adapter less to learn from.
![AUC by K and S](grid.svg)

{markdown.table(columns, rows)}"""


def environment(results: Mapping[str, Any]) -> str:
    """Where it ran, and what each kind of job took."""
    places = [told["key"]["environment"] for told in results.values() if "key" in told]
    lines = [[key, value] for key, value in sorted(places[-1].items())] if places else []
    kinds: dict[str, list[float]] = {}
    for name, told in results.items():
        kinds.setdefault(name.split("/")[0], []).append(told["seconds"])
    rows = [[kind, str(len(each)), markdown.number(sum(each), 1)] for kind, each in kinds.items()]
    return f"""## Environment and wall time

What decides bits besides data and recipe, and how long each kind of job took. A job that was
resumed counts only the part after its last start.

{markdown.table(["", "value"], lines)}
{markdown.table(["jobs", "count", "seconds"], rows)}"""


def _interval(ci95: Sequence[float] | None) -> str:
    return markdown.DASH if ci95 is None else f"[{ci95[0]:.4g}, {ci95[1]:.4g}]"


def _versus(row: Quality) -> str:
    return markdown.signed(row.versus_retrain.value if row.versus_retrain else None, 3)


def _less(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one - other
