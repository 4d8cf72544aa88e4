"""A recipe's base is a folder of safetensors, a GGUF file, or a folder that holds one."""

import gguf
import numpy as np
import pytest
import torch
from tokenizers import pre_tokenizers
from transformers import AutoModelForCausalLM

from mlcore import base_model, blocks
from mlcore.base_files import make_tiny
from mlcore.recipe import BadRecipe
from registry import bases, bench

D, INNER, HEADS, LAYERS = 32, 48, 2, 2


def write_gguf(path, *, seed=0, architecture="llama"):
    """A tiny random Llama as llama.cpp stores one, its tokenizer of single bytes within."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    writer = gguf.GGUFWriter(str(path), architecture)
    writer.add_context_length(512)
    writer.add_block_count(LAYERS)
    writer.add_embedding_length(D)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(D // HEADS)
    writer.add_rope_freq_base(10000.0)
    writer.add_vocab_size(len(alphabet) + 1)
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list([*alphabet, "he"])
    writer.add_token_types([1] * (len(alphabet) + 1))
    writer.add_token_merges(["h e"])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(0)
    shapes = {"token_embd": (len(alphabet) + 1, D), "output_norm": (D,)}
    for layer in range(LAYERS):
        at = f"blk.{layer}."
        shapes |= {f"{at}attn_{name}": (D, D) for name in ("q", "k", "v", "output")}
        shapes |= {f"{at}{name}": (D,) for name in ("attn_norm", "ffn_norm")}
        shapes |= {f"{at}ffn_{name}": (INNER, D) for name in ("gate", "up")}
        shapes |= {f"{at}ffn_down": (D, INNER)}
    draw = np.random.default_rng(seed)
    for name, shape in shapes.items():
        writer.add_tensor(f"{name}.weight", draw.normal(0, 0.3, shape).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.fixture
def assets(settings, tmp_path):
    settings.EXPUNGE_ASSETS = tmp_path / "assets"
    return settings.EXPUNGE_ASSETS


def test_a_gguf_file_is_converted_once_and_says_what_transformers_reads_in_it(assets, tmp_path):
    file = write_gguf(tmp_path / "some.gguf")

    folder = bases.folder_of(str(file))

    written = (folder / "model.safetensors").stat().st_mtime_ns
    assert folder.parent == assets
    assert bases.folder_of(str(tmp_path)) == bases.folder_of(str(file)) == folder
    assert (folder / "model.safetensors").stat().st_mtime_ns == written
    base = base_model.open_base(folder, dtype="float32", threads=1)
    theirs = AutoModelForCausalLM.from_pretrained(
        tmp_path, gguf_file=file.name, dtype=torch.float32
    )
    ids = base.encode("Will this person like it?\nAnswer:")
    with torch.inference_mode():
        assert torch.equal(base.model(ids[None]).logits, theirs(ids[None]).logits)
    assert blocks.agrees(theirs, ids)


def test_a_conversion_depends_on_the_content_alone(assets, tmp_path, settings):
    first = bases.folder_of(str(write_gguf(tmp_path / "one.gguf")))
    settings.EXPUNGE_ASSETS = tmp_path / "others"
    again = bases.folder_of(str(write_gguf(tmp_path / "two.gguf")))
    other = bases.folder_of(str(write_gguf(tmp_path / "three.gguf", seed=1)))

    assert first.name == again.name != other.name
    assert base_model.digest_of(first) == base_model.digest_of(again)
    assert base_model.digest_of(first) != base_model.digest_of(other)


def test_a_file_that_changes_in_place_is_another_base(assets, tmp_path):
    before = bases.folder_of(str(write_gguf(tmp_path / "some.gguf")))

    after = bases.folder_of(str(write_gguf(tmp_path / "some.gguf", seed=1)))

    assert after != before


def test_safetensors_come_before_a_gguf_beside_them(assets, tmp_path):
    make_tiny(tmp_path / "base", seed=1)
    write_gguf(tmp_path / "base" / "some.gguf")

    assert bases.folder_of(str(tmp_path / "base")) == tmp_path / "base"


def test_a_folder_of_several_gguf_files_is_refused(assets, tmp_path):
    for name in ("a.gguf", "b.gguf"):
        (tmp_path / name).touch()

    with pytest.raises(bases.BaseMissing, match="holds 2 GGUF files"):
        bases.folder_of(str(tmp_path))


@pytest.mark.parametrize("data", [b"", b"GGUF", b"no such thing" * 99])
def test_a_gguf_file_that_is_none_leaves_nothing(assets, tmp_path, data):
    (tmp_path / "some.gguf").write_bytes(data)

    with pytest.raises(base_model.UnsupportedBase, match=r"some\.gguf: no model opens"):
        bases.folder_of(str(tmp_path / "some.gguf"))
    assert not assets.exists()


def test_a_base_that_is_not_there_is_named(assets, tmp_path):
    for name in ("nowhere", str(tmp_path / "nowhere.gguf"), str(tmp_path / "nowhere")):
        with pytest.raises(bases.BaseMissing, match="nowhere"):
            bases.folder_of(name)


def test_a_bad_device_map_is_refused_before_any_work(settings, tmp_path):
    """By the check of a recipe; where it lies decides no bits, so the recipe does not name it."""
    plain = bench.mlcore.recipe.load(settings.EXPUNGE_RECIPES / "tiny.toml")
    settings.EXPUNGE_DEVICE_MAP = str(tmp_path / "nothing.json")
    bench.open_base.cache_clear()

    with pytest.raises(BadRecipe, match=r"device map .* cannot be read"):
        bench.check(plain)
    settings.EXPUNGE_DEVICE_MAP = "auto"
    assert bench.check(plain).device == torch.device("cpu")
    bench.open_base.cache_clear()
