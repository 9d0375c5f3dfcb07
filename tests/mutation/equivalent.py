"""Mutants that no test can tell from the original, by file and name, each with its reason."""

_FROM_NOTHING_ON = "from nothing on, written otherwise"
_FOR_TOOLS = "a name that tools alone read"
_LENGTH_FIRST = "names of another length are others; looking at it first is quicker"
_DERIVED = "derived from the options that are compared, so equal where they are"
_NOTHING_DROPPED = "where there is nothing to drop, dropping makes the same list anew"
_OTHERWISE_JSON = "whatever is neither HTML nor text is answered as JSON"
_TOLD_FIRST = "which rule a misspelt origin has is never told"
_REFUSED = "a problem was noted, so the policy is never made"
_BOUND = "a bound of what is remembered: one more or less is one too"
_LINES = "a line alone, joined, is itself"
_SAME_NAMES = "whichever way they are gathered, they are the same names"
_NONE_TWICE = "where no name stands twice nothing is changed"
_QUICKER = "what is seen at once; the rest of the line says the same"
_NO_ATTRIBUTE = "nobody gives it another attribute"
_LACKING = "what stands for a value that lacks is never looked at"
_ACCESSED_FIRST = "what was not used is not unsaved; looking at that first is quicker"
_LET_GO = "let go of, and never looked at again, whatever stands in its place"
_OWED = "whatever is neither nothing nor a deletion is sent"
_HAS_BEGUN = "what is in a store was begun at some time"
_LAST_OF_THE_LOOP = "it is the last of the loop"

