"""Where committed sets are kept: of adapters, panels and the cache."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('registry', '0004_semantic_partitions'),
    ]

    operations = [
        migrations.AddField(
            model_name='adapterversion',
            name='set_event',
            field=models.UUIDField(null=True),
        ),
        migrations.AddField(
            model_name='adapterversion',
            name='started_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='release',
            name='panel_records',
            field=models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='panel_of', to='registry.artefact'),
        ),
        migrations.AlterField(
            model_name='artefact',
            name='kind',
            field=models.CharField(choices=[('adapter', 'Adapter'), ('records', 'Record keys'), ('index', 'Aggregation index'), ('trunk', 'Trunk state'), ('evidence', 'Evidence bundle')], max_length=16),
        ),
        migrations.CreateModel(
            name='CacheSet',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('root', models.CharField(max_length=64)),
                ('states', models.PositiveBigIntegerField()),
                ('event', models.UUIDField(unique=True)),
                ('committed_at', models.DateTimeField()),
                ('records', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='cache_set', to='registry.artefact')),
            ],
        ),
    ]
