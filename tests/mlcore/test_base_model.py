"""A base is known by its content, and one that we would compute wrongly is refused."""

import json
import shutil

import pytest
import torch
from transformers import (
    BertConfig,
    BertForMaskedLM,
    GraniteConfig,
    GraniteForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    Olmo2Config,
    Olmo2ForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from mlcore import base_files, base_model, lora, trunk
from tests.mlcore.test_adapters import answers_of, ours

SMALL = {
    "vocab_size": 256,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": 16,
    "initializer_range": 0.2,
    "bos_token_id": None,
    "eos_token_id": None,
    "pad_token_id": None,
}


def variant(folder, tiny_folder, model):
    """The tiny base's tokenizer under another architecture."""
    shutil.copytree(tiny_folder, folder)
    base_files.write_model(model, folder)
    return folder


@pytest.mark.parametrize(
    ("config", "kind"),
    [
        (Qwen2Config, Qwen2ForCausalLM),
        (Qwen3Config, Qwen3ForCausalLM),
        (MistralConfig, MistralForCausalLM),
    ],
)
def test_decoders_of_the_llama_shape_are_computed_as_transformers_does(
    tmp_path, folder, tiny, config, kind
):
    torch.manual_seed(3)
    place = variant(tmp_path / "base", folder, kind(config(**SMALL)))

    base = base_model.open_base(place, dtype="float64", threads=1)

    a, zeros = lora.common_a(base, tiny), lora.no_b(base, tiny)
    torch.testing.assert_close(ours(base, tiny, a, zeros), answers_of(base.model, base))


@pytest.mark.parametrize(
    ("config", "kind", "more"),
    [
        (GraniteConfig, GraniteForCausalLM, {"residual_multiplier": 0.5}),
        (GraniteConfig, GraniteForCausalLM, {"logits_scaling": 2.0}),
        (Olmo2Config, Olmo2ForCausalLM, {}),
    ],
)
def test_a_base_of_another_shape_is_refused(tmp_path, folder, config, kind, more):
    torch.manual_seed(3)
    place = variant(tmp_path / "base", folder, kind(config(**SMALL, **more)))

    with pytest.raises(base_model.UnsupportedBase, match="of no shape that is run here"):
        base_model.open_base(place, dtype="float32", threads=1)


def test_the_digest_is_of_the_content_not_of_the_place(tmp_path, folder, base):
    shutil.copytree(folder, tmp_path / "elsewhere")

    moved = base_model.open_base(tmp_path / "elsewhere", dtype="float32", threads=1)

    assert moved.digest == base.digest


@pytest.mark.parametrize("file", ["config.json", "tokenizer.json", "model.safetensors"])
def test_every_file_that_decides_is_in_the_digest(tmp_path, folder, base, file):
    shutil.copytree(folder, tmp_path / "base")
    target = tmp_path / "base" / file
    if file.endswith(".json"):
        changed = json.loads(target.read_text())
        changed |= {"rms_norm_eps": 1e-3} if file == "config.json" else {"version": "1.0 "}
        text = json.dumps(changed)
        target.write_text(text.replace('"1.0 "', '"1.0"'))
    else:
        data = bytearray(target.read_bytes())
        data[-1] ^= 1
        target.write_bytes(data)

    other = base_model.open_base(tmp_path / "base", dtype="float32", threads=1)

    assert other.digest != base.digest


def test_the_same_seed_writes_the_same_tiny_base(tmp_path, folder, base):
    torch.manual_seed(9)
    base_model.make_tiny(tmp_path / "again", seed=1)
    base_model.make_tiny(tmp_path / "other", seed=2)

    digests = [
        base_model.open_base(tmp_path / name, dtype="float32", threads=1).digest
        for name in ("again", "other")
    ]

    assert digests[0] == base.digest
    assert digests[1] != base.digest


def test_a_folder_without_weights_is_refused(tmp_path):
    with pytest.raises(base_model.UnsupportedBase, match="holds no safetensors"):
        base_model.open_base(tmp_path, dtype="float32", threads=1)


@pytest.mark.parametrize(
    ("names", "why"),
    [
        (["BertForMaskedLM"], "holds a BertForMaskedLM, which is no causal language model$"),
        (None, "the blocks of bert are of no shape that is run here$"),
    ],
)
def test_a_model_that_reads_both_ways_is_refused(tmp_path, folder, names, why):
    place = tmp_path / "base"
    shutil.copytree(folder, place)
    sizes = {key: value for key, value in SMALL.items() if key != "head_dim"}
    BertForMaskedLM(BertConfig(**sizes)).save_pretrained(place)
    config = json.loads((place / "config.json").read_text())
    (place / "config.json").write_text(json.dumps(config | {"architectures": names}))

    with pytest.raises(base_model.UnsupportedBase, match=why):
        base_model.open_base(place, dtype="float32", threads=1)


@pytest.mark.parametrize(
    ("file", "change", "why"),
    [
        ("model.safetensors", lambda data: data[:-100], "no model opens: .*incomplete"),
        ("model.safetensors", lambda data: b"", "no model opens"),
        ("config.json", lambda data: data[:-5], "no config.json that can be read$"),
        ("config.json", lambda data: b"[]", "no config.json that can be read$"),
        (
            "config.json",
            lambda data: data.replace(b"{", b'{"quantization_config": {"bits": 4},', 1),
            "holds quantised weights",
        ),
        ("tokenizer.json", lambda data: data[:-5], "no tokenizer opens"),
        ("tokenizer.json", None, "or no tokenizer.json$"),
        (
            "model.safetensors",
            lambda data: data.replace(b"layers.1.mlp.up_proj", b"layers.1.mlp.no_proj"),
            "of model.layers.1.mlp.up_proj.weight there is no weight",
        ),
    ],
)
def test_a_torn_folder_is_refused_in_one_sentence(tmp_path, folder, file, change, why):
    shutil.copytree(folder, tmp_path / "base")
    target = tmp_path / "base" / file
    if change is None:
        target.unlink()
    else:
        target.write_bytes(change(target.read_bytes()))

    with pytest.raises(base_model.UnsupportedBase, match=why) as caught:
        base_model.open_base(tmp_path / "base", dtype="float32", threads=1)
    assert "\n" not in str(caught.value)


@pytest.fixture
def sharded(tmp_path, base):
    """The tiny base as Hugging Face cuts large ones, the tokenizer beside it."""
    base.tokenizer.save_pretrained(tmp_path / "sharded")
    base.model.save_pretrained(tmp_path / "sharded", max_shard_size="20KB")
    assert len([*(tmp_path / "sharded").glob("model-0000?-of-*.safetensors")]) > 2
    return tmp_path / "sharded"


def test_sharded_weights_open(sharded, base, tiny):
    other = base_model.open_base(sharded, dtype="float32", threads=1)

    assert torch.equal(answers_of(other.model, other), answers_of(base.model, base))
    assert other.digest == base_model.digest_of(sharded)


def test_a_shard_that_is_not_there_is_refused(sharded):
    next(sharded.glob("model-00002-of-*.safetensors")).unlink()

    with pytest.raises(base_model.UnsupportedBase, match="no model opens"):
        base_model.open_base(sharded, dtype="float32", threads=1)


def test_a_crash_while_writing_leaves_no_folder(tmp_path, monkeypatch):
    def full(*args, **kwargs):
        raise OSError("disk full")

    monkeypatch.setattr(base_files, "save_file", full)

    with pytest.raises(OSError, match="disk full"):
        base_model.make_tiny(tmp_path / "base", seed=1)
    assert not [*tmp_path.iterdir()]


def test_the_answers_token_is_the_one_that_tells_yes_from_no(base):
    """With a token a byte, both answers start with the same space; it belongs to the prompt."""
    ids = base.tokenizer("Answer: Yes")["input_ids"]

    assert [*base.encode("Answer:"), base.yes_id] == ids[: len("Answer: Y")]
    assert base.yes_id != base.no_id


def test_a_prompt_that_the_model_cannot_attend_to_is_refused(base):
    with pytest.raises(base_model.PromptTooLong, match="exceeds the model's 2048"):
        trunk.state(base, "x" * 2048, depth=1)
