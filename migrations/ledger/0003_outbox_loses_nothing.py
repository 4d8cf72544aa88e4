"""An event leaves the outbox only into the log.

The sequencer takes with DELETE, and so can anybody else who may write here: an event would be gone
without a trace. So whoever deletes one must have placed it by the time they commit, with its very
bytes, which is what the sequencer does.
"""

from django.db import migrations

PLACED = """
CREATE FUNCTION ledger_check_placed() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM public.ledger_entry WHERE event_id = OLD.event_id AND body = OLD.body
    ) THEN
        RAISE EXCEPTION 'append-only: DELETE on % refused, event % has no place in the log',
            TG_TABLE_NAME, OLD.event_id USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER check_placed AFTER DELETE ON ledger_outbox
    DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION ledger_check_placed();
ALTER TABLE ledger_outbox ENABLE ALWAYS TRIGGER check_placed;
"""
PLACED_BACK = """
DROP TRIGGER check_placed ON ledger_outbox;
DROP FUNCTION ledger_check_placed();
"""


class Migration(migrations.Migration):
    dependencies = [("ledger", "0002_append_only")]

    operations = [migrations.RunSQL(PLACED, PLACED_BACK)]
