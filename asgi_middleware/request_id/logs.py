"""The ID in log records: by a filter, by the factory of all records, or by a processor of structlog."""

import logging
from collections.abc import Callable, MutableMapping
from typing import Any

from .context import current, get_request_id


class RequestIDFilter(logging.Filter):
    """Adds `record.request_id`, `default` outside of a request, and `record.trace_id` where there is a trace.

    Outside of a request a record keeps what it has: a QueueListener handles records in a thread of its own. It never
    drops a record.
    """

    def __init__(self, default: str = "-") -> None:
        super().__init__()
        self.default = default

    def filter(self, record: logging.LogRecord) -> bool:
        if get_request_id() is not None or not hasattr(record, "request_id"):
            _add_to(record, self.default)
        return True


def install_record_factory(default: str = "-") -> Callable[[], None]:
    """Give every record of this process `request_id`, and `trace_id` where there is a trace, whoever handles it.

    The factory that is there goes on making them. Outside of a request the ID is `default`. Once is enough: another
    call installs nothing. What is returned puts the former factory back; where somebody has wrapped ours since, it is
    left in its place and does nothing any more. Python refuses these two names in `extra=` then, with KeyError.
    """
    installed = logging.getLogRecordFactory()
    if not isinstance(installed, _Factory):
        installed = _Factory(installed, default)
        logging.setLogRecordFactory(installed)
    return installed.remove


class _Factory:
    """Makes a record by `inner`, and adds to it."""

    def __init__(self, inner: Callable[..., logging.LogRecord], default: str) -> None:
        self._inner = inner
        self._default = default
        self._removed = False

    def __call__(self, *args: Any, **kwargs: Any) -> logging.LogRecord:
        record = self._inner(*args, **kwargs)
        if not self._removed:
            _add_to(record, self._default)
        return record

    def remove(self) -> None:
        self._removed = True
        if logging.getLogRecordFactory() is self:
            logging.setLogRecordFactory(self._inner)


def _add_to(record: logging.LogRecord, default: str) -> None:
    holder = current.get()
    record.request_id = default if holder is None else holder.value
    if holder is not None and holder.trace is not None:
        record.trace_id = holder.trace.trace_id


def add_request_id(logger: Any, method_name: str, event_dict: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A processor for structlog: `request_id` and `trace_id` of the request under way, where there is none yet."""
    holder = current.get()
    if holder is not None:
        event_dict.setdefault("request_id", holder.value)
        if holder.trace is not None:
            event_dict.setdefault("trace_id", holder.trace.trace_id)
    return event_dict
