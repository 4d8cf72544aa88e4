"""Who scores, and who did when a release took another's place."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('registry', '0006_releases_take_committed_adapters'),
    ]

    operations = [
        migrations.AddField(
            model_name='release',
            name='scorers',
            field=models.JSONField(default=list),
        ),
        migrations.CreateModel(
            name='Scorer',
            fields=[
                ('id', models.UUIDField(primary_key=True, serialize=False)),
                ('leased_until', models.DateTimeField()),
                ('release', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='followers', to='registry.release')),
            ],
        ),
    ]
