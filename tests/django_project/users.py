"""Whom a login of the stack is in Django."""

from typing import Any

from django.contrib.auth import get_user_model


def find(user: Any) -> Any:
    """The user whose primary key the session has as its subject."""
    return get_user_model().objects.filter(pk=user.identity).first()


async def find_async(user: Any) -> Any:
    return await get_user_model().objects.filter(pk=user.identity).afirst()
