"""The proxies that are compared, each set up as its manual advises.

All do the same work as far as they can: know the caller by its key, count it
against a rate, write one JSON line per request, keep connections to the engine
open, pass streams on at once.  One worker each.
"""

import hashlib
import json
import os
import pathlib
import shutil
import socket

import procs

KEY = "weir_bench0123456789abcdefghijklmnopqrstuvwxyzABC"

NGINX = """\
{user}
daemon off;
worker_processes 1;
worker_rlimit_nofile {files};
pid {folder}/nginx.pid;
error_log {folder}/nginx.err warn;
events {{ worker_connections {files}; }}
http {{
  log_format line escape=json '{{"ts":"$time_iso8601","id":"$request_id",'
    '"caller":"$remote_addr","path":"$uri","bytes":$body_bytes_sent,'
    '"ttft_ms":"$upstream_header_time","latency_ms":"$request_time",'
    '"engine":"$upstream_addr","status":$status}}';
  access_log {folder}/nginx.log line buffer=64k flush=1s;
  limit_req_zone $http_authorization zone=callers:10m rate=1000000r/s;
  limit_req zone=callers burst=100000 nodelay;
  limit_req_status 429;
  client_body_buffer_size 1m;
  client_max_body_size 64m;
  client_body_temp_path {folder}/nginx-body;
  proxy_temp_path {folder}/nginx-proxy;
  fastcgi_temp_path {folder}/nginx-fastcgi;
  uwsgi_temp_path {folder}/nginx-uwsgi;
  scgi_temp_path {folder}/nginx-scgi;
  keepalive_requests 100000000;
  keepalive_timeout 300s;
  upstream engine {{
    server 127.0.0.1:{engine};
    keepalive 512;
    keepalive_requests 100000000;
  }}
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

HAPROXY = """\
global
  nbthread 1
  maxconn {connections}
  no strict-limits
  log stdout len 4096 format raw local0 info
defaults
  mode http
  log global
  timeout connect 2s
  timeout client 300s
  timeout server 900s
  timeout http-request 10s
  timeout http-keep-alive 300s
  http-reuse always
  option http-no-delay
frontend callers
  bind 127.0.0.1:{port} backlog 4096
  log-format '{{"ts":"%tr","id":"%rt","caller":"%ci","path":"%HP",\
"bytes":%B,"ttft_ms":%Tr,"latency_ms":%Ta,"engine":"%s","status":%ST}}'
  stick-table type string len 64 size 100k expire 60s store http_req_rate(10s)
  http-request track-sc0 req.hdr(authorization)
  http-request deny deny_status 429 if {{ sc_http_req_rate(0) gt 100000000 }}
  default_backend engine
backend engine
  server engine 127.0.0.1:{engine} pool-max-conn -1 pool-purge-delay 300s
"""


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class Proxy:
    """One running proxy: `port` takes callers, `engine` is behind it."""

    def __init__(self, name, folder, engine, where, files, weir):
        self.name = name
        self.engine = engine
        self.folder = pathlib.Path(folder) / name
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.port = free_port()
        self.files = files
        self.weir_binary = weir
        self.log = self.folder / (name + ".log")
        argv = getattr(self, name)()
        self.process = procs.spawn(
            argv,
            where,
            stdout=open(self.log, "ab"),
            stderr=open(self.folder / "stderr", "ab"),
        )
        procs.wait_port(self.port, self.process)

    def fill(self, template):
        return template.format(
            folder=self.folder,
            port=self.port,
            engine=self.engine,
            files=self.files,
            connections=min(self.files - 200, 12000),
            user="user root;" if os.geteuid() == 0 else "",
        )

    def nginx(self):
        path = self.folder / "nginx.conf"
        path.write_text(self.fill(NGINX))
        return ["nginx", "-p", self.folder, "-c", path, "-e",
                self.folder / "nginx.err"]

    def haproxy(self):
        path = self.folder / "haproxy.cfg"
        path.write_text(self.fill(HAPROXY))
        return ["haproxy", "-db", "-q", "-f", path]

    def weir(self):
        path = self.folder / "weir.yaml"
        digest = hashlib.sha256(KEY.encode()).hexdigest()
        path.write_text(json.dumps({
            "listen": "127.0.0.1:%d" % self.port,
            "state": str(self.folder),
            "control": "%s/ctl.sock" % self.folder,
            "log": {"path": str(self.log), "rotate": "1GiB"},
            "engines": [{
                "name": "engine",
                "url": "http://127.0.0.1:%d" % self.engine,
                "kind": "ollama",
                "slots": 4096,
            }],
            "callers": [{
                "name": "bench",
                "key": "sha256:" + digest,
                "rate": "1000000/s",
                "burst": 100000,
            }],
            "queue": {"length": 100000},
            "limits": {
                "connections": 12000,
                "connections_per_address": 12000,
                "body_total": "2GiB",
                "idle": "10min",
            },
        }, indent=1))
        return [self.weir_binary, "serve", "-c", path]

    def counts(self):
        """Has its last request been counted before the engine did?"""
        lines = self.log.read_bytes()[-65536:].splitlines()
        return b'"counted_tokens"' in (lines[-1] if lines else b"")

    def must_count(self):
        if not self.counts():
            raise SystemExit("weir has not counted: see %s" % self.log)

    def cpu_us(self):
        return procs.cpu_us(self.process.pid)

    def memory_kib(self, field="VmHWM"):
        return procs.status_kib(self.process.pid, field)

    def stop(self):
        procs.stop(self.process)


class Direct:
    """No proxy at all."""

    name = "direct"

    def __init__(self, engine):
        self.port = engine

    def cpu_us(self):
        return 0.0

    def memory_kib(self, field="VmHWM"):
        return 0

    def stop(self):
        pass
