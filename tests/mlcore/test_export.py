"""An exported release is what serves: PEFT, vLLM's rules and float64 all say so."""

import dataclasses
import hashlib
import json
import re

import peft
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from mlcore import adapters, export, lora, manifest, trunk
from mlcore.aggregation import Index
from mlcore.export import CannotMerge, Part
from mlcore.scoring import Scorer
from tests.mlcore.test_adapters import PROMPT, answers_of, ours, random_b

# What vLLM's Llama, Qwen, Mistral and Gemma take an adapter for.
VLLM_MODULES = {
    "q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj",
}  # fmt: skip
VLLM_NAME = re.compile(r"base_model\.model\.(?P<module>[\w.]+)\.lora_[AB]\.weight")


def parts_of(base, recipe, shards=(0, 1, 2)) -> list[Part]:
    a = lora.common_a(base, recipe)
    return [
        Part(shard, adapters.to_bytes(a, random_b(base, recipe, shard)), b'{"shard":"%d"}' % shard)
        for shard in shards
    ]


def exported(folder, base, recipe, parts=None):
    folder.mkdir()
    export.write(
        folder,
        recipe=recipe,
        base=base,
        kind="full",
        live="1" * 64,
        parts=parts if parts is not None else parts_of(base, recipe),
    )
    return folder


def vllm_objects(folder, *, max_lora_rank: int) -> list[str]:
    """Why vLLM would refuse the folder, by the rules that the module's docstring cites."""
    config = json.loads((folder / "adapter_config.json").read_text())
    tensors = load_file(folder / "adapter_model.safetensors")
    modules = {name: VLLM_NAME.fullmatch(name) for name in tensors}
    rules = {
        "a required field is missing": {"r", "lora_alpha", "target_modules"} <= config.keys(),
        "modules_to_save is not None": not config.get("modules_to_save"),
        "DoRA": not config.get("use_dora", False),
        "a bias": config["bias"] == "none",
        "another rank than max_lora_rank allows": config["r"] <= max_lora_rank,
        "no such max_lora_rank": max_lora_rank in (1, 8, 16, 32, 64, 128, 256, 320, 512),
        "a tensor that is no LoRA weight": all(modules.values()),
        "a module that takes no adapter": all(
            found["module"].rpartition(".")[2] in VLLM_MODULES for found in modules.values()
        ),
        "a tensor of another rank": all(
            config["r"] == tensor.shape[0 if "lora_A" in name else 1]
            for name, tensor in tensors.items()
        ),
        # alpha / r is all the scaling that it knows besides rsLoRA's.
        "a scaling of its own": not config.get("use_rslora") and not config.get("alpha_pattern"),
    }
    return [objection for objection, holds in rules.items() if not holds]


def test_the_merged_adapter_is_the_uniform_mix_that_a_release_without_a_panel_serves(
    exact_base, tiny
):
    parts = parts_of(exact_base, tiny)
    a, b = export.merge(tiny, parts)
    each = {part.shard: adapters.from_bytes(part.weights)[1] for part in parts}
    nobody = Index((0, 1, 2), torch.empty(0, exact_base.hidden), torch.empty(0, 3))
    scorer = Scorer(exact_base, tiny, a=a, adapters=each, index=nobody)
    states = [trunk.state(exact_base, PROMPT * n, depth=tiny.depth) for n in (1, 2, 3)]

    with torch.inference_mode():
        merged = lora.top_of(exact_base, tiny).answers(states, a, b)
    scores = torch.sigmoid(merged[:, 0] - merged[:, 1])

    torch.testing.assert_close(
        scores, torch.tensor(scorer.score(states), dtype=torch.float64), rtol=0, atol=1e-13
    )
    for path in b:
        deltas = [each[shard][path] @ a[path] for shard in each]
        wanted = tiny.mix_scale * sum(deltas) / 3
        torch.testing.assert_close(b[path] @ a[path], wanted, rtol=1e-12, atol=1e-12)
    one = lora.top_of(exact_base, tiny).answers(states, a, each[0])
    assert not torch.allclose(one, merged, rtol=1e-3)


