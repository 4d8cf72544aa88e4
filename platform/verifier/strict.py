"""Reading what others wrote: of everything one spelling, and nothing beyond what is asked for.

Two readers who disagree on a document are how a forgery passes one and fools the other. So a JSON
text must be exactly its RFC 8785 bytes, base64 exactly what encoding gives, and strings ASCII.
"""

import json
import re
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

from verifier import spelling

# Without floats: whole numbers travel as strings, or are small enough for every reader.
Json: TypeAlias = "bool | int | str | list[Json] | dict[str, Json] | None"

MOST_OCTETS: Final = 1 << 20
DEEPEST: Final = 32
# Of the smallest ones an octet becomes fifty in memory; a bundle's own are larger, and fit.
MOST_VALUES: Final = 1 << 23
LONGEST_TEXT: Final = 2000
MOST_ITEMS: Final = 10_000
# Beyond it an IEEE double is not exact, and RFC 8785 numbers are doubles.
LARGEST_INT: Final = 2**53 - 1
LARGEST_NUMBER: Final = 2**63 - 1
UUID: Final = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
MOMENT: Final = "%Y-%m-%dT%H:%M:%SZ"


class BadDocument(ValueError):
    """A document is not spelt, or not made up, as its format says."""


def loads(raw: bytes, *, most: int = MOST_OCTETS, canonical_only: bool = True) -> Json:
    """Read JSON without duplicate members, fractions, NaN, or lone surrogates.

    Args:
        raw: UTF-8, without a byte order mark.
        most: how many octets it may have.
        canonical_only: whether it must be the RFC 8785 bytes of what it says.

    Raises:
        BadDocument: it is not such a text. The message holds nothing of it.
    """
    if len(raw) > most:
        raise BadDocument(f"JSON: {len(raw)} octets, more than {most}")
    # Before it is read: each value but the first follows one of these, which texts may hold too.
    if sum(map(raw.count, (b"[", b"{", b","))) > MOST_VALUES:
        raise BadDocument(f"JSON: more than {MOST_VALUES} values")
    try:
        value: Json = json.loads(
            raw.decode(),
            object_pairs_hook=_members,
            parse_int=_whole,
        )
    except UnicodeDecodeError:
        raise BadDocument("JSON: not UTF-8") from None
    except json.JSONDecodeError:
        raise BadDocument("JSON: malformed") from None
    except RecursionError:
        raise BadDocument(f"JSON: nested deeper than {DEEPEST}") from None
    spelt = canonical(value)
    if canonical_only and spelt != raw:
        raise BadDocument("JSON: not in the canonical form of RFC 8785")
    return value


def canonical(value: Json) -> bytes:
    """The RFC 8785 bytes of a value without floats.

    Raises:
        BadDocument: the value is none that two readers are sure to read alike.
    """
    try:
        return _spell(value, 0).encode()
    except UnicodeEncodeError:
        raise BadDocument("JSON: a lone surrogate") from None


def octets(text: Json, where: str, *, urlsafe: bool = False) -> bytes:
    """Decode base64 with its padding, in the one spelling that encoding gives.

    Args:
        text: the standard alphabet; with ``urlsafe`` either alphabet, but one of them.
        where: what the message calls it.

    Raises:
        BadDocument: other characters, padding bits that are not zero, no padding, or no string.
    """
    if not isinstance(text, str):
        raise BadDocument(f"{where}: not base64")
    if urlsafe and not set(text) & set("+/"):
        text = text.translate(str.maketrans("-_", "+/"))
    try:
        return spelling.decode(text)
    except ValueError as bad:
        raise BadDocument(f"{where}: {bad}") from None


def members(
    value: Json, where: str, required: Collection[str], optional: Collection[str] = ()
) -> dict[str, Json]:
    """An object that has every required member and no unknown one."""
    if not isinstance(value, dict):
        raise BadDocument(f"{where}: not an object")
    if missing := sorted(set(required) - value.keys()):
        raise BadDocument(f"{where}: has no {missing[0]}")
    if not value.keys() <= {*required, *optional}:
        raise BadDocument(f"{where}: has an unknown field")
    return value


