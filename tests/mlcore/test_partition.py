"""Where people go is pinned, and nobody's neighbours decide it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcore import partition

KEY = b"0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    ("subject", "place"),
    [("ada", (1, 0)), ("bob", (0, 0)), ("Zoë", (2, 1)), ("", (2, 0))],
)
def test_placement_is_pinned(subject, place):
    """Changing these moves everyone's data: it needs a migration, not new expectations."""
    assert partition.placement(subject, key=KEY, shards=4, slices=2) == place


def test_order_key_is_pinned():
    """As OpenSSL computes it over eight bytes of length, the id and the record."""
    assert (
        partition.order_key("ada", b"record", key=KEY).hex()
        == "563e4a767940d63b286c096eb4091269a791484285ea22e00b83586c3c38eb19"
    )


@given(st.text(), st.integers(1, 64), st.integers(1, 8))
def test_everyone_has_a_place_that_exists(subject, shards, slices):
    shard, slice_ = partition.placement(subject, key=KEY, shards=shards, slices=slices)

    assert 0 <= shard < shards
    assert 0 <= slice_ < slices


def test_people_spread_over_every_shard_and_slice():
    places = [partition.placement(str(i), key=KEY, shards=4, slices=2) for i in range(4000)]

    # Five standard deviations around 500 people a place.
    assert all(390 < places.count((k, s)) < 610 for k in range(4) for s in range(2))


def test_another_key_puts_people_elsewhere():
    there = [partition.placement(str(i), key=b"k1", shards=16, slices=4) for i in range(50)]
    here = [partition.placement(str(i), key=b"k2", shards=16, slices=4) for i in range(50)]

    assert there != here


def test_an_id_and_a_record_cannot_trade_bytes():
    assert partition.order_key("ab", b"c", key=KEY) != partition.order_key("a", b"bc", key=KEY)


def test_no_shards_are_refused():
    with pytest.raises(ValueError, match="must be positive"):
        partition.placement("ada", key=KEY, shards=0, slices=1)
