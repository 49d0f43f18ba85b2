"""script/bench: weir beside nginx, HAProxy and no proxy at all, in one run.

Every scenario runs several rounds; in each round every target has its turn,
in another order, so that what else happens on the machine hits all alike.
Numbers are medians over the rounds.
"""

import argparse
import json
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys

import procs
import report
import vocab
from proxies import KEY, Direct, Proxy
from scenarios import IDLE, KEY_FIELD, SCENARIOS

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGETS = ["direct", "nginx", "haproxy", "weir"]


def say(*words):
    print(*words, file=sys.stderr, flush=True)


class Bench:
    def __init__(self, options):
        self.options = options
        self.build = pathlib.Path(options.build)
        self.tools = self.build / "tool"
        self.work = ROOT / "build" / "bench-run"
        self.files = procs.raise_limit()
        self.proxy_cores, self.other_cores = procs.cores(not options.no_pin)
        self.targets = self.choose_targets()
        self.processes = []
        self.vocab, self.vocab_name = vocab.find(ROOT, self.work)

    def choose_targets(self):
        targets = []
        for name in self.options.targets.split(","):
            if name not in TARGETS:
                raise SystemExit("no such target: %s" % name)
            if name in ("nginx", "haproxy") and not shutil.which(name):
                say("skipped: %s is not installed" % name)
                continue
            targets.append(name)
        return targets

    # --- processes ---

    def start_engine(self, options):
        process = procs.spawn(
            [self.tools / "weir-engine", "--model", "llama3.2", *options],
            self.other_cores,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.processes.append(process)
        return process, int(process.stdout.readline())

    def start_target(self, name, engine):
        if name == "direct":
            return Direct(engine)
        binary = self.options.weir or self.build / "weir"
        proxy = Proxy(
            name, self.work, engine, self.proxy_cores, self.files, binary
        )
        self.processes.append(proxy.process)
        return proxy

    def stop_all(self):
        for process in reversed(self.processes):
            procs.stop(process)
        self.processes.clear()

    def load_argv(self, target, options):
        return [
            self.tools / "weir-load",
            "--to",
            "127.0.0.1:%d" % target.port,
            "--model",
            "llama3.2",
            "--header",
            KEY_FIELD % KEY,
            *options,
        ]

    def load(self, target, options, seconds):
        process = procs.spawn(
            self.load_argv(target, [*options, "--seconds", seconds]),
            self.other_cores,
            stdout=subprocess.PIPE,
            text=True,
        )
        out, _ = process.communicate()
        if process.returncode:
            raise SystemExit("weir-load failed")
        return json.loads(out)

    # --- measuring ---

    def measure(self, scenario, target, seconds):
        before = target.cpu_us()
        result = self.load(target, scenario.load, seconds)
        spent = target.cpu_us() - before
        requests = max(result["requests"], 1)
        return {
            "cpu_us": spent / requests,
            "cpu_us_event": spent / max(result["events"], 1),
            "per_s": result["requests"] / result["seconds"],
            "requests": result["requests"],
            "errors": result["errors"],
            "latency_us": result["latency_us"],
            "first_byte_us": result["first_byte_us"],
            "gap_us": result["gap_us"],
            "statuses": result["statuses"],
        }

    def run_scenario(self, scenario):
        seconds = max(1, round(self.options.seconds * scenario.share))
        options = list(scenario.engine)
        if scenario.counts:
            options += ["--vocab", self.vocab]
        _, port = self.start_engine(options)
        targets = [self.start_target(name, port) for name in self.targets]
        rounds = {t.name: [] for t in targets}
        for target in targets:  # warm: connections, memory, caches
            if scenario.counts and target.name == "weir":
                self.teach(target, scenario)
            self.load(target, scenario.load, 1)
        for i in range(self.options.rounds):
            say("%s: round %d of %d" % (
                scenario.name, i + 1, self.options.rounds))
            turn = i % len(targets)
            for target in targets[turn:] + targets[:turn]:
                rounds[target.name].append(
                    self.measure(scenario, target, seconds)
                )
        out = {}
        for target in targets:
            if scenario.counts and target.name == "weir":
                target.must_count()
            out[target.name] = median(rounds[target.name])
            out[target.name]["peak_kib"] = target.memory_kib()
        self.stop_all()
        return out

    def teach(self, target, scenario):
        """Have weir read the vocabulary and see what the template adds."""
        small = ["--connections", 1, "--think-us", 1000, "--prompt-bytes", 64]
        for _ in range(10):
            self.load(target, [*small, "--vary", scenario.counts], 1)
            if target.counts():
                return
        raise SystemExit("weir does not count: see %s" % target.log)

    def run_idle(self):
        """Memory that connections at rest take, after one request each."""
        want = min(self.options.idle, self.files - 1000)
        out = {}
        for name in self.targets:
            if name == "direct":
                continue
            say("idle: %s" % name)
            _, port = self.start_engine([])
            target = self.start_target(name, port)
            self.load(target, ["--connections", 32], 1)
            before = target.memory_kib("VmRSS")
            process = procs.spawn(
                self.load_argv(target, [
                    "--hold", "--connections", want, "--ramp-us", 300,
                    "--seconds", 120]),
                self.other_cores,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            assert process.stdout.readline() == "ready\n"
            during = target.memory_kib("VmRSS")
            held, _ = process.communicate("")
            held = json.loads(held)
            out[name] = {
                "connections": held["idle"],
                "errors": held["errors"],
                "rss_kib": during,
                "added_kib": during - before,
                "each_bytes": (during - before) * 1024 / max(held["idle"], 1),
            }
            self.stop_all()
        return out

    def run(self):
        wanted = self.options.only.split(",") if self.options.only else None
        results = {"machine": machine(self), "scenarios": {}}
        for scenario in SCENARIOS:
            if not wanted or scenario.name in wanted:
                results["scenarios"][scenario.name] = self.run_scenario(
                    scenario
                )
        if not wanted or IDLE in wanted:
            results["idle"] = self.run_idle()
        results["machine"]["load_after"] = os.getloadavg()[0]
        return results


def median(rounds):
    """The median of each number; errors are summed, not averaged."""
    out = {}
    for key, first in rounds[0].items():
        values = [r[key] for r in rounds]
        if key in ("errors", "requests"):
            out[key] = sum(values)
        elif key == "statuses":
            out[key] = sorted({s for v in values for s in v})
        elif isinstance(first, dict):
            out[key] = {
                k: statistics.median(v[k] for v in values) for k in first
            }
        else:
            out[key] = statistics.median(values)
            out[key + "_range"] = [min(values), max(values)]
    return out


def first_line(*argv):
    try:
        done = subprocess.run(argv, capture_output=True, text=True)
    except FileNotFoundError:
        return None
    return (done.stdout + done.stderr).splitlines()[0]


def machine(bench):
    cpu = [
        line.partition(":")[2].strip()
        for line in procs.read("/proc/cpuinfo").splitlines()
        if line.startswith("model name")
    ]
    return {
        "cpu": cpu[0] if cpu else platform.machine(),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "pinned": bench.proxy_cores is not None,
        "load_before": os.getloadavg()[0],
        "rounds": bench.options.rounds,
        "seconds": bench.options.seconds,
        "vocab": bench.vocab_name,
        "nginx": first_line("nginx", "-v"),
        "haproxy": first_line("haproxy", "-v"),
    }


def parse_options():
    p = argparse.ArgumentParser(prog="script/bench", description=__doc__)
    p.add_argument("--only", help="scenarios, comma between them: %s" %
                   ",".join([s.name for s in SCENARIOS] + [IDLE]))
    p.add_argument("--targets", default=",".join(TARGETS),
                   help="default: %(default)s")
    p.add_argument("--quick", action="store_true",
                   help="two short rounds: a look, not a measurement")
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--seconds", type=float, default=3, help="of a round")
    p.add_argument("--idle", type=int, default=10000, metavar="N",
                   help="connections at rest (%(default)s)")
    p.add_argument("--no-pin", action="store_true",
                   help="let all processes run on all cores")
    p.add_argument("--weir", help="program to measure instead of the build's")
    p.add_argument("--json", metavar="FILE", help="write all numbers there")
    p.add_argument("--doc", action="store_true",
                   help="put the tables into doc/performance.md")
    p.add_argument("--build", required=True, help=argparse.SUPPRESS)
    options = p.parse_args()
    if options.quick:
        options.rounds, options.seconds = 2, 1
        options.idle = min(options.idle, 2000)
    return options


def main():
    options = parse_options()
    bench = Bench(options)
    try:
        results = bench.run()
    finally:
        bench.stop_all()
    print(report.table(results))
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(results, indent=1))
    if options.doc:
        report.put_into(ROOT / "doc" / "performance.md", results)
    bad = report.errors(results)
    for line in bad:
        say(line)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
