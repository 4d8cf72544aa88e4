"""An adapter is an ordinary PEFT adapter: what others load scores what we score."""

import dataclasses

import peft
import pytest
import torch
from transformers import AutoModelForCausalLM

from mlcore import adapters, base_model, lora, trunk
from mlcore.lora import Weights

PROMPT = "Will this person like the movie? Yes or No.\nLiked: Alien\nTarget: Fargo\nAnswer:"


def random_b(base, recipe, seed: int) -> Weights:
    generator = torch.Generator().manual_seed(seed)
    return {
        path: torch.randn(zeros.shape, generator=generator, dtype=zeros.dtype)
        for path, zeros in lora.no_b(base, recipe).items()
    }


def answers_of(model, base) -> torch.Tensor:
    """What transformers says, over the whole model, the whole vocabulary."""
    with torch.inference_mode():
        logits = model(base.encode(PROMPT)[None], use_cache=False).logits[0, -1]
    return logits[[base.yes_id, base.no_id]]


def ours(base, recipe, a, b) -> torch.Tensor:
    state = trunk.state(base, PROMPT, depth=recipe.depth)
    with torch.inference_mode():
        return lora.top_of(base, recipe).answers([state], a, b)[0]


def load(folder, dtype):
    return AutoModelForCausalLM.from_pretrained(folder, dtype=dtype)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 1e-4)])
def test_peft_loads_what_we_wrote_and_scores_the_same(folder, tiny, tmp_path, dtype, tolerance):
    base = base_model.open_base(folder, dtype=dtype, threads=1)
    a, b = lora.common_a(base, tiny), random_b(base, tiny, 1)
    adapters.write(
        tmp_path, weights=adapters.to_bytes(a, b), config=adapters.peft_config(tiny, base)
    )

    # PEFT only warns about weights that it did not find; in our tests warnings are errors.
    model = peft.PeftModel.from_pretrained(
        load(folder, getattr(torch, dtype)), tmp_path, autocast_adapter_dtype=False
    )

    theirs = answers_of(model, base)
    torch.testing.assert_close(ours(base, tiny, a, b), theirs, rtol=tolerance, atol=tolerance)
    assert not torch.allclose(theirs, ours(base, tiny, a, {}), rtol=1e-2, atol=1e-2)


def test_layer_3_is_not_layer_30(tiny, tmp_path):
    """SISA-era code matched names by substring, so "layers.3" adapted 30 and 31 as well."""
    base_model.make_tiny(tmp_path / "deep", seed=2, layers=32)
    base = base_model.open_base(tmp_path / "deep", dtype="float32", threads=1)
    one = dataclasses.replace(tiny, depth=29, target_modules=("v_proj",))
    intended = {f"model.layers.{layer}.self_attn.v_proj" for layer in range(3, 32)}

    a, b = lora.common_a(base, one), random_b(base, one, 1)
    adapters.write(
        tmp_path / "it", weights=adapters.to_bytes(a, b), config=adapters.peft_config(one, base)
    )
    model = peft.PeftModel.from_pretrained(load(tmp_path / "deep", torch.float32), tmp_path / "it")

    adapted = {
        name.removeprefix("base_model.model.")
        for name, module in model.named_modules()
        if isinstance(module, peft.tuners.lora.LoraLayer)
    }
    assert adapted == intended
    assert {*lora.target_linears(base, 29, ["v_proj"])} == intended
    top = {*lora.target_linears(base, 2, ["v_proj"])}
    assert top == {f"model.layers.{layer}.self_attn.v_proj" for layer in (30, 31)}


def test_exactly_the_targets_feel_the_adapter(base, tiny):
    """Each module's B alone moves the answer, and the other blocks are the base's own."""
    a, b = lora.common_a(base, tiny), random_b(base, tiny, 3)
    zeros = lora.no_b(base, tiny)
    nothing = ours(base, tiny, a, {})

    assert torch.equal(ours(base, tiny, a, zeros), nothing)
    assert len(b) == tiny.depth * len(tiny.target_modules)
    for path in b:
        assert not torch.equal(ours(base, tiny, a, {**zeros, path: b[path]}), nothing)


def test_without_an_adapter_the_top_says_what_the_model_says(exact_base, tiny):
    for depth in (1, 2, 3):
        recipe = dataclasses.replace(tiny, depth=depth)
        torch.testing.assert_close(
            ours(exact_base, recipe, {}, {}), answers_of(exact_base.model, exact_base)
        )


def test_padding_changes_no_row(exact_base, tiny):
    a, b = lora.common_a(exact_base, tiny), random_b(exact_base, tiny, 4)
    prompts = [PROMPT, "Answer:", PROMPT * 3]
    states = [trunk.state(exact_base, prompt, depth=tiny.depth) for prompt in prompts]
    top = lora.top_of(exact_base, tiny)

    with torch.inference_mode():
        together = top.answers(states, a, b)
        alone = torch.cat([top.answers([state], a, b) for state in states])

    torch.testing.assert_close(together, alone)


def test_an_adapter_survives_its_bytes(base, tiny):
    a, b = lora.common_a(base, tiny), random_b(base, tiny, 5)
    data = adapters.to_bytes(a, b)

    back_a, back_b = adapters.from_bytes(data)

    assert adapters.to_bytes(back_a, back_b) == data
    assert all(torch.equal(back_a[path], a[path]) for path in a)
    assert all(torch.equal(back_b[path], b[path]) for path in b)
    shuffled = dict(reversed(b.items()))
    assert adapters.digest(adapters.to_bytes(a, shuffled)) == adapters.digest(data)


def test_half_an_adapter_is_refused(base, tiny):
    a, b = lora.common_a(base, tiny), random_b(base, tiny, 6)
    missing = dict([*b.items()][1:])

    with pytest.raises(adapters.NotAnAdapter):
        adapters.to_bytes(a, missing)
    with pytest.raises(adapters.NotAnAdapter, match="not a name"):
        adapters.from_bytes(trunk.to_bytes(torch.zeros(1)))
    state = trunk.state(base, PROMPT, depth=tiny.depth)
    with pytest.raises(lora.BadWeights, match="modules"):
        lora.top_of(base, tiny).answers([state], a, missing)
    path = next(iter(b))
    with pytest.raises(lora.BadWeights, match="B has shape"):
        lora.top_of(base, tiny).answers([state], a, {**b, path: b[path].mT})


def test_a_module_that_is_not_there_is_refused(base, tiny):
    with pytest.raises(lora.NoSuchModule, match="query"):
        lora.top_of(base, dataclasses.replace(tiny, target_modules=("query",)))
    with pytest.raises(lora.NoSuchModule, match="no top 9"):
        lora.top_of(base, dataclasses.replace(tiny, depth=9))
    with pytest.raises(trunk.TooDeep):
        trunk.state(base, PROMPT, depth=9)
