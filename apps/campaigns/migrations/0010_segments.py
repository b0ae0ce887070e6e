import django.db.models.deletion
from django.db import migrations, models


def grouped(flat):
    """What stood side by side, as groups: each of them must hold."""
    if not flat or 'groups' in flat:
        return flat
    rules, groups = [], []
    if flat.get('tags'):
        how = 'every' if flat.get('every_tag') else 'any'
        rules.append({'is': 'tags', 'how': how, 'names': flat['tags']})
    if flat.get('seen_within'):
        rules.append({'is': 'seen', 'days': flat['seen_within']})
    if flat.get('not_seen_since'):
        rules.append({'is': 'unseen', 'days': flat['not_seen_since']})
    if flat.get('visits_at_least'):
        rules.append({'is': 'visits', 'least': flat['visits_at_least']})
    if flat.get('enrolled_since'):
        rules.append({'is': 'enrolled', 'since': flat['enrolled_since']})
    rewards, places = [], []
    if flat.get('near_reward'):
        rewards.append({'is': 'near', 'missing': flat['near_reward']})
    if flat.get('reward_ready'):
        rewards.append({'is': 'ready'})
    if flat.get('places'):
        places.append({'is': 'place', 'places': flat['places']})
    if flat.get('territories'):
        places.append({'is': 'territory', 'regions': flat['territories']})
    for either in (rewards, places):  # one of the two was enough
        if len(either) == 2:
            groups.append({'match': 'any', 'rules': either})
        else:
            rules += either
    if rules:
        groups.insert(0, {'rules': rules})
    return {'groups': groups} if groups else {}


def carry_over(apps, schema_editor):
    drops = apps.get_model('campaigns', 'Drop').objects.using(schema_editor.connection.alias)
    for pk, criteria in drops.exclude(criteria={}).values_list('pk', 'criteria'):
        drops.filter(pk=pk).update(criteria=grouped(criteria))


class Migration(migrations.Migration):

    dependencies = [
        ('audience', '0003_segment'),
        ('campaigns', '0009_lots'),
    ]

    operations = [
        migrations.AddField(
            model_name='drop',
            name='segment',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='audience.segment'),
        ),
        migrations.AddField(
            model_name='trigger',
            name='segment',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='audience.segment', verbose_name='Seulement pour'),
        ),
        migrations.RunPython(carry_over, migrations.RunPython.noop),
    ]
