"""script/test: runs every part, counts, and shows what failed.

Parts, in this order; each stands alone:
  checks  script/check/*: layers, sizes, documents, formatting, warnings, ...
  unit    builds with gcc, ASan and UBSan; cmocka tests, fuzz corpora
  fuzz    builds with clang; every fuzz target for some seconds
  spec    test/spec with pytest: the real program, scripted and real engines
  run     script/run --once
"""
import argparse
import importlib.util
import json
import os
import re
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree

import children

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
PARTS = ("checks", "unit", "fuzz", "spec", "run")
DEV = os.path.join(ROOT, "build", "dev")
SKIP = 77
SPECS_AT_ONCE = 3


class Suite:
    def __init__(self, options):
        self.options = options
        self.children = children.Children()
        self.count = {"passed": 0, "failed": 0, "skipped": 0}
        self.failures = []  # (name, what it said)
        self.skips = []
        self.folder = os.path.join(ROOT, "build", "test")
        os.makedirs(self.folder, exist_ok=True)
        self.ollama = None

    def wants(self, name):
        return not self.options.k or self.options.k in name

    def result(self, name, verdict, text=""):
        self.count[verdict] += 1
        if verdict == "failed":
            self.failures.append((name, text))
            print("FAILED  %s\n%s" % (name, indented(text)), flush=True)
        elif verdict == "skipped":
            self.skips.append(name)
            print("skipped %s  %s" % (name, text.strip()[-200:]), flush=True)

    def log(self, name):
        return os.path.join(self.folder, name.replace("/", "-") + ".log")

    def start(self, name, argv, env=None):
        path = self.log(name)
        open(path, "w", encoding="utf-8").close()
        return self.children.start(name, argv, path, cwd=ROOT,
                                   env=dict(os.environ, **(env or {})))

    def finish(self, name, child, seconds):
        """(status, output) of a child; one that takes too long is ended."""
        try:
            status = child.wait(seconds)
        except subprocess.TimeoutExpired:
            children.end(child)
            status = -1
        self.children.running.remove((name, child))
        with open(self.log(name), encoding="utf-8", errors="replace") as file:
            text = file.read()
        if status == -1:
            text += "\n(ended after %d s)" % seconds
        return status, text

    def command(self, name, argv, seconds, env=None):
        return self.finish(name, self.start(name, argv, env), seconds)

    def whole(self, name, argv, seconds, env=None):
        """Run a program that counts as one test."""
        status, text = self.command(name, argv, seconds, env)
        verdict = {0: "passed", SKIP: "skipped"}.get(status, "failed")
        self.result(name, verdict, text)
        return verdict == "passed"

    def no_leftovers(self, part):
        """Whoever lost its parent came to us; a good part leaves nobody."""
        left = [command_of(pid) for pid in children.own_children()
                if pid not in [c.pid for _, c in self.children.running]]
        left = [text for text in left if text]
        if left:
            self.result(part + "/leaves no process behind", "failed",
                        "\n".join(left))

    # ---- the parts ----

    def checks(self):
        folder = os.path.join(ROOT, "script", "check")
        for name in sorted(os.listdir(folder)):
            path = os.path.join(folder, name)
            if name == "all" or not os.access(path, os.X_OK) \
                    or os.path.isdir(path) or not self.wants("checks/" + name):
                continue
            self.whole("checks/" + name, [path], 300)
            if name == "scorecard":
                with open(self.log("checks/" + name), encoding="utf-8") as log:
                    print(indented(log.read()), flush=True)

    def build_dev(self):
        if not os.path.exists(os.path.join(DEV, "build.ninja")):
            status, text = self.command("setup", [
                "meson", "setup", DEV, "--buildtype=debugoptimized",
                "-Db_sanitize=address,undefined", "-Db_lundef=false"], 120)
            if status != 0:
                return text
        status, text = self.command("build", ["ninja", "-C", DEV], 600)
        return None if status == 0 else text[-4000:]

    def unit(self):
        broken = self.build_dev()
        if broken:
            self.result("unit/build", "failed", broken)
            return
        names = self.command("list", ["meson", "test", "-C", DEV, "--list"],
                             60)[1].splitlines()
        names = [n.split(" / ")[-1].strip() for n in names if "ninja" not in n]
        chosen = [n for n in names if self.wants("unit/" + n)]
        if not chosen:
            return
        argv = ["meson", "test", "-C", DEV, "--no-rebuild",
                "--num-processes", "2"]
        if self.options.k:
            argv += chosen
        self.command("unit", argv, 900, sanitizers())
        with open(os.path.join(DEV, "meson-logs", "testlog.json"),
                  encoding="utf-8") as log:
            for line in log:
                self.unit_result(json.loads(line))

    def unit_result(self, test):
        """One program of unit tests: each of its TAP lines counts."""
        name = "unit/" + test["name"].split(" / ")[-1]
        said = test.get("stdout", "") + test.get("stderr", "")
        said = said[max(said.find("\nnot ok "), 0):][:4000]
        rows = re.findall(r"^(ok|not ok)\b[ \d]*-?\s*(.*)$",
                          test.get("stdout", ""), re.M)
        failed = 0
        for word, case in rows:
            if "# skip" in case.lower():
                self.result("%s: %s" % (name, case), "skipped")
            elif word == "ok":
                self.result(name, "passed")
            else:
                failed += 1
                self.result("%s: %s" % (name, case), "failed",
                            said if failed == 1 else "(see above)")
        if test["result"] == "SKIP" and not rows:
            self.result(name, "skipped")
        elif test["result"] not in ("OK", "SKIP") and not failed:
            self.result("%s: %s" % (name, test["result"]), "failed",
                        said)
        elif not rows:
            self.result(name, "passed")

    def fuzz(self):
        script = os.path.join(ROOT, "script", "fuzz")
        status, text = self.command("fuzz-build", [script], 600)
        if status != 0:
            self.result("fuzz/build", "failed", text[-4000:])
            return
        waiting = [n for n in text.split() if self.wants("fuzz/" + n)]
        running = []
        while waiting or running:
            while waiting and len(running) < 2:
                name = waiting.pop(0)
                argv = [script, "-n", name, str(self.options.fuzz_seconds)]
                running.append((name, self.start("fuzz/" + name, argv)))
            name, child = running.pop(0)
            status, text = self.finish("fuzz/" + name, child,
                                       self.options.fuzz_seconds + 60)
            self.result("fuzz/" + name, "passed" if status == 0 else "failed",
                        text[-4000:])

    def fetch(self, name, *argv):
        """A path that script/engine/${name} prints, or None."""
        path = os.path.join(ROOT, "script", "engine", name)
        status, text = self.children.run(name, [path, *argv])
        return text if status == 0 else None

    def engines(self):
        """Where the real engines are, for the specs; absent: they skip."""
        env = {"WEIR_BIN": os.path.join(DEV, "weir"), "WEIR_BUILD": DEV}
        server = self.fetch("get-llama-server")
        if server:
            env["WEIR_LLAMA_SERVER"] = server
        if self.ollama:
            status, text = self.finish("get-ollama", self.ollama, 900)
            if status == 0:
                env["WEIR_OLLAMA"] = text.split()[-1]
            else:
                print(indented(text[-500:]), flush=True)
            self.ollama = None
        return env

    def start_ollama(self):
        """Building it takes minutes: beside the first parts."""
        self.ollama = self.start("get-ollama", [
            os.path.join(ROOT, "script", "engine", "get-ollama")])

    def spec(self):
        folder = os.path.join(ROOT, "test", "spec")
        if not os.path.isdir(folder):
            return
        broken = self.build_dev()
        if broken:
            self.result("spec/build", "failed", broken)
            return
        report = os.path.join(self.folder, "spec.xml")
        if os.path.exists(report):
            os.unlink(report)
        argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider",
                "--junitxml", report, folder]
        # Specs wait more than they work: some files at a time.
        if not self.options.k and importlib.util.find_spec("xdist"):
            argv += ["-n", str(SPECS_AT_ONCE), "--dist", "loadfile"]
        if self.options.k:
            name = self.options.k.split("spec/")[-1]
            if "/" in name:
                return  # a name of another part
            argv += ["-k", name]
        env = dict(sanitizers(), **self.engines())
        status, text = self.command("spec", argv, 2400, env)
        self.spec_results(report, status, text)
        self.no_leftovers("spec")

    def spec_results(self, report, status, text):
        failed = self.count["failed"]
        rows = []
        if os.path.exists(report):
            rows = list(ElementTree.parse(report).getroot().iter("testcase"))
        for row in rows:
            name = "spec/%s: %s" % (row.get("classname", "").split(".")[-1],
                                    row.get("name"))
            bad = row.find("failure")
            bad = row.find("error") if bad is None else bad
            skip = row.find("skipped")
            if bad is not None:
                self.result(name, "failed", (bad.text or "")[-4000:])
            elif skip is not None:
                self.result(name, "skipped", skip.get("message", ""))
            else:
                self.result(name, "passed")
        nothing = status == 5 and self.options.k  # none of that name
        if status != 0 and self.count["failed"] == failed and not nothing:
            self.result("spec/pytest", "failed", text[-4000:])

    def run(self):
        if self.wants("run/once"):
            self.whole("run/once", [os.path.join(ROOT, "script", "run"),
                                    "--once", "--own"], 600)
            self.no_leftovers("run")

    # ---- all of it ----

    def __call__(self):
        parts = self.options.part or PARTS
        if "spec" in parts and not self.options.k \
                and os.path.isdir(os.path.join(ROOT, "test", "spec")):
            self.start_ollama()
        for part in PARTS:
            if part not in parts:
                continue
            before, started = dict(self.count), time.monotonic()
            getattr(self, part)()
            if self.count == before and self.options.k:
                continue
            print("%-7s %s  (%.0f s)" % (
                part, counted({k: self.count[k] - before[k] for k in before}),
                time.monotonic() - started), flush=True)
        if self.failures:
            print("\nfailed:\n" + indented("\n".join(
                name for name, _ in self.failures)))
        print(counted(self.count), flush=True)
        return self.count["failed"] > 0 or not self.count["passed"]


