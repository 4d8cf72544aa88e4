"""Which shards an erasure has to retrain, once every sample has its shard."""

from collections.abc import Collection, Sequence

from mlcore.rows import Owned, Row

Samples = Sequence[Row | Owned]


def touched(rows: Samples, assignment: Sequence[int], gone: Collection[bytes]) -> set[int]:
    """The shards that hold a sample whose closure meets these order keys.

    One interaction is in up to H + 1 samples: its own, and the next H histories. Where samples
    are partitioned, they are in several shards. This is what must be destroyed; ``stale`` may
    name more shards to retrain.
    """
    erased = frozenset(gone)
    return {
        shard
        for row, shard in zip(rows, assignment, strict=True)
        if not erased.isdisjoint(row.closure)
    }


def reached(rows: Samples, assignment: Sequence[int], gone: Collection[str]) -> set[int]:
    """The shards that hold a sample of any of these subjects."""
    return {shard for row, shard in zip(rows, assignment, strict=True) if row.subject in gone}


def stale(
    before: Samples,
    assignment: Sequence[int],
    after: Samples,
    reassignment: Sequence[int],
) -> set[int]:
    """The shards whose samples are not what they were: all that exactness retrains.

    After the erasure of one interaction the later histories reach further back, and where a
    subject's targets are capped an older one comes in. With a partition made anew, a sample that
    moved makes both its shards stale.
    """
    was, is_now = _held(before, assignment), _held(after, reassignment)
    return {shard for _, shard in was ^ is_now}


def _held(rows: Samples, assignment: Sequence[int]) -> set[tuple[tuple[bytes, str, bool], int]]:
    return {
        ((row.sample.order_key, row.sample.prompt, row.sample.label), shard)
        for row, shard in zip(rows, assignment, strict=True)
    }
