"""Response compression with zstd, Brotli and gzip.

    from asgi_middleware import CompressionMiddleware

    app = CompressionMiddleware(app)                             # what the installed packages allow
    app = CompressionMiddleware(app, codings=["br", "gzip"], levels={"br": 5})

Stands inside CORS and errors, outside sessions and auth: outside whatever still changes the body. `GZipMiddleware` and
`BrotliMiddleware` have the signatures of Starlette's and brotli-asgi's, so that migration is one import line; one
engine is under all three.

What is compressed: responses whose type is text, JSON, XML or another compressible one, of at least `minimum_size`
bytes if the size is known, in the coding that the client weighs highest (RFC 9110, 12.5.3). What never is: 1xx, 204,
205, 206 and ranges, what is encoded already, `no-transform` on either side, bodies with a digest in the headers, and
bodies that would not get smaller. An application keeps one response as it is with `Content-Encoding: identity`.

What changes with it: Vary names Accept-Encoding, a strong ETag becomes weak, Accept-Ranges goes, Content-Length is
exact where the whole body is known and goes where it is not. Streams are flushed per message and event streams start
at once, so nothing is held back. HEAD gets the headers of GET, and no work is done.

Security: compressing secrets together with text that the client chose tells the secret's length (BREACH). Send such
responses with `Content-Encoding: identity`.
"""

from .middleware import BrotliMiddleware, CompressionMiddleware, GZipMiddleware

__all__ = ["BrotliMiddleware", "CompressionMiddleware", "GZipMiddleware"]
