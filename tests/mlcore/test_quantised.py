"""A trunk of fewer bits: near the whole one, exact in its own right; the base stays as it was."""

import dataclasses

import pytest
import torch
from torch import nn

from mlcore import base_model, lora, quantised, trunk

PROMPT = "Liked: Fargo; Heat\nDisliked: none\nTarget: Alien\nAnswer:"


def linear(n: int = 24, out: int = 16, *, bias: bool = False) -> nn.Linear:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(4)
        return nn.Linear(n, out, bias=bias).requires_grad_(False)


def activations(*shape: int) -> torch.Tensor:
    x = torch.randn(*shape, generator=torch.Generator().manual_seed(5))
    # Rows of very different magnitude, as a trunk's first position and the others are.
    return x * torch.logspace(-3, 3, shape[0]).view(-1, *[1] * (len(shape) - 1))


@pytest.mark.parametrize("bias", [False, True])
def test_int8_is_whole_numbers_times_two_scales(bias):
    """The definition, in integers that cannot overflow and floats of 64 bits."""
    plain, x = linear(bias=bias), activations(9, 24)
    w_scale = plain.weight.abs().amax(dim=1) / 127
    x_scale = x.abs().amax(dim=1) / 127
    w = (plain.weight / w_scale[:, None]).round().to(torch.int64)
    q = (x / x_scale[:, None]).round().to(torch.int64)
    expected = (q @ w.T).double() * x_scale[:, None].double() * w_scale.double()
    expected += plain.bias.double() if bias else 0

    y = quantised.Int8Linear(plain)(x)

    torch.testing.assert_close(y.double(), expected, rtol=1e-6, atol=1e-9)
    assert q.abs().amax() == 127 == w.abs().amax()
    error = (y - plain(x)).norm(dim=1) / plain(x).norm(dim=1)
    assert error.max() < 0.02


def test_an_int8_row_never_depends_on_its_batch_mates():
    narrow, x = quantised.Int8Linear(linear(576, 192)), activations(40, 576)

    together = narrow(x)

    for rows in ([0], [39], [3, 4, 5], [*range(17)], [39, 0, 20]):
        assert torch.equal(narrow(x[rows]), together[rows])
    assert torch.equal(narrow(x.view(8, 5, 576)), together.view(8, 5, 192))


def test_int8_keeps_zeros_and_does_not_hide_what_is_no_number():
    narrow = quantised.Int8Linear(linear())
    x = torch.zeros(3, 24)
    x[1, 2] = float("nan")
    x[2, 2] = float("inf")

    y = narrow(x)

    assert not y[0].any()
    assert y[1].isnan().all()
    assert not y[2].isfinite().any()


def test_a_processor_that_saturates_gets_no_int8_trunk(base, monkeypatch):
    product = torch._int_mm
    monkeypatch.setattr(torch, "_int_mm", lambda x, w: product(x, w).clamp(max=2**15 - 1))

    with pytest.raises(quantised.CannotNarrow, match="saturate"):
        trunk.state(base, PROMPT, depth=1, dtype="int8")
    assert trunk.state(base, PROMPT, depth=1, dtype="bfloat16").isfinite().all()


@pytest.mark.parametrize("dtype", ["bfloat16", "int8"])
def test_a_base_in_several_places_has_a_whole_trunk_only(folder, dtype):
    base = base_model.open_base(folder, dtype="float32", threads=1, device_map={"": "disk"})

    with pytest.raises(quantised.CannotNarrow, match="one device"):
        trunk.state(base, PROMPT, depth=1, dtype=dtype)
    assert trunk.state(base, PROMPT, depth=1).isfinite().all()


@pytest.mark.parametrize(("dtype", "nearness"), [("bfloat16", 0.999), ("int8", 0.99)])
@pytest.mark.parametrize("held", ["base", "exact_base"])
def test_a_narrow_trunk_is_near_the_whole_one(request, held, dtype, nearness):
    base = request.getfixturevalue(held)
    whole = trunk.state(base, PROMPT, depth=1)

    narrow = trunk.state(base, PROMPT, depth=1, dtype=dtype)

    assert (narrow.dtype, narrow.shape) == (whole.dtype, whole.shape)
    assert nearness < torch.cosine_similarity(narrow, whole, dim=1).min() < 1 - 1e-9
    assert torch.equal(trunk.state(base, PROMPT, depth=1, dtype=dtype), narrow)


def test_a_wider_trunk_is_what_the_wider_base_computes(base, exact_base):
    wide = trunk.state(base, PROMPT, depth=1, dtype="float64")

    exact = trunk.state(exact_base, PROMPT, depth=1)

    torch.testing.assert_close(wide.double(), exact, rtol=1e-6, atol=1e-6)
    same = trunk.state(base, PROMPT, depth=1, dtype="float32")
    assert torch.equal(same, trunk.state(base, PROMPT, depth=1))


@pytest.mark.parametrize("dtype", ["bfloat16", "int8"])
def test_the_base_stays_as_it_was(base, tiny, dtype):
    kinds = [type(module) for module in base.model.modules()]
    before = {name: tensor.clone() for name, tensor in base.model.state_dict().items()}
    plain = trunk.state(base, PROMPT, depth=1)
    narrow = dataclasses.replace(tiny, trunk_dtype=dtype)

    trunk.state_of(base, narrow, PROMPT)

    assert [type(module) for module in base.model.modules()] == kinds
    after = base.model.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert torch.equal(trunk.state(base, PROMPT, depth=1), plain)


def test_a_recipe_decides_depth_and_trunk(base, tiny):
    narrow = dataclasses.replace(tiny, depth=1, trunk_dtype="bfloat16")

    state = trunk.state_of(base, narrow, PROMPT)

    assert torch.equal(state, trunk.state(base, PROMPT, depth=1, dtype="bfloat16"))
    assert torch.equal(trunk.state_of(base, tiny, PROMPT), trunk.state(base, PROMPT, depth=2))
    # The top takes it as any other.
    top = lora.top_of(base, narrow)
    assert top.answers([state], {}, {}).isfinite().all()
