"""Every promise of the engine, on tiny random models of eight families of decoders."""

import copy

import peft
import pytest
import torch
from transformers import (
    Gemma2Config,
    Gemma2ForCausalLM,
    Gemma3ForCausalLM,
    Gemma3TextConfig,
    GemmaConfig,
    GemmaForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    Phi3Config,
    Phi3ForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from mlcore import adapters, base_model, lora, trunk
from mlcore.recipe import BadRecipe
from mlcore.training import train_slice
from tests.mlcore.conftest import crowd, rows
from tests.mlcore.test_adapters import PROMPT, answers_of, load, ours, random_b
from tests.mlcore.test_base_model import SMALL, variant

WINDOW = 128
LAYERS = ["sliding_attention", "full_attention", "sliding_attention"]
# Small caps bend the numbers of a tiny model; a trained one's are reached now and then.
CAPS = {"final_logit_softcapping": 2.0, "attn_logit_softcapping": 1.5}
GEMMA = {"query_pre_attn_scalar": 8, "sliding_window": WINDOW, "layer_types": LAYERS}

FAMILIES = {
    "llama": (LlamaConfig, LlamaForCausalLM, {"attention_bias": True}),
    "mistral": (MistralConfig, MistralForCausalLM, {"sliding_window": WINDOW}),
    "qwen2": (Qwen2Config, Qwen2ForCausalLM, {"tie_word_embeddings": True}),
    "qwen3": (Qwen3Config, Qwen3ForCausalLM, {"tie_word_embeddings": True}),
    "phi3": (Phi3Config, Phi3ForCausalLM, {}),
    "gemma": (GemmaConfig, GemmaForCausalLM, {}),
    "gemma2": (Gemma2Config, Gemma2ForCausalLM, GEMMA | CAPS),
    "gemma3_text": (
        Gemma3TextConfig,
        Gemma3ForCausalLM,
        GEMMA | {"final_logit_softcapping": 2.0},
    ),
}


@pytest.fixture(scope="module", params=FAMILIES)
def place(request, tmp_path_factory, folder):
    config, kind, more = FAMILIES[request.param]
    torch.manual_seed(3)
    model = kind(config(**SMALL, **more))
    for name, parameter in model.named_parameters():
        if name.endswith("norm.weight"):  # else all ones, and no norm could be taken for another
            parameter.data += 0.3 * torch.randn_like(parameter)
    return variant(tmp_path_factory.mktemp("families") / request.param, folder, model)


@pytest.fixture(scope="module")
def family(place):
    return base_model.open_base(place, dtype="float64", threads=1)


@pytest.fixture
def recipe(tiny, family):
    """Phi 3 has one matrix for queries, keys and values."""
    fused = family.model.config.model_type == "phi3"
    return replace(tiny, target_modules=("qkv_proj",)) if fused else tiny


def replace(recipe, **changes):
    return type(recipe)(**{**vars(recipe), **changes})


def test_a_state_is_what_transformers_makes_of_the_prompt_alone(family, recipe):
    for prompt in (PROMPT, "A" * WINDOW):  # as long as a sliding window
        ids = family.encode(prompt[: WINDOW - len(family.lead)])
        with torch.inference_mode():
            theirs = family.model(ids[None], use_cache=False, output_hidden_states=True)

        for depth in (1, 2, 3):
            state = trunk.state(family, prompt[: WINDOW - len(family.lead)], depth=depth)

            assert torch.equal(state, theirs.hidden_states[family.layers - depth][0])


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_the_base_alone_says_what_transformers_says(family, recipe, depth):
    one = replace(recipe, depth=depth)

    torch.testing.assert_close(
        ours(family, one, {}, {}), answers_of(family.model, family), rtol=1e-10, atol=1e-10
    )


def test_peft_loads_what_we_wrote_and_scores_the_same(place, family, recipe, tmp_path):
    a, b = lora.common_a(family, recipe), random_b(family, recipe, 1)
    adapters.write(
        tmp_path, weights=adapters.to_bytes(a, b), config=adapters.peft_config(recipe, family)
    )

    model = peft.PeftModel.from_pretrained(
        load(place, torch.float64), tmp_path, autocast_adapter_dtype=False
    )

    theirs = answers_of(model, family)
    torch.testing.assert_close(ours(family, recipe, a, b), theirs, rtol=1e-10, atol=1e-10)
    assert not torch.allclose(theirs, ours(family, recipe, a, {}), rtol=1e-2, atol=1e-2)


def test_a_row_of_a_batch_scores_as_the_model_with_its_mix_merged_into_the_weights(family, recipe):
    a = lora.common_a(family, recipe)
    shards = [random_b(family, recipe, seed) for seed in (1, 2, 3)]
    prompts = [PROMPT, PROMPT[-40:], PROMPT[-90:]]
    mixes = torch.tensor([[0.2, 0.3, 0.5], [1.0, 0.0, 0.0], [1.5, 0.5, 1.0]], dtype=torch.float64)
    stacked = {
        path: torch.einsum("bk,kor->bor", mixes, torch.stack([b[path] for b in shards]))
        for path in a
    }

    states = [trunk.state(family, prompt, depth=recipe.depth) for prompt in prompts]
    with torch.inference_mode():
        together = lora.top_of(family, recipe).answers(states, a, stacked)

    for row, prompt in enumerate(prompts):
        merged = copy.deepcopy(family.model)
        for path in a:
            delta = recipe.alpha / recipe.rank * stacked[path][row] @ a[path]
            merged.get_submodule(path).weight.data += delta
        with torch.inference_mode():
            whole = merged(family.encode(prompt)[None], use_cache=False).logits[0, -1]
        torch.testing.assert_close(
            together[row], whole[[family.yes_id, family.no_id]], rtol=1e-10, atol=1e-10
        )


def train(base, recipe, slices):
    """The B after each of a shard's slices, each from the one before."""
    chain = []
    for number, people in enumerate(slices):
        run = train_slice(
            base,
            recipe,
            shard=0,
            slice_=number,
            start=chain[-1] if chain else None,
            samples=rows(base, recipe, people),
        )
        chain.append(drain(run))
    return chain


def drain(run):
    while True:
        try:
            next(run)
        except StopIteration as done:
            return done.value


def digests(base, recipe, chain):
    a = lora.common_a(base, recipe)
    return [adapters.digest(adapters.to_bytes(a, b)) for b in chain]


def test_a_shard_without_someone_is_that_of_a_twin_who_never_saw_them(place, recipe):
    first, second = crowd("ann", "bob"), crowd("cleo", "dan", "eve")
    remaining = {name: one for name, one in second.items() if name != "dan"}
    base = base_model.open_base(place, dtype="float32", threads=1)
    before = train(base, recipe, [first, second])

    # Erasing in the second slice starts again from what the first one left.
    run = train_slice(
        base, recipe, shard=0, slice_=1, start=before[0], samples=rows(base, recipe, remaining)
    )
    after = [before[0], drain(run)]

    other = base_model.open_base(place, dtype="float32", threads=1)
    twin = train(other, recipe, [first, remaining])
    assert digests(base, recipe, after) == digests(other, recipe, twin)
    assert digests(base, recipe, before)[1] != digests(base, recipe, after)[1]


def test_targets_that_match_nothing_and_too_many_blocks_are_refused(family, recipe):
    with pytest.raises(lora.NoSuchModule, match=r"block 1 has 0 linear modules query$"):
        lora.top_of(family, replace(recipe, target_modules=("query",)))
    with pytest.raises(lora.NoSuchModule, match="there are 3 blocks, so no top 4"):
        lora.top_of(family, replace(recipe, depth=4))


def test_a_recipe_can_insist_on_its_base(family, recipe):
    base_model.insist(replace(recipe, base_sha256=family.digest), family.digest)
    base_model.insist(recipe, family.digest)

    with pytest.raises(BadRecipe, match=r"^base_sha256 .* not the digest of .*\.$"):
        base_model.insist(replace(recipe, base_sha256="0" * 64), family.digest)
