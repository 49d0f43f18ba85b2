#!/usr/bin/python3
"""tool/fair/report.py [--tool PATH]: makes the numbers and the pictures of
doc/fairness.md anew.

First come first served, round-robin over callers and weir's queue, on the
workloads of the paper (Sheng et al., OSDI 2024, section 5) with an engine that
is simulated: 8 slots, 2,000 tokens/s of prompt and 50 of answer in each, about
91 requests of 256 + 256 tokens a minute.
"""
import argparse
import os
import random
import subprocess
import sys

sys.dont_write_bytecode = True

import measure  # noqa: E402
import picture  # noqa: E402
from loads import first_come_with_loads  # noqa: E402
from workload import (FIRST_COME, ROUND_ROBIN, WEIR, Request,  # noqa: E402
                      Workload, simulate)

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
PAGE = os.path.join(ROOT, "doc", "fairness.md")
FOLDER = os.path.join(ROOT, "doc", "fairness")
BEGIN, END = "<!-- made by tool/fair/report.py -->", "<!-- end -->"
POLICIES = [("first come", FIRST_COME), ("round-robin", ROUND_ROBIN),
            ("weir", WEIR)]
SLOTS, SPAN_S = 8, 600
SECOND = 1000000


def steady(caller, per_minute, tokens, on_s=None):
    """Evenly spaced; with `on_s`, that long on and that long off."""
    out = []
    for i in range(per_minute * SPAN_S // 60):
        at = i * 60 / per_minute
        if on_s is None or int(at // on_s) % 2 == 0:
            out.append(Request(int(at * SECOND), caller, *tokens))
    return out


def poisson(rng, caller, per_minute, draw):
    out, at = [], rng.expovariate(per_minute / 60)
    while at < SPAN_S:
        out.append(Request(int(at * SECOND), caller, *draw()))
        at += rng.expovariate(per_minute / 60)
    return out


def workloads():
    rng = random.Random(2024)
    same = 256, 256
    yield ("overload", "Overload", ["90/min", "180/min"],
           "Two callers send 90 and 180 requests a minute, all of 256 + 256 "
           "tokens; the first alone would all but fill the engine.",
           steady(0, 90, same) + steady(1, 180, same))
    yield ("on-off", "On and off", ["on/off", "180/min"],
           "One caller sends 30 a minute, a third of what the engine can do, "
           "for a minute, and nothing for the next; the other 180 all the "
           "time.",
           steady(0, 30, same, 60) + steady(1, 180, same))
    yield ("short-long", "Short and long", ["short", "long"],
           "Poisson arrivals: 480 a minute of 64 + 64 tokens, and 90 of "
           "256 + 256.",
           poisson(rng, 0, 480, lambda: (64, 64))
           + poisson(rng, 1, 90, lambda: same))
    yield ("poisson", "Poisson, mixed sizes", ["15/min", "45/min", "120/min"],
           "Three callers, 15, 45 and 120 a minute, prompts of 16 to 1,024 "
           "and answers of 16 to 512 tokens.",
           sum((poisson(rng, c, n, lambda: (rng.randint(16, 1024),
                                            rng.randint(16, 512)))
                for c, n in enumerate((15, 45, 120))), []))


def rates(run, callers):
    """Service of each caller in tokens of cost a second, over 30 s."""
    grid = range(0, SPAN_S + 1, 10)
    totals = [measure.service_at(run, t * SECOND) for t in grid]
    return [[(grid[i], (totals[i][c] - totals[i - 3][c]) / 30)
             for i in range(3, len(grid))] for c in range(callers)]


def seconds(us):
    return "%.1f" % (us / SECOND)


def quantile(values, part):
    return sorted(values)[min(len(values) - 1, int(part * len(values)))]


def row(name, run, names):
    widest, _ = measure.widest_gap(run)
    waits = [measure.waits(run, c) for c in range(len(names))]
    service = measure.service_at(run, SPAN_S * SECOND)
    jain = measure.jain_while_waiting(run, 60 * SECOND, SPAN_S * SECOND)
    return "| %s | %s | %s | %s | %s | %.0f | %.0f |" % (
        name,
        "%.4f, %.4f" % (sum(jain) / len(jain), min(jain)) if jain else "–",
        "{:,.0f}".format(widest),
        " / ".join(seconds(sum(w) / len(w)) for w in waits),
        " / ".join(seconds(quantile(w, 0.95)) for w in waits),
        sum(service) / SPAN_S, run.makespan() / SECOND)


def section(tool, name, title, names, about, requests):
    work = Workload(requests, len(names), SLOTS)
    runs = simulate(tool, [(work, policy) for _, policy in POLICIES])
    picture.draw(
        os.path.join(FOLDER, name + ".svg"),
        "service, tokens of cost a second", names,
        [(label, rates(run, len(names)))
         for (label, _), run in zip(POLICIES, runs)], SPAN_S)
    out = ["### " + title, "", about, "",
           "![service of each caller over time, for each order](fairness/%s"
           ".svg)" % name, "",
           "| order | Jain: mean, worst | widest gap | mean wait, s | p95 "
           "wait, s | cost/s | all done, s |", "|---|---|---|---|---|---|---|"]
    out += [row(label, run, names)
            for (label, _), run in zip(POLICIES, runs)]
    out += ["", "Waits: %s.  2U is %s here." % (
        " / ".join(names), "{:,.0f}".format(2 * measure.bound(runs[0]))), ""]
    return out


def flooder(tool):
    """A light caller beside one that sends more and more."""
    out = ["### A light caller beside a flooder", "",
           "One caller sends 10 requests a minute of 256 + 256 tokens (5.2 s "
           "each at the engine), another a multiple of that.  The light "
           "caller's wait, mean / p95 / longest, in seconds:", "",
           "| order | alone | x2 | x10 | x50 |", "|---|---|---|---|---|"]
    rows = {label: [] for label, _ in POLICIES}
    for times in 0, 2, 10, 50:
        requests = steady(0, 10, (256, 256))
        if times:
            requests += steady(1, 10 * times, (256, 256))
        work = Workload(requests, 2, SLOTS)
        for label, policy in POLICIES:
            run, = simulate(tool, [(work, policy)])
            waits = measure.waits(run, 0)
            rows[label].append("%s / %s / %s" % (
                seconds(sum(waits) / len(waits)),
                seconds(quantile(waits, 0.95)), seconds(max(waits))))
    out += ["| %s | %s |" % (label, " | ".join(cells))
            for label, cells in rows.items()]
    return out + [""]


def swaps(tool):
    """Three models on an engine that holds one."""
    rng = random.Random(7)
    requests = [Request(int(rng.random() * SPAN_S * SECOND), m, 256, 128,
                        model=m) for m in range(3) for _ in range(160)]
    out = ["### Models on an engine that holds one", "",
           "Three callers, each with a model of its own that takes 10 s to "
           "load, 16 requests a minute each of 256 + 128 tokens, 4 slots.", "",
           "| order | loads | all done, s | longest time that a model waited, "
           "s |", "|---|---|---|---|"]
    work = Workload(requests, 3, 4, holds=1, load_us=[10 * SECOND] * 3)
    run, = simulate(tool, [(work, WEIR)])
    plain = first_come_with_loads(work)
    for label, one in ("first come", plain), ("weir", run):
        waited, bound = measure.model_waits(one)
        out.append("| %s | %d | %s | %s |" % (
            label, len(one.loads), seconds(one.makespan()), seconds(waited)))
    return out + ["", "weir's bound (K-1)(C+Q+R)+C+R is %s s here." %
                  seconds(bound), ""]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tool", default=os.path.join(
        ROOT, "build", "bench", "tool", "weir-fair"))
    tool = parser.parse_args().tool
    os.makedirs(FOLDER, exist_ok=True)
    lines = [BEGIN, ""]
    for workload in workloads():
        lines += section(tool, *workload)
    lines += flooder(tool) + swaps(tool)
    with open(PAGE, encoding="utf-8") as file:
        page = file.read()
    before, rest = page.split(BEGIN)
    after = rest.split(END)[1]
    with open(PAGE, "w", encoding="utf-8") as file:
        file.write(before + "\n".join(lines) + END + after)
    print(subprocess.run([tool, "pace"], check=True, text=True,
                         stdout=subprocess.PIPE).stdout, end="")


if __name__ == "__main__":
    main()
