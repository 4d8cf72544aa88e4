"""What a release was made of is never rewritten, and neither is the content of an artefact."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION registry_releaseadapter_is_final() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    RAISE EXCEPTION 'registry_releaseadapter is final: % refused', TG_OP
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER refuse_rewrite BEFORE UPDATE OR DELETE ON registry_releaseadapter
    FOR EACH ROW EXECUTE FUNCTION registry_releaseadapter_is_final();
ALTER TABLE registry_releaseadapter ENABLE ALWAYS TRIGGER refuse_rewrite;

CREATE FUNCTION registry_release_only_ends() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF TG_OP = 'DELETE' OR (NEW.is_live AND NOT OLD.is_live)
        OR to_jsonb(NEW) - 'is_live' - 'replaced_at' <> to_jsonb(OLD) - 'is_live' - 'replaced_at'
    THEN
        RAISE EXCEPTION 'registry_release is final: it only ends'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER only_end BEFORE UPDATE OR DELETE ON registry_release
    FOR EACH ROW EXECUTE FUNCTION registry_release_only_ends();
ALTER TABLE registry_release ENABLE ALWAYS TRIGGER only_end;

CREATE OR REPLACE FUNCTION registry_artefact_stays_destroyed() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF (NEW.id, NEW.kind, NEW.digest) IS DISTINCT FROM (OLD.id, OLD.kind, OLD.digest) THEN
        RAISE EXCEPTION 'registry_artefact: its content is final'
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF NEW.wrapped_key IS NOT NULL AND NEW.wrapped_key IS DISTINCT FROM OLD.wrapped_key THEN
        RAISE EXCEPTION 'registry_artefact: its key is final until it is destroyed'
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF OLD.destroyed_at IS NOT NULL AND NEW.destroyed_at IS DISTINCT FROM OLD.destroyed_at THEN
        RAISE EXCEPTION 'registry_artefact: a destroyed artefact stays destroyed'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
"""
BACKWARD = """
CREATE OR REPLACE FUNCTION registry_artefact_stays_destroyed() RETURNS trigger
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
DROP TRIGGER only_end ON registry_release;
DROP FUNCTION registry_release_only_ends();
DROP TRIGGER refuse_rewrite ON registry_releaseadapter;
DROP FUNCTION registry_releaseadapter_is_final();
"""


class Migration(migrations.Migration):
    """Triggers that hold against replication roles too."""

    dependencies = [("registry", "0002_adapters_and_artefacts_keep_their_past")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
