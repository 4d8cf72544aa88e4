"""One spelling of everything: what two readers could take differently is refused."""

import base64
import json
import tracemalloc

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from verifier import strict
from verifier.strict import BadDocument

WHOLE = st.integers(-strict.LARGEST_INT, strict.LARGEST_INT)
VALUES = st.recursive(
    st.none() | st.booleans() | WHOLE | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(value=VALUES)
def test_the_canonical_form_is_that_of_rfc_8785(value):
    raw = strict.canonical(value)

    assert raw == rfc8785.dumps(value)
    assert strict.loads(raw) == value


def test_members_are_sorted_by_utf_16_as_in_the_example_of_rfc_8785():
    names = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]
    raw = strict.canonical(dict.fromkeys(names))

    assert list(json.loads(raw)) == [
        "\r",
        "1",
        "\u0080",
        "\u00f6",
        "\u20ac",
        "\U0001f600",
        "\ufb33",
    ]


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":"1","a":"1"}',
        b'{"a":"1","\\u0061":"2"}',
        b'{"b":"1","a":"2"}',
        b'{"a": "1"}',
        b'{"a":"1"}\n',
        b' {"a":"1"}',
        b'{"a":"\\u0041"}',
        b'{"a":"\\/"}',
        b'{"a":"\\ud800"}',
        b'{"\\ud800":"a"}',
        b'"\xff"',
        b'\xef\xbb\xbf"a"',
        '"a"'.encode("utf-16"),
        b"NaN",
        b"-Infinity",
        b"1.0",
        b"1e3",
        b"-0",
        b"01",
        b"9007199254740993",
        b"1" * 5000,
        b"[" * 100_000,
        b"[" * 40 + b"]" * 40,
        b"",
        b"{}{}",
        b"{}\x00",
        b"[1,]",
        b"'a'",
    ],
    ids=lambda raw: repr(raw[:20]),
)
def test_another_spelling_of_json_is_refused(raw):
    with pytest.raises(BadDocument, match="JSON"):
        strict.loads(raw)


def test_a_text_over_the_limit_is_refused_before_it_is_read():
    assert strict.loads(b'"12"', most=4) == "12"
    with pytest.raises(BadDocument, match="more than 3"):
        strict.loads(b'"12"', most=3)


@pytest.mark.parametrize("value", [b"[]", b"{}", b"0"])
def test_a_text_of_too_many_values_is_refused_before_it_fills_the_memory(value):
    raw = b"[" + (value + b",") * strict.MOST_VALUES + value + b"]"

    tracemalloc.start()
    with pytest.raises(BadDocument, match="values"):
        strict.loads(raw, most=len(raw))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert most < len(raw)


def test_only_a_foreign_text_may_have_spaces_and_never_a_member_twice():
    assert strict.loads(b'{ "b": 1, "a": 2 }\n', canonical_only=False) == {"a": 2, "b": 1}
    with pytest.raises(BadDocument, match="twice"):
        strict.loads(b'{"a":1, "a":1}', canonical_only=False)


@pytest.mark.parametrize("largest", [9007199254740991, -9007199254740991])
def test_a_whole_number_is_read_as_far_as_every_reader_holds_it(largest):
    assert strict.loads(str(largest).encode()) == largest
    with pytest.raises(BadDocument, match="not every reader"):
        strict.loads(str(largest + (1 if largest > 0 else -1)).encode())


def test_how_deep_a_text_may_be_nested_is_the_same_for_every_reader():
    """The innermost of 33 is 32 deep."""
    assert strict.loads(b"[" * 33 + b"]" * 33)
    with pytest.raises(BadDocument, match="deeper than 32"):
        strict.loads(b"[" * 34 + b"]" * 34)


@pytest.mark.parametrize("value", [1.5, b"a", {1: "a"}, {"a": object()}, 2**53, "\udc00"])
def test_what_not_every_reader_can_hold_is_not_written(value):
    with pytest.raises(BadDocument):
        strict.canonical(value)


@given(raw=st.binary(max_size=40))
def test_base64_is_read_in_the_spelling_of_encoding_alone(raw):
    plain, urlsafe = base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()

    assert strict.octets(plain, "x") == raw
    assert strict.octets(urlsafe, "x", urlsafe=True) == raw
    assert strict.octets(plain, "x", urlsafe=True) == raw


