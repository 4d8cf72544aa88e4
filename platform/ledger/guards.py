"""The triggers that guard the log, as its migrations make them, and what differs from them.

A guard that stands under its name and does nothing is the attack: so definitions are compared
whole, and functions by a digest of their text. A migration that changes one changes it here.
"""

from collections.abc import Collection, Iterator
from typing import Final

from ledger import catalogue
from ledger.catalogue import Difference

REWRITE: Final = (
    "CREATE TRIGGER refuse_rewrite BEFORE {events} ON {table} "
    "FOR EACH ROW EXECUTE FUNCTION ledger_refuse()"
)
TRUNCATE: Final = (
    "CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON {table} "
    "FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse()"
)
OTHERS: Final = {
    ("ledger_outbox", "refuse_rewrite"): REWRITE.format(events="UPDATE", table="ledger_outbox"),
    ("ledger_outbox", "check_placed"): (
        "CREATE CONSTRAINT TRIGGER check_placed AFTER DELETE ON ledger_outbox "
        "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_check_placed()"
    ),
    ("ledger_entry", "check_batch"): (
        "CREATE TRIGGER check_batch AFTER INSERT ON ledger_entry REFERENCING NEW TABLE AS added "
        "FOR EACH STATEMENT EXECUTE FUNCTION ledger_check_batch()"
    ),
    ("ledger_sequencerstate", "monotone"): (
        "CREATE TRIGGER monotone BEFORE UPDATE ON ledger_sequencerstate "
        "FOR EACH ROW EXECUTE FUNCTION ledger_monotone()"
    ),
    ("ledger_sequencerstate", "refuse_delete"): (
        "CREATE TRIGGER refuse_delete BEFORE DELETE ON ledger_sequencerstate "
        "FOR EACH ROW EXECUTE FUNCTION ledger_refuse()"
    ),
    ("ledger_sequencerstate", "check_state"): (
        "CREATE CONSTRAINT TRIGGER check_state AFTER INSERT OR UPDATE ON ledger_sequencerstate "
        "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_check_state()"
    ),
}
KEPT: Final = ("ledger_entry", "ledger_tile", "ledger_treehead", "ledger_headtimestamp")
TABLES: Final = (*KEPT, "ledger_outbox", "ledger_sequencerstate")
TRIGGERS: Final = {
    **{(t, "refuse_rewrite"): REWRITE.format(events="DELETE OR UPDATE", table=t) for t in KEPT},
    **{(t, "refuse_truncate"): TRUNCATE.format(table=t) for t in TABLES},
    **OTHERS,
}
# SHA-256 over text, settings and SECURITY DEFINER: see catalogue.FUNCTIONS.
FUNCTIONS: Final = {
    "ledger_refuse": "f7089ed8917c22929c1ad254ee31049f8ccd9ea2e460ed93b1a6b1efeba4b0a6",
    "ledger_check_batch": "7c6e7e3ed361ddc6fc54310f8ee7152c0595cc9136070280869e5134f1f29de6",
    "ledger_monotone": "c90593376cdc275520327580154ab0a64fe8e719a5dffbfe29cba213db8cfe0f",
    "ledger_check_placed": "aeef6bd0d29900a044aefdac94bc075f57a285c220939bcbb418d1ca5e0102eb",
    "ledger_check_state": "9f8dfeff57a22c31b02a8ec8b371752cd8e0a63d7d668d1bb8a2abba710116c9",
}


def differences(tables: Collection[str]) -> Iterator[Difference]:
    """What guards the log otherwise than the migrations say.

    A trigger that is off is put on again. What is missing or another one is for a person: it was
    no accident, and only the migrations know how to make it.
    """
    found = {}
    for table, name, state, definition in catalogue.rows(catalogue.TRIGGERS, ledger=[*tables]):
        found[table, name] = definition
        if state != "A":
            yield Difference(
                what=f"trigger {name} on {table} is not ENABLE ALWAYS",
                mend=f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name}",
            )
    for (table, name), wanted in TRIGGERS.items():
        if (is_there := found.get((table, name))) != wanted:
            what = "is missing" if is_there is None else "is not the one of the migrations"
            yield Difference(what=f"trigger {name} on {table} {what}")
    texts = dict(catalogue.rows(catalogue.FUNCTIONS))
    for name, digest in FUNCTIONS.items():
        if texts.get(name) != digest:
            yield Difference(what=f"function {name} is not the one of the migrations")
    for child, parent in catalogue.rows(catalogue.CHILDREN, ledger=[*tables]):
        yield Difference(what=f"table {child} is a part of {parent} and has no guards of its own")
