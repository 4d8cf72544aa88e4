"""Reading a TOML table strictly: exactly the keys wanted, each in its range."""

import math
from collections.abc import Mapping
from typing import Any

# (lowest, highest): whole numbers, or real ones if the bounds are floats. [(lowest, highest)] is a
# list of such numbers, without repeats. bool is true or false; a tuple of texts names the choices.
Rule = tuple[Any, ...] | list[tuple[Any, ...]] | type[bool]


class BadConfig(ValueError):
    """The configuration cannot be used; the message is one sentence that names the key."""


def read(table: object, rules: Mapping[str, Rule], where: str) -> dict[str, Any]:
    """The table's values, in the order of the rules.

    Raises:
        BadConfig: for a key that is unknown, missing, of the wrong type or out of range.
    """
    if not isinstance(table, Mapping):
        raise BadConfig(f"{where} must be a table.")
    if unknown := sorted(table.keys() - rules.keys()):
        raise BadConfig(f"{where}: {unknown[0]} is not a key of it.")
    values = {}
    for key, rule in rules.items():
        if key not in table:
            raise BadConfig(f"{where}: {key} is missing.")
        if not _obeys(table[key], rule):
            raise BadConfig(f"{where}: {key} must be {_wanted(rule)}, not {table[key]!r}.")
        values[key] = table[key]
    return values


def _obeys(value: object, rule: Rule) -> bool:
    if rule is bool:
        return isinstance(value, bool)
    if isinstance(rule, list):
        return (
            isinstance(value, list)
            and 0 < len(value) == len(set(map(repr, value)))
            and all(_obeys(one, rule[0]) for one in value)
        )
    assert isinstance(rule, tuple)
    low, high = rule[0], rule[-1]
    if isinstance(low, str):
        return value in rule
    # bool is an int to Python, not to a reader of the file.
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    is_kind = isinstance(value, int) or isinstance(low, float)
    return is_kind and math.isfinite(value) and bool(low <= value <= high)


def _wanted(rule: Rule) -> str:
    if rule is bool:
        return "true or false"
    if isinstance(rule, list):
        return f"a list of different entries, each {_wanted(rule[0])}"
    assert isinstance(rule, tuple)
    if isinstance(rule[0], str):
        return f"one of {', '.join(rule)}"
    kind = "a number" if isinstance(rule[0], float) else "a whole number"
    return f"{kind} from {rule[0]} to {rule[1]}"
