"""Where copies left before, for whoever must delete them."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('evidence', '0002_what_was_signed_stays'),
    ]

    operations = [
        migrations.AddField(
            model_name='certificate',
            name='exports',
            field=models.JSONField(default=list),
        ),
    ]
