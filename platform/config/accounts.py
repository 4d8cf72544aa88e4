"""Accounts: a user, their roles, and an API token that is stored as a hash."""

from collections.abc import Sequence
from datetime import datetime

from django.contrib.auth.models import Group, User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError
from django.db import IntegrityError, transaction
from knox.models import AuthToken

from erasure.roles import Role
from ledger import log
from ledger.kinds import Kind


def create(*, name: str, roles: Sequence[Role], password: str, actor: str, at: datetime) -> str:
    """Make an account, and return its API token: the only time that it is seen.

    Raises:
        CommandError: the name is taken or empty, or the password too weak.
    """
    if not name.strip() or len(name) > 150:
        raise CommandError("name: needs 1 to 150 characters")
    try:
        validate_password(password, User(username=name))
        return _create(name, roles, password, actor, at)
    except ValidationError as error:
        raise CommandError(f"--password: {' '.join(error.messages)}") from None
    except IntegrityError:
        raise CommandError("name: there is such a user already") from None


@transaction.atomic(durable=True)
def _create(name: str, roles: Sequence[Role], password: str, actor: str, at: datetime) -> str:
    user = User.objects.create_user(name, password=password)
    user.groups.set(Group.objects.get_or_create(name=role.value)[0] for role in roles)
    log.append(
        Kind.USER_CREATED,
        actor=actor,
        on=user,
        at=at,
        facts={"roles": sorted(role.value for role in roles)},
    )
    _, token = AuthToken.objects.create(user)
    return str(token)
