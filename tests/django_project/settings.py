"""The settings. PROJECT_FOLDER is where its database is, PROJECT_APPS what stands first in INSTALLED_APPS."""

import os
from pathlib import Path

BASE_DIR = Path(__file__).parent
SECRET_KEY = "of-the-tests-and-of-nobody-else-long-enough"
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "testserver"]
ROOT_URLCONF = "tests.django_project.urls"
ASGI_APPLICATION = "tests.django_project.asgi.application"
USE_TZ = True

INSTALLED_APPS = [
    *os.environ.get("PROJECT_APPS", "").split(),
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.staticfiles",
    "asgi_middleware.django",
]
MIDDLEWARE = [
    "django.middleware.common.CommonMiddleware",
    "asgi_middleware.django.middleware.ScopeMiddleware",
]
ASGI_MIDDLEWARE = [
    "request_id",
    "tests.django_project.outside:ShowsRoute",
    ("cors", {"allow_origins": ["https://app.example.com"], "allow_credentials": True}),
    "errors",
    "compression",
    "sessions",
    ("auth", {"backend": {"use": "session"}}),
]
ASGI_USER_LOOKUP = "tests.django_project.users.find"

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": Path(os.environ["PROJECT_FOLDER"]) / "db.sqlite3" if "PROJECT_FOLDER" in os.environ else ":memory:",
    }
}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # fast, which is all that matters here
STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"request_id": {"()": "asgi_middleware.request_id.RequestIDFilter"}},
    "formatters": {"with_id": {"format": "%(name)s %(levelname)s %(message)s [%(request_id)s]"}},
    "handlers": {
        "console": {"class": "logging.StreamHandler", "filters": ["request_id"], "formatter": "with_id"},
    },
    "loggers": {"django.request": {"handlers": ["console"], "propagate": False}},
}
