"""What serves is what others load: a live adapter is an ordinary PEFT adapter."""

from decimal import Decimal

import peft
import pytest
import torch
from transformers import AutoModelForCausalLM

from mlcore import adapters, lora, trunk
from mlcore.samples import candidate_prompt
from registry import bases, serving, storage
from registry.bench import bench_of
from registry.services import live

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_live_adapter_exported_to_a_folder_scores_the_same_in_peft(trained, tmp_path):
    release = live.release()
    bench = bench_of(release.recipe)
    member = live.members(release).first()
    weights = storage.get(member.adapter.weights)
    adapters.write(tmp_path, weights=weights, config=adapters.peft_config(bench.plain, bench.base))
    history = serving.told([("m5", Decimal(5)), ("m6", Decimal(1)), ("m7", Decimal(4))])
    prompt = candidate_prompt(history, "Film 9", bench.plain)

    model = peft.PeftModel.from_pretrained(
        AutoModelForCausalLM.from_pretrained(bases.folder_of("tiny"), dtype=torch.float32),
        tmp_path,
        autocast_adapter_dtype=False,
    )
    with torch.inference_mode():
        logits = model(bench.base.encode(prompt)[None], use_cache=False).logits[0, -1]
        theirs = logits[[bench.base.yes_id, bench.base.no_id]]
        state = trunk.state(bench.base, prompt, depth=bench.plain.depth)
        a, b = adapters.from_bytes(weights)
        ours = lora.top_of(bench.base, bench.plain).answers([state], a, b)[0]
        bare = lora.top_of(bench.base, bench.plain).answers([state], a, {})[0]

    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)
    assert not torch.allclose(bare, theirs, rtol=1e-3, atol=1e-3)


def test_serving_with_one_shard_left_is_that_adapter_times_the_recipes_scale(trained):
    for person in ("person-7", "person-1"):
        trained.erase(person)
    release = live.release()
    bench = bench_of(release.recipe)
    (member,) = live.members(release)
    history = serving.told([("m5", Decimal(5)), ("m6", Decimal(1)), ("m7", Decimal(4))])

    (served,) = serving.score(history, ["m9"]).scores

    prompt = candidate_prompt(history, "Film 9", bench.plain)
    state = trunk.state(bench.base, prompt, depth=bench.plain.depth)
    a, b = adapters.from_bytes(storage.get(member.adapter.weights))
    scaled = {path: bench.plain.mix_scale * tensor for path, tensor in b.items()}
    with torch.inference_mode():
        yes, no = lora.top_of(bench.base, bench.plain).answers([state], a, scaled)[0]
    assert served == pytest.approx(torch.sigmoid(yes - no).item(), abs=1e-5)


def test_an_item_that_is_not_in_the_catalogue_is_named_by_its_position(trained):
    history = serving.told([("m5", Decimal(5))])

    with pytest.raises(serving.UnknownItem, match="candidate 2: not in the catalogue"):
        serving.score(history, ["m1", "hidden-film"])
    with pytest.raises(serving.UnknownItem, match="history entry 1: not in the catalogue"):
        serving.told([("hidden-film", Decimal(5))])
