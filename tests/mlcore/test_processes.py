"""The same inputs give the same digests in another process, whatever its hash seed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mlcore.conftest import ROOT

RUN = """
import json, sys
from pathlib import Path
from mlcore import adapters, aggregation, base_model, lora, recipe, samples, training, trunk
from tests.mlcore.conftest import crowd, rows
import torch

folder, name, people = Path(sys.argv[1]), sys.argv[2], sys.argv[3].split(",")
chosen = recipe.load(Path("recipes") / f"{name}.toml")
base = base_model.open_base(folder, dtype=chosen.dtype, threads=chosen.threads)
train = rows(base, chosen, crowd(*people))[:16]
b, steps = None, 0
for slice_ in range(chosen.slices):
    run = training.train_slice(
        base, chosen, shard=1, slice_=slice_, start=b, samples=train[slice_ :: chosen.slices]
    )
    try:
        while True:
            next(run)
            steps += 1
    except StopIteration as end:
        b = end.value
a, top = lora.common_a(base, chosen), lora.top_of(base, chosen)
errors = [[aggregation.panel_error(top, a, b, s.state, s.label)] for s in train[:2]]
index = aggregation.Index(
    (1,), torch.stack([trunk.embed(s.state) for s in train[:2]]), torch.tensor(errors)
)
print(json.dumps({
    "steps": steps,
    "base": base.digest,
    "recipe": recipe.digest(chosen, base.digest),
    "adapter": adapters.digest(adapters.to_bytes(a, b)),
    "index": aggregation.digest(index),
}))
"""


def run(folder: Path, name: str, people: list[str], *, hash_seed: str) -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(folder), name, ",".join(people)],
        cwd=ROOT,
        env=os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    digests: dict[str, object] = json.loads(done.stdout)
    return digests


def test_importing_the_partition_does_not_load_torch():
    script = "import sys; from mlcore import partition; print('torch' in sys.modules)"

    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "False"


@pytest.mark.slow
def test_two_processes_make_the_same_live_state(folder):
    people = ["ada", "bob", "cyd", "dan"]

    first = run(folder, "tiny", people, hash_seed="1")
    second = run(folder, "tiny", people[::-1], hash_seed="2")

    assert first["steps"]
    assert first == second


@pytest.mark.slow
@pytest.mark.real
def test_two_processes_make_the_same_live_state_from_a_real_model():
    """On the model that `make setup` converts."""
    assets = Path(os.environ.get("EXPUNGE_ASSETS") or ROOT / "var" / "assets")
    people = ["ada", "bob", "cyd"]

    first = run(assets / "smollm2", "smollm2", people, hash_seed="1")
    second = run(assets / "smollm2", "smollm2", people[::-1], hash_seed="2")

    assert first["steps"]
    assert first == second
