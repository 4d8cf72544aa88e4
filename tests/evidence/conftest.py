"""A world of nine people, trained, and one of them erased to the end."""

import pytest
from django.utils import timezone

from erasure import services
from evidence.placing import place
from tests.registry.conftest import FIRST_OF_0, empty, trained, world

__all__ = ["empty", "trained", "world"]


@pytest.fixture
def completed(trained):
    """A request that is completed: erased, retrained, verified."""
    from evidence import attesting

    place()
    attesting.bring_up_to_date(actor="test", at=timezone.now())
    place()
    attesting.bring_up_to_date(actor="test", at=timezone.now())
    place()
    request = trained.erase(FIRST_OF_0)
    trained.train()
    services.settle(actor="test", at=timezone.now())
    request.refresh_from_db()
    assert request.state == "completed"
    return request
