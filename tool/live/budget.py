"""Budgets under hang-ups and engine deaths: what is gone from them is what the
ledger says was used, to the token, and nobody takes more than is his.
"""
import asyncio
import random
import time

import client
import stage

SLOTS = 8
EVENTS = 8
ANSWER_TOK = client.PROMPT + EVENTS
MONTH_S = 30 * 86400
LIMIT = 10000000  # a month's; 4 tokens a second come back
RESERVED = client.GUESS + EVENTS  # for a request that asks for EVENTS
APIS = ("openai", "anthropic")


def engine(**more):
    return stage.Engine(first_us=300, interval_us=300, events=EVENTS,
                        kind="openai", **more)


# --- every token is accounted for ---

async def worker(port, key, rng, left, count):
    """Requests of all kinds, 3 of 10 hung up at any moment."""
    caller = client.Connection(port)
    while left[0] > 0:
        left[0] -= 1
        api, stream = rng.choice(APIS), rng.random() < 0.7
        request = client.request_of(api, stream, key, max_tokens=EVENTS)
        hang_up = None
        if rng.random() < 0.3:
            hang_up = rng.randrange(EVENTS) if stream else 0
        answer = await caller.ask(api, stream, request, hang_up)
        kind = ("hung up" if hang_up is not None else
                "complete" if answer.is_complete else
                "broken" if answer.has_begun else "refused")
        count[kind] = count.get(kind, 0) + 1
        if hang_up == 0:
            # Some leave before weir has read the request: nothing is used.
            await asyncio.sleep(rng.random() * 0.002)
    caller.close()


async def first_of(port, key):
    """One answer; when it had been charged, nearly."""
    caller = client.Connection(port)
    answer = await caller.ask("openai", False, client.request_of(
        "openai", False, key, max_tokens=EVENTS))
    caller.close()
    assert answer.is_complete, answer.status
    return answer.end


async def crowd(port, keys, requests, workers):
    count, left = {}, [requests]
    await asyncio.gather(*(
        worker(port, keys[i % len(keys)], random.Random(i), left, count)
        for i in range(workers)))
    return count


async def remaining(port, key):
    """(tokens that are left, when) as a last answer tells."""
    caller = client.Connection(port)
    answer = await caller.ask("openai", False, client.request_of(
        "openai", False, key, max_tokens=EVENTS))
    caller.close()
    told = answer.fields[b"x-ratelimit-remaining-tokens"]
    return int(told) + RESERVED, answer.end


def account(requests, callers=8, workers=32):
    """(counts, by caller how far the budget is from the ledger)."""
    names = ["caller-%d" % i for i in range(callers)]
    local = engine(die_every=10)
    weir, keys = stage.start_weir(local, names, SLOTS,
                                  caller={"tokens": "%d/month" % LIMIT})
    off = {}
    try:
        since = {n: asyncio.run(first_of(weir.port, k))
                 for n, k in keys.items()}
        begin = time.monotonic()
        count = asyncio.run(
            crowd(weir.port, list(keys.values()), requests, workers))
        count["seconds"] = round(time.monotonic() - begin)
        weir.wait_metric("weir_reservations", lambda v: v == 0)
        weir.wait_metric("weir_connections", lambda v: v == 1)
        logged = len(weir.access_lines())
        ledger = stage.usage_of(weir, logged)
        for name, key in keys.items():
            left, now = asyncio.run(remaining(weir.port, key))
            row = ledger[name]
            used = row["input_tokens"] + row["output_tokens"]
            back = (now - since[name]) * LIMIT / MONTH_S
            off[name] = left - (LIMIT - used + back)
        count["used"] = sum(r["input_tokens"] + r["output_tokens"]
                            for r in ledger.values())
        count["deaths"] = local.stats()["deaths"]
    finally:
        stage.end_weir(weir)
        local.stop()
    return count, off


def check_account(count, off, requests):
    """A budget tells whole tokens: less than one is rounding."""
    assert all(-1.2 < v < 0.2 for v in off.values()), off
    assert count.get("refused", 0) == 0, count
    assert count["hung up"] > 0.25 * requests, count
    assert count["deaths"] > 0.08 * requests, count


# --- nobody takes more than is his ---

async def exhaust(port, key, workers):
    """Ask until a 429 has come to each; the answers."""
    out = []
    request = client.request_of("openai", True, key, max_tokens=EVENTS)

    async def one():
        caller = client.Connection(port)
        while True:
            answer = await caller.ask("openai", True, request)
            out.append(answer)
            if answer.status != 200:
                break
        caller.close()

    await asyncio.gather(*(one() for _ in range(workers)))
    return out


def overshoot(limit, strict, workers=32):
    """(tokens used beyond the budget, answers, refusals)."""
    local = engine()
    tokens = {"limit": "%d/month" % limit, "strict": strict}
    weir, keys = stage.start_weir(local, ["greedy"], SLOTS,
                                  caller={"tokens": tokens})
    begin = time.monotonic()
    try:
        answers = asyncio.run(exhaust(weir.port, keys["greedy"], workers))
        took = time.monotonic() - begin
        row = stage.usage_of(weir, len(answers))["greedy"]
    finally:
        stage.end_weir(weir)
        local.stop()
    used = row["input_tokens"] + row["output_tokens"]
    served = [a for a in answers if a.is_complete]
    assert used == sum(sum(a.tokens()) for a in served), "the ledger is off"
    assert {a.status for a in answers} == {200, 429}
    back = took * limit / MONTH_S
    return used - limit - back, len(served), len(answers) - len(served)


def check_overshoot(limit, workers=32):
    """At most an answer for each slot; none where it is strict."""
    over, served, refused = overshoot(limit, False, workers)
    assert over <= SLOTS * ANSWER_TOK, over
    strict, strict_served, _ = overshoot(limit, True, workers)
    assert strict <= 0, strict
    # The reservations do not keep back what could be used.
    assert strict > -(SLOTS + 1) * 100, strict
    return {"beyond": over, "answers": served, "refused": refused,
            "strict, beyond": strict, "strict, answers": strict_served}
