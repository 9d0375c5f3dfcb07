"""What is fed to each parser."""

from collections.abc import Sequence
from dataclasses import dataclass

from .. import storing
from .checks import (
    CLAIMS,
    PASSWORD,
    PYYAMLS_OWN,
    SEALED,
    TOKEN,
    Check,
    accept_encoding,
    authorization,
    bounded,
    config,
    cookie,
    origin,
    request_headers,
    token,
    traceparent,
    tracestate,
)


@dataclass(frozen=True)
class Target:
    """`seeds` are good inputs, `words` what they are made of."""

    check: Check
    seeds: Sequence[bytes]
    words: Sequence[bytes]


PARENT = b"00-12345678901234567890123456789012-1234567890123456-01"
YAML = b"""middleware:
- use: cors
  allow_origins: ["https://a.example"]
- &x {use: sessions, secret_key: zqxjkvwy, max_age: 1.5e3}
- <<: *x
silence: [a]
"""
JSON = b'{"middleware": [{"use": "cors", "allow_origins": []},\n {"secret_key": "zqxjkvwy"}], "silence": ["a"]}'
TOML = b'silence = ["a"]\n[[middleware]]\nuse = "cors"\n[[middleware]]\nsecret_key = "zqxjkvwy"\nmax_age = 1_000\n'

TARGETS: dict[str, Target] = {
    "accept-encoding": Target(
        bounded(accept_encoding()),
        [b"gzip, br;q=0.5, zstd;q=1.000", b"*;q=0, identity;q=0.1", b"x-gzip ; q=0.3"],
        [
            b"gzip",
            b"br",
            b"zstd",
            b"identity",
            b"x-gzip",
            b"*",
            b",",
            b";",
            b"q=",
            b"Q=0.5",
            b"q=0",
            b"1.0001",
            b" ",
            b"\t",
        ],
    ),
    "origin": Target(
        bounded(origin()),
        [b"https://app.example.com", b"https://a.b.example.com", b"http://localhost:8000", b"null"],
        [b"https://", b"http://", b".example.com", b"localhost", b":", b"a.", b"*", b"@", b"\n", b"\x00", b"\xc3\xa4"],
    ),
    "request-headers": Target(
        bounded(request_headers()),
        [b"authorization,x-token", b"content-type\nx-token", b"X-Token, x-token"],
        [b"authorization", b"x-token", b"X-Other", b",", b" ", b"\t", b"\n", b"*", b"\xff", b"(", b"accept"],
    ),
    "cookie": Target(
        bounded(cookie()),
        [b"session=" + SEALED[0], b"theme=dark; session=" + storing.cookie().encode(), b'session="a"; session=b'],
        [
            b"session",
            b"=",
            b";",
            b"; ",
            b'"',
            b"session=",
            SEALED[0],
            storing.cookie().encode(),
            b"\t",
            b"\x00",
            b".",
            b"null",
        ],
    ),
    "authorization": Target(
        bounded(authorization()),
        [b"Bearer " + TOKEN, b"Basic " + PASSWORD, b"Digest x"],
        [b"Bearer ", b"bearer", b"Basic ", b" ", b"\t", b".", b"=", b"e30", TOKEN, PASSWORD, b"\xff", b"YTpi"],
    ),
    "token": Target(
        bounded(token()),
        [CLAIMS, b"YWRhOnBhc3M", b'{"aud":["audience","b"],"nbf":1,"iat":1.5,"scope":"a b"}'],
        [
            b'"',
            b"{",
            b"}",
            b"[",
            b"]",
            b":",
            b",",
            b"NaN",
            b"1e999",
            b"null",
            b"true",
            b'"exp"',
            b'"sub"',
            b"\\ud800",
            b"9" * 99,
        ],
    ),
    "traceparent": Target(
        bounded(traceparent()),
        [PARENT, b"cc" + PARENT[2:] + b"-more", b"00-" + b"0" * 32 + b"-1234567890123456-00"],
        [b"-", b"00", b"ff", b"0" * 16, b" ", b"\t", b",", b"A", b"\n", PARENT],
    ),
    "tracestate": Target(
        bounded(tracestate()),
        [
            b"a=1, b@c=2",
            b"congo=t61rcWkgMzE,rojo=00f067aa0ba902b7",
            b",".join(b"k%d=%s" % (n, b"v" * 30) for n in range(30)),
        ],
        [b"=", b",", b" ", b"\t", b"a", b"k*/@-_", b"A", b"x" * 130, b"~", b"\x7f", b"a=1,"],
    ),
    "config in TOML": Target(
        bounded(config(".toml")),
        [TOML],
        [
            b"[[middleware]]",
            b"[",
            b"]",
            b'"',
            b"'''",
            b"=",
            b"\n",
            b"use",
            b"1979-05-27T07:32:00Z",
            b"inf",
            b"\\u",
            b".",
            b"#",
            b"{",
        ],
    ),
    "config in JSON": Target(
        bounded(config(".json")),
        [JSON],
        [
            b'"middleware"',
            b'"use"',
            b"{",
            b"}",
            b"[",
            b"]",
            b":",
            b",",
            b'"',
            b"NaN",
            b"1e999",
            b"\\ud800",
            b"9" * 99,
            b"\n",
            b"\xef\xbb\xbf",
        ],
    ),
    "config in YAML": Target(
        bounded(config(".yaml"), each=PYYAMLS_OWN),
        [YAML],
        [
            b"- ",
            b": ",
            b"? ",
            b"&x ",
            b"*x",
            b"<<: ",
            b"!!int ",
            b"!!bool ",
            b"!!timestamp ",
            b"!!str ",
            b"!!set ",
            b"|\n",
            b"{",
            b"[",
            b"\n",
            b"%YAML 1.1\n",
            b"---\n",
        ],
    ),
}
