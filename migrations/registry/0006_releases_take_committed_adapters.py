"""An adapter serves only if the log names what it was trained on; older ones are trained again."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION registry_releaseadapter_is_committed() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    event uuid;
BEGIN
    SELECT set_event INTO event FROM public.registry_adapterversion WHERE id = NEW.adapter_id;
    IF NOT EXISTS (SELECT FROM public.ledger_entry WHERE event_id = event)
        AND NOT EXISTS (SELECT FROM public.ledger_outbox WHERE event_id = event)
    THEN
        RAISE EXCEPTION 'registry_releaseadapter: no event names what the adapter was trained on'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER is_committed BEFORE INSERT ON registry_releaseadapter
    FOR EACH ROW EXECUTE FUNCTION registry_releaseadapter_is_committed();
ALTER TABLE registry_releaseadapter ENABLE ALWAYS TRIGGER is_committed;

-- What was trained before there were such events is out of date, and goes on serving until then.
UPDATE registry_slice SET epoch = registry_slice.epoch + 1 FROM registry_adapterversion AS made
WHERE made.recipe_id = registry_slice.recipe_id AND made.shard = registry_slice.shard
    AND made.slice = registry_slice.slice AND made.epoch = registry_slice.epoch;
"""
BACKWARD = """
DROP TRIGGER is_committed ON registry_releaseadapter;
DROP FUNCTION registry_releaseadapter_is_committed();
"""


class Migration(migrations.Migration):
    """A trigger that holds against replication roles too."""

    dependencies = [
        ("registry", "0005_committed_sets"),
        ("ledger", "0003_outbox_loses_nothing"),
    ]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
