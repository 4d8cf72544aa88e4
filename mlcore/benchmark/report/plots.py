"""The plots, as SVG: the same figures give the same bytes."""

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from mlcore.benchmark import ours
from mlcore.benchmark.config import Config
from mlcore.benchmark.report import cost, paper, quality
from mlcore.benchmark.report.quality import Place, Quality, Scored
from mlcore.benchmark.report.summary import figure

# Okabe and Ito's colours, which the colour-blind tell apart too.
BLUE: Final = "#0072B2"
ORANGE: Final = "#D55E00"
GREY: Final = "#666666"
COLOURS: Final = (BLUE, ORANGE, "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
STYLE: Final[Any] = {  # matplotlib's type lists all its keys
    "font.size": 9.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    # The ids inside would be random, and letters paths of the font that is there.
    "svg.hashsalt": "expunge",
    "svg.fonttype": "none",
}


def draw(
    config: Config, results: Mapping[str, Any], found: Mapping[Place, Scored]
) -> dict[str, bytes]:
    """File name to SVG, for each plot that has figures."""
    drawn: dict[str, bytes] = {}
    with matplotlib.rc_context(STYLE):
        for held in paper.TITLES:
            if rows := quality.main_table(config, found, held):
                drawn[f"quality-{held}.svg"] = _quality(paper.TITLES[held], rows)
        if cells := quality.grid(config, found):
            drawn["grid.svg"] = _grid(config, cells)
        if told := figure(results, "erasure", "ratios"):
            drawn["erasure.svg"] = _erasure(told)
        if told := figure(results, "moved", "rows"):
            drawn["moved.svg"] = _moved(told)
    return drawn


def _quality(title: str, rows: Sequence[Quality]) -> bytes:
    with _figure(7, 0.9 + 0.24 * len(rows)) as (axes, svg):
        for y, row in enumerate(rows):
            colour = (
                ORANGE if row.system == "retrain" else BLUE if row.system in ours.OURS else GREY
            )
            axes.plot([row.auc.low, row.auc.high], [y, y], color=colour, linewidth=2)
            axes.plot([row.auc.value], [y], marker="o", color=colour)
            if row.system == "retrain":
                axes.axvline(row.auc.value, color=colour, linewidth=0.8, linestyle=":")
        axes.set_yticks(range(len(rows)), [ours.label(row.system) for row in rows])
        axes.invert_yaxis()
        axes.set_xlabel("AUC (probability that a liked row outranks another), 95 % interval")
        axes.set_title(title, loc="left")
        for colour, whose in ((ORANGE, "retrain"), (BLUE, "ours"), (GREY, "others")):
            axes.plot([], [], marker="o", linewidth=2, color=colour, label=whose)
        _legend(axes, columns=3)
        axes.grid(axis="x", linewidth=0.4)
    return svg.getvalue()


def _grid(config: Config, cells: Mapping[tuple[int, int], Quality]) -> bytes:
    with _figure(6, 3.6) as (axes, svg):
        slices = config.grid["slices"]
        for place, S in enumerate(slices):
            told = [(K, cells[K, S]) for K in config.grid["shards"] if (K, S) in cells]
            # Beside each other, so that the whiskers do not cover one another.
            xs = [K * 1.04 ** (place - (len(slices) - 1) / 2) for K, _ in told]
            _whiskers(axes, xs, [row.auc.json() for _, row in told], COLOURS[place % 6], f"S = {S}")
        axes.set_xscale("log", base=2)
        axes.set_xticks(config.grid["shards"], [str(K) for K in config.grid["shards"]])
        axes.set_xlabel("K, shards")
        axes.set_ylabel("AUC, 95 % interval")
        axes.set_title("Expunge on MovieLens-100K", loc="left")
        _legend(axes, columns=len(slices))
    return svg.getvalue()


def _erasure(ratios: Mapping[str, Mapping[str, Any]]) -> bytes:
    with _figure(7, 4.2) as (axes, svg):
        whats = [what for what in cost.WHATS if any(what in one for one in ratios.values())]
        for place, (base, told) in enumerate(ratios.items()):
            held = [(x, told[what]) for x, what in enumerate(whats) if told.get(what)]
            xs = [x + 0.12 * (place - (len(ratios) - 1) / 2) for x, _ in held]
            label = cost.BASELINES[base]
            _whiskers(axes, xs, [one for _, one in held], COLOURS[place % 6], label, line="")
        axes.axhline(1, color=GREY, linewidth=0.8)
        axes.set_yscale("log")
        axes.set_xticks(range(len(whats)), [cost.WHATS[what] for what in whats])
        axes.set_xlabel("erased at once")
        axes.set_ylabel("times slower than Expunge, 95 % interval")
        axes.set_title("Time to retrain after an erasure", loc="left")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}×"))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.grid(axis="y", linewidth=0.4)
        _legend(axes, columns=2)
    return svg.getvalue()


def _moved(rows: Sequence[Mapping[str, Any]]) -> bytes:
    with _figure(7, 0.8 + 0.3 * len(rows)) as (axes, svg):
        shares = [100 * row["moved"] / max(1, row["others"]) for row in rows]
        axes.barh(range(len(rows)), shares, color=[ORANGE if share else BLUE for share in shares])
        for y, share in enumerate(shares):
            axes.annotate(f" {share:.1f} %", (share, y), va="center")
        names = [f"{row['partition']}, {row['deleted']:,} erased" for row in rows]
        axes.set_yticks(range(len(rows)), names)
        axes.invert_yaxis()
        axes.set_xlim(0, max(1.0, *shares) * 1.15)
        axes.set_xlabel("other samples that change their shard, %")
        axes.set_title("What an erasure moves", loc="left")
    return svg.getvalue()


def _whiskers(
    axes: Axes,
    xs: Sequence[float],
    figures: Sequence[Mapping[str, Any]],
    colour: str,
    label: str,
    line: str = "-",
) -> None:
    """Points with their intervals, where they have one."""
    values = [one["value"] for one in figures]
    lows = [(one.get("ci95") or [one["value"]])[0] for one in figures]
    highs = [(one.get("ci95") or [one["value"]])[-1] for one in figures]
    axes.vlines(xs, lows, highs, color=colour, linewidth=1.5)
    axes.plot(xs, values, marker="o", linestyle=line, linewidth=0.8, color=colour, label=label)


def _legend(axes: Axes, *, columns: int) -> None:
    """Below the plot, where it covers nothing."""
    handles, labels = axes.get_legend_handles_labels()
    drawing = axes.get_figure(root=True)
    assert drawing is not None
    drawing.legend(handles, labels, loc="outside lower center", ncols=columns, frameon=False)


@contextmanager
def _figure(width: float, height: float) -> Iterator[tuple[Axes, io.BytesIO]]:
    """Axes to draw on, in inches, and the SVG once they are drawn."""
    drawing = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(drawing)
    svg = io.BytesIO()
    yield drawing.subplots(), svg
    # A date would make every run's bytes differ.
    drawing.savefig(svg, format="svg", metadata={"Date": None, "Creator": None})
