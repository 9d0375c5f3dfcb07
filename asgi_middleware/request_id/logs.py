"""The ID in log records."""

import logging

from .context import get_request_id


class RequestIDFilter(logging.Filter):
    """Adds `record.request_id`, `default` outside of a request. It never drops a record."""

    def __init__(self, default: str = "-") -> None:
        super().__init__()
        self.default = default

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_id = get_request_id() or self.default
        return True
