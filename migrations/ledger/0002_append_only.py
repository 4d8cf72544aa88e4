"""What is in the log stays as it is, whoever asks: the rules that models cannot say.

Every trigger is ENABLE ALWAYS, so that session_replication_role does not silence it. TRUNCATE has
triggers of its own, all named refuse_truncate. An owner can still drop them: that is what signed
tree heads are for.
"""

from django.db import migrations

# Refuse what the trigger was made for. TG_OP is all it looks at: TRUNCATE has no OLD row.
REFUSE = """
CREATE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    RAISE EXCEPTION 'append-only: % on % refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$;
"""

APPEND_ONLY = """
CREATE TRIGGER refuse_rewrite BEFORE UPDATE OR DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();
ALTER TABLE {table} ENABLE ALWAYS TRIGGER refuse_rewrite;
ALTER TABLE {table} ENABLE ALWAYS TRIGGER refuse_truncate;
"""
APPEND_ONLY_BACK = """
DROP TRIGGER refuse_truncate ON {table};
DROP TRIGGER refuse_rewrite ON {table};
"""

# Deleting from the outbox is how the sequencer takes; emptying or editing it is nobody's business.
OUTBOX = """
CREATE TRIGGER refuse_rewrite BEFORE UPDATE ON ledger_outbox
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON ledger_outbox
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();
ALTER TABLE ledger_outbox ENABLE ALWAYS TRIGGER refuse_rewrite;
ALTER TABLE ledger_outbox ENABLE ALWAYS TRIGGER refuse_truncate;
"""
OUTBOX_BACK = """
DROP TRIGGER refuse_truncate ON ledger_outbox;
DROP TRIGGER refuse_rewrite ON ledger_outbox;
"""

# What is copied out of the body for an index can never say something else than the body.
# IS NOT DISTINCT FROM: a CHECK lets NULL pass.
DERIVED = """
ALTER TABLE {table}
    ADD CONSTRAINT {table}_event_id_is_the_bodys CHECK
        (event_id::text IS NOT DISTINCT FROM (convert_from(body, 'UTF8')::jsonb ->> 'eventId')),
    ADD CONSTRAINT {table}_target_is_the_bodys CHECK
        (target IS NOT DISTINCT FROM (convert_from(body, 'UTF8')::jsonb ->> 'target'));
"""
DERIVED_BACK = """
ALTER TABLE {table}
    DROP CONSTRAINT {table}_target_is_the_bodys,
    DROP CONSTRAINT {table}_event_id_is_the_bodys;
"""

# RFC 6962's leaf hash, and positions that go on from the state row: once a statement, not a row.
CHECK_BATCH = """
CREATE FUNCTION ledger_check_batch() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog AS $$
DECLARE
    batch record;
    expected bigint;
BEGIN
    SELECT count(*) AS size, min(index) AS first, max(index) AS last,
           bool_and(leaf_hash = sha256('\\x00'::bytea || body)) AS hashed
        INTO batch FROM added;
    IF batch.size = 0 THEN
        RETURN NULL;
    END IF;
    SELECT next_index INTO expected FROM public.ledger_sequencerstate;
    IF batch.first IS DISTINCT FROM expected OR batch.last - batch.first + 1 <> batch.size THEN
        RAISE EXCEPTION 'gap: entries % to % where % comes next',
            batch.first, batch.last, expected USING ERRCODE = 'check_violation';
    END IF;
    IF NOT batch.hashed THEN
        RAISE EXCEPTION 'leaf hash is not sha256(0x00 || body)' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER check_batch AFTER INSERT ON ledger_entry REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_check_batch();
ALTER TABLE ledger_entry ENABLE ALWAYS TRIGGER check_batch;
"""
CHECK_BATCH_BACK = """
DROP TRIGGER check_batch ON ledger_entry;
DROP FUNCTION ledger_check_batch();
"""

STATE = """
CREATE FUNCTION ledger_monotone() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog AS $$
BEGIN
    IF NEW.id <> OLD.id OR NEW.next_index <= OLD.next_index THEN
        RAISE EXCEPTION 'the log only grows: % to % refused', OLD.next_index, NEW.next_index
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER monotone BEFORE UPDATE ON ledger_sequencerstate
    FOR EACH ROW EXECUTE FUNCTION ledger_monotone();
CREATE TRIGGER refuse_delete BEFORE DELETE ON ledger_sequencerstate
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON ledger_sequencerstate
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();
ALTER TABLE ledger_sequencerstate ENABLE ALWAYS TRIGGER monotone;
ALTER TABLE ledger_sequencerstate ENABLE ALWAYS TRIGGER refuse_delete;
ALTER TABLE ledger_sequencerstate ENABLE ALWAYS TRIGGER refuse_truncate;
"""
STATE_BACK = """
DROP TRIGGER refuse_truncate ON ledger_sequencerstate;
DROP TRIGGER refuse_delete ON ledger_sequencerstate;
DROP TRIGGER monotone ON ledger_sequencerstate;
DROP FUNCTION ledger_monotone();
"""

KEPT = ("ledger_entry", "ledger_tile", "ledger_treehead")


def both(forward: str, back: str, *tables: str) -> list[migrations.RunSQL]:
    """One operation a table."""
    return [migrations.RunSQL(forward.format(table=t), back.format(table=t)) for t in tables]


class Migration(migrations.Migration):
    dependencies = [("ledger", "0001_initial")]

    operations = [
        migrations.RunSQL(REFUSE, "DROP FUNCTION ledger_refuse();"),
        *both(APPEND_ONLY, APPEND_ONLY_BACK, *KEPT),
        migrations.RunSQL(OUTBOX, OUTBOX_BACK),
        *both(DERIVED, DERIVED_BACK, "ledger_outbox", "ledger_entry"),
        migrations.RunSQL(CHECK_BATCH, CHECK_BATCH_BACK),
        migrations.RunSQL(STATE, STATE_BACK),
    ]
