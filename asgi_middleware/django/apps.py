"""The Django app: it registers the system checks and brings `manage.py asgi_stack`."""

from django.apps import AppConfig


class ASGIMiddlewareConfig(AppConfig):
    """The app, whose label is `asgi_middleware`."""

    name = "asgi_middleware.django"
    label = "asgi_middleware"
    verbose_name = "ASGI middleware"

    def ready(self) -> None:
        from . import checks

        checks.register_all()
