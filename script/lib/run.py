"""script/run: weir in front of an engine, with one command.

Uses an engine that already answers on this machine, else fetches llama-server
and a small model and starts them; starts weir in front; sends a first real
request through it; stays until Ctrl-C and then stops all that it started.
"""
import argparse
import fcntl
import http.client
import json
import os
import shlex
import signal
import socket
import sys
import tempfile
import time

import children
import probe

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
QUESTION = "What is the capital of France? Answer in one sentence."


class Failed(Exception):
    """Ends the run with status 1; its text says what to do."""


def say(text):
    print("weir: " + text, file=sys.stderr, flush=True)


def shown(path):
    """The path as one types it from the clone's folder."""
    short = os.path.relpath(path, ROOT)
    return path if short.startswith("..") else short


def tail(path, lines=15):
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return "".join(file.readlines()[-lines:]).rstrip()
    except OSError:
        return ""


def is_free(port):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def any_free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_until(what, ready, alive, seconds, log):
    """Poll ${ready} until it is true; a child's death or time ends it."""
    deadline = time.monotonic() + seconds
    while not ready():
        if not alive():
            raise Failed("%s ended at once; the end of %s:\n%s"
                         % (what, shown(log), tail(log)))
        if time.monotonic() > deadline:
            raise Failed("%s is not ready after %d s; look at %s"
                         % (what, seconds, shown(log)))
        time.sleep(0.05)


