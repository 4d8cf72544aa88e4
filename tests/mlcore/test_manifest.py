"""Manifests are canonical: the same facts, the same bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlcore import manifest
from mlcore.evaluation import auc

FACTS = {
    "recipe_digest": "r",
    "base_digest": "b",
    "environment": {"threads": "1"},
    "shard": 2,
    "slice_": 1,
    "parent": None,
    "records_root": "m",
    "records": 10,
    "samples": 4,
    "output": "o",
    "epoch": 3,
}


def test_canonical_json_is_rfc_8785s_own_example():
    """RFC 8785, 3.2.2 and 3.2.3: the literals and the order of keys by UTF-16."""
    given_ = {"\u20ac": "Euro Sign", "\r": "CR", "1": "One", "\u0080": "C", "b": [None, True]}

    expected = '{"\\r":"CR","1":"One","b":[null,true],"\u0080":"C","\u20ac":"Euro Sign"}'
    assert manifest.canonical(given_) == expected.encode()


def test_an_adapters_manifest_holds_no_number_that_a_reader_could_round():
    made = manifest.adapter_manifest(**FACTS)

    assert made["format"] == "expunge/adapter-manifest/v1"
    assert made["records"] == {"root": "m", "count": "10"}
    scalars = [value for value in made.values() if not isinstance(value, dict)]
    assert all(value is None or isinstance(value, str) for value in scalars)


@pytest.mark.parametrize("fact", FACTS)
def test_every_fact_is_in_the_digest(fact):
    other = {"environment": {"threads": "2"}, "parent": "p"}.get(fact, "another")

    changed = manifest.adapter_manifest(**{**FACTS, fact: other})

    assert manifest.digest(changed) != manifest.digest(manifest.adapter_manifest(**FACTS))


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=30))
def test_auc_is_the_share_of_pairs_that_are_ranked_right(rows):
    pairs = [(a, b) for a, is_liked in rows if is_liked for b, other in rows if not other]

    area = auc([score for score, _ in rows], [label for _, label in rows])

    if pairs:
        won = sum(1.0 if a > b else 0.5 if a == b else 0.0 for a, b in pairs)
        assert area == pytest.approx(won / len(pairs))
    else:
        assert area is None
