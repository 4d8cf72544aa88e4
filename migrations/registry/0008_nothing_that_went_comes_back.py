"""A row that may not be changed back is not deleted either, and put in again as it was before."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION registry_row_stays() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    RAISE EXCEPTION '% keeps its rows: % refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER refuse_delete BEFORE DELETE ON registry_artefact
    FOR EACH ROW EXECUTE FUNCTION registry_row_stays();
ALTER TABLE registry_artefact ENABLE ALWAYS TRIGGER refuse_delete;
CREATE TRIGGER refuse_delete BEFORE DELETE ON registry_slice
    FOR EACH ROW EXECUTE FUNCTION registry_row_stays();
ALTER TABLE registry_slice ENABLE ALWAYS TRIGGER refuse_delete;
"""

BACKWARD = """
DROP TRIGGER refuse_delete ON registry_slice;
DROP TRIGGER refuse_delete ON registry_artefact;
DROP FUNCTION registry_row_stays();
"""


class Migration(migrations.Migration):
    """Triggers that hold against replication roles too."""

    dependencies = [("registry", "0007_scorers")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