@pytest.mark.parametrize(
    "text", ["QQ", "QR==", "QUF=", "Q", "QQ==\n", " QQ==", "Q Q==", "QQ===", "QQ==QQ==", "-_8=",
             "+_8=", "\uff21\uff21==", None, 7]
)  # fmt: skip
def test_padding_bits_other_alphabets_and_strays_in_base64_are_refused(text):
    with pytest.raises(BadDocument, match="x: not"):
        strict.octets(text, "x")


def test_the_two_alphabets_are_never_mixed():
    with pytest.raises(BadDocument):
        strict.octets("+_8=", "x", urlsafe=True)


def test_a_look_alike_of_another_alphabet_is_refused():
    for text in ("p\u0430nel", "panel\u200b", "\uff11", "a\nb", "", "a" * 3000):
        with pytest.raises(BadDocument, match="ASCII"):
            strict.text(text, "x")
    with pytest.raises(BadDocument):
        strict.number("\u0661", "x")


def test_a_text_has_its_length():
    assert len(strict.text("a" * 2000, "x")) == 2000
    with pytest.raises(BadDocument, match="1 to 2000"):
        strict.text("a" * 2001, "x")


def test_a_list_has_its_length():
    assert strict.items([1, 2], "x", least=2, most=2) == [1, 2]
    assert len(strict.items([None] * 10_000, "x")) == 10_000
    for value, bounds in (
        ([1], {"least": 2}),
        ([1, 2], {"most": 1}),
        ([None] * 10_001, {}),
        ({"a": 1}, {}),
        ("ab", {}),
    ):
        with pytest.raises(BadDocument, match="x: not a list"):
            strict.items(value, "x", **bounds)


@pytest.mark.parametrize(
    "value",
    [
        {"n\u0430me": "a"},
        {"": "a"},
        {"name": "\u0430"},
        {"name": ""},
        {"name": 1},
        {"name": {"a": "b"}},
        {str(number): "a" for number in range(10_001)},
        ["name"],
        "name",
        None,
    ],
    ids=lambda value: ascii(value)[:20],
)
def test_what_is_no_object_of_texts_is_refused(value):
    assert strict.texts({"name": "a", "other": "b"}, "x") == {"name": "a", "other": "b"}
    with pytest.raises(BadDocument, match="x: not"):
        strict.texts(value, "x")


@pytest.mark.parametrize("text", ["", "A" * 64, "g" * 64, "a" * 63, "a" * 65, "0x" + "a" * 62])
def test_a_digest_has_one_spelling(text):
    assert strict.sha256("0a" * 32, "x") == "0a" * 32
    with pytest.raises(BadDocument):
        strict.sha256(text, "x")


@pytest.mark.parametrize(
    "text", ["", "example", "//example.com/a", ":a", "1a:b", "HTTPS://a", "https:", "https://a b"]
)
def test_a_uri_says_what_it_is_of_and_has_no_spaces(text):
    assert strict.uri("https://example.com/a", "x") == "https://example.com/a"
    with pytest.raises(BadDocument):
        strict.uri(text, "x")


@pytest.mark.parametrize("text", ["-1", "+1", "01", "1 ", "", "1.0", str(2**63), 1, True, None])
def test_a_number_has_one_spelling(text):
    assert strict.number(str(2**63 - 1), "x") == 2**63 - 1
    with pytest.raises(BadDocument):
        strict.number(text, "x")


@pytest.mark.parametrize(
    "text",
    ["2026-02-30T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:00:00+00:00",
     "2026-01-01T00:00:00.0Z", "2026-01-01 00:00:00Z", "2026-01-01T00:00:00z"],
)  # fmt: skip
def test_a_time_has_one_spelling(text):
    with pytest.raises(BadDocument):
        strict.moment(text, "x")


def test_unknown_and_missing_members_are_refused():
    assert strict.members({"a": 1}, "x", ["a"], ["b"]) == {"a": 1}
    with pytest.raises(BadDocument, match="x: has an unknown field"):
        strict.members({"a": 1, "c": 1}, "x", ["a"], ["b"])
    with pytest.raises(BadDocument, match="x: has no a"):
        strict.members({"b": 1}, "x", ["a"], ["b"])
    with pytest.raises(BadDocument, match="not an object"):
        strict.members([], "x", ["a"])


def test_a_message_holds_nothing_of_the_document():
    for raw in (b'{"ada@example.com":1.5}', b'{"a":"ada@example.com","a":1}'):
        with pytest.raises(BadDocument) as caught:
            strict.loads(raw)
        assert "ada" not in str(caught.value)
