"""Who may do what. Roles are groups; a person may have several."""

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, PermissionsMixin
from django.db import models

User = AbstractBaseUser | AnonymousUser


class Role(models.TextChoices):
    """The groups that mean something here."""

    OFFICER = "officer", "Officer"
    APPROVER = "approver", "Approver"
    AUDITOR = "auditor", "Auditor"
    ENGINEER = "engineer", "Engineer"


MAY: dict[Role, str] = {
    Role.OFFICER: "May file requests, and approve those that someone else filed.",
    Role.APPROVER: "May approve or deny what someone else filed.",
    Role.AUDITOR: "May read everything, and change nothing.",
    Role.ENGINEER: "May read requests, and score with the live release.",
}


def roles_of(user: User) -> set[Role]:
    """The roles of a person; none if they are not signed in or not active."""
    if not isinstance(user, PermissionsMixin) or not user.is_active:
        return set()
    names = set(user.groups.values_list("name", flat=True))
    return {role for role in Role if role.value in names}


def may_file(user: User) -> bool:
    """Whether this person may file a request, or withdraw one."""
    return Role.OFFICER in roles_of(user)


def may_decide(user: User) -> bool:
    """Whether this person may approve or deny requests that others filed."""
    return bool({Role.OFFICER, Role.APPROVER} & roles_of(user))


def may_read(user: User) -> bool:
    """Whether this person may read requests."""
    return bool(roles_of(user))