class Run:
    def __init__(self, options):
        self.options = options
        self.children = children.Children()
        self.is_up = False  # from then on Ctrl-C is a good end
        self.folder, self.lock = self.own_folder()
        self.log = self.file("weir.log")
        self.output = self.file("weir.out")
        self.engine_log = self.file("engine.log")
        for path in (self.log, self.output, self.engine_log):
            open(path, "w", encoding="utf-8").close()

    @staticmethod
    def own_folder():
        """build/run, or build/run-2, ... where other runs are at work."""
        for number in range(1, 100):
            name = "run" if number == 1 else "run-%d" % number
            folder = os.path.join(ROOT, "build", name)
            os.makedirs(folder, exist_ok=True)
            lock = open(os.path.join(folder, "lock"), "w", encoding="ascii")
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return folder, lock
            except OSError:
                lock.close()
        raise Failed("a hundred other runs are at work here; stop some")

    def file(self, name):
        return os.path.join(self.folder, name)

    # ---- the engine ----

    def find_engine(self):
        if self.options.own:
            return None
        if self.options.engine:
            return self.named_engine(self.options.engine.rstrip("/"))
        for port in probe.PORTS:
            url = "http://127.0.0.1:%d" % port
            try:
                engine = probe.probe(url)
            except probe.Weir:
                say("weir itself answers on port %d; that is no engine" % port)
                continue
            if engine and engine.models:
                say("using the %s that answers on %s" % (engine.kind, url))
                return engine
            if engine:
                say("the %s on %s has no model yet; not using it"
                    % (engine.kind, url))
        return None

    @staticmethod
    def named_engine(url):
        try:
            engine = probe.probe(url)
        except probe.Weir:
            raise Failed("%s is weir itself; name the engine's own address"
                         % url) from None
        if engine is None:
            raise Failed("no engine answers on %s; start it, or leave"
                         " --engine out and one will be fetched" % url)
        if not engine.models:
            raise Failed("the engine on %s has no model; give it one (with"
                         " Ollama: ollama pull llama3.2)" % url)
        return engine

    def fetch(self, script):
        path = os.path.join(ROOT, "script", "engine", script)
        status, answer = self.children.run(script, [path])
        if status != 0 or not answer:
            raise Failed("there is no engine to put weir in front of; start"
                         " one (Ollama, llama-server) and run this again")
        return answer

    def start_engine(self):
        say("no engine answers on 127.0.0.1 (ports %s); bringing one"
            % ", ".join(str(port) for port in probe.PORTS))
        program = self.fetch("get-llama-server")
        model = self.fetch("get-model")
        name = os.path.basename(model).rsplit(".", 1)[0]
        port = any_free_port()
        url = "http://127.0.0.1:%d" % port
        # One thread: with more, its threads spin and get in each other's way.
        child = self.children.start("llama-server", [
            program, "-m", model, "--alias", name, "--host", "127.0.0.1",
            "--port", str(port), "-t", "1", "-tb", "1", "-c", "4096",
            "-np", "2"], self.engine_log)
        wait_until("llama-server",
                   lambda: probe.get(url, "/health")[0] == 200,
                   lambda: child.poll() is None, 120, self.engine_log)
        say("llama-server with %s is ready on %s" % (name, url))
        return probe.Engine(url, "llama-server", [name])

    # ---- weir ----

    def choose_port(self):
        wanted = self.options.port
        for port in range(wanted, min(wanted + 100, 65536)):
            if is_free(port):
                if port != wanted:
                    say("port %d is taken; using %d" % (wanted, port))
                return port
        raise Failed("no free port from %d on; name one with --port" % wanted)

    def write_config(self, port, engine):
        control = self.file("ctl.sock")
        if len(control) > 100:  # a socket's path is short
            control = os.path.join(tempfile.mkdtemp(prefix="weir-"), "ctl.sock")
        config = {
            "listen": "127.0.0.1:%d" % port,
            "state": self.file("state"),
            "control": control,
            "log": {"path": self.log},
            "engines": [{"name": "local", "url": engine.url,
                         "kind": engine.kind}],
        }
        path = self.file("weir.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write("# Written by script/run, again at each run.\n")
            for key, value in config.items():  # JSON is YAML
                file.write("%s: %s\n" % (key, json.dumps(value)))
        os.makedirs(self.file("state"), mode=0o700, exist_ok=True)
        return path

    def start_weir(self, port, engine):
        config = self.write_config(port, engine)
        url = "http://127.0.0.1:%d" % port
        program = os.path.join(ROOT, "build", "weir")
        child = self.children.start(
            "weir", [program, "serve", "-c", config], self.output)

        def healthy():
            try:
                probe.get(url, "/healthz")
            except probe.Weir:
                return True
            return False

        wait_until("weir", healthy, lambda: child.poll() is None, 15,
                   self.output)
        return url

    # ---- the first request ----

    def first_answer(self, port, model):
        """Send a real request; the words of its answer, its id, seconds."""
        body = {"model": model, "stream": True, "max_tokens": 64,
                "temperature": 0,
                "messages": [{"role": "user", "content": QUESTION}]}
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=900)
        started = time.monotonic()
        try:
            connection.request("POST", "/v1/chat/completions",
                               json.dumps(body),
                               {"Content-Type": "application/json"})
            answer = connection.getresponse()
            if answer.status != 200:
                raise Failed("the first request was answered with status %d:"
                             " %s" % (answer.status,
                                      answer.read(2000).decode("utf-8",
                                                               "replace")))
            words = read_words(answer)
            ident = answer.getheader("X-Request-Id")
        except (OSError, http.client.HTTPException) as error:
            raise Failed("the first request got no answer (%s); look at %s"
                         " and %s" % (error, shown(self.output),
                                      shown(self.engine_log))) from None
        finally:
            connection.close()
        if not words:
            raise Failed("the first answer was empty; look at %s"
                         % shown(self.log))
        return words, ident, time.monotonic() - started

    def log_line(self, ident):
        """The request's line in weir's log, or None if it never comes."""
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            with open(self.log, encoding="utf-8") as file:
                for line in file:
                    if line.endswith("\n") and is_about(line, ident):
                        return line.rstrip()
            time.sleep(0.05)
        return None

    # ---- all of it ----

    def __call__(self):
        engine = self.find_engine() or self.start_engine()
        model = engine.models[0]
        port = self.choose_port()
        url = self.start_weir(port, engine)
        say("asking %s a first question through weir" % model)
        words, ident, seconds = self.first_answer(port, model)
        line = self.log_line(ident)
        self.report(url, model, words, seconds, line)
        if line is None:
            raise Failed("the answer came but its log line did not (%s)"
                         % shown(self.log))
        if not self.options.once:
            self.stay()

    def report(self, url, model, words, seconds, line):
        example = {"model": model, "messages": [
            {"role": "user", "content": "Hello"}]}
        out = [
            "",
            "  weir is at       " + url,
            "  first answer     %s  (%.1f s)" % (json.dumps(
                shortened(words), ensure_ascii=False), seconds),
            "  its log line     " + (line or "none"),
            "  try it           curl %s/v1/chat/completions -d %s"
            % (url, shlex.quote(json.dumps(example))),
            "  OpenAI clients   base URL %s/v1  (any API key)" % url,
        ]
        if any(name == "llama-server" for name, _ in self.children.running):
            out.append("  engine's log     " + shown(self.engine_log))
        else:
            out.append("  Ollama clients   OLLAMA_HOST=%s" % url)
        out.append("  weir's log       " + shown(self.log))
        if not self.options.once:
            names = [name for name, _ in self.children.running]
            out.append("\n  Ctrl-C stops " + " and ".join(reversed(names)))
        print("\n".join(out), flush=True)

    def stay(self):
        self.is_up = True
        while not self.children.ended():
            time.sleep(0.2)
        name, status = self.children.ended()
        log = self.output if name == "weir" else self.engine_log
        raise Failed("%s ended (%s); the end of %s:\n%s" % (
            name, how(status), shown(log), tail(log)))


