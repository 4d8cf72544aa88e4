"""A timestamp stays as it was kept, as all that is in the log does."""

from django.db import migrations

STAYS = """
CREATE TRIGGER refuse_rewrite BEFORE UPDATE OR DELETE ON ledger_headtimestamp
    FOR EACH ROW EXECUTE FUNCTION ledger_refuse();
CREATE TRIGGER refuse_truncate BEFORE TRUNCATE ON ledger_headtimestamp
    FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();
ALTER TABLE ledger_headtimestamp ENABLE ALWAYS TRIGGER refuse_rewrite;
ALTER TABLE ledger_headtimestamp ENABLE ALWAYS TRIGGER refuse_truncate;
"""
STAYS_BACK = """
DROP TRIGGER refuse_truncate ON ledger_headtimestamp;
DROP TRIGGER refuse_rewrite ON ledger_headtimestamp;
"""


class Migration(migrations.Migration):
    dependencies = [("ledger", "0005_head_timestamps")]

    operations = [migrations.RunSQL(STAYS, STAYS_BACK)]
