"""Django with ETags of its own; below /own the same again, with its own GZipMiddleware around each view.

Header names come in Title-Case. Its gzip of a stream is one member for each chunk.
"""

import os
from pathlib import Path
from typing import Any

from django.conf import settings  # type: ignore[import-not-found,import-untyped,unused-ignore]  # extra `hosts`

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    MIDDLEWARE=[
        "django.middleware.http.ConditionalGetMiddleware",
        "django.middleware.common.CommonMiddleware",
    ],
    ROOT_URLCONF=__name__,
    SECRET_KEY="of Django's own, which nothing here uses",
)

# These need the settings.
from django.core.asgi import (  # type: ignore[import-not-found,import-untyped,unused-ignore]  # noqa: E402  # see above
    get_asgi_application,
)
from django.http import (  # type: ignore[import-not-found,import-untyped,unused-ignore]  # noqa: E402  # see above
    FileResponse,
    JsonResponse,
    StreamingHttpResponse,
)
from django.urls import (  # type: ignore[import-not-found,import-untyped,unused-ignore]  # noqa: E402  # see above
    path,
)
from django.views.decorators.gzip import (  # type: ignore[import-not-found,import-untyped,unused-ignore]  # noqa: E402
    gzip_page,
)

from .. import content  # noqa: E402  # it stands with the other imports

FILE = Path(os.environ["HOSTS_FOLDER"]) / content.FILE


async def notes(request: Any) -> Any:
    return JsonResponse(content.NOTES, safe=False, headers={"ETag": content.ETAG})


async def stream(request: Any) -> Any:
    return StreamingHttpResponse(content.chunks(), content_type="text/plain", headers={"ETag": content.ETAG})


def file(request: Any) -> Any:
    return FileResponse(FILE.open("rb"), headers={"ETag": content.ETAG})


urlpatterns = [
    path("json", notes),
    path("stream", stream),
    path("file", file),
    path("own/json", gzip_page(notes)),
    path("own/stream", gzip_page(stream)),
    path("own/file", gzip_page(file)),
]

app: Any = get_asgi_application()
