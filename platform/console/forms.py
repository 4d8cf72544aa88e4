"""What officers type. Errors say what is true, then what to do, and never repeat who was named."""

from typing import Any

from django import forms

from erasure.clocks import Regulation
from erasure.models import DeletionRequest
from erasure.services import DenialReason

APPROVE = "approve"
DENY = "deny"


def marked(form: forms.Form) -> None:
    """Tie each field to its hint and its error, for people who hear the page."""
    for bound in form:
        widget = bound.field.widget
        ids = [f"{bound.id_for_label}_hint"] if bound.help_text else []
        if form.is_bound and bound.errors:
            widget.attrs["aria-invalid"] = "true"
            ids.append(f"{bound.id_for_label}_error")
        if ids:
            widget.attrs["aria-describedby"] = " ".join(ids)


class Unrepeated(forms.TextInput):
    """A text field that comes back empty with a refused form: nothing prints who was named."""

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        """What the field's template is given, without the value."""
        return super().get_context(name, None, attrs)


class FilingForm(forms.Form):
    """A new request: who, how much, and under which law."""

    use_required_attribute = False

    subject = forms.CharField(
        label="The person’s id",
        max_length=200,
        help_text="As the systems that send interactions know them. It is looked up through a "
        "keyed hash, not stored with the request, and not shown again: after a correction, write "
        "it anew.",
        error_messages={
            "required": "Write the id that names the person.",
            "max_length": "An id has at most 200 characters.",
        },
        widget=Unrepeated(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    scope = forms.ChoiceField(
        label="What to erase",
        choices=DeletionRequest.Scope.choices,
        initial=DeletionRequest.Scope.WHOLE,
        error_messages={"required": "Choose everything, or some items."},
        widget=forms.RadioSelect,
    )
    items = forms.CharField(
        label="Items",
        required=False,
        max_length=200_000,
        help_text="One item id a line. Everything this person did with them is erased.",
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}),
    )
    regulation = forms.ChoiceField(
        label="Law",
        choices=[("", "Choose one"), *Regulation.choices],
        help_text="The due date follows from it.",
        error_messages={"required": "Choose the law that the due date follows from."},
    )

    def clean(self) -> dict[str, Any]:
        """Require items exactly when some items are meant."""
        given: dict[str, Any] = self.cleaned_data
        named = [line.strip() for line in given.get("items", "").splitlines() if line.strip()]
        if given.get("scope") == DeletionRequest.Scope.ITEMS and not named:
            self.add_error("items", "Name at least one item, or choose everything.")
        given["named"] = named if given.get("scope") == DeletionRequest.Scope.ITEMS else None
        return given


class DecisionForm(forms.Form):
    """A second person's decision. Denying needs a reason; approving, that the plan was read."""

    use_required_attribute = False

    decision = forms.ChoiceField(
        label="Decision",
        choices=[(APPROVE, "Approve"), (DENY, "Deny")],
        initial=APPROVE,
        error_messages={"required": "Approve or deny."},
        widget=forms.RadioSelect,
    )
    reason = forms.ChoiceField(
        label="Reason",
        required=False,
        choices=[("", "Choose one"), *DenialReason.choices],
        help_text="The person is told this reason, and how to complain.",
    )
    read = forms.BooleanField(label="The plan", required=False)

    def clean(self) -> dict[str, Any]:
        """Require what the chosen decision needs."""
        given: dict[str, Any] = self.cleaned_data
        if given.get("decision") == DENY and not given.get("reason"):
            self.add_error("reason", "Choose the reason that the person is told.")
        if given.get("decision") == APPROVE and not given.get("read"):
            self.add_error("read", "Confirm that you have read the plan. It can’t be undone.")
        return given
