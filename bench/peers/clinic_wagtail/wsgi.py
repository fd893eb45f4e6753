"""The WSGI ``application``. As a script, it creates the database and the form page."""

import os

from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "clinic_wagtail.settings")
application = get_wsgi_application()


def create_site() -> None:
    migrations = settings.INSTANCE / "clinic_migrations"
    migrations.mkdir(parents=True)
    (migrations / "__init__.py").touch()
    call_command("makemigrations", "clinic_wagtail", verbosity=0)
    call_command("migrate", verbosity=0)
    from wagtail.models import Page, Site  # noqa: PLC0415  (after Django is set up)

    from clinic_wagtail.models import FormField, FormPage  # noqa: PLC0415

    page = FormPage(title="Contact", slug="contact", to_address="desk@clinic.example")
    page.subject = "Contact form"
    page.from_address = "no-reply@clinic.example"
    Page.get_first_root_node().add_child(instance=page)
    for order, (label, kind) in enumerate(
        (("name", "singleline"), ("email", "email"), ("message", "multiline"))
    ):
        FormField.objects.create(page=page, sort_order=order, label=label, field_type=kind)
    Site.objects.update_or_create(
        is_default_site=True, defaults={"hostname": "localhost", "root_page": page}
    )


if __name__ == "__main__":
    create_site()
