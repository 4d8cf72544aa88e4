"""What can be done with a deletion request; every public function is a verb.

Nothing here knows of HTTP or the queue, or reads the clock.
"""

from erasure.services.decisions import (
    DenialReason,
    NotAllowed,
    approve,
    cancel,
    deny,
)
from erasure.services.execution import execute
from erasure.services.filing import AlreadyOpen, BadRequest, file
from erasure.services.replaying import Replayed, replay
from erasure.services.settling import settle

__all__ = [
    "AlreadyOpen",
    "BadRequest",
    "DenialReason",
    "NotAllowed",
    "Replayed",
    "approve",
    "cancel",
    "deny",
    "execute",
    "file",
    "replay",
    "settle",
]
