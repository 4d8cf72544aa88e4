"""The list of what was erased is evidence: nothing leaves it, and nothing in it changes."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION erasure_erasedrecord_is_final() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    RAISE EXCEPTION 'erasure_erasedrecord is final: % refused', TG_OP
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER refuse_rewrite BEFORE UPDATE OR DELETE ON erasure_erasedrecord
    FOR EACH ROW EXECUTE FUNCTION erasure_erasedrecord_is_final();
ALTER TABLE erasure_erasedrecord ENABLE ALWAYS TRIGGER refuse_rewrite;
"""
BACKWARD = """
DROP TRIGGER refuse_rewrite ON erasure_erasedrecord;
DROP FUNCTION erasure_erasedrecord_is_final();
"""


class Migration(migrations.Migration):
    """A trigger that holds against replication roles too."""

    dependencies = [("erasure", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
