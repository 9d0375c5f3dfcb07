"""What the servers are pointed at."""

import os

from asgi_middleware.django import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.django_project.settings")
application = get_asgi_application()
