"""Random operations on src/queue and on the reference: the same answers?

`weir-fair trace` reads many traces in one run.  A trace is made by running the
reference, so what it should answer is known beforehand.
"""
import random
import subprocess

from reference import BATCH, INTERACTIVE, Item, Reference

OUT, WAITING, FLYING = range(3)


class Trace:
    """One random walk; `ops` go to the C side, `answers` are expected."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        pick = self.random.randint
        self.n_models = pick(1, 3)
        self.n_items = pick(10, 80)
        n_callers = pick(2, 8)
        self.age_us = self.random.choice([50, 400, 10 ** 9])
        self.tokens = self.random.choice([1, 10, 1000])  # 1: many ties
        self.lies = self.random.random() < 0.5  # guesses that are far off
        self.ref = Reference(n_callers, self.age_us)
        self.items = [None] * self.n_items
        self.state = [OUT] * self.n_items
        self.open = [True] * self.n_models
        self.now_us = 0
        self.ops = ["T %d %d %d %d" % (
            n_callers, self.n_items, self.n_models, self.age_us)]
        self.answers = []
        self.walk(pick(50, 300))

    def op(self, text, answer=None):
        self.ops.append(text)
        if answer is not None:
            self.answers.append(answer)

    def walk(self, steps):
        for caller in range(len(self.ref.callers)):
            if self.random.random() < 0.5:
                self.set_caller(caller)
        moves = [self.add] * 6 + [self.next] * 5 + [self.charge] * 4 + [
            self.remove] * 3 + [self.put_back, self.set_model, self.idle,
                                self.note]
        for _ in range(steps):
            self.now_us += self.random.choice([0, 1, 10, 100])
            self.random.choice(moves)()
            if self.random.random() < 0.02:
                self.set_caller(self.random.randrange(len(self.ref.callers)))
        self.op("q", "q " + " ".join(
            str(n) for c in self.ref.callers for n in c.counter))

    def some(self, state):
        those = [i for i, s in enumerate(self.state) if s == state]
        return self.random.choice(those) if those else None

    def set_caller(self, number):
        at_once = self.random.choice([0, 0, 1, 2, 3])
        weight = self.random.choice([1, 1, 2, 3, 7])
        self.ref.set_caller(self.ref.callers[number], at_once, weight)
        self.op("c %d %d %d" % (number, at_once, weight))

    def set_model(self):
        model = self.random.randrange(self.n_models)
        self.open[model] = self.random.random() < 0.7
        self.op("m %d %d" % (model, self.open[model]))

    def add(self):
        i = self.some(OUT)
        if i is None:
            return
        # A few callers send most of it.
        n = len(self.ref.callers)
        caller = min(self.random.randrange(n), self.random.randrange(n))
        model = self.random.randrange(self.n_models)
        band = self.random.choice([INTERACTIVE, INTERACTIVE, BATCH])
        tok = self.random.randint(0, self.tokens)
        self.items[i] = Item(self.ref.callers[caller], model, band, tok)
        self.ref.add(self.items[i], self.now_us)
        self.state[i] = WAITING
        self.op("a %d %d %d %d %d %d" % (
            i, caller, model, band, tok, self.now_us), "a ok")

    def next(self):
        item = self.ref.next(self.now_us, lambda m: self.open[m])
        i = -1
        if item is not None:
            i = next(k for k, it in enumerate(self.items) if it is item)
            self.state[i] = FLYING
        self.op("n %d" % self.now_us, "n %d" % i)

    def charge(self):
        i = self.some(FLYING)
        if i is None:
            return
        told = self.random.choice([-1, -1, self.random.randint(
            0, self.tokens * (5 if self.lies else 1))])
        out = self.random.choice([-1, self.random.randint(0, self.tokens)])
        self.ref.charge(self.items[i], told, out)
        self.op("g %d %d %d" % (i, told, out))

    def put_back(self):
        i = self.some(FLYING)
        if i is None:
            return
        self.ref.put_back(self.items[i])
        self.state[i] = WAITING
        self.op("p %d" % i)

    def remove(self):
        i = self.some(self.random.choice([FLYING, FLYING, WAITING]))
        if i is None:
            return
        self.ref.remove(self.items[i], self.state[i] == WAITING)
        self.state[i] = OUT
        self.op("d %d" % i)

    def idle(self):
        i = self.some(WAITING)
        if i is None:
            return
        us = self.random.randint(0, 10000)
        self.ref.charge_idle(self.items[i], us)
        self.op("i %d %d" % (i, us))

    def note(self):
        for _ in range(self.random.choice([1, 30])):
            i = self.some(FLYING)
            if i is None:
                return
            us = self.random.randint(1, 1000)
            self.ref.note_service(self.items[i], us)
            self.op("h %d %d" % (i, us))


def check(tool, seeds):
    """Raise AssertionError for the first seed whose answers differ."""
    traces = [(seed, Trace(seed)) for seed in seeds]
    text = "".join("\n".join(t.ops) + "\n" for _, t in traces)
    got = subprocess.run([tool, "trace"], input=text, text=True, check=True,
                         stdout=subprocess.PIPE).stdout.splitlines()
    at = dispatched = 0
    for seed, trace in traces:
        mine = got[at:at + len(trace.answers)]
        at += len(trace.answers)
        for n, (want, have) in enumerate(zip(trace.answers, mine)):
            assert want == have, "seed %d, answer %d: want %s, have %s" % (
                seed, n, want, have)
            dispatched += want.startswith("n ") and want != "n -1"
        assert len(mine) == len(trace.answers), "seed %d: cut short" % seed
    assert at == len(got), "more answers than questions"
    return dispatched
