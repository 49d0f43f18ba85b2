"""A scripted engine in front of a real one: it passes on what is not denied."""

from .caller import Caller
from .engine import ScriptedEngine

KEPT = ("Content-Type", "Server")


class All:
    def __contains__(self, path):
        return True


class Before(ScriptedEngine):
    """Answers 404, as the real one does, to the paths of ${denied}.

    What came is in `requests`, as elsewhere.
    """

    def __init__(self, real, *denied):
        super().__init__(real.kind, [real.model], real.slots)
        self.model = real.model
        self.real = real
        self.denied = set(denied)
        self.paths = All()
        self.script = self.pass_on

    def pass_on(self, exchange):
        asked = exchange.request
        path = asked.path
        if path in self.denied:
            path = "/no-such-path"
        fields = []
        if asked.body:
            fields.append(("Content-Type", "application/json"))
        with Caller(self.real.address) as caller:
            r = caller.ask(asked.method, path, asked.body or None, fields)
        kept = [(n, r.field(n)) for n in KEPT if r.field(n)]
        kind = dict(kept).pop("Content-Type", "application/json")
        exchange.whole(
            r.body, r.status, kind, [f for f in kept if f[0] != "Content-Type"]
        )

    def asked(self, path):
        """How often ${path} was asked for."""
        return sum(r.path == path for r in self.requests)
