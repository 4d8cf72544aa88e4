"""Proofs by the log's size, as SVG: the same figures give the same bytes."""

import io
from collections.abc import Mapping, Sequence
from typing import Any, Final

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

# As the engine's plots: two of Okabe and Ito's colours, which the colour-blind tell apart too.
BLUE: Final = "#0072B2"
ORANGE: Final = "#D55E00"
STYLE: Final[Any] = {  # matplotlib's type lists all its keys
    "font.size": 9.0,
    "axes.spines.top": False,
    "axes.axisbelow": True,
    # The ids inside would be random, and letters paths of the font that is there.
    "svg.hashsalt": "expunge",
    "svg.fonttype": "none",
}


def proofs(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Time and octets of inclusion proofs over the number of events."""
    svg = io.BytesIO()
    with matplotlib.rc_context(STYLE):
        drawing = Figure(figsize=(7, 3.4), layout="constrained")
        FigureCanvasAgg(drawing)
        time = drawing.subplots()
        octets = time.twinx()
        events = [row["events"] for row in rows]
        took = [row["milliseconds"] for row in rows]
        time.fill_between(
            events,
            took,
            [row["milliseconds_95"] for row in rows],
            color=BLUE,
            alpha=0.2,
            linewidth=0,
        )
        time.plot(events, took, marker="o", color=BLUE)
        octets.plot(events, [row["octets"] for row in rows], marker="s", color=ORANGE)
        time.set_xscale("log")
        time.set_xlabel("events in the log")
        time.set_ylabel("milliseconds, median to 95 %", color=BLUE)
        octets.set_ylabel("octets, median", color=ORANGE)
        time.set_ylim(bottom=0)
        octets.set_ylim(bottom=0)
        time.set_title("An inclusion proof, by the size of the log", loc="left")
        time.grid(axis="x", linewidth=0.4)
        # A date would make every run's bytes differ.
        drawing.savefig(svg, format="svg", metadata={"Date": None, "Creator": None})
    return svg.getvalue()
