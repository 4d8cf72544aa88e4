"""What must be in the environment before settings are read. Loaded by `-p`, so it is first.

Each process of tests has an installation of its own under var/tests, and fixed keys, so that a
person's shard is the same in every run. A DATABASE_URL or CELERY_BROKER_URL of the caller's is
respected.
"""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

os.environ.setdefault("EXPUNGE_ASSETS", str(ROOT / "var" / "assets"))
process = os.environ.get("PYTEST_XDIST_WORKER", "alone")
os.environ["EXPUNGE_VAR"] = str(ROOT / "var" / "tests" / process)
os.environ["EXPUNGE_PARTITION_KEY"] = "70" * 32
os.environ["EXPUNGE_ORDER_KEY"] = "6f" * 32
os.environ["HF_HUB_OFFLINE"] = "1"
# Playwright's synchronous API runs an event loop that Django would otherwise take for its own.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
