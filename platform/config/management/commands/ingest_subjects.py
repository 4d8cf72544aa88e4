"""`ingest_subjects PATH`: take in who is likely to leave, from CSV or Parquet, all or none."""

from typing import Any

from config import taking
from registry.services import intake
from registry.services.intake import Taken


class Command(taking.TakeIn):
    """Ingest a CSV or Parquet file with the columns subject and likely_leaver (0 or 1)."""

    help = __doc__
    take = staticmethod(intake.take_leavers)

    def told(self, taken: Taken) -> str:
        """For how many it changed something."""
        return f"{taking.people(taken.rows)}, {taken.subjects:,} of them changed"

    def given(self, taken: Taken) -> dict[str, Any]:
        """How many people, and for how many it changed something."""
        return {"rows": taken.rows, "changed": taken.subjects}
