"""`ingest PATH`: take in interactions from CSV or Parquet, all of them or none."""

from typing import Any

from config import taking
from registry.services import intake
from registry.services.intake import Taken


class Command(taking.TakeIn):
    """Ingest a CSV or Parquet file with the columns subject, item, value, timestamp."""

    help = __doc__
    take = staticmethod(intake.take_interactions)

    def told(self, taken: Taken) -> str:
        """How much came in, or that the file was known."""
        rows = f"{taken.rows:,} interaction{'' if taken.rows == 1 else 's'}"
        if taken.is_new:
            return f"{rows} of {taking.people(taken.subjects)}"
        return f"{rows} {'was' if taken.rows == 1 else 'were'} ingested before; nothing changed"

    def given(self, taken: Taken) -> dict[str, Any]:
        """The batch and its size."""
        return {
            "batch": taken.batch,
            "rows": taken.rows,
            "subjects": taken.subjects,
            "is_new": taken.is_new,
        }
