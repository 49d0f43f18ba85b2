"""What a run shows, from nothing but when requests came, began and ended.

Service is input tokens when a request begins and 2 for each output token as it
is generated: the cost of DESIGN.md 5, not what weir says that it charged.
"""
from workload import INPUT_US, OUTPUT_US


def output_by(request, start_us, now_us):
    us = now_us - start_us - request.input_tok * INPUT_US
    return min(max(0.0, us / OUTPUT_US), request.output_tok)


class Meter:
    """Walks a run in order of time and knows what each caller got."""

    def __init__(self, run):
        self.run = run
        self.requests = run.workload.requests
        n = run.workload.n_callers
        self.done = [0.0] * n   # of requests that ended
        self.waiting = [0] * n
        self.flying = {}        # number: request
        events = [(r.at_us, 1, i) for i, r in enumerate(self.requests)]
        events += [(t, 0, i) for i, t in enumerate(run.end) if t is not None]
        events += [(s, 2, i) for i, s, _ in run.served]
        events.sort()
        self.events = events

    def service(self, now_us):
        got = list(self.done)
        for number, request in self.flying.items():
            got[request.caller] += request.input_tok + 2 * output_by(
                request, self.run.start[number], now_us)
        return got

    def apply(self, kind, number):
        request = self.requests[number]
        if kind == 0:
            del self.flying[number]
            self.done[request.caller] += (
                request.input_tok + 2 * request.output_tok)
        elif kind == 1:
            self.waiting[request.caller] += 1
        else:
            self.waiting[request.caller] -= 1
            self.flying[number] = request

    def moments(self):
        """Each time at which anything happens: before and after it does."""
        at = 0
        while at < len(self.events):
            now = self.events[at][0]
            yield now, False
            while at < len(self.events) and self.events[at][0] == now:
                self.apply(*self.events[at][1:])
                at += 1
            yield now, True


def widest_gap(run):
    """The most by which two callers' service came apart, by weight, over any
    time in which both had something waiting; and moments of idle slots."""
    meter = Meter(run)
    n, weights = run.workload.n_callers, run.workload.weights
    span = {}  # of pairs that are backlogged: smallest and largest difference
    widest, idle = 0.0, 0
    for now, is_after in meter.moments():
        got = [v / w for v, w in zip(meter.service(now), weights)]
        if is_after:
            busy = [c for c in range(n) if meter.waiting[c]]
            span = {(i, j): span.get((i, j), (got[i] - got[j],) * 2)
                    for i in busy for j in busy if i < j}
            idle += len(meter.flying) < run.workload.slots and bool(busy)
        for (i, j), (low, high) in span.items():
            d = got[i] - got[j]
            span[i, j] = min(low, d), max(high, d)
            widest = max(widest, span[i, j][1] - span[i, j][0])
    return widest, idle


def bound(run):
    """U of DESIGN.md 5 for this run."""
    requests = run.workload.requests
    most_in = max(r.input_tok for r in requests)
    most_out = max(r.output_tok for r in requests)
    return max(most_in, 2 * run.workload.slots * (most_in + most_out)) / min(
        run.workload.weights)


def jain_of(values):
    total = sum(values)
    squares = sum(v * v for v in values)
    return total * total / (len(values) * squares) if squares else 1.0


def backlogged_until(run):
    """When the first caller of a flood has nothing waiting any more."""
    last = [0] * run.workload.n_callers
    for number, start, _ in run.served:
        last[run.workload.requests[number].caller] = start
    return min(last)


def edges(run, each):
    """Moments between which every caller had `each` requests given out, while
    all of them have something waiting."""
    until = backlogged_until(run)
    n = run.workload.n_callers
    given, found = [0] * n, []
    for number, start, _ in run.served:
        if start > until:
            break
        given[run.workload.requests[number].caller] += 1
        if min(given) >= each:
            given = [0] * n
            found.append(start)
    return [t for i, t in enumerate(found) if i == 0 or t > found[i - 1]]


def fairness(run, each=20):
    """Jain's index of what callers got, by weight, in each window."""
    wanted = set(edges(run, each))
    weights = run.workload.weights
    meter, indices, last = Meter(run), [], None
    for now, is_after in meter.moments():
        if not is_after or now not in wanted:
            continue
        got = meter.service(now)
        if last is not None:
            indices.append(jain_of([
                (y - x) / w for x, y, w in zip(last, got, weights)]))
        last = got
    return indices


def service_at(run, now_us):
    """What each caller has got by then."""
    got = [0.0] * run.workload.n_callers
    for number, start, _ in run.served:
        if start <= now_us:
            request = run.workload.requests[number]
            got[request.caller] += request.input_tok + 2 * output_by(
                request, start, now_us)
    return got


def jain_while_waiting(run, window_us, until_us):
    """Jain's index of each window in which two callers or more had something
    waiting all the time, over those callers."""
    edges = range(0, until_us + 1, window_us)
    totals = [service_at(run, t) for t in edges]
    meter, at, always = Meter(run), 0, set()
    indices = []
    for now, is_after in meter.moments():
        while at < len(edges) and now >= edges[at] and not is_after:
            if at > 0 and len(always) > 1:
                indices.append(jain_of([
                    (totals[at][c] - totals[at - 1][c])
                    / run.workload.weights[c] for c in always]))
            at += 1
            always = {c for c, n in enumerate(meter.waiting) if n}
        if is_after:
            always -= {c for c in always if not meter.waiting[c]}
    return indices


def weight_error(run):
    """By how much is the worst share off what weights promise?  While all had
    something waiting."""
    until = backlogged_until(run)
    got = [0.0] * run.workload.n_callers
    for number, start, end in run.served:
        if start <= until:
            request = run.workload.requests[number]
            got[request.caller] += request.input_tok + 2 * output_by(
                request, start, until)
    weights = run.workload.weights
    return max(abs(g / sum(got) / (w / sum(weights)) - 1)
               for g, w in zip(got, weights))


def waits(run, caller):
    return [run.start[i] - r.at_us
            for i, r in enumerate(run.workload.requests) if r.caller == caller]


def longest_us(run):
    return max(end - start for _, start, end in run.served)


def model_waits(run):
    """The longest time that a model had something waiting and none of it was
    given out, and the bound of DESIGN.md 5 for it."""
    requests = run.workload.requests
    events = [(r.at_us, 0, r.model) for r in requests]
    events += [(run.start[i], 1, r.model) for i, r in enumerate(requests)]
    events.sort()
    waiting, since, worst = {}, {}, 0
    for now, kind, model in events:
        if kind == 0:
            if waiting.get(model, 0) == 0:
                since[model] = now
            waiting[model] = waiting.get(model, 0) + 1
        else:
            worst = max(worst, now - since[model])
            waiting[model] -= 1
            since[model] = now
    k = len(set(r.model for r in requests))
    c = max(run.workload.load_us)
    r = longest_us(run)
    return worst, (k - 1) * (c + 8 * c + r) + c + r
