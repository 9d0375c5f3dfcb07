"""What API Gateway and load balancers send to a Lambda function for one request, and how they read its answer.

Each shape as AWS documents it: "Working with AWS Lambda proxy integrations for HTTP APIs" (versions 1.0 and 2.0), and
"Lambda functions as targets" for application load balancers, with and without multi-value headers.
"""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .checks import Reply

Event = dict[str, Any]
STAGE = "$default"
CLIENT = "203.0.113.7"


def rest(method: str, path: str, headers: dict[str, str], body: str | None) -> Event:
    """API Gateway, a REST API: version 1.0."""
    return {
        "version": "1.0",
        "resource": "/{proxy+}",
        "path": path,
        "httpMethod": method,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "requestContext": {"stage": STAGE, "resourcePath": "/{proxy+}", "identity": {"sourceIp": CLIENT}},
        "body": body,
        "isBase64Encoded": False,
    }


def http(method: str, path: str, headers: dict[str, str], body: str | None) -> Event:
    """API Gateway, an HTTP API, and function URLs: version 2.0, where cookies stand by themselves."""
    rest = {name: value for name, value in headers.items() if name != "cookie"}
    return {
        "version": "2.0",
        "routeKey": STAGE,
        "rawPath": path,
        "rawQueryString": "",
        "cookies": headers["cookie"].split("; ") if "cookie" in headers else [],
        "headers": rest,
        "requestContext": {
            "stage": STAGE,
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": CLIENT, "userAgent": "tests"},
        },
        "body": body,
        "isBase64Encoded": False,
    }


def balanced(method: str, path: str, headers: dict[str, str], body: str | None) -> Event:
    """An application load balancer."""
    return {
        "requestContext": {"elb": {"targetGroupArn": "arn:aws:elasticloadbalancing:::targetgroup/tests"}},
        "httpMethod": method,
        "path": path,
        "queryStringParameters": {},
        "headers": headers,
        "body": body or "",
        "isBase64Encoded": False,
    }


def balanced_with_lists(method: str, path: str, headers: dict[str, str], body: str | None) -> Event:
    """The same, where its target group has multi-value headers."""
    event = balanced(method, path, {}, body)
    del event["headers"], event["queryStringParameters"]
    lists = {name: [value] for name, value in headers.items()}
    return {**event, "multiValueQueryStringParameters": {}, "multiValueHeaders": lists}


SHAPES = {
    "API Gateway v1": rest,
    "API Gateway v2": http,
    "ALB": balanced,
    "ALB with lists": balanced_with_lists,
}


@dataclass
class Caller:
    """Calls a handler with one shape of event, and keeps cookies as a browser does."""

    handler: Callable[[Event, Any], Event]
    shape: Callable[[str, str, dict[str, str], str | None], Event]

    def __post_init__(self) -> None:
        self._cookies: dict[str, str] = {}

    def __call__(self, method: str, path: str, headers: dict[str, str], body: str | None = None) -> Reply:
        sent = {"host": "api.example.com", "x-forwarded-proto": "https", "x-forwarded-port": "443", **headers}
        sent["x-forwarded-for"] = CLIENT
        if self._cookies:
            sent["cookie"] = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        found = reply(self.handler(self.shape(method, path, sent, body), None))
        for line in found.header("set-cookie"):
            name, _, value = line.partition(";")[0].partition("=")
            self._cookies[name] = value
        return found


def reply(answer: Event) -> Reply:
    """The response that the client gets for a function's answer. Names that differ by case are one header's lines."""
    lines = [(name.lower(), value) for name, value in answer.get("headers", {}).items()]
    for name, values in answer.get("multiValueHeaders", {}).items():
        lines += [(name.lower(), value) for value in values]
    lines += [("set-cookie", value) for value in answer.get("cookies", ())]
    raw = base64.b64decode(answer["body"]) if answer["isBase64Encoded"] else answer["body"].encode()
    return Reply(answer["statusCode"], lines, raw)
