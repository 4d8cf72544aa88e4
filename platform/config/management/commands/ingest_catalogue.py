"""`ingest_catalogue PATH`: take in items from CSV or Parquet, all of them or none."""

from typing import Any

from config import taking
from registry.services import intake
from registry.services.intake import Taken


class Command(taking.TakeIn):
    """Ingest a CSV or Parquet file with the columns item, title and any others."""

    help = __doc__
    take = staticmethod(intake.take_catalogue)

    def told(self, taken: Taken) -> str:
        """How many items, and whether any is new."""
        if taken.rows == 1:
            return f"1 item, {'new' if taken.is_new else 'known already'}"
        state = "some of them new" if taken.is_new else "all known already"
        return f"{taken.rows:,} items, {state}"

    def given(self, taken: Taken) -> dict[str, Any]:
        """How many items, and whether any is new."""
        return {"rows": taken.rows, "is_new": taken.is_new}
