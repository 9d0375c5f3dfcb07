"""In a virtual environment without any extra: what needs none works, and what needs one says which."""

import json
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).parent.parent

PROGRAM = """
import contextlib, io, json, pathlib, sys
import asgi_middleware as m
from asgi_middleware import auth, cli, timing
from tests import apps
from tests.asgi import drive, http

def extra(make):
    try:
        make()
    except m.MissingExtra as error:
        return error.extra
    return None

pem = "-----BEGIN PUBLIC KEY-----\\nAAAA\\n-----END PUBLIC KEY-----"
app = m.Stack([
    "request_id", "timing", ("cors", {"allow_origins": ["https://a.example"]}), "errors", "compression",
    ("sessions", {"secret_key": "x" * 32}),
])(apps.text())
exchange = drive(app, http(headers=[("accept-encoding", "zstd, br, gzip"), ("origin", "https://a.example")]))
yaml = pathlib.Path(sys.argv[1], "stack.yaml")
yaml.write_text("middleware:\\n- use: errors\\n")
with contextlib.redirect_stdout(io.StringIO()):
    commands = [cli.main([word]) for word in ("list", "schema")]
bcrypt, argon2 = "$2b$04$" + "a" * 53, "$argon2id$v=19$m=8,t=1,p=1$YWFhYWFhYWE$YWFh"
print(json.dumps({
    "coding": exchange.header("content-encoding"),
    "same": exchange.body == apps.TEXT,
    "missing": {
        "zstd": extra(lambda: m.CompressionMiddleware(app, codings=["zstd"])),
        "br": extra(lambda: m.CompressionMiddleware(app, codings=["br"])),
        "brotli": extra(lambda: m.BrotliMiddleware(app)),
        "hmac": extra(lambda: auth.HMACKey("x" * 32)),
        "static": extra(lambda: auth.StaticKeys(pem)),
        "bcrypt": extra(lambda: auth.Basic({"ada": bcrypt})),
        "argon2": extra(lambda: auth.Basic({"ada": argon2})),
        "encrypt": extra(lambda: m.SessionMiddleware(app, "x" * 32, encrypt=True)),
        "redis": extra(lambda: m.SessionMiddleware(app, "x" * 32, store="redis://localhost")),
        "sql": extra(lambda: m.SessionMiddleware(app, "x" * 32, store="postgresql+asyncpg://localhost/x")),
        "yaml": extra(lambda: m.Stack.from_file(yaml)),
        "prometheus": extra(lambda: timing.PrometheusSink()),
        "otel": extra(lambda: timing.OTelMetricsSink()),
    },
    "commands": commands,
    "run": cli.main(["run", "x:app", "--stack", "examples/stack.toml"]),
}))
"""


def test_every_feature_works_without_the_packages_of_the_others(tmp_path: Path) -> None:
    venv.create(tmp_path / "venv")
    python = tmp_path / "venv" / "bin" / "python"
    # By the pip that is here: one of its own would take longer to come than all the rest.
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", str(ROOT)], check=True, capture_output=True, text=True)
    result = subprocess.run(
        [str(python), "-c", PROGRAM, str(tmp_path)], cwd=ROOT, check=False, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    seen = json.loads(result.stdout)
    # Python 3.14 has zstd of its own.
    zstd = None if sys.version_info >= (3, 14) else "zstd"
    assert seen == {
        "coding": ["gzip" if zstd else "zstd"],
        "same": True,
        "missing": {
            "zstd": zstd,
            "br": "brotli",
            "brotli": "brotli",
            "hmac": "jwt",
            "static": "jwt",
            "bcrypt": "basic",
            "argon2": "basic",
            "encrypt": "crypto",
            "redis": "redis",
            "sql": "sql",
            "yaml": "yaml",
            "prometheus": "prometheus",
            "otel": "otel",
        },
        "commands": [0, 0],
        "run": 1,
    }
    assert result.stderr == (
        "asgi-middleware: run: serving: needs the package uvicorn; install it: pip install 'asgi-middleware[server]'\n"
    )
