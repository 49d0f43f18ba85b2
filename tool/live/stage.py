"""A weir, an engine and, for comparison, an nginx: started, and ended."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test" / "spec"))

from harness import metrics  # noqa: E402
from harness.weir import Weir, binary, free_ports, hash_of, new_key  # noqa

NGINX = """
daemon off;
{user}
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/nginx.err warn;
events {{ worker_connections 8192; }}
http {{
  access_log off;
  limit_req_zone $http_authorization zone=callers:10m rate={rate}r/s;
  limit_req zone=callers burst={burst};
  limit_req_status 429;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  upstream engine {{ server 127.0.0.1:{engine}; keepalive 512; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{
      proxy_pass http://engine;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
      proxy_read_timeout 900s;
    }}
  }}
}}
"""

BENCH = ROOT / "build" / "bench"


def prepare():
    """Build weir and the tools for speed, and use them."""
    if not (BENCH / "build.ninja").exists():
        subprocess.run(["meson", "setup", BENCH, ROOT, "--buildtype=release",
                        "-Dtests=false"], check=True)
    subprocess.run(["ninja", "-j2", "-C", BENCH, "weir", "tool/weir-engine",
                    "tool/weir-fair"], check=True, stdout=subprocess.DEVNULL)
    os.environ.setdefault("WEIR_BIN", str(BENCH / "weir"))


def tool(name):
    """A program of tool/, of the build that the weir comes from."""
    builds = [binary().resolve().parent, BENCH, ROOT / "build" / "dev"]
    for build in builds:
        if (build / "tool" / name).exists():
            return build / "tool" / name
    raise SystemExit("build tool/%s first" % name)


class Engine:
    """weir-engine; its port stays the same over deaths."""

    def __init__(self, **options):
        self.port = free_ports(1)[0]
        self.options = options
        self.process = None
        self.deaths = 0
        self.start()

    def start(self):
        argv = [tool("weir-engine"), "--port", self.port]
        for name, value in self.options.items():
            argv += ["--" + name.replace("_", "-"), value]
        self.process = subprocess.Popen(
            [str(a) for a in argv], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE)
        assert self.process.stdout.readline(), "weir-engine did not start"

    def kill(self):
        """kill -9."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()
        self.deaths += 1

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait()
        self.process.stdout.close()

    def stats(self):
        url = "http://127.0.0.1:%d/-/stats" % self.port
        with urllib.request.urlopen(url) as page:
            return json.load(page)


class Nginx:
    """limit_req for each caller, in front of an engine."""

    def __init__(self, engine, rate, burst):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="weir-nginx-"))
        self.port = free_ports(1)[0]
        path = self.folder / "nginx.conf"
        path.write_text(NGINX.format(
            folder=self.folder, port=self.port, engine=engine.port, rate=rate,
            burst=burst, user="user root;" if os.geteuid() == 0 else ""))
        self.process = subprocess.Popen(
            ["nginx", "-p", str(self.folder), "-c", str(path), "-e",
             str(self.folder / "nginx.err")], stdin=subprocess.DEVNULL)
        end = time.monotonic() + 10
        while not (self.folder / "nginx.pid").exists():
            assert time.monotonic() < end, "nginx did not start"
            time.sleep(0.05)

    def stop(self):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def start_weir(engine, names, slots, **config):
    """A weir whose callers have these names; (weir, keys by name)."""
    keys = {name: new_key(name) for name in names}
    more = config.pop("caller", {})
    weir = Weir({
        "engines": [{"name": "local", "kind": "openai", "slots": slots,
                     "url": "http://127.0.0.1:%d" % engine.port}],
        "callers": [{"name": n, "key": hash_of(k), **more}
                    for n, k in keys.items()],
        **config})
    weir.start()
    weir.wait_engine_up()
    return weir, keys


def end_weir(weir):
    """All is given back; then it ends in good order."""
    try:
        weir.check_quiet()
        weir.stop()
    finally:
        weir.kill()


def usage_of(weir, requests, seconds=30):
    """The ledger by caller, once it has ${requests} requests in all."""
    end = time.monotonic() + seconds
    while True:
        done = weir.run("usage", "--json")
        told = json.loads(done.stdout) if done.returncode == 0 else None
        if told and told["total"]["requests"] >= requests:
            break
        assert time.monotonic() < end, "the ledger has %s, not %d" % (
            told and told["total"], requests)
        time.sleep(0.1)
    out = {}
    for row in told["usage"]:
        have = out.setdefault(row["caller"], {})
        for name in ("requests", "input_tokens", "output_tokens", "errors"):
            have[name] = have.get(name, 0) + row[name]
    return out


def gauge(weir, name):
    return metrics.total(weir.metrics(), name)
