"""Every row of the paper's tables has a system, and each says where it is not exact."""

import pytest

from mlcore.baselines.partitions import PARTITIONS, assign, moved
from mlcore.baselines.scoring import AGGREGATIONS
from mlcore.baselines.systems import SYSTEMS


def test_the_papers_first_table_and_its_ablations_are_whole():
    first = {"retrain", "sisa", "grapheraser", "receraser", "apa_d", "apa_nd"}
    ablations = {
        f"{partition}/{aggregation}"
        for partition in ("random", "user", "semantic")
        for aggregation in ("uniform", "similarity", "argmax", "adaptive_d", "adaptive_nd")
    }

    assert SYSTEMS.keys() == first | {"sisa_user"} | ablations


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_system_can_be_made_and_says_why_it_is_not_exact(name, train, people):
    system = SYSTEMS[name]

    assert system.name == name
    assert system.partition in PARTITIONS
    assert system.aggregation in AGGREGATIONS
    assert assign(system.partition, train, shards=2, seed=1, ratings=people)
    assert system.is_exact == (system.why_not == "")


@pytest.mark.parametrize("partition", PARTITIONS)
def test_a_partition_is_called_exact_if_no_erasure_moves_others(partition, train, people):
    others = sum(
        moved(partition, train, [name], shards=3, seed=5, ratings=people).rows for name in people
    )

    claimed = {system.is_exact for system in SYSTEMS.values() if system.partition == partition}
    assert claimed == {others == 0}