@pytest.mark.parametrize("name", ["shard-0", "shard-1", "shard-2", "merged"])
def test_peft_loads_every_folder_and_scores_what_we_score(folder, exact_base, tiny, tmp_path, name):
    out = exported(tmp_path / "out", exact_base, tiny)
    a, b = adapters.from_bytes((out / name / "adapter_model.safetensors").read_bytes())

    # PEFT only warns about weights that it did not find; in our tests warnings are errors.
    model = peft.PeftModel.from_pretrained(
        AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float64),
        out / name,
        autocast_adapter_dtype=False,
    )

    theirs = answers_of(model, exact_base)
    torch.testing.assert_close(ours(exact_base, tiny, a, b), theirs, rtol=1e-12, atol=1e-12)
    assert not torch.allclose(theirs, ours(exact_base, tiny, a, {}), rtol=1e-2, atol=1e-2)


def test_vllm_has_no_objection(base, tiny, tmp_path):
    out = exported(tmp_path / "out", base, tiny)

    release = json.loads((out / "release.json").read_bytes())

    assert release["max_lora_rank"] == "8"
    for folder in sorted(out.glob("*/")):
        assert vllm_objects(folder, max_lora_rank=8) == []
    assert vllm_objects(out / "merged", max_lora_rank=1) == [
        "another rank than max_lora_rank allows"
    ]


def test_a_rank_that_vllm_does_not_take_is_said(tiny):
    found = {rank: export.max_lora_rank(rank) for rank in (1, 2, 8, 9, 320, 512, 513)}

    assert found == {1: "1", 2: "8", 8: "8", 9: "16", 320: "320", 512: "512", 513: None}


def test_the_same_release_gives_the_same_bytes_in_whatever_order_it_comes(base, tiny, tmp_path):
    parts = parts_of(base, tiny)
    first = exported(tmp_path / "a", base, tiny, parts)
    second = exported(tmp_path / "b", base, tiny, parts[::-1])

    files = {file.relative_to(first) for file in first.rglob("*") if file.is_file()}
    assert len(files) == 4 * 3 + 1
    assert {file: (first / file).read_bytes() for file in files} == {
        file.relative_to(second): file.read_bytes() for file in second.rglob("*") if file.is_file()
    }


def test_every_file_is_named_by_its_digest_and_every_manifest_lies_beside_its_weights(
    base, tiny, tmp_path
):
    parts = parts_of(base, tiny)
    out = exported(tmp_path / "out", base, tiny, parts)

    release = json.loads((out / "release.json").read_bytes())
    merged = json.loads((out / "merged" / "manifest.json").read_bytes())

    there = {str(f.relative_to(out)) for f in out.rglob("*") if f.is_file()} - {"release.json"}
    assert release["files"].keys() == there
    for name, digest in release["files"].items():
        assert hashlib.sha256((out / name).read_bytes()).hexdigest() == digest
    for part in parts:
        beside = out / f"shard-{part.shard}"
        assert (beside / "adapter_model.safetensors").read_bytes() == part.weights
        assert (beside / "manifest.json").read_bytes() == part.manifest
    assert merged["output"] == release["files"]["merged/adapter_model.safetensors"]
    assert [part["adapter"] for part in merged["parts"]] == [part.digest for part in parts]
    assert {part["weight"] for part in merged["parts"]} == {"1/3"}
    assert merged["mix_scale"] == repr(tiny.mix_scale)
    assert manifest.canonical(merged) == (out / "merged" / "manifest.json").read_bytes()


def test_nothing_that_is_exported_names_a_folder_of_this_machine(base, tiny, folder, tmp_path):
    local = dataclasses.replace(tiny, base=str(folder))
    out = exported(tmp_path / "out", base, local)

    told = b"".join(f.read_bytes() for f in out.rglob("*.json"))

    assert str(folder.parent).encode() not in told
    config = json.loads((out / "shard-0" / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == f"tiny@sha256:{base.digest}"


def test_adapters_that_do_not_share_one_a_are_not_merged(base, tiny):
    other = dataclasses.replace(tiny, seed=tiny.seed + 1)

    with pytest.raises(CannotMerge, match="do not share one A"):
        export.merge(tiny, [*parts_of(base, tiny, (0, 1)), *parts_of(base, other, (2,))])
    with pytest.raises(CannotMerge, match="no adapter"):
        export.merge(tiny, [])
