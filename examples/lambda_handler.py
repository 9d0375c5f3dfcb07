"""On AWS Lambda, behind API Gateway, a function URL or a load balancer, by Mangum.

The function's handler is `examples.lambda_handler.handler`, and its environment has SESSION_KEY: every instance of the
function must have the same. Without it the import fails, and says so.

Compressed bodies leave as base64. HTTP APIs, function URLs and load balancers decode them without being asked; a REST
API must have `*/*` among its binary media types, or compression is left out of the list. Each invocation is a lifespan,
and what is in memory belongs to one instance, so that a store of sessions is Redis or a database. A function answers
at once: there are no events and no WebSockets.
"""

from mangum import Mangum
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from asgi_middleware import Stack


async def visits(request: Request) -> JSONResponse:
    request.session["visits"] = request.session.get("visits", 0) + 1
    return JSONResponse({"visits": request.session["visits"]})


async def goods(_request: Request) -> JSONResponse:
    return JSONResponse([{"id": number, "name": f"coffee, {number} pounds"} for number in range(1, 200)])


stack = Stack(
    [
        "request_id",
        ("cors", {"allow_origins": ["https://app.example.com"], "allow_credentials": True}),
        "errors",
        "compression",
        ("sessions", {"secret_key": {"env": "SESSION_KEY"}}),
    ]
)
app = stack(Starlette(routes=[Route("/visits", visits), Route("/goods", goods)]))
handler = Mangum(app)