def sanitizers():
    return {"ASAN_OPTIONS": "detect_leaks=1:strict_init_order=1",
            "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1"}


def counted(count):
    return "%d passed, %d failed, %d skipped" % (
        count["passed"], count["failed"], count["skipped"])


def indented(text):
    return "\n".join("        " + line for line in text.rstrip().splitlines())


def command_of(pid):
    try:
        with open("/proc/%d/cmdline" % pid, "rb") as file:
            return file.read().replace(b"\0", b" ").decode("utf-8", "replace")
    except OSError:
        return ""


def parse():
    parser = argparse.ArgumentParser(
        prog="script/test", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", nargs="*", choices=[[], *PARTS],
                        metavar="PART", help="only these parts")
    parser.add_argument("-k", metavar="NAME",
                        help="only tests with NAME in their name, as in"
                        " unit/json/reader, fuzz/http_head, checks/layers")
    parser.add_argument("--fuzz-seconds", type=int, default=10, metavar="N",
                        help="for each fuzz target (default: 10)")
    return parser.parse_args()


def main():
    options = parse()
    children.catch_signals()
    suite = Suite(options)
    try:
        return int(suite())
    except children.Stopped as stopped:
        print("stopped", flush=True)
        return 128 + stopped.args[0]
    finally:
        suite.children.stop()


if __name__ == "__main__":
    sys.exit(main())
