"""What was trained from which data is never rewritten, and a destroyed artefact stays destroyed."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION registry_adapterversion_is_final() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    RAISE EXCEPTION 'registry_adapterversion is final: % refused', TG_OP
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER refuse_rewrite BEFORE UPDATE OR DELETE ON registry_adapterversion
    FOR EACH ROW EXECUTE FUNCTION registry_adapterversion_is_final();
ALTER TABLE registry_adapterversion ENABLE ALWAYS TRIGGER refuse_rewrite;

CREATE FUNCTION registry_artefact_stays_destroyed() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF OLD.destroyed_at IS NOT NULL
        AND (NEW.wrapped_key IS NOT NULL OR NEW.destroyed_at IS DISTINCT FROM OLD.destroyed_at)
    THEN
        RAISE EXCEPTION 'registry_artefact: a destroyed artefact stays destroyed'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER stay_destroyed BEFORE UPDATE ON registry_artefact
    FOR EACH ROW EXECUTE FUNCTION registry_artefact_stays_destroyed();
ALTER TABLE registry_artefact ENABLE ALWAYS TRIGGER stay_destroyed;

CREATE FUNCTION registry_slice_only_grows() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF NEW.epoch < OLD.epoch OR (NEW.recipe_id, NEW.shard, NEW.slice)
        IS DISTINCT FROM (OLD.recipe_id, OLD.shard, OLD.slice)
    THEN
        RAISE EXCEPTION 'registry_slice: an epoch only grows'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER only_grow BEFORE UPDATE ON registry_slice
    FOR EACH ROW EXECUTE FUNCTION registry_slice_only_grows();
ALTER TABLE registry_slice ENABLE ALWAYS TRIGGER only_grow;
"""
BACKWARD = """
DROP TRIGGER only_grow ON registry_slice;
DROP FUNCTION registry_slice_only_grows();
DROP TRIGGER stay_destroyed ON registry_artefact;
DROP FUNCTION registry_artefact_stays_destroyed();
DROP TRIGGER refuse_rewrite ON registry_adapterversion;
DROP FUNCTION registry_adapterversion_is_final();
"""


class Migration(migrations.Migration):
    """Triggers that hold against replication roles too."""

    dependencies = [("registry", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
