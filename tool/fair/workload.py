"""Workloads for `weir-fair sim`, and what came of them."""
import collections
import random
import subprocess

FIRST_COME, ROUND_ROBIN, WEIR = range(3)
INPUT_US, OUTPUT_US = 500, 20000  # 2,000 tokens/s of prompt, 50 of answer

Request = collections.namedtuple(
    "Request", "at_us caller input_tok output_tok model band",
    defaults=(0, 0))


class Workload:
    """Requests in order of time, and the engine that they meet."""

    def __init__(self, requests, n_callers, slots, weights=None, at_once=None,
                 holds=0, load_us=()):
        self.requests = sorted(requests, key=lambda r: r.at_us)
        self.n_callers = n_callers
        self.slots = slots
        self.weights = weights or [1] * n_callers
        self.at_once = at_once or [0] * n_callers
        self.holds = holds
        self.load_us = load_us

    def text(self, policy):
        lines = ["S %d %d %d %d %d" % (
            self.slots, INPUT_US, OUTPUT_US, policy, self.holds)]
        lines += ["C %d %d" % pair for pair in zip(self.at_once, self.weights)]
        lines += ["M %d" % us for us in self.load_us]
        lines += ["R %d %d %d %d %d %d" % (
            r.at_us, r.caller, r.model, r.band, r.input_tok, r.output_tok)
            for r in self.requests]
        return "\n".join(lines) + "\n.\n"


class Run:
    """When each request of a workload was served: (number, start, end)."""

    def __init__(self, workload, served, loads):
        self.workload = workload
        self.served = served  # in order of dispatch
        self.loads = loads    # (start, model, evicted)
        self.start = [None] * len(workload.requests)
        self.end = [None] * len(workload.requests)
        for number, start, end in served:
            self.start[number], self.end[number] = start, end

    def makespan(self):
        return max(self.end)


def simulate(tool, jobs):
    """Run (workload, policy) pairs; a list of Run."""
    text = "".join(workload.text(policy) for workload, policy in jobs)
    lines = iter(subprocess.run(
        [tool, "sim"], input=text, text=True, check=True,
        stdout=subprocess.PIPE).stdout.splitlines())
    runs = []
    for workload, _ in jobs:
        served, loads = [], []
        for line in lines:
            if line == ".":
                break
            if line[0] == "L":
                loads.append(tuple(map(int, line[2:].split())))
            else:
                served.append(tuple(map(int, line.split())))
        runs.append(Run(workload, served, loads))
    return runs


# --- random workloads of the properties ---

class Sizes:
    """How long prompts and answers are."""

    def __init__(self, rng, inputs=(64, 512, 2048), outputs=(16, 128, 512)):
        self.longest_in = rng.choice(inputs)
        self.longest_out = rng.choice(outputs)
        self.rng = rng

    def draw(self):
        return (self.rng.randint(1, self.longest_in),
                self.rng.randint(min(1, self.longest_out), self.longest_out))

    def mean_us(self):
        return (self.longest_in * INPUT_US + self.longest_out * OUTPUT_US) // 2


def bursts(rng, n_requests, weights=None):
    """Callers whose lines fill and run empty; load from half to four times."""
    sizes = Sizes(rng)
    slots = rng.choice([1, 2, 4, 8])
    n_callers = rng.randint(2, 6)
    load = rng.choice([0.5, 1, 2, 4])
    span = int(n_requests * sizes.mean_us() / slots / load)
    requests = []
    while len(requests) < n_requests:
        caller = rng.randrange(n_callers)
        at = rng.randrange(span)
        for _ in range(rng.choice([1, 1, 3, 12])):
            requests.append(Request(at, caller, *sizes.draw()))
    return Workload(requests, n_callers, slots, weights and [
        rng.choice(weights) for _ in range(n_callers)])


def flood(rng, n_callers, cost, weights=None):
    """Everybody sends everything at once, in requests of other sizes: work of
    `cost` for each slot and unit of weight."""
    slots = rng.choice([1, 2, 4, 8])
    given = [rng.choice(weights) if weights else 1 for _ in range(n_callers)]
    requests = []
    for caller in range(n_callers):
        sizes = Sizes(rng, (256, 1024), (64, 256))
        some = [Request(0, caller, *sizes.draw()) for _ in range(97)]
        left = cost * slots * given[caller]
        while left > 0:
            requests.append(rng.choice(some))
            left -= requests[-1].input_tok + 2 * requests[-1].output_tok
    rng.shuffle(requests)
    return Workload(requests, n_callers, slots, given)


def intrusion(rng):
    """A flood of caller 0; caller 1 sends one request in the middle of it."""
    slots = rng.choice([1, 2, 4, 8])
    heavy = Sizes(rng, outputs=(0, 16, 128, 512))  # 0: embeddings
    light = Sizes(rng)
    requests = [Request(0, 0, *heavy.draw()) for _ in range(100)]
    at = rng.randrange(20 * heavy.mean_us() // slots)
    requests.append(Request(at, 1, *light.draw()))
    return Workload(requests, 2, slots)


def models(rng):
    """More models than the engine holds, all with work, in any rhythm."""
    sizes = Sizes(rng)
    n_models = rng.randint(2, 5)
    loads = [rng.randrange(1, 20) * 500000 for _ in range(n_models)]
    n = 120
    span = int(n * sizes.mean_us() * rng.choice([0.5, 1, 3]))
    requests = [Request(rng.randrange(span), rng.randrange(4), *sizes.draw(),
                        model=rng.randrange(n_models)) for _ in range(n)]
    return Workload(requests, 4, rng.choice([1, 2, 4]), holds=1,
                    load_us=loads)


def seeded(seed):
    return random.Random(seed)
