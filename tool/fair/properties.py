"""What weir promises about fairness, each as a check of many seeds.

A check takes the path of weir-fair and some seeds; it raises Broken, with the
seed, or returns numbers to show: the worst that was seen, and sums.  test/spec
runs them over some hundred seeds, test/prove/fairness over ten thousand.
Another policy than weir's must break them: a check that cannot fail shows
nothing.
"""
import measure
import order
import timed
import workload
from workload import FIRST_COME, WEIR, seeded, simulate


class Broken(AssertionError):
    pass


def must(condition, seed, text, *values):
    if not condition:
        raise Broken("seed %d: %s" % (seed, text % values))


def same_order(tool, seeds):
    """Any operations: the queue answers as the reference does."""
    return {"given out, sum": order.check(tool, seeds)}


def gap(tool, seeds, policy=WEIR):
    """Lines that fill and run empty: the order is the reference's, service of
    two that wait never comes apart by more than 2U, no slot is idle."""
    worst = 0.0
    for seed in seeds:
        rng = seeded(seed)
        work = workload.bursts(rng, 120, [1, 2, 3] if seed % 2 else None)
        run, = simulate(tool, [(work, policy)])
        have = [(number, start) for number, start, _ in run.served]
        must(have == timed.dispatches(work), seed, "another order")
        widest, idle = measure.widest_gap(run)
        bound = measure.bound(run)
        must(widest <= 2 * bound, seed, "gap %.0f, U is %.0f", widest, bound)
        must(idle == 0, seed, "%d times a slot was idle", idle)
        worst = max(worst, widest / bound)
    return {"widest gap in U, most": worst}


def shares(tool, seeds, policy=WEIR):
    """Equal callers that always wait: Jain's index over windows of 20 requests
    for each; the time for all of it beside first come first served."""
    indices, throughput = [], 1.0
    for seed in seeds:
        rng = seeded(seed)
        work = workload.flood(rng, rng.randint(2, 6), 60000)
        run, plain = simulate(tool, [(work, policy), (work, FIRST_COME)])
        mine = measure.fairness(run)
        must(min(mine) >= 0.95, seed, "Jain's index %.4f", min(mine))
        indices += mine
        ratio = plain.makespan() / run.makespan()
        must(ratio >= 0.99, seed, "throughput %.4f", ratio)
        throughput = min(throughput, ratio)
    mean = sum(indices) / len(indices)
    if mean < 0.99:
        raise Broken("Jain's index %.4f on average" % mean)
    return {"Jain, sum": sum(indices), "windows, sum": len(indices),
            "Jain, least": min(indices), "throughput, least": throughput}


def weights(tool, seeds, policy=WEIR):
    """Callers of different weights that always wait: shares within 1 %."""
    worst = 0.0
    for seed in seeds:
        rng = seeded(seed)
        work = workload.flood(rng, rng.randint(2, 4), 160000, [1, 2, 3, 4])
        run, = simulate(tool, [(work, policy)])
        error = measure.weight_error(run)
        must(error <= 0.01, seed, "a share is %.2f %% off", 100 * error)
        worst = max(worst, error)
    return {"error of a share, most": worst}


def light(tool, seeds, policy=WEIR):
    """Beside a flood, another caller's first request waits for one request at
    most."""
    worst = 0.0
    works = [workload.intrusion(seeded(seed)) for seed in seeds]
    runs = simulate(tool, [(work, policy) for work in works])
    for seed, run in zip(seeds, runs):
        waited = max(measure.waits(run, 1))
        longest = measure.longest_us(run)
        must(waited <= longest, seed, "waited %d us, longest request %d us",
             waited, longest)
        worst = max(worst, waited / longest)
    return {"wait in longest requests, most": worst}


def swaps(tool, seeds):
    """An engine that holds one model of several: none starves."""
    worst = 0.0
    works = [workload.models(seeded(seed)) for seed in seeds]
    for seed, run in zip(seeds, simulate(tool, [(w, WEIR) for w in works])):
        must(len(run.served) == len(run.workload.requests), seed, "some never ran")
        waited, bound = measure.model_waits(run)
        must(waited <= bound, seed, "a model waited %d us, bound %d us",
             waited, bound)
        worst = max(worst, waited / bound)
    return {"wait of a model in bounds, most": worst}


ALL = [same_order, gap, shares, weights, light, swaps]
