from modelcluster.fields import ParentalKey
from wagtail.contrib.forms.models import AbstractEmailForm, AbstractFormField


class FormField(AbstractFormField):  # type: ignore[misc]
    page = ParentalKey("FormPage", related_name="form_fields")


class FormPage(AbstractEmailForm):  # type: ignore[misc]
    """Stores each submission, then sends an email."""
