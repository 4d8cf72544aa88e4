"""The bytes of an aggregation index. No torch here, so that a switch needs none.

A safetensors file of three tensors: `embeddings` (P, D) and `errors` (P, K) in float32, and
`shards` (K,) in int64. The same rows give the same bytes.
"""

from collections.abc import Sequence

import numpy as np
import safetensors.numpy


def pack(
    shards: Sequence[int], embeddings: Sequence[bytes], errors: Sequence[Sequence[float]]
) -> bytes:
    """Write an index.

    Args:
        shards: the K columns, ascending.
        embeddings: P rows of D float32 values, little-endian.
        errors: P rows of K numbers from 0 to 1.
    """
    P, K = len(embeddings), len(shards)
    rows = np.frombuffer(b"".join(embeddings), dtype="<f4").reshape(P, -1 if P else 0)
    data: bytes = safetensors.numpy.save(
        {
            "embeddings": rows.astype(np.float32),
            "errors": np.array(errors, dtype=np.float32).reshape(P, K),
            "shards": np.array(shards, dtype=np.int64),
        }
    )
    return data


def row_count(data: bytes) -> int:
    """P, the number of panel rows."""
    return len(safetensors.numpy.load(data)["embeddings"])
