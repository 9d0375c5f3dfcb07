"""`manage.py asgi_stack`: print the stack of the settings, and what the system checks say of it."""

import contextlib
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand

from ....exceptions import ConfigError
from ... import settings
from ...checks import TAG


class Command(BaseCommand):
    """Prints order, options and where each value comes from; secrets are hidden. Exits with 1 where a check fails."""

    help = "Prints the ASGI stack of settings.ASGI_MIDDLEWARE, outermost first, and what is wrong with it."
    requires_system_checks = ()  # it runs its own, behind what it prints

    def handle(self, *args: Any, **options: Any) -> None:
        with contextlib.suppress(ConfigError, ImproperlyConfigured):  # the check says so
            self.stdout.write(settings.load(create_files=False).describe())
        self.check(tags=[TAG], display_num_errors=True)
