"""A base whose parts lie on several devices gives the bits of one that lies on one.

There is no GPU here: accelerate fetches blocks from disk, by the hooks that would move hidden
states between GPUs.
"""

import json

import accelerate
import pytest
import torch
from transformers import Gemma3ForCausalLM, Gemma3TextConfig

from mlcore import adapters, base_model, devices, lora, training, trunk
from tests.mlcore.conftest import crowd, rows
from tests.mlcore.test_adapters import PROMPT
from tests.mlcore.test_architectures import GEMMA, drain
from tests.mlcore.test_base_model import SMALL, variant

BOTTOM = {"model.embed_tokens": "cpu", "model.norm": "cpu", "model.rotary_emb": "cpu"}
MAPS = {
    "the top on disk": {
        **BOTTOM,
        "model.layers.0": "cpu",
        "model.layers.1": "disk",
        "model.layers.2": "disk",
        "lm_head": "cpu",
    },
    "the ends and the trunk on disk": {
        **BOTTOM,
        "model.embed_tokens": "disk",
        "model.layers.0": "disk",
        "model.layers.1": "cpu",
        "model.layers.2": "cpu",
        "lm_head": "disk",
    },
    "everything on disk": {"": "disk"},
    "as accelerate finds room": "auto",
}


@pytest.fixture(scope="module", params=["llama", "gemma3_text"])
def place(request, tmp_path_factory, folder):
    if request.param == "llama":
        return folder
    torch.manual_seed(3)
    model = Gemma3ForCausalLM(Gemma3TextConfig(**SMALL, **GEMMA, tie_word_embeddings=False))
    return variant(tmp_path_factory.mktemp("mapped") / "base", folder, model)


def results(base, recipe):
    """A state, a trained slice's bytes, and the logits of two rows with adapters of their own."""
    samples = rows(base, recipe, crowd("ann", "bob"))
    run = training.train_slice(base, recipe, shard=0, slice_=0, start=None, samples=samples)
    a, b = lora.common_a(base, recipe), drain(run)
    mixed = {path: torch.stack([b[path], -b[path]]) for path in b}
    states = [trunk.state(base, prompt, depth=recipe.depth) for prompt in (PROMPT, PROMPT[-30:])]
    with torch.inference_mode():
        logits = lora.top_of(base, recipe).answers(states, a, mixed)
    return states[0], adapters.digest(adapters.to_bytes(a, b)), logits


@pytest.mark.parametrize("where", MAPS)
def test_where_the_parts_lie_decides_no_bit(place, tiny, where):
    plain = base_model.open_base(place, dtype="float32", threads=1)

    mapped = base_model.open_base(place, dtype="float32", threads=1, device_map=MAPS[where])

    on_disk = {name for name, one in mapped.model.named_parameters() if one.is_meta}
    assert bool(on_disk) == ("disk" in where)
    assert mapped.digest == plain.digest
    state, digest, logits = results(mapped, tiny)
    expected = results(plain, tiny)
    assert torch.equal(state, expected[0])
    assert digest == expected[1]
    assert torch.equal(logits, expected[2])


def test_weights_that_are_fetched_from_memory_for_each_pass_decide_no_bit(place, tiny):
    """As those of a map's "cpu" are beside a GPU."""
    plain, fetched = (base_model.open_base(place, dtype="float32", threads=1) for _ in range(2))
    accelerate.cpu_offload(fetched.model, execution_device=torch.device("cpu"))

    assert all(one.is_meta for one in fetched.model.parameters())
    for ours, theirs in zip(results(fetched, tiny), results(plain, tiny), strict=True):
        assert torch.equal(ours, theirs) if isinstance(ours, torch.Tensor) else ours == theirs


def test_a_copy_of_the_top_shares_what_lies_on_disk(folder, tiny):
    base = base_model.open_base(folder, dtype="float32", threads=1, device_map={"": "disk"})

    top = lora.top_of(base, tiny)

    weights = [
        base.model.model.layers[2].mlp.up_proj._hf_hook.weights_map,
        top._blocks[-1].mlp.up_proj._hf_hook.weights_map,
    ]
    assert weights[0] is weights[1]


def test_devices_of_another_kind_are_refused(folder):
    with pytest.raises(devices.BadDeviceMap, match="computes on meta, the rest of the run on cpu"):
        base_model.open_base(folder, dtype="float32", threads=1, device_map={"": "meta"})


def test_a_map_without_a_place_for_every_part_is_refused(folder):
    with pytest.raises(base_model.UnsupportedBase, match="no model opens"):
        base_model.open_base(
            folder,
            dtype="float32",
            threads=1,
            device_map={"model.embed_tokens": "cpu", "model.layers.0": "disk"},
        )


def test_a_map_that_parts_what_is_one_matrix_is_refused(folder):
    apart = {"model": "cpu", "model.embed_tokens": "cpu", "lm_head": "disk"}

    with pytest.raises(devices.BadDeviceMap, match=r"parts lm_head from model\.embed_tokens"):
        base_model.open_base(folder, dtype="float32", threads=1, device_map=apart)


def test_a_setting_is_nothing_auto_or_a_file(tmp_path):
    file = tmp_path / "map.json"
    file.write_text(json.dumps({"model.layers.0": 0, "model.layers.1": "cuda:1"}))

    assert devices.read("") is None
    assert devices.read("auto") == "auto"
    assert devices.read(str(file)) == {"model.layers.0": 0, "model.layers.1": "cuda:1"}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (None, "cannot be read as a JSON file"),
        ("{", "cannot be read as a JSON file"),
        ("[0, 1]", "must be an object"),
        ("{}", "must be an object"),
        ('{"lm_head": true}', "puts 'lm_head' on True"),
        ('{"lm_head": null}', "puts 'lm_head' on None"),
    ],
)
def test_a_bad_map_is_named(tmp_path, text, why):
    file = tmp_path / "map.json"
    if text is not None:
        file.write_text(text)

    with pytest.raises(devices.BadDeviceMap, match=why):
        devices.read(str(file))
