"""What the log can say happened. A kind is never renamed: entries outlive the code."""

from django.db import models


class Kind(models.TextChoices):
    """The ``type`` of an event."""

    BATCH_INGESTED = "batch.ingested", "Interactions ingested"
    CATALOGUE_INGESTED = "catalogue.ingested", "Catalogue ingested"
    LEAVERS_INGESTED = "leavers.ingested", "Likely leavers ingested"
    RECIPE_REGISTERED = "recipe.registered", "Recipe registered"
    RUN_SCHEDULED = "run.scheduled", "Training scheduled"
    RUN_STARTED = "run.started", "Training started"
    RUN_FAILED = "run.failed", "Training failed"
    RUN_LOST = "run.lost", "Training worker lost"
    RUN_OBSOLETE = "run.obsolete", "Training made obsolete"
    ADAPTER_TRAINED = "adapter.trained", "Adapter trained"
    RELEASE_SWITCHED = "release.switched", "Live release switched"
    RELEASE_EXPORTED = "release.exported", "Live release exported"
    ARTEFACTS_DESTROYED = "artefacts.destroyed", "Artefacts destroyed"
    ARTEFACTS_REMOVED = "artefacts.removed", "Artefacts removed"
    REQUEST_FILED = "request.filed", "Deletion request filed"
    REQUEST_MOVED = "request.moved", "Deletion request moved"
    REQUEST_REFUSED = "request.refused", "Approval refused"
    ERASURE_APPLIED = "erasure.applied", "Erasure applied"
    SUBJECT_KEY_DESTROYED = "subject_key.destroyed", "Subject key destroyed"
    VERIFICATION_DONE = "verification.done", "Verification done"
    USER_CREATED = "user.created", "User created"