def items(value: Json, where: str, *, least: int = 0, most: int = MOST_ITEMS) -> list[Json]:
    """A list of so many items."""
    if not isinstance(value, list) or not least <= len(value) <= most:
        raise BadDocument(f"{where}: not a list of {least} to {most}")
    return value


def text(value: Json, where: str, *, pattern: str = "[ -~]+") -> str:
    """A string of printable ASCII: a look-alike of another alphabet is refused."""
    if not isinstance(value, str) or not re.fullmatch("[ -~]+", value) or len(value) > LONGEST_TEXT:
        raise BadDocument(f"{where}: not 1 to {LONGEST_TEXT} printable ASCII characters")
    if not re.fullmatch(pattern, value):
        raise BadDocument(f"{where}: malformed")
    return value


def texts(value: Json, where: str) -> dict[str, str]:
    """An object of printable ASCII strings, whatever its members are called."""
    if not isinstance(value, dict) or len(value) > MOST_ITEMS:
        raise BadDocument(f"{where}: not an object")
    return {text(name, where): text(each, where) for name, each in value.items()}


def exactly(value: Json, where: str, expected: str) -> None:
    """Raise BadDocument unless the value is this string."""
    if value != expected:
        raise BadDocument(f"{where}: not {expected}")


def sha256(value: Json, where: str) -> str:
    """A SHA-256 digest: 64 lower-case hexadecimal digits."""
    return text(value, where, pattern="[0-9a-f]{64}")


def uri(value: Json, where: str) -> str:
    """An absolute URI, by its shape: a scheme, a colon and no spaces."""
    return text(value, where, pattern="[a-z][a-z0-9+.-]*:[!-~]+")


def number(value: Json, where: str) -> int:
    """A whole number from 0 to 2^63 - 1, as a decimal string without leading zeros."""
    found = int(text(value, where, pattern="0|[1-9][0-9]{0,18}"))
    if found > LARGEST_NUMBER:
        raise BadDocument(f"{where}: not a number up to {LARGEST_NUMBER}")
    return found


def moment(value: Json, where: str) -> datetime:
    """A time in UTC to the second: ``2026-03-01T12:00:00Z``."""
    spelt = text(value, where, pattern=r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
    try:
        return datetime.strptime(spelt, MOMENT).replace(tzinfo=UTC)
    except ValueError:
        raise BadDocument(f"{where}: not a time") from None


def _spell(value: Json, depth: int) -> str:
    if depth > DEEPEST:
        raise BadDocument(f"JSON: nested deeper than {DEEPEST}")
    match value:
        case None | bool() | str():
            # Python's escapes without ensure_ascii are those of RFC 8785.
            return json.dumps(value, ensure_ascii=False)
        case int():
            if abs(value) > LARGEST_INT:
                raise BadDocument("JSON: a number that not every reader can hold")
            return str(value)
        case list():
            return f"[{','.join(_spell(each, depth + 1) for each in value)}]"
        case dict():
            if not all(isinstance(name, str) for name in value):
                raise BadDocument("JSON: a member's name is not a string")
            # RFC 8785 sorts by UTF-16 code units, which is not the order of code points.
            names = sorted(value, key=lambda name: name.encode("utf-16-be"))
            spelt = (f"{_spell(name, depth)}:{_spell(value[name], depth + 1)}" for name in names)
            return f"{{{','.join(spelt)}}}"
    raise BadDocument(f"JSON: cannot hold a {type(value).__name__}")


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise BadDocument("JSON: a member twice")
    return found


def _whole(digits: str) -> int:
    # Python refuses to read thousands of digits, with an error of its own.
    if len(digits) > 17:
        raise BadDocument("JSON: a number that not every reader can hold")
    return int(digits)
