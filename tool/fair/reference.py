"""An independent reference of weir's fair order: slow, small, obvious.

Virtual Token Counters (Sheng et al., "Fairness in Serving Large Language
Models", OSDI 2024) with the rules of src/queue/queue.h, by scanning everything
each time.  Nothing here is shared with the C code but the rules.
"""

SCALE = 65536
INTERACTIVE, BATCH = 0, 1
KNOWN, SMOOTH = 20, 32


class Caller:
    def __init__(self):
        self.at_once = 0
        self.weight = 1
        self.in_flight = 0
        self.counter = [0, 0]
        self.base = [0, 0]  # no correction of older costs goes below
        self.lifts = [0, 0]

    def is_parked(self):
        return self.at_once > 0 and self.in_flight >= self.at_once


class Item:
    def __init__(self, caller, model, band, input_tok):
        self.caller = caller
        self.model = model
        self.band = band
        self.input_tok = input_tok
        self.output_tok = 0
        self.arrival = None
        self.bill = None  # (band, weight, lifts) of its first dispatch
        self.paid = self.since = 0

    def key(self):
        return self.caller, self.model, self.band

    def cost(self):
        return self.input_tok + 2 * self.output_tok


class Line:
    """What one caller has waiting for one model in one band."""

    def __init__(self):
        self.items = []
        self.rank = None
        self.since = None  # its head is first since then; then by order
        self.order = None

    def head(self):
        return self.items[0]


class Reference:
    def __init__(self, n_callers, age_us):
        self.callers = [Caller() for _ in range(n_callers)]
        self.age_us = age_us
        self.lines = {}  # (caller, model, band) of what waits
        self.now_us = 0
        self.arrivals = 0
        self.dispatches = 0
        self.events = 0
        self.last = [None, None]  # caller of the last dispatch
        self.held_us = self.mean_cost = self.measured = 0

    # --- who waits, and from where does it begin ---

    def backlog(self, band, but=None, model=None):
        """Callers that wait for their turn."""
        return [c for c, m, b in self.lines
                if b == band and c is not but and not c.is_parked()
                and (model is None or m in model)]

    def lift(self, caller, band, models):
        level = [c.counter[band] for c in self.backlog(band, caller, models)]
        if not level:
            level = [c.counter[band] for c in self.backlog(band, caller)]
        if not level:
            last = self.last[band]
            if last is caller:
                return  # alone, and the last: there is no other level
            level = [last.counter[band] if last else 0]
        caller.base[band] = min(level)
        caller.lifts[band] += 1
        caller.counter[band] = max(caller.counter[band], min(level))

    def number(self):
        self.events += 1
        return self.events

    def new_head(self, line, rank):
        line.rank = rank
        line.since = self.now_us
        line.order = self.number()

    def enter(self, item):
        caller = item.caller
        waits = any(c is caller and b == item.band for c, _, b in self.lines)
        if not waits and not caller.is_parked():
            self.lift(caller, item.band, {item.model})
        line = self.lines.get(item.key())
        if line is None:
            line = self.lines[item.key()] = Line()
            line.items.append(item)
            self.new_head(line, (self.dispatches, 0, self.number()))
            return
        old = line.head()
        line.items.append(item)
        line.items.sort(key=lambda i: i.arrival)
        if line.head() is not old:
            self.new_head(line, line.rank)

    def leave(self, item, is_served):
        line = self.lines[item.key()]
        was_head = line.head() is item
        line.items.remove(item)
        if not line.items:
            del self.lines[item.key()]
        elif was_head:
            after = (self.dispatches, 1, 0)  # behind all who came meanwhile
            self.new_head(line, after if is_served else line.rank)

    # --- operations ---

    def set_caller(self, caller, at_once, weight):
        was_parked = caller.is_parked()
        caller.at_once = at_once
        caller.weight = weight
        if was_parked and not caller.is_parked():
            self.unpark(caller)

    def unpark(self, caller):
        for band in INTERACTIVE, BATCH:
            models = {m for c, m, b in self.lines if c is caller and b == band}
            if models:
                self.lift(caller, band, models)

    def add(self, item, now_us):
        self.now_us = max(self.now_us, now_us)
        self.arrivals += 1
        item.arrival = self.arrivals
        self.enter(item)

    def age(self):
        while True:
            old = [line for key, line in self.lines.items() if key[2] == BATCH
                   and self.now_us - line.since >= self.age_us]
            if not old:
                return
            item = min(old, key=lambda line: line.order).head()
            self.leave(item, False)
            item.band = INTERACTIVE
            self.enter(item)

    def next(self, now_us, is_open):
        """The item that is given out, or None."""
        self.now_us = max(self.now_us, now_us)
        self.age()
        for band in INTERACTIVE, BATCH:
            able = [line for (c, m, b), line in self.lines.items()
                    if b == band and is_open(m) and not c.is_parked()]
            if able:
                item = min(able, key=lambda line: (
                    line.head().caller.counter[band], line.rank)).head()
                self.dispatch(item)
                return item
        return None

    def dispatch(self, item):
        caller, band = item.caller, item.band
        if item.bill is None:
            item.bill = band, caller.weight, caller.lifts[band]
            self.pay(item)
        self.last[band] = caller
        caller.in_flight += 1
        self.dispatches += 1
        self.leave(item, True)

    def pay(self, item):
        """Bring what the item has paid to what it costs by now.  `since` is
        the part of it paid after the caller's last lift."""
        band, weight, lifts = item.bill
        caller = item.caller
        if lifts != caller.lifts[band]:
            item.bill = band, weight, caller.lifts[band]
            item.since = 0
        more = item.cost() * SCALE // weight - item.paid
        recent = max(more, -item.since)
        item.paid += more
        item.since += recent
        caller.base[band] += recent
        caller.counter[band] = max(caller.counter[band] + more,
                                   caller.base[band])

    def charge(self, item, input_tok, output_tok):
        if item.bill is None:
            return
        if input_tok >= 0:
            item.input_tok = input_tok
        if output_tok >= 0:
            item.output_tok = output_tok
        self.pay(item)

    def charge_idle(self, item, slot_us):
        if self.measured < KNOWN or self.held_us <= 0:
            return
        more = int(float(self.mean_cost) / float(self.held_us)
                   * float(slot_us) / item.caller.weight)
        item.caller.counter[item.band] += more
        item.caller.base[item.band] += more

    def note_service(self, item, held_us):
        self.measured = min(self.measured + 1, SMOOTH)
        self.held_us += toward_zero(held_us - self.held_us, self.measured)
        self.mean_cost += toward_zero(
            item.cost() * SCALE - self.mean_cost, self.measured)

    def land(self, caller):
        was_parked = caller.is_parked()
        caller.in_flight -= 1
        if was_parked and not caller.is_parked():
            self.unpark(caller)

    def put_back(self, item):
        self.enter(item)
        self.land(item.caller)

    def remove(self, item, is_waiting):
        if is_waiting:
            self.leave(item, False)
        else:
            self.land(item.caller)


def toward_zero(a, b):
    return a // b if a >= 0 else -(-a // b)