def how(status):
    if status < 0:
        return "killed by " + signal.Signals(-status).name
    return "status %d" % status


def shortened(words, limit=100):
    text = " ".join(words.split())
    return text if len(text) <= limit else text[:limit].rstrip() + " ..."


def is_about(line, ident):
    """Is it the log line of the good request with this id?"""
    try:
        entry = json.loads(line)
    except ValueError:
        return False
    return entry.get("id") == ident and entry.get("status") == 200


def read_words(answer):
    """The text of a streamed answer; its stream must end as it should."""
    words, done = "", False
    for raw in answer:
        line = raw.decode("utf-8").strip()
        if not line.startswith("data:"):
            continue
        data = line[5:].strip()
        if data == "[DONE]":
            done = True
            continue
        event = json.loads(data)
        if "error" in event:
            raise Failed("the engine reported an error: %s"
                         % json.dumps(event["error"]))
        for choice in event.get("choices", []):
            delta = choice.get("delta") or {}
            words += delta.get("content") or delta.get("reasoning") \
                or delta.get("reasoning_content") or ""
    if not done:
        raise Failed("the first answer broke off before its end")
    return words


def parse():
    parser = argparse.ArgumentParser(
        prog="script/run", description="Build weir, put it in front of an"
        " engine (one that answers on this machine, else a llama-server that"
        " is fetched), send a first request, and stay until Ctrl-C.")
    parser.add_argument("--once", action="store_true",
                        help="stop after the first answer and its log line;"
                        " status 0 only if both came")
    parser.add_argument("--port", type=int, default=11435,
                        help="weir's port, or the next free one"
                        " (default: 11435)")
    parser.add_argument("--engine", metavar="URL",
                        help="use this engine, as in http://127.0.0.1:11434")
    parser.add_argument("--own", action="store_true",
                        help="bring an engine even if one answers here")
    return parser.parse_args()


def main():
    options = parse()
    children.catch_signals()
    run = None
    try:
        run = Run(options)
        run()
        return 0
    except Failed as failed:
        say(str(failed))
        return 1
    except children.Stopped as stopped:
        say("stopping")
        return 0 if run and run.is_up else 128 + stopped.args[0]
    finally:
        if run:
            run.children.stop()


if __name__ == "__main__":
    sys.exit(main())