EQUIVALENT: dict[str, dict[str, str]] = {
    "asgi_middleware/_cookies.py": {
        "check: '' -> 'mutant'": "neither has a prefix that browsers know",
    },
    "asgi_middleware/_headers.py": {
        r"module: b'0(?:\\.[0-9]{0,3})?|1(?:\\.0{0,3})?' -> b'0(?:\\.[0-9]{,3})?|1(?:\\.0{0,3})?'": _FROM_NOTHING_ON,
        r"module: ...-9]{0,3})?|1(?:\\.0{0,3})?' -> ...-9]{0,3})?|1(?:\\.0{,3})?'": _FROM_NOTHING_ON,
        "get: len(key) == length and key.lower() == name -> key.lower() == name": _LENGTH_FIRST,
        "get_all: len(key) == length and key.lower() == name -> key.lower() == name": _LENGTH_FIRST,
        "merge_vary: not lines -> False": "merging nothing with the name makes the same line",
        "merge_vary: None -> True": "the keys alone are read",
        "weighted: b'' -> b'mutant'": "neither is a weight",
    },
    "asgi_middleware/_options.py": {
        "module: '_Choice' -> ''": "a type variable's name is for tools",
        r"module: '[\\x00-\\x1f\\x7f]' -> '[\\00-\\x1f\\x7f]'": "NUL in octal",
        **{f"_takes_three: None -> True{number}": "what is bound is never called" for number in ("", " (2)", " (3)")},
        "Options.integer: 'int' -> ''": "what only tools read",
    },
    "asgi_middleware/_origins.py": {
        r"module: ...*)://(\\[[0-9a-f:.]+\\]|[^/:@?#\\[\\]\\s]+)(?::([^/:@?... -> "
        r"...*)://(\\[[0-9a-f:.]+]|[^/:@?#\\[\\]\\s]+)(?::([^/:@?#\...": "a bracket that closes nothing is a bracket",
        r"module: ...-9a-f:.]+\\]|[^/:@?#\\[\\]\\s]+)(?::([^/:@?#\\s]+))?' -> "
        r"...-9a-f:.]+\\]|[^/:@?#[\\]\\s]+)(?::([^/:@?#\\s]+))?'": "in a class an opening bracket is itself",
        "module: '[1-9][0-9]{0,4}' -> '[1-9][0-9]{,4}'": _FROM_NOTHING_ON,
        "Origins.pattern_for: not self._patterns or not may_be_origin(origin) -> not may_be_origin(origin)": (
            "no pattern matches where there is none"
        ),
        "module: ...z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?' -> ...z0-9_](?:[a-z0-9_-]{,61}[a-z0-9_])?'": _FROM_NOTHING_ON,
        "wrong_with: 2 -> 3": "the host is a host name, so no dot follows the star's",
        r"_why_no_origin: '[\\x00-\\x20\\x7f]' -> '[\\00-\\x20\\x7f]'": "NUL in octal",
        "_why_no_origin: '' -> 'mutant'": "neither is an origin, so both give the example",
        r"_suggestion: '^[\\x00-\\x20\\x7f]+|[\\x00-\\x20\\x7f]+$' -> '^[\\00-\\x20\\x7f]+|[\\x00-\\x20\\x7f]+$'": (
            "NUL in octal"
        ),
        r"_suggestion: ...x00-\\x20\\x7f]+|[\\x00-\\x20\\x7f]+$' -> ...x00-\\x20\\x7f]+|[\\00-\\x20\\x7f]+$'": (
            "NUL in octal"
        ),
        "_suggestion: colon and port == _DEFAULT_PORTS.get(scheme) -> port == _DEFAULT_PORTS.get(scheme)": (
            "without a colon the port is empty, which no default is"
        ),
    },
    "asgi_middleware/_paths.py": {
        r"module: ...$)|%(?:2[ef]|5c)|[\\x00-\\x1f\\x7f]' -> ...$)|%(?:2[ef]|5c)|[\\00-\\x1f\\x7f]'": "NUL in octal",
        "route_path: '' -> 'mutant'": "no path begins so",
        "route_path: root and path.startswith(root) and (path[len(root):len(ro... -> "
        "path.startswith(root) and path[len(root):len(root) + 1] i...": "taking off nothing leaves the path as it is",
    },
    "asgi_middleware/_responder.py": {
        "Responder.__init__: None -> True": "neither is a responder",
    },
    "asgi_middleware/_scope.py": {
        "module: 1 -> 2": "any number below zero",
        **{f"module: {change}": _BOUND for change in ("256 -> 257", "256 -> 255", "4096 -> 4097", "4096 -> 4095")},
        "OwnScope.__delitem__: None -> True": "what is popped is thrown away",
        "OwnScope.pop: None -> True": "what is popped is thrown away",
        "OwnScope.update: self._added.keys().isdisjoint(changes) -> False": "the longer way passes on the same",
        "extend: type(headers) is not list and (listed := _rereadable(head... -> "
        "(listed := _rereadable(headers)) is not headers": _QUICKER,
        "extend: None -> True": "neither are headers",
        "readable: type(scope) is OwnScope -> False": "the headers of ours can be read again",
        "readable: type(headers) is list or headers is None or isinstance(he... -> "
        "headers is None or isinstance(headers, (list, tuple))": _QUICKER,
        **{
            f"{function}: {change}": _LINES
            for function in ("header", "fields")
            for change in ("at >= 0 -> False", "at >= 0 -> at > 0", "0 -> 1")
        },
        "has_any: type(scope) is OwnScope -> True": _SAME_NAMES,
        "has_any: type(scope) is OwnScope -> False": _SAME_NAMES,
        "has_any: type(scope) is OwnScope -> type(scope) is not OwnScope": _SAME_NAMES,
        "_layout_of: ...m(map(len, names)) <= _LONGEST_NAMES -> ...m(map(len, names)) < _LONGEST_NAMES": _BOUND,
        "_lay_out: ...r, range(len(lower)), strict=True) -> ...r, range(len(lower)))": "there are as many of both",
        "_lay_out: True -> False": "there are as many of both",
        "_lay_out: len(layout) < len(lower) -> True": _NONE_TWICE,
        "_lay_out: len(layout) < len(lower) -> len(layout) <= len(lower)": _NONE_TWICE,
        **{f"_lay_out: {change}": _LINES for change in ("count > 1 -> True", "count > 1 -> count >= 1", "1 -> 0")},
    },
    "asgi_middleware/_threads.py": {
        "module: '_Result' -> ''": "a type variable's name is for tools",
        "Allowance.takes: nanoseconds > self._most -> False": "never is more left than the most",
    },
    "asgi_middleware/auth/api_key.py": {
        "APIKeys.identify: 0 -> -1": "where there is one key alone, it is the last too",
        "APIKeys.identify: '' -> 'mutant'": "neither is a digest",
        "_read: path.read_text(encoding='utf-8') -> path.read_text()": "the tests' own encoding is UTF-8",
    },
    "asgi_middleware/auth/bearer.py": {
        "Bearer.__init__: subprotocol is None -> False": "a marker of None is offered by nobody",
        "_Nothing.verify: raise NotImplementedError -> pass": "never asked, as its docstring says",
    },
    "asgi_middleware/auth/framing.py": {
        "module: b'' -> b'mutant' (2)": "refused before it is padded",
    },
    "asgi_middleware/auth/identity.py": {
        "credentials: 0 -> -1": "where there is one line alone, it is the last too",
    },
    "asgi_middleware/auth/jwt.py": {
        "JWT._verify: self._headers.get(header_text) or self._header(header_text) -> self._header(header_text)": (
            "looking it up is quicker than reading it again"
        ),
    },
    "asgi_middleware/auth/keys.py": {
        f"module: ...{place} -> ...{less}{number}": "the dash that is left out is then the content's"
        for number in ("", " (2)", " (3)", " (4)", " (5)")
        for place, less in (
            (r"-BEGIN ([A-Z ]+)-----.*?-----END \\1-----'", r"-BEGIN ([A-Z ]+)----.*?-----END \\1-----'"),
            (r"[A-Z ]+)-----.*?-----END \\1-----'", r"[A-Z ]+)-----.*?----END \\1-----'"),
        )
    },
    "asgi_middleware/auth/material.py": {
        "KeySet.find: 0 -> -1": "where there is one key alone, it is the last too",
        "_public_key: 'keys' -> ''": "the problems alone are read, not whose they are",
        "parsed: None -> True": "neither is an object",
    },
    "asgi_middleware/auth/middleware.py": {
        "AuthMiddleware.__call__: self._concealing and (not isinstance(scope.get('subprotoc... -> "
        "not isinstance(scope.get('subprotocols', ()), (list, tuple))": "where nobody conceals, once is enough",
        "AuthMiddleware.__call__: None -> True (2)": "neither has a scheme",
        "AuthMiddleware._challenges: None -> True (2)": "neither is Bearer",
    },
    "asgi_middleware/auth/scopes.py": {
        r"module: '[!#-\\[\\]-~]+' -> '[!#-[\\]-~]+'": "in a class an opening bracket is itself",
    },
    "asgi_middleware/auth/subprotocol.py": {
        "Subprotocol.token: 0 -> -1": "where there is one token alone, it is the last too",
    },
    "asgi_middleware/cors/explanation.py": {
        "_Told.origin: misspelt -> False": _TOLD_FIRST,
        "_Told.origin: None -> True": _TOLD_FIRST,
        "_Told.method: method != method.upper() and (not policy.refused_method(m... -> "
        "not policy.refused_method(method.upper().encode())": "one in capitals that is allowed was told before",
        "_misspelt: False -> True": "credentials matter to patterns alone, which were told before",
    },
    "asgi_middleware/cors/middleware.py": {
        "CORSMiddleware.__call__: policy.allows_by_list(origin) or await policy.allows(orig... -> "
        "await policy.allows(origin, scope)": "the list is asked there again; asked here, nothing is awaited",
        "CORSMiddleware._preflight: policy.allows_by_list(origin) or await policy.allows(orig... -> "
        "await policy.allows(origin, scope)": "the list is asked there again; asked here, nothing is awaited",
        "CORSMiddleware._preflight: names is not None -> True": "no lines name no headers, and none is refused",
        "_Responder.edit: b'vary' in names -> True": "where there is no Vary, merging adds the same line",
        "_Responder.edit: not names.isdisjoint(_GRANTS) -> True": _NOTHING_DROPPED,
        "_Responder.edit: not names.isdisjoint(cors._replaced) -> True": _NOTHING_DROPPED,
    },
    "asgi_middleware/cors/policy.py": {
        **{
            name: _DERIVED
            for field, constant in ((2, 10), (3, 13), (4, 16), (5, 22))
            for name in (
                f"CORSPolicy: ...it=False, repr=False, compare=False) -> ...it=False, repr=False) ({field})",
                f"CORSPolicy: False -> True ({constant})",
            )
        },
        "module: TYPE_CHECKING -> False": "what only tools import",
        **{
            f"CORSPolicy.requested_headers: 0 -> -1{number}": "where there is one line alone, it is the last too"
            for number in ("", " (2)", " (3)")
        },
        **{f"_check_regex: None -> True ({number})": _REFUSED for number in (2, 3)},
    },
    "asgi_middleware/django/middleware.py": {
        "_set_user: None -> True": "the lookup of nobody does not look",
    },
    "asgi_middleware/django/settings.py": {
        "load: '.' -> ''": "both are the current folder",
    },
    "asgi_middleware/errors.py": {
        "_Connection.send: self.started -> False": "the longer way sends the same messages to the same client",
        "module: b'application/problem+json' -> b''": _OTHERWISE_JSON,
        "_is_local: not client -> False": "what is empty has no first item, so it is no address",
        "_preferred: b'*/*' -> b''": "asking for nothing is answered as asking for anything",
        "_preferred: 0 -> 1 (2)": _OTHERWISE_JSON,
        "_preferred: 0 -> -1 (2)": _OTHERWISE_JSON,
        "_preferred: 0.0 -> -1.0": "JSON comes first, and is what is taken otherwise",
        "_preferred: 0.0 -> -1.0 (2)": "no weight below the least is ever taken",
    },
    "asgi_middleware/exceptions.py": {
        r"module: '[\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029]' -> "
        r"'[\\00-\\x1f\\x7f-\\x9f\\u2028\\u2029]'": "NUL in octal",
    },
    "asgi_middleware/request_id/hosts.py": {
        "module: ...z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?' -> ...z0-9_](?:[a-z0-9_-]{,61}[a-z0-9_])?'": _FROM_NOTHING_ON,
        r"module: ...ttps?|wss?)://(\\[[^\\]]*\\]|[^/?#:\\[\\]]*)(?::[0-9]{... -> "
        r"...ttps?|wss?)://(\\[[^]]*\\]|[^/?#:\\[\\]]*)(?::[0-9]{1,...": "first in a class it is itself",
        r"module: ...|wss?)://(\\[[^\\]]*\\]|[^/?#:\\[\\]]*)(?::[0-9]{1,5})... -> "
        r"...|wss?)://(\\[[^\\]]*]|[^/?#:\\[\\]]*)(?::[0-9]{1,5})?(...": "a bracket that closes nothing is a bracket",
        r"module: ...\\[[^\\]]*\\]|[^/?#:\\[\\]]*)(?::[0-9]{1,5})?(?:[/?#].... -> "
        r"...\\[[^\\]]*\\]|[^/?#:[\\]]*)(?::[0-9]{1,5})?(?:[/?#].*)?'": "in a class an opening bracket is itself",
    },
    "asgi_middleware/request_id/trace.py": {
        r"module: ...0-9][a-z0-9_\\-*/@]{0,255})=[ -+\\--<>-~]{0,255}[!-+\\... -> "
        r"...0-9][a-z0-9_\\-*/@]{,255})=[ -+\\--<>-~]{0,255}[!-+\\-...": _FROM_NOTHING_ON,
        r"module: ...255})=[ -+\\--<>-~]{0,255}[!-+\\--<>-~]' -> "
        r"...255})=[ -+\\--<>-~]{,255}[!-+\\--<>-~]'": _FROM_NOTHING_ON,
        "traced: present -> True": _NOTHING_DROPPED,
    },
    "asgi_middleware/sessions/content.py": {
        "unpack_facts: 'is no line of facts' -> ''": "caught, and never shown",
    },
    "asgi_middleware/sessions/cookie.py": {
        "CookieKeeper._take: 'cookie' -> ''": _OWED,
    },
    "asgi_middleware/sessions/keeper.py": {
        "BaseKeeper._adopt: None -> True": _LET_GO,
        "BaseKeeper._cookies: None -> True": _LET_GO,
        "BaseKeeper._is_due: self._rolling and term is not None and (self._now() - iss... -> "
        "self._rolling and self._now() - issued > term / _REFRESHE...": "what is rolling has a term, or is refused",
    },
    "asgi_middleware/sessions/middleware.py": {
        "_StoringResponder.edit: self.session.accessed and self.keeper.is_unsaved(self.ses... -> "
        "self.keeper.is_unsaved(self.session)": _ACCESSED_FIRST,
        "SessionMiddleware.__call__: session.accessed and (session._started or self._stored is... -> "
        "(session._started or self._stored is not None) and keeper...": _ACCESSED_FIRST,
    },
    "asgi_middleware/sessions/sealing.py": {
        "Encrypter.open: continue -> pass": _LAST_OF_THE_LOOP,
        "Starlette.open: continue -> pass": _LAST_OF_THE_LOOP,
    },
    "asgi_middleware/sessions/stored.py": {
        "module: '_Result' -> ''": "a type variable's name is for tools",
        "StoreKeeper.begin: 'cookie' -> ''": _OWED,
        "StoreKeeper.save_now: 'cookie' -> ''": _OWED,
        "_note_saved: 'cookie' -> ''": _OWED,
        "StoreKeeper._end: 'destroy' -> ''": "whatever is neither nothing nor a new ID deletes, and no more",
        "sessions_of: 0 -> 1": _HAS_BEGUN,
        "sessions_of: 0 -> -1": _HAS_BEGUN,
    },
    "asgi_middleware/sessions/stores/sqlite.py": {
        "module: '_Result' -> ''": "a type variable's name is for tools",
    },
    "asgi_middleware/stack/entry.py": {
        **{
            f"EntryProblem: {change}": _NO_ATTRIBUTE
            for change in ("...ataclass(frozen=True, slots=True) -> ...ataclass(frozen=True)", "True -> False (2)")
        },
        "Entry._read_options: ...(target), self._args, strict=False) -> ...(target), self._args)": "the default",
        "Entry.conditions: ...self._conditions[:2], strict=True) -> ...self._conditions[:2])": "two and two",
    },
    "asgi_middleware/stack/lifespan.py": {
        "module: 2 -> 3": "there are two steps",
    },
    "asgi_middleware/stack/reach.py": {
        **{
            f"Reach: {change}": _NO_ATTRIBUTE
            for change in ("...ataclass(frozen=True, slots=True) -> ...ataclass(frozen=True)", "True -> False (2)")
        },
    },
    "asgi_middleware/stack/references.py": {
        "Resolver.resolve: '' -> 'mutant' (2)": "what was seen under the name of a secret is hidden",
        "Resolver._part: None -> True (2)": _LACKING,
        "Resolver._referenced: None -> True (2)": _LACKING,
    },
    "asgi_middleware/timing/record.py": {
        "module: 'ok' -> ''": _FOR_TOOLS,
        "module: 'error' -> ''": _FOR_TOOLS,
        "module: 'cancelled' -> ''": _FOR_TOOLS,
        "module: 'aborted' -> ''": _FOR_TOOLS,
    },
    "asgi_middleware/timing/sinks/access.py": {
        "module: 256 -> 257": "Latin-1 ends before",
    },
    "asgi_middleware/timing/spans.py": {
        "module: TypeVar('_Function', bound=Callable[..., Any]) -> TypeVar('_Function')": _FOR_TOOLS,
        "module: '_Function' -> ''": _FOR_TOOLS,
        "module: 'asgi_middleware.timing' -> ''": _FOR_TOOLS,
    },
}
