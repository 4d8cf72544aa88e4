"""The engine in memory: shards, slices, checkpoints and index, erasures and their restoration.

What the registry does over a database, as plain Python: for the benchmark and the audit.
"""

from mlcore.ensemble.checkpoints import Checkpoint as Checkpoint
from mlcore.ensemble.engine import Ensemble as Ensemble
from mlcore.ensemble.engine import Fallback as Fallback
from mlcore.ensemble.engine import Restored as Restored
from mlcore.ensemble.people import NotHere as NotHere
