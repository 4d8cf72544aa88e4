"""Whose cosignatures are enough: a policy that two could read differently is refused."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.verifier.bundles import LOG, LOG_PQ
from verifier import notes, policy

A, B, C, D = (
    notes.Cosigner(f"{name}.example/w", Ed25519PrivateKey.from_private_bytes(name.encode() * 32))
    for name in "abcd"
)
THREE = "".join(f"witness {n} {each.vkey}\n" for n, each in zip("ABC", (A, B, C), strict=True))
RENAMED = notes.Signer("another.example", LOG.key).vkey


def test_groups_of_groups_are_counted_as_the_document_says():
    found = policy.parse(f"# ours\n{THREE}\n\tgroup X 2  A B\ngroup Y any C X\t\nquorum Y\n")

    assert found.is_met({C.vkey})
    assert found.is_met({A.vkey, B.vkey})
    assert not found.is_met({A.vkey})
    assert not found.is_met(set())
    assert policy.parse("quorum none\n").is_met(set())


def test_all_of_a_group_are_all_of_them():
    found = policy.parse(f"{THREE}group g all A B C\nquorum g\n")

    assert found.is_met({A.vkey, B.vkey, C.vkey})
    assert not found.is_met({A.vkey, C.vkey})


def test_a_quorum_may_be_one_witness():
    found = policy.parse(f"{THREE}quorum B\n")

    assert found.is_met({A.vkey, B.vkey})
    assert not found.is_met({A.vkey, C.vkey})


def test_logs_and_witnesses_are_asked_where_it_says():
    found = policy.parse(
        f"log {LOG.vkey} https://log.example/\nlog {LOG_PQ.vkey}\n"
        f"witness A {A.vkey} http://127.0.0.1:8000\nquorum A\n"
    )

    assert found.logs == {LOG.vkey: "https://log.example/", LOG_PQ.vkey: None}
    assert found.witnesses["A"].url == "http://127.0.0.1:8000"


@pytest.mark.parametrize(
    "text",
    [
        "",
        THREE,
        f"{THREE}quorum D\n",
        f"{THREE}quorum A\nquorum A\n",
        f"{THREE}quorum A\nquorum none\n",
        f"{THREE}quorum A B\n",
        f"{THREE}quorum A\nquorum A B\n",
        f"{THREE}quorums A\nquorum A\n",
        f"{THREE}group g 3 A B\nquorum g\n",
        f"{THREE}group g 0 A B\nquorum g\n",
        f"{THREE}group g 01 A B\nquorum g\n",
        f"{THREE}group g 1x A B\nquorum g\n",
        f"{THREE}group g \u0661 A B\nquorum g\n",
        f"{THREE}group g any\nquorum g\n",
        f"{THREE}group g all\nquorum g\n",
        f"{THREE}group g all A A\nquorum g\n",
        f"{THREE}group g any A D\nquorum g\n",
        f"{THREE}group g any g\nquorum g\n",
        f"{THREE}group A any B C\nquorum A\n",
        f"{THREE}group g any A\ngroup g all B C\nquorum g\n",
        f"{THREE}group g any A\ngroup h any A\nquorum g\n",
        f"{THREE}group none any A\nquorum none\n",
        f"{THREE}witness none {D.vkey}\nquorum none\n",
        f"{THREE}witness D {A.vkey}\nquorum A\n",
        f"{THREE}witness A {A.vkey}\nquorum A\n",
        f"{THREE}witness A {D.vkey}\nquorum A\n",
        f"{THREE}group g any A B\nwitness g {D.vkey}\nquorum g\n",
        f"{THREE}witness D {notes.Cosigner(D.name, A.key).vkey}\nquorum A\n",
        f"witness A {A.vkey} file://a\nquorum A\n",
        f"witness A {A.vkey} https://a https://b\nquorum A\n",
        f"witness A {notes.Signer(A.name, A.key).vkey}\nquorum A\n",
        "witness A nonsense\nquorum A\n",
        f"{THREE}log {LOG.vkey}\nlog {LOG.vkey}\nquorum A\n",
        f"{THREE}log {LOG.vkey}\nlog {RENAMED}\nquorum A\n",
        f"{THREE}log {LOG.vkey} https://a https://b\nquorum A\n",
        f"{THREE}log {D.vkey}\nquorum A\n",
        f"{THREE}log nonsense\nquorum A\n",
    ],
)
def test_a_policy_that_two_could_read_differently_is_refused(text):
    with pytest.raises(policy.BadPolicy):
        policy.parse(text)
