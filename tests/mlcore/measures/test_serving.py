"""What serving costs: time to clean, throughput, bytes."""

from mlcore.benchmark.measures import _engines, clean, storage, throughput


def test_every_trial_of_time_to_clean_is_told(setting, quiet):
    told = clean.measure(setting(trials=4), quiet)

    assert told["trials"] == len(told["each"]) == 4
    assert 0 < told["seconds"]["value"] <= told["largest"] == max(told["each"])


def test_throughput_compares_the_same_rows(setting, quiet):
    told = throughput.measure(setting(rows=40, batch_size=16, repeats=3), quiet)

    assert told["rows"] == 40
    assert len(told["seconds"]["single"]) == len(told["seconds"]["ours"]) == 3
    low, high = told["ratio"]["ci95"]
    assert 0 < low <= told["ratio"]["value"] <= high
    assert told["from_prompts"]["ratio"]["value"] > 0


def test_the_bytes_are_those_that_an_engine_stores(setting, quiet):
    made = setting(grid_shards=[1, 2], grid_slices=[1, 2])
    stored = _engines.fitted(made, quiet).bytes_stored()

    rows = storage.measure(made, quiet)["rows"]

    assert [(row["shards"], row["slices"]) for row in rows] == [(1, 1), (1, 2), (2, 1), (2, 2)]
    for name in ("checkpoints", "index", "states"):
        assert rows[-1][name] == stored[name], name


def test_one_a_for_all_is_a_saving_that_grows_with_the_shards(setting, quiet):
    rows = storage.measure(setting(grid_shards=[1, 2], grid_slices=[1]), quiet)["rows"]

    saved = [row["independent_a"] - row["adapters"] for row in rows]

    assert saved[0] == 0 < saved[1]


def test_what_was_trained_before_is_read_and_is_the_same(setting, quiet, monkeypatch):
    made = setting()
    first = _engines.fitted(made, quiet)
    monkeypatch.setattr("mlcore.ensemble.chain.train_slice", None)

    again = _engines.fitted(made, quiet)

    assert again.digest() == first.digest()
