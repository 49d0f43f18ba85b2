"""A light caller beside a flooder, and chats beside an ingest of embeddings:
how long they wait, through the real program and a paced engine.

The engine takes half a second for a chat and has 4 slots, so 8 chats a second
are all that it can do.
"""
import asyncio
import random

import client
import stage

SLOTS = 4
FIRST_US, INTERVAL_US, EVENTS, EMBED_US = 100000, 10000, 40, 20000
CHAT_S = (FIRST_US + INTERVAL_US * EVENTS) / 1e6
FACTORS = (0, 2, 10, 50)


def engine():
    return stage.Engine(first_us=FIRST_US, interval_us=INTERVAL_US,
                        events=EVENTS, embed_us=EMBED_US, at_once=SLOTS)


async def arrive(port, rng, rate, seconds, request, stream, out):
    """Open-loop Poisson arrivals, each on a connection of its own."""
    loop = asyncio.get_running_loop()
    tasks = []

    async def one():
        caller = client.Connection(port)
        try:
            out.append(await caller.ask("openai", stream, request))
        finally:
            caller.close()

    at = loop.time() + rng.expovariate(rate)
    stop = loop.time() + seconds
    while at < stop:
        await asyncio.sleep(max(0, at - loop.time()))
        tasks.append(asyncio.create_task(one()))
        at += rng.expovariate(rate)
    return tasks


async def beside(port, keys, rate, factor, seconds, seed):
    """Answers of the light caller; how many of the flooder's were served."""
    rng = random.Random(seed)
    light, flood = [], []
    jobs = [arrive(port, rng, rate, seconds,
                   client.request_of("openai", True, keys["light"]), True,
                   light)]
    if factor:
        other = random.Random(seed + 1)
        jobs.append(arrive(
            port, other, rate * factor, seconds,
            client.request_of("openai", True, keys["flood"]), True, flood))
    tasks = await asyncio.gather(*jobs)
    await asyncio.gather(*tasks[0])
    served = sum(a.is_complete for a in flood)
    refused = sum(a.status in (429, 503) for a in flood)
    # What still waits hangs up.
    for task in [t for some in tasks[1:] for t in some]:
        task.cancel()
    await asyncio.sleep(0)
    return light, served, refused


def wait_s(answer):
    """How much longer than at an engine of one's own it took."""
    return max(0.0, answer.end - answer.begin - CHAT_S)


def row_of(light, served, refused):
    waits = [wait_s(a) for a in light if a.is_complete]
    return {
        "n": len(light),
        "failed": sum(not a.is_complete for a in light),
        "p50": client.quantile(waits, 0.5) if waits else float("nan"),
        "p95": client.quantile(waits, 0.95) if waits else float("nan"),
        "most": max(waits) if waits else float("nan"),
        "served": served,
        "refused": refused,
    }


def flood_weir(seconds, factors=FACTORS, rate=2.0):
    """{factor: row} through weir."""
    rows = {}
    for factor in factors:
        local = engine()
        weir, keys = stage.start_weir(local, ("light", "flood"), SLOTS)
        try:
            rows[factor] = row_of(*asyncio.run(beside(
                weir.port, keys, rate, factor, seconds, factor)))
            rows[factor]["at engine"] = local.stats()["most"]
        finally:
            stage.end_weir(weir)
            local.stop()
    return rows


def flood_nginx(seconds, limit, burst, factors=FACTORS, rate=2.0):
    """The same through nginx's limit_req."""
    rows = {}
    for factor in factors:
        local = engine()
        nginx = stage.Nginx(local, limit, burst)
        keys = {n: stage.new_key(n) for n in ("light", "flood")}
        try:
            rows[factor] = row_of(*asyncio.run(beside(
                nginx.port, keys, rate, factor, seconds, factor)))
        finally:
            nginx.stop()
            local.stop()
    return rows


def check_flood(rows):
    """The p95 stays flat: below the longest request and a second."""
    for factor, row in rows.items():
        assert row["failed"] == 0, (factor, row)
        assert row["p95"] <= CHAT_S + 1, (factor, row)
        assert row.get("at engine", 0) <= SLOTS, (factor, row)


# --- embeddings beside chats ---

async def ingest(port, key, n, connections, done):
    """${n} embeddings over so many connections, one after the other each."""
    request = client.request_of("embed", False, key)
    left = [n]

    async def one():
        caller = client.Connection(port)
        while left[0] > 0:
            left[0] -= 1
            done.append(await caller.ask("embed", False, request))
        caller.close()

    await asyncio.gather(*(one() for _ in range(connections)))


async def chats_beside(port, keys, embeddings, seconds, rate, seed):
    """(chats' answers, embeddings' answers, seconds of the ingest)."""
    loop = asyncio.get_running_loop()
    chats, done = [], []
    begin = loop.time()
    work = None
    if embeddings:
        work = asyncio.create_task(
            ingest(port, keys["ingest"], embeddings, 64, done))
        await asyncio.sleep(0.5)
    tasks = await arrive(
        port, random.Random(seed), rate, seconds,
        client.request_of("openai", True, keys["chat"]), True, chats)
    await asyncio.gather(*tasks)
    if work:
        await work
    return chats, done, loop.time() - begin


def embeddings_weir(embeddings, seconds, rate=1.5):
    """{"alone": ..., "beside": ...} of the chats, in seconds.

    So few chats that they hardly ever wait for each other: where they often
    do, a little more of that is the difference that is seen.
    """
    out = {}
    for name, n in (("alone", 0), ("beside", embeddings)):
        local = engine()
        weir, keys = stage.start_weir(local, ("chat", "ingest"), SLOTS)
        try:
            chats, done, took = asyncio.run(chats_beside(
                weir.port, keys, n, seconds, rate, 7))
        finally:
            stage.end_weir(weir)
            local.stop()
        times = [a.end - a.begin for a in chats]
        out[name] = {
            "n": len(chats),
            "failed": sum(not a.is_complete for a in chats),
            "p50": client.quantile(times, 0.5),
            "p95": client.quantile(times, 0.95),
            "most": max(times),
            "embeddings": sum(a.is_complete for a in done),
            "seconds": took,
        }
        assert all(a.is_complete for a in done), "an embedding failed"
    return out


def check_embeddings(out):
    """Chats beside it within 10 % of alone, and one embedding."""
    bound = out["alone"]["p95"] * 1.1 + EMBED_US / 1e6
    assert out["beside"]["failed"] == out["alone"]["failed"] == 0, out
    assert out["beside"]["p95"] <= bound, out
