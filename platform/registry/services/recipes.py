"""Which recipe trains now."""

import dataclasses
from datetime import datetime

from django.db import connection, transaction

import mlcore.recipe
from corpus import vault
from corpus.models import Identity, Subject
from ledger import log
from ledger.kinds import Kind
from mlcore.recipe import BadRecipe
from registry.models import Recipe, Slice, TrainingRun
from registry.services import anchoring, places
from registry.services.places import FEW

# A certificate names every slice's adapter and set, and a list in it holds 10,000.
MOST_SLICES = 9_000


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


def check_people(recipe: mlcore.recipe.Recipe) -> None:
    """See that a recipe that is taken into use has people for every shard, and fits the evidence.

    The recipe in use stays in use however few are left: nobody's erasure stops the training of
    the others.

    Raises:
        mlcore.recipe.BadRecipe: there are fewer people than shards, or too many slices.
    """
    used = Recipe.objects.filter(is_current=True).first()
    if used is not None and used.plain == recipe:
        return
    people = Subject.objects.count()
    if people < recipe.shards:
        raise BadRecipe(f"shards must be at most {people}, the number of people.")
    if recipe.shards * recipe.slices > MOST_SLICES:
        raise BadRecipe(f"shards times slices must be at most {MOST_SLICES}, to be certified.")


@transaction.atomic(durable=True)
def use(*, recipe: mlcore.recipe.Recipe, base_digest: str, actor: str, at: datetime) -> Recipe:
    """Make a recipe the current one, registering it and placing everyone if it is new.

    Raises:
        mlcore.recipe.BadRecipe: it has more shards than there are people, or its anchors are not
            here; nothing is registered.
    """
    with connection.cursor() as cursor:
        # Against an ingestion that places its people under the recipes that it can see.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('corpus.ingest'))")
    check_people(recipe)
    anchoring.keep(recipe)
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
    elif row.body["base"] != recipe.base:
        # The same base, as its digest says, in another place: the old one may be gone.
        Recipe.objects.filter(pk=row.pk).update(body={**row.body, "base": recipe.base})
    if not row.is_current:
        Recipe.objects.filter(is_current=True).update(is_current=False)
        Recipe.objects.filter(pk=row.pk).update(is_current=True)
        left = TrainingRun.objects.filter(state__in=TrainingRun.OPEN).exclude(recipe=row)
        for run in left.select_for_update().order_by("pk"):
            places.overtake(run, actor=actor, at=at)
    row.refresh_from_db()
    return row


def _place_everyone(recipe: Recipe) -> None:
    everyone = list(Subject.objects.order_by("pk").values_list("pk", flat=True))
    for start in range(0, len(everyone), FEW):
        # Locked, as an ingestion does: an erasure went first, or waits and finds the placement.
        some = Subject.objects.select_for_update(no_key=True).filter(
            pk__in=everyone[start : start + FEW]
        )
        there = [subject.pk for subject in some.order_by("pk")]
        sealed = Identity.objects.filter(subject__in=there).values_list("subject_id", "sealed")
        people = {
            pk: vault.unseal(identity, purpose="identity", about=pk).decode()
            for pk, identity in sealed
        }
        places.place(recipe=recipe, people=people)
