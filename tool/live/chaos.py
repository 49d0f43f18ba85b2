"""Many callers, streamed and not, while the engine is killed again and again.

No request may be lost whose answer had not begun; a stream that breaks says
so; the ledger has what the engine told and, of what broke off, exactly what
passed; at the end everything is given back.
"""
import asyncio
import random
import threading
import time

import client
import stage

SLOTS = 8
APIS = ("ollama", "openai", "anthropic")


def engine():
    """0.35 s for an answer, streamed or not."""
    return stage.Engine(first_us=50000, interval_us=10000, events=30)


class Killer(threading.Thread):
    """kill -9, and there again after a moment."""

    def __init__(self, local, every_s, away_s=0.3):
        super().__init__()
        self.local, self.every_s, self.away_s = local, every_s, away_s
        self.over = threading.Event()

    def run(self):
        while not self.over.wait(self.every_s):
            self.local.kill()
            time.sleep(self.away_s)
            self.local.start()

    def stop(self):
        self.over.set()
        self.join()


async def one_caller(port, name, key, seconds, out):
    """One request after the other, of all kinds."""
    rng = random.Random(name)
    caller = client.Connection(port)
    stop = time.monotonic() + seconds
    while time.monotonic() < stop:
        api, stream = rng.choice(APIS), rng.random() < 0.5
        out.append(await caller.ask(
            api, stream, client.request_of(api, stream, key)))
    caller.close()


async def all_callers(port, keys, seconds):
    answers = {name: [] for name in keys}
    await asyncio.gather(*(
        one_caller(port, name, key, seconds, answers[name])
        for name, key in keys.items()))
    return answers


def judge(answers):
    """Counts of what became of the requests, and tokens by caller."""
    count = dict.fromkeys(
        ("requests", "complete", "broken, told", "broken, not told", "lost"),
        0)
    tokens, odd = {}, []
    for name, those in answers.items():
        tokens[name] = [0, 0]
        for a in those:
            count["requests"] += 1
            for i, n in enumerate(a.tokens()):
                tokens[name][i] += n
            if a.is_complete:
                count["complete"] += 1
            elif not a.has_begun:
                count["lost"] += 1
                odd.append((a.api, a.stream, a.status, a.body[-300:]))
            elif a.tells_error:
                count["broken, told"] += 1
            else:
                count["broken, not told"] += 1
                odd.append((a.api, a.stream, a.status, a.body[-300:]))
    return count, tokens, odd


def run(callers, seconds, every_s):
    """(counts, difference of tokens by caller, odd ones, kills)."""
    names = ["caller-%02d" % i for i in range(callers)]
    local = engine()
    weir, keys = stage.start_weir(
        local, names, SLOTS,
        engines=[{"name": "local", "kind": "ollama", "slots": SLOTS,
                  "url": "http://127.0.0.1:%d" % local.port}])
    killer = Killer(local, every_s)
    try:
        first = asyncio.run(all_callers(
            weir.port, dict(list(keys.items())[:SLOTS]), 0.1))
        weir.wait_metric("weir_connections", lambda v: v == 1)
        before = weir.descriptors()
        n = sum(map(len, first.values()))
        warm = stage.usage_of(weir, n)
        killer.start()
        answers = asyncio.run(all_callers(weir.port, keys, seconds))
        killer.stop()
        count, tokens, odd = judge(answers)
        ledger = stage.usage_of(weir, n + count["requests"])
        wrong = {}
        for name, (told_in, told_out) in tokens.items():
            none = {"input_tokens": 0, "output_tokens": 0}
            row, had = ledger.get(name, none), warm.get(name, none)
            got = (row["input_tokens"] - had["input_tokens"],
                   row["output_tokens"] - had["output_tokens"])
            if got != (told_in, told_out):
                wrong[name] = {"ledger": got, "seen": (told_in, told_out)}
        weir.wait_metric("weir_connections", lambda v: v == 1)
        count["descriptors more"] = max(
            0, weir.descriptors() - before - SLOTS)
        count["retried"] = sum("retries" in x for x in weir.access_lines())
        count["tokens"] = sum(map(sum, tokens.values()))
        count["kills"] = local.deaths
    finally:
        if killer.is_alive():
            killer.stop()
        stage.end_weir(weir)
        local.stop()
    return count, wrong, odd


def check(count, wrong, odd):
    assert count["lost"] == 0, odd
    assert count["broken, not told"] == 0, odd
    assert not wrong, wrong
    assert count["descriptors more"] == 0, count
    assert count["kills"] > 0 and count["retried"] > 0, count
    assert count["complete"] > 0, count
