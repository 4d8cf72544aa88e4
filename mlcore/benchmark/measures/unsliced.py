"""What an erasure costs where shards are not sliced, which quality prefers."""

from mlcore.benchmark.measures.erasure import KEYS as KEYS
from mlcore.benchmark.measures.erasure import measure as measure
