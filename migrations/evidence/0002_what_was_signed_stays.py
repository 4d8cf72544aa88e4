"""What was signed and handed out is never rewritten."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION evidence_is_final() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    RAISE EXCEPTION '% is final: % refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER refuse_rewrite BEFORE UPDATE OR DELETE ON evidence_attestation
    FOR EACH ROW EXECUTE FUNCTION evidence_is_final();
CREATE TRIGGER refuse_rewrite BEFORE UPDATE OR DELETE ON evidence_certificate
    FOR EACH ROW EXECUTE FUNCTION evidence_is_final();
ALTER TABLE evidence_attestation ENABLE ALWAYS TRIGGER refuse_rewrite;
ALTER TABLE evidence_certificate ENABLE ALWAYS TRIGGER refuse_rewrite;
"""
BACKWARD = """
DROP TRIGGER refuse_rewrite ON evidence_certificate;
DROP TRIGGER refuse_rewrite ON evidence_attestation;
DROP FUNCTION evidence_is_final();
"""


class Migration(migrations.Migration):
    """Triggers that hold against replication roles too."""

    dependencies = [("evidence", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
