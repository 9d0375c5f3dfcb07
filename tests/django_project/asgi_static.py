"""The same with static files inside of the stack."""

import os

from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.core.asgi import get_asgi_application

from asgi_middleware.django import wrap

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.django_project.settings")
django = get_asgi_application()
application = wrap(ASGIStaticFilesHandler(django))
