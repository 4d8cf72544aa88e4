"""Which recipe trains now."""

import dataclasses
from datetime import datetime

from django.db import connection, transaction

import mlcore.recipe
from corpus import vault
from corpus.models import Identity
from ledger import log
from ledger.kinds import Kind
from registry.models import Recipe, Slice
from registry.services import places

FEW = 5_000


class NoRecipe(LookupError):
    """Nothing was trained yet, so there is no recipe to go on with."""


def current() -> Recipe:
    """The recipe that trains now.

    Raises:
        NoRecipe: none was ever used.
    """
    found = Recipe.objects.filter(is_current=True).first()
    if found is None:
        raise NoRecipe("no recipe is in use yet; name one with --recipe")
    return found


@transaction.atomic(durable=True)
def use(*, recipe: mlcore.recipe.Recipe, base_digest: str, actor: str, at: datetime) -> Recipe:
    """Make a recipe the current one, registering it and placing everyone if it is new."""
    with connection.cursor() as cursor:
        # Against an ingestion that places its people under the recipes that it can see.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('corpus.ingest'))")
    digest = mlcore.recipe.digest(recipe, base_digest)
    row, is_new = Recipe.objects.get_or_create(
        digest=digest,
        defaults={
            "name": recipe.name,
            "body": dataclasses.asdict(recipe),
            "base_digest": base_digest,
            "registered_at": at,
        },
    )
    if is_new:
        Slice.objects.bulk_create(
            Slice(recipe=row, shard=shard, slice=slice_)
            for shard in range(recipe.shards)
            for slice_ in range(recipe.slices)
        )
        _place_everyone(row)
        facts = {"digest": digest, "base": base_digest}
        log.append(Kind.RECIPE_REGISTERED, actor=actor, on=row, at=at, facts=facts)
    if not row.is_current:
        Recipe.objects.filter(is_current=True).update(is_current=False)
        Recipe.objects.filter(pk=row.pk).update(is_current=True)
        row.refresh_from_db()
    return row


def _place_everyone(recipe: Recipe) -> None:
    people = {}
    identities = Identity.objects.order_by("pk").values_list("subject_id", "sealed")
    for pk, sealed in identities.iterator(chunk_size=FEW):
        people[pk] = vault.unseal(sealed, purpose="identity", about=pk).decode()
        if len(people) == FEW:
            places.place(recipe=recipe, people=people)
            people = {}
    places.place(recipe=recipe, people=people)
