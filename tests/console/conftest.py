"""Four people, one a role, and a browserless client for each."""

import pytest
from django.test import Client

from tests.console import factories

ROLES = ("officer", "approver", "auditor", "engineer")


@pytest.fixture
def people(db, settings):
    """One signed-up person for each role, a second officer, and one without a role."""
    # A password's hash is slow on purpose; these guard nothing.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    made = {role: factories.user(role, role) for role in ROLES}
    made["colleague"] = factories.user("colleague", "officer")
    made["nobody"] = factories.user("nobody")
    return made


@pytest.fixture
def as_(people):
    """A client that is signed in as one of them."""

    def signed_in(name):
        client = Client()
        client.force_login(people[name])
        return client

    return signed_in


@pytest.fixture
def recipe(db):
    return factories.recipe()
