"""Scope and plan: what the dry run promised, beside what was done."""

from dataclasses import dataclass

from console.tags import duration, grouped
from erasure.models import DeletionRequest


@dataclass(frozen=True)
class PlanRow:
    """One line of the plan. ``done`` is empty until the erasing transaction has committed."""

    what: str
    planned: str
    done: str
    why: str = ""


def plan_rows(ticket: DeletionRequest) -> list[PlanRow]:
    """The plan's lines. What a plan doesn't hold, the page doesn't show."""
    plan, erased = ticket.plan, ticket.erased
    shard, slice_ = plan.get("shard"), plan.get("slice")
    place = f"in shard {shard}, slice {slice_}" if shard and slice_ else ""

    def row(key: str, what: str, verb: str, why: str = "") -> PlanRow | None:
        if key not in plan:
            return None
        count = erased.get(key, plan[key] if key == "training_samples" and erased else "")
        done = f"{grouped(count)} {verb}" if count else ""
        return PlanRow(what, grouped(plan[key]), done, why)

    slices_total = plan.get("slices_total")
    rows = [
        row("interactions", "Interactions", "deleted", place),
        row("training_samples", "Training samples made from them", "gone with their rows"),
        row("trunk_states", "Cached model states", "destroyed", "with their keys"),
        row("panel_rows", "Rows of the validation panel", "deleted"),
        row("adapters", "Adapters trained on them", "destroyed", "out of service at once"),
        row(
            "slices_to_retrain",
            "Slices to retrain",
            "",
            f"of {slices_total}; the slices before never saw this person" if slices_total else "",
        ),
    ]
    made = [each for each in rows if each is not None]
    if plan.get("expected_seconds", "0") != "0":
        spent = duration(plan["expected_seconds"])
        restored = ""
        if ticket.clean_at and ticket.restored_at:
            restored = duration((ticket.restored_at - ticket.clean_at).total_seconds())
        made.append(
            PlanRow("Until full strength again", spent, restored, "expected, on one worker")
        )
    return made
