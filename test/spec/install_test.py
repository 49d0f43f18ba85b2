"""weir install and uninstall: the files, and weir in Ollama's place."""

import json
import os
import pathlib
import plistlib
import shutil
import signal
import subprocess
import sys
import textwrap
import time
import urllib.error
import urllib.request

import pytest

from harness.weir import binary, free_ports

ENGINES = {
    "none": {},
    "one that weir runs": {"engines": [{"name": "a", "run": "ollama serve"}]},
}


def weir(*args, env=None, **more):
    return subprocess.run(
        [str(binary()), *map(str, args)],
        capture_output=True,
        text=True,
        timeout=150,
        env={**os.environ, **(env or {})},
        **more,
    )


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "weir.yaml"

    def write(**options):
        path.write_text(json.dumps(options))
        return path

    return write


def units(root):
    return {
        p.name: p.read_text()
        for p in (root / "etc/systemd/system").glob("weir.*")
    }


def settings(text):
    """{section: {key: [values]}} of a unit."""
    out, section = {}, None
    for line in text.splitlines():
        if line.startswith("["):
            section = out.setdefault(line.strip("[]"), {})
        elif line and not line.startswith("#"):
            key, _, value = line.partition("=")
            section.setdefault(key, []).append(value)
    return out


@pytest.mark.parametrize("name", ENGINES)
def test_the_service(tmp_path, config, name):
    root = tmp_path / "root"
    path = config(listen="127.0.0.1:1234", **ENGINES[name])
    done = weir("install", "-c", path, "--root", root, "--no-start")
    assert done.returncode == 0, done.stderr
    assert list(units(root)) == ["weir.service"]
    unit = settings(units(root)["weir.service"])
    service = unit["Service"]
    want = {
        "Type": "notify",
        "NotifyAccess": "main",
        "Restart": "on-failure",
        "OOMPolicy": "continue",
        "KillMode": "mixed",
        "User": "weir",
        "StateDirectory": "weir",
        "NoNewPrivileges": "yes",
    }
    assert {k: service[k] for k in want} == {k: [v] for k, v in want.items()}
    assert int(service["RestartSec"][0]) > 0
    assert int(service["WatchdogSec"][0]) > 0
    assert service["ExecStart"] == ['"%s" serve -c "%s"' % (binary(), path)]
    # The GPU stays visible, and callers' processes.
    for key in ("PrivateDevices", "ProtectClock", "DeviceAllow"):
        assert key not in service
    assert service.get("DevicePolicy", ["auto"]) == ["auto"]
    assert "ProtectProc" not in service
    # What engines want: their own control groups, code made at run time.
    runs = "engines" in ENGINES[name]
    assert ("Delegate" in service) == runs
    assert ("MemoryDenyWriteExecute" in service) != runs
    assert unit["Install"]["WantedBy"] == ["multi-user.target"]


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("socket", [False, True], ids=["", "socket"])
def test_systemd_understands_it(tmp_path, config, name, socket):
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not here (Debian: systemd)")
    root = tmp_path / "root"
    more = ["--socket"] if socket else []
    path = config(listen=["127.0.0.1:1234", "[::1]:1234"], **ENGINES[name])
    done = weir("install", "-c", path, "--root", root, "--no-start", *more)
    assert done.returncode == 0, done.stderr
    files = [root / "etc/systemd/system" / n for n in units(root)]
    assert len(files) == 1 + socket
    done = subprocess.run(
        [analyze, "verify", "--man=no", "--recursive-errors=no", *files],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert "weir" not in done.stderr, done.stderr


def test_sockets_are_those_of_listen(tmp_path, config):
    root = tmp_path / "root"
    path = config(listen=["127.0.0.1:1234", "[::1]:80", "unix:/run/w.sock"])
    done = weir(
        "install", "-c", path, "--root", root, "--no-start", "--socket"
    )
    assert done.returncode == 0, done.stderr
    unit = settings(units(root)["weir.socket"])
    assert unit["Socket"]["ListenStream"] == [
        "127.0.0.1:1234",
        "[::1]:80",
        "/run/w.sock",
    ]
    service = settings(units(root)["weir.service"])
    assert service["Unit"]["Requires"] == ["weir.socket"]


def test_dry_run_only_prints(tmp_path, config):
    root = tmp_path / "root"
    path = config(listen="127.0.0.1:1234")
    done = weir("install", "-c", path, "--root", root, "--dry-run")
    assert done.returncode == 0
    assert "[Service]" in done.stdout and "systemctl" in done.stdout
    assert not root.exists()


def test_for_launchd(tmp_path, config):
    root = tmp_path / "root"
    path = config(listen="127.0.0.1:1234")
    args = ["-c", path, "--root", root, "--no-start", "--launchd"]
    assert weir("install", *args).returncode == 0
    file = root / "Library/LaunchDaemons/org.weir.weir.plist"
    told = plistlib.loads(file.read_bytes())
    assert told["ProgramArguments"] == [
        str(binary()),
        "serve",
        "-c",
        str(path),
    ]
    assert told["RunAtLoad"] is True
    assert told["KeepAlive"] == {"SuccessfulExit": False}
    done = weir("uninstall", "--root", root, "--no-start", "--launchd")
    assert done.returncode == 0 and not file.exists()


def test_files_of_others_stay(tmp_path, config):
    root = tmp_path / "root"
    mine = root / "etc/systemd/system/weir.service"
    mine.parent.mkdir(parents=True)
    mine.write_text("[Service]\nExecStart=/my/own\n")
    path = config()
    done = weir("install", "-c", path, "--root", root, "--no-start")
    assert done.returncode == 1 and str(mine) in done.stderr
    assert weir("uninstall", "--root", root, "--no-start").returncode == 0
    assert "/my/own" in mine.read_text()


def test_a_wrong_configuration_is_not_installed(tmp_path, config):
    root = tmp_path / "root"
    path = config(lisen="127.0.0.1:1")
    done = weir("install", "-c", path, "--root", root, "--no-start")
    assert done.returncode == 1 and "lisen" in done.stderr
    assert not (root / "etc").exists()


def test_uninstall_leaves_nothing(tmp_path, config):
    root = tmp_path / "root"
    args = ["--root", root, "--no-start"]
    assert weir("install", "-c", config(), "--socket", *args).returncode == 0
    assert weir("uninstall", *args).returncode == 0
    assert [p for p in root.rglob("*") if p.is_file()] == []


def test_the_way_past_is_told(start_weir, start_engine):
    """Ollama where its clients look, weir elsewhere."""
    elsewhere = start_weir({}, start_engine("ollama"))
    elsewhere.wait_event("engine_found")
    try:
        engine = start_engine("ollama", port=11434)
    except OSError:
        pytest.skip("port 11434 is taken here")
    past = start_weir({}, engine)
    told = past.wait_event("way_past")
    assert told["level"] == "warn" and "--take-over" in told["text"]
    assert not [e for e in elsewhere.event_lines() if e["event"] == "way_past"]


# --- in Ollama's place, with a stand-in for systemd ---

OLLAMA = r"""
import http.server, json, os, sys
host, port = os.environ["OLLAMA_HOST"].rsplit(":", 1)
class H(http.server.BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass
    def do_GET(self):
        if self.path == "/healthz":
            self.send_error(404)
            return
        body = json.dumps({"models": [], "version": "0.33.0"}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
http.server.ThreadingHTTPServer.allow_reuse_address = True
http.server.ThreadingHTTPServer((host, int(port)), H).serve_forever()
"""

SYSTEMCTL = r"""
import json, os, pathlib, re, shlex, signal, subprocess, sys, time
here = pathlib.Path(os.environ["FAKE"])
pids = here / "pids"
state = json.loads(pids.read_text()) if pids.exists() else {}
words = [w for w in sys.argv[1:] if not w.startswith("--")]
with open(here / "said", "a") as f:
    f.write(" ".join(sys.argv[1:]) + "\n")
system = here / "root/etc/systemd/system"
def environment():
    env = dict(e.split("=", 1) for e in
               shlex.split((here / "ollama.env").read_text()))
    for drop in sorted(system.glob("ollama.service.d/*.conf")):
        for line in drop.read_text().splitlines():
            if line.startswith("Environment="):
                env.update(e.split("=", 1) for e in
                           shlex.split(line.partition("=")[2]))
    return env
def stop(unit):
    pid = state.pop(unit, None)
    if pid is None:
        return
    try:
        os.kill(pid, signal.SIGTERM)
        os.kill(pid, signal.SIGCONT)
        for _ in range(300):
            # One that has ended may wait for whoever collects orphans here.
            stat = pathlib.Path("/proc/%d/stat" % pid).read_text()
            if stat.rpartition(")")[2].split()[0] in "ZX":
                return
            time.sleep(0.05)
        os.kill(pid, signal.SIGKILL)
    except (ProcessLookupError, FileNotFoundError):
        pass
def start(unit):
    if unit == "ollama.service":
        argv = [str(here / "ollama"), str(here / "ollama.py")]
        env = {**os.environ, **environment(), "PYTHONHOME": sys.base_prefix}
    else:
        if (here / "weir_fails").exists():
            argv = ["false"]
        else:
            text = (system / "weir.service").read_text()
            argv = shlex.split(re.search("ExecStart=(.*)", text)[1])
        argv = [a.replace("/etc/weir", str(here / "root/etc/weir"))
                for a in argv]
        env = {**os.environ, "HOME": str(here),
               "XDG_STATE_HOME": str(here), "XDG_RUNTIME_DIR": str(here)}
    # Its parent is nobody who waits for it.
    code = ("import os,subprocess,sys\n"
            "p=subprocess.Popen(sys.argv[1:],start_new_session=True,"
            "stdout=subprocess.DEVNULL,stderr=open(os.environ['FAKE']+'/err','a'))\n"
            "print(p.pid)")
    out = subprocess.run([sys.executable, "-c", code, *argv], env=env,
                         capture_output=True, text=True)
    state[unit] = int(out.stdout)
verb = words[0]
if verb == "show":
    what, unit = words[2], words[3]
    if what == "LoadState":
        print("loaded" if unit == "ollama.service" else "not-found")
    elif what == "MainPID":
        print(state.get(unit, 0))
    elif what == "Environment":
        print(" ".join(shlex.quote("=".join(e))
                       for e in environment().items()))
elif verb == "restart" and (here / "refuses").exists():
    sys.exit("Interactive authentication required.")
elif verb == "restart":
    stop(words[1]); start(words[1])
elif verb == "disable" and "--now" in sys.argv:
    stop(words[1])
pids.write_text(json.dumps(state))
"""


class Machine:
    def __init__(self, folder, origins=""):
        self.folder, self.root = folder, folder / "root"
        self.port = free_ports(1)[0]
        (folder / "bin").mkdir()
        (folder / "ollama.py").write_text(OLLAMA)
        # Only an Ollama is looked at: by the name of its program.
        shutil.copy(os.path.realpath(sys.executable), folder / "ollama")
        env = "OLLAMA_HOST=127.0.0.1:%d" % self.port
        if origins:
            env += " OLLAMA_ORIGINS=" + origins
        (folder / "ollama.env").write_text(env)
        script = folder / "bin/systemctl"
        script.write_text("#!%s\n%s" % (sys.executable, SYSTEMCTL))
        script.chmod(0o755)
        self.env = {
            "FAKE": str(folder),
            "PATH": "%s:%s" % (folder / "bin", os.environ["PATH"]),
        }
        self.systemctl("restart", "ollama.service")
        self.wait(self.is_ollama)

    def systemctl(self, *words):
        subprocess.run(
            [self.folder / "bin/systemctl", *words],
            env={**os.environ, **self.env},
            check=True,
        )

    def get(self, path, port=None):
        url = "http://127.0.0.1:%d%s" % (port or self.port, path)
        try:
            with urllib.request.urlopen(url, timeout=5) as r:
                return r.status
        except urllib.error.HTTPError as e:
            return e.code
        except OSError:
            return 0

    def is_ollama(self):
        return self.get("/api/tags") == 200 and self.get("/healthz") == 404

    def is_weir(self):
        return self.get("/api/tags") == 200 and self.get("/healthz") == 200

    def wait(self, is_so):
        end = time.monotonic() + 20
        while not is_so():
            assert time.monotonic() < end
            time.sleep(0.05)

    def run(self, *args):
        return weir(*args, "--root", self.root, env=self.env)

    def files(self):
        return sorted(
            str(p.relative_to(self.root))
            for p in self.root.rglob("*")
            if p.is_file()
        )

    def end(self):
        for unit in ("weir.service", "ollama.service"):
            self.systemctl("disable", "--now", unit)


@pytest.fixture
def machine(tmp_path):
    m = Machine(tmp_path, "https://app.example,chrome-extension://abc")
    yield m
    m.end()


def test_take_over_and_back(machine):
    done = machine.run("install", "--take-over")
    assert done.returncode == 0, done.stdout + done.stderr
    assert machine.is_weir()
    config = (machine.root / "etc/weir/weir.yaml").read_text()
    assert (
        'origins: ["https://app.example", "chrome-extension://abc"]' in config
    )
    drop = machine.root / "etc/systemd/system/ollama.service.d/zz-weir.conf"
    assert "OLLAMA_HOST=127.0.0.1:" in drop.read_text()
    again = machine.run("install", "--take-over")
    assert again.returncode == 1 and "moved already" in again.stderr
    assert machine.is_weir()

    done = machine.run("uninstall")
    assert done.returncode == 0, done.stderr
    machine.wait(machine.is_ollama)
    assert machine.files() == []


def test_what_fails_is_rolled_back(machine):
    """weir does not come up: Ollama answers where it did, within the time."""
    (machine.folder / "weir_fails").touch()
    begin = time.monotonic()
    done = machine.run("install", "--take-over")
    took = time.monotonic() - begin
    assert done.returncode == 1 and "put back" in done.stderr
    assert machine.is_ollama() and machine.files() == []
    assert 55 < took < 75


def test_an_interrupt_is_rolled_back(machine):
    (machine.folder / "weir_fails").touch()
    p = subprocess.Popen(
        [str(binary()), "install", "--take-over", "--root", machine.root],
        env={**os.environ, **machine.env},
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    said = machine.folder / "said"
    machine.wait(lambda: "restart weir.service" in said.read_text())
    time.sleep(0.5)
    p.send_signal(signal.SIGINT)
    assert p.wait(60) == 1
    p.stderr.close()
    assert machine.is_ollama() and machine.files() == []


def test_what_was_killed_midway_is_undone(machine):
    (machine.folder / "weir_fails").touch()
    p = subprocess.Popen(
        [str(binary()), "install", "--take-over", "--root", machine.root],
        env={**os.environ, **machine.env},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    said = machine.folder / "said"
    machine.wait(lambda: "restart weir.service" in said.read_text())
    p.kill()
    p.wait()
    assert machine.run("uninstall").returncode == 0
    machine.wait(machine.is_ollama)
    assert machine.files() == []


def test_a_configuration_of_ones_own_is_used(machine, tmp_path):
    own = tmp_path / "own.yaml"
    port = free_ports(1)[0]
    own.write_text("listen: 127.0.0.1:%d\n" % (machine.port + 1))
    done = machine.run("install", "--take-over", "-c", own)
    assert done.returncode == 1 and "listen:" in done.stderr
    assert machine.is_ollama() and machine.files() == []
    own.write_text(
        textwrap.dedent(
            """\
            listen: 127.0.0.1:%d
            engines: [{name: mine, url: "http://127.0.0.1:%d"}]
            """
            % (machine.port, port)
        )
    )
    done = machine.run("install", "--take-over", "-c", own)
    assert done.returncode == 0, done.stderr
    assert machine.is_weir() and machine.get("/api/tags", port) == 200
    assert machine.run("uninstall").returncode == 0
    assert own.exists()


def pid_of(machine, unit):
    return json.loads((machine.folder / "pids").read_text()).get(unit)


def test_systemd_is_asked_for_an_engine_that_hangs(machine):
    """It restarts it; or weir says that it would not."""
    assert machine.run("install", "--take-over").returncode == 0
    old = pid_of(machine, "ollama.service")
    (machine.folder / "refuses").touch()
    os.kill(old, signal.SIGSTOP)
    err = machine.folder / "err"
    machine.wait(lambda: "systemd did not restart" in err.read_text())
    assert "ollama.service" in err.read_text()
    assert "polkit" in err.read_text()
    (machine.folder / "refuses").unlink()
    os.kill(old, signal.SIGCONT)
    machine.wait(machine.is_weir)

    # Another weir has asked nobody yet.
    machine.systemctl("restart", "weir.service")
    machine.wait(machine.is_weir)
    os.kill(old, signal.SIGSTOP)
    machine.wait(lambda: pid_of(machine, "ollama.service") != old)
    machine.wait(machine.is_weir)


def test_the_right_to_ask(tmp_path, config):
    """Only where polkit is, only for these units."""
    root = tmp_path / "root"
    engine = {"name": "a", "url": "http://127.0.0.1:1", "unit": "my-ollama"}
    path = config(engines=[engine, {**engine, "name": "b", "unit": "b.service"}])
    args = ["install", "-c", path, "--root", root, "--no-start"]
    rule = root / "etc/polkit-1/rules.d/49-weir.rules"
    done = weir(*args)
    assert done.returncode == 0 and "polkitd" in done.stdout
    assert not rule.exists()

    service = "usr/share/dbus-1/system-services"
    (root / service).mkdir(parents=True)
    (root / service / "org.freedesktop.PolicyKit1.service").touch()
    done = weir(*args)
    assert done.returncode == 0 and "polkitd" not in done.stdout
    text = rule.read_text()
    assert '["my-ollama.service", "b.service", ""]' in text
    assert 'subject.user == "weir"' in text
    after = settings(units(root)["weir.service"])["Unit"]["After"]
    assert "my-ollama.service" in after and "b.service" in after
    assert weir("uninstall", "--root", root, "--no-start").returncode == 0
    assert not rule.exists()


def test_another_unit_is_found_again(tmp_path, config):
    """`weir uninstall` needs not be told whom it had moved."""
    m = Machine(tmp_path)
    system = m.root / "etc/systemd/system"
    try:
        assert m.run("install", "--take-over").returncode == 0
        drop = system / "ollama.service.d"
        drop.rename(system / "mine.service.d")
        done = m.run("uninstall")
        assert "mine.service.d" in done.stdout, done.stdout + done.stderr
        assert "restart mine.service" in (m.folder / "said").read_text()
        assert m.files() == [] and not (system / "mine.service.d").exists()
    finally:
        m.end()


def test_no_such_unit(machine):
    done = machine.run("install", "--take-over", "--unit", "other.service")
    assert done.returncode == 1 and "--unit" in done.stderr
    assert machine.files() == []
