"""The state row moves over entries that are there, and over nothing else.

Positions go on from the state row, so whoever may move it could leave a gap by moving it first.
What it says is therefore compared with the entries when its transaction commits: after that of
all statements, as the sequencer inserts entries first and a statement sees only its own.
"""

from django.db import migrations

COUNTS = """
CREATE FUNCTION ledger_check_state() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog AS $$
DECLARE
    first bigint := coalesce(OLD.next_index, 0);
    found bigint;
BEGIN
    SELECT count(*) INTO found FROM public.ledger_entry
        WHERE index >= first AND index < NEW.next_index;
    IF found <> NEW.next_index - first THEN
        RAISE EXCEPTION 'gap: the state goes from % to %, over % entries',
            first, NEW.next_index, found USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER check_state AFTER INSERT OR UPDATE ON ledger_sequencerstate
    DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION ledger_check_state();
ALTER TABLE ledger_sequencerstate ENABLE ALWAYS TRIGGER check_state;
"""
COUNTS_BACK = """
DROP TRIGGER check_state ON ledger_sequencerstate;
DROP FUNCTION ledger_check_state();
"""


class Migration(migrations.Migration):
    dependencies = [("ledger", "0003_outbox_loses_nothing")]

    operations = [migrations.RunSQL(COUNTS, COUNTS_BACK)]
