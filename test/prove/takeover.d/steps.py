"""What is done on the machine, in order, and what must be so after it."""

import json
import time

UNIT = """\
[Unit]
Description=Ollama Service
After=network-online.target

[Service]
ExecStart=/usr/local/bin/ollama serve
User=ollama
Group=ollama
Restart=always
RestartSec=3
Environment="PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin"

[Install]
WantedBy=default.target
"""
ORIGIN = "https://app.example"
OWN = '[Service]\nEnvironment="OLLAMA_ORIGINS=%s" OLLAMA_NUM_PARALLEL=3\n' % ORIGIN
MODELFILE = (
    'FROM /opt/tiny.gguf\nTEMPLATE """{{ range .Messages }}{{ .Content }}'
    '{{ end }}"""\nPARAMETER num_thread 1\nPARAMETER temperature 0\n'
    "PARAMETER num_ctx 512\n"
)
AT = "http://127.0.0.1:11434"
UNITS = "/etc/systemd/system/"
CONFIG = "/etc/weir/weir.yaml"
shown = 0
before = {}


def show(what, since=None):
    global shown
    shown += 1
    took = "" if since is None else ", after %.1f s" % (time.monotonic() - since)
    print("    %s%s" % (what, took), flush=True)


def wait(is_so, what, seconds=60):
    """Until ${is_so}; what it gave."""
    end = time.monotonic() + seconds
    while True:
        got = is_so()
        if got:
            return got
        assert time.monotonic() < end, "not so after %d s: %s" % (seconds, what)
        time.sleep(0.1)


# --- looks at the machine ---


def get(m, path, *more, at=AT):
    """Status and body."""
    done = m.run("curl", "-s", "-m", "100", "-w", "\n%{http_code}", *more, at + path)
    body, _, status = done.stdout.rpartition("\n")
    return int(status or 0), body


def is_weir(m):
    return get(m, "/healthz")[0] == 200


def is_ollama(m):
    return get(m, "/healthz")[0] == 404 and get(m, "/api/tags")[0] == 200


def chat(m, at=AT):
    body = {
        "model": "tiny",
        "stream": False,
        "messages": [{"role": "user", "content": "Once"}],
        "options": {"num_predict": 4},
    }
    return get(m, "/api/chat", "-d", json.dumps(body), at=at)


def speaks(m, at=AT):
    status, body = chat(m, at)
    return status == 200 and json.loads(body)["done"]


def prop(m, name, unit="weir.service"):
    return m.must("systemctl", "show", "--value", "-p", name, unit).strip()


def pid(m, unit="weir.service"):
    return int(prop(m, "MainPID", unit))


def etc(m):
    """All files of /etc, links and modes, as one text."""
    find = "find /etc -printf '%p %y %m %u %g %l\\n' | sort; "
    sums = "find /etc -type f -exec md5sum {} + | sort"
    text = m.must("sh", "-c", find + sums)
    # The user weir stays, as Debian's users do.
    gone = ("/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow")
    return [
        line
        for line in text.splitlines()
        if not any(g in line for g in (*gone, "/etc/.pwd.lock"))
    ]


def journal(m, unit="weir.service", since=""):
    more = ["--since", since] if since else []
    return m.must("journalctl", "-o", "cat", "-u", unit, *more)


def events(m, name):
    out = []
    for line in journal(m).splitlines():
        if line.startswith("{"):
            told = json.loads(line)
            if told.get("event") == name:
                out.append(told)
    return out


def as_before(m):
    now = etc(m)
    assert now == before["etc"], "\n".join(sorted(set(now) ^ set(before["etc"])))
    assert prop(m, "Environment", "ollama") == before["env"]
    assert prop(m, "ActiveState") == "inactive"
    assert prop(m, "LoadState") == "not-found"


def install(m, *args, status=0):
    done = m.run("weir", "install", *args)
    assert done.returncode == status, done.stdout + done.stderr + journal(m)
    return done.stdout + done.stderr


# --- the steps ---


def prepare(m):
    """A machine with Ollama, as its own installer leaves it"""
    m.upper(UNITS + "ollama.service").write_text(UNIT)
    m.upper(UNITS + "ollama.service.d/override.conf").write_text(OWN)
    m.upper("/opt/Modelfile").write_text(MODELFILE)
    took = m.boot()
    version = m.must("systemctl", "--version").splitlines()[0]
    show("%s booted in %.1f s" % (version, took))
    home = "/usr/share/ollama"
    m.must("useradd", "-r", "-s", "/bin/false", "-U", "-m", "-d", home, "ollama")
    m.must("systemctl", "daemon-reload")
    m.must("systemctl", "enable", "--now", "ollama")
    wait(lambda: is_ollama(m), "Ollama answers")
    m.must("env", "HOME=/root", "ollama", "create", "tiny", "-f", "/opt/Modelfile")
    wait(lambda: speaks(m), "the model speaks")
    before["etc"] = etc(m)
    before["env"] = prop(m, "Environment", "ollama")
    show("Ollama answers at 11434, its model speaks")


def take_over(m):
    """weir install --take-over"""
    begin = time.monotonic()
    said = install(m, "--take-over")
    show("weir is in Ollama's place", begin)
    assert "weir answers at 127.0.0.1:11434" in said, said
    assert is_weir(m) and speaks(m)
    private = "http://127.0.0.1:11436"
    assert get(m, "/api/version", at=private)[0] == 200
    assert "127.0.0.1:11436" in prop(m, "Environment", "ollama")
    show("a model speaks through weir; Ollama is at 11436, on loopback only")
    listed = m.must("env", "HOME=/root", "ollama", "list")
    assert "tiny" in listed, listed
    show("`ollama list` at the old address lists it")
    head = ["-H", "Origin: " + ORIGIN, "-D", "-"]
    assert "allow-origin: " + ORIGIN in get(m, "/api/tags", *head)[1].lower()
    evil = get(m, "/api/tags", "-H", "Origin: https://evil.example")
    assert evil[0] == 403, evil
    show("the page that Ollama let in is let in, another is not")
    status = m.must("systemctl", "status", "--no-pager", "weir")
    assert "active (running)" in status and "Serving." in status, status
    assert prop(m, "Type") == "notify" and prop(m, "User") == "weir"
    told = prop(m, "WatchdogTimestampMonotonic")
    wait(
        lambda: prop(m, "WatchdogTimestampMonotonic") != told,
        "a sign of life for the watchdog",
    )
    show("READY=1 was told, the watchdog hears weir")
    assert prop(m, "NRestarts") == "0"
    for unit in ("weir", "ollama"):
        assert prop(m, "UnitFileState", unit) == "enabled"
    again = install(m, "--take-over", status=1)
    assert "moved already" in again, again


def hardened(m):
    """What the unit forbids is nothing that weir does"""
    status = m.must("weir", "status")
    assert "ollama" in status, status
    begin = time.monotonic()
    m.must("systemctl", "reload", "weir")
    assert events(m, "reloaded"), journal(m)
    show("systemctl reload weir", begin)
    state = m.must("stat", "-c", "%U %a", "/var/lib/weir").split()
    assert state == ["weir", "750"], state
    m.must("weir", "key", "add", "someone")
    wait(lambda: speaks(m), "weir answers")
    wait(lambda: "tiny" in m.must("weir", "usage"), "usage is counted")
    show("state, keys and usage are written; weir status, key, usage")
    for line in journal(m).splitlines():
        told = json.loads(line) if line.startswith("{") else {}
        if told.get("level") in ("warn", "error"):
            print("    said: %s" % line)


def supervised(m):
    """systemd and weir: who restarts whom"""
    old = pid(m)
    begin = time.monotonic()
    m.must("systemctl", "restart", "ollama")
    wait(lambda: speaks(m), "a model speaks again")
    assert pid(m) == old
    show("systemctl restart ollama: a model speaks through weir again", begin)

    begin = time.monotonic()
    m.must("kill", "-9", old)
    wait(lambda: pid(m) not in (0, old) and is_weir(m), "weir is back")
    wait(lambda: speaks(m), "a model speaks again")
    assert prop(m, "NRestarts") == "1"
    show("kill -9 of weir: systemd restarted it", begin)

    server = pid(m, "ollama")
    wait(lambda: speaks(m), "a model speaks")
    begin = time.monotonic()
    m.must("kill", "-STOP", server)
    told = wait(lambda: events(m, "engine_hung"), "the hang is seen")[-1]
    assert told["pid"] == server, told
    show("kill -STOP of Ollama: seen", begin)
    wait(
        lambda: pid(m, "ollama") not in (0, server) and speaks(m),
        "systemd has restarted it",
    )
    assert not events(m, "unit_not_restarted"), journal(m)
    show("systemd restarted it because weir asked", begin)


def booted(m):
    """The machine boots anew"""
    took = m.reboot()
    begin = time.monotonic()
    wait(lambda: is_weir(m), "weir answers")
    wait(lambda: speaks(m), "a model speaks")
    show("both are up, a model speaks; the boot took %.1f s" % took, begin)
    up = "ActiveEnterTimestampMonotonic"
    first, then = int(prop(m, up, "ollama")), int(prop(m, up))
    assert first < then, (first, then)
    show("Ollama before weir")


def doctor(m):
    """weir doctor says nothing false"""
    done = m.run("weir", "doctor")
    print("    " + done.stdout.replace("\n", "\n    ").rstrip())
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Nothing is wrong" in done.stdout and "tiny" in done.stdout
    show("weir doctor finds nothing wrong, and the model")


def understood(m):
    """What systemd thinks of the units"""
    units = [UNITS + "weir.service", "ollama.service"]
    done = m.run("systemd-analyze", "verify", "--man=no", *units)
    assert done.returncode == 0 and not done.stderr, done.stderr
    line = m.must("systemd-analyze", "security", "--no-pager", "weir")
    show("systemd-analyze: verified; security: " + line.splitlines()[-1][2:])


def uninstall(m):
    """weir uninstall"""
    begin = time.monotonic()
    said = m.must("weir", "uninstall")
    wait(lambda: is_ollama(m), "Ollama is where it was: " + said)
    show("Ollama answers at 11434 again", begin)
    wait(lambda: speaks(m), "the model speaks")
    as_before(m)
    show("/etc is what it was, byte for byte; no unit of weir's is left")


def rolled_back(m, what, *args):
    since = m.must("date", "+%s").strip()
    begin = time.monotonic()
    said = install(m, "--take-over", *args, status=1)
    took = time.monotonic() - begin
    assert "put back" in said, said
    assert took < 75, took
    assert is_ollama(m) and speaks(m), said
    as_before(m)
    assert since
    show("%s: all is as before" % what, begin)
    return said


def rollback(m):
    """weir install --take-over that fails"""
    thief = "[Socket]\nListenStream=127.0.0.1:9999\nAccept=yes\n"
    m.must("sh", "-c", "printf '%s' > /run/systemd/system/thief.socket" % thief)
    m.must(
        "sh",
        "-c",
        "printf '[Service]\nExecStart=/bin/cat\nStandardInput=socket\n'"
        " > '/run/systemd/system/thief@.service'",
    )
    m.must("systemctl", "daemon-reload")
    m.must("systemctl", "start", "thief.socket")
    m.must("mkdir", "-p", "/srv/own")

    def own(text):
        m.must("sh", "-c", "cat > /srv/own/weir.yaml <<'END'\n%s\nEND" % text)
        return "-c", "/srv/own/weir.yaml"

    engine = "engines: [{name: o, url: 'http://127.0.0.1:%d', unit: ollama}]"
    said = rolled_back(
        m,
        "an address of weir's is taken",
        *own("listen: ['127.0.0.1:11434', '127.0.0.1:9999']\n" + engine % 11500),
    )
    assert "weir did not come up" in said, said
    said = rolled_back(
        m,
        "Ollama's new port is taken",
        "--socket",
        *own("listen: '127.0.0.1:11434'\n" + engine % 9999),
    )
    assert "Ollama did not come up at 127.0.0.1:9999" in said, said
    m.must("systemctl", "stop", "thief.socket")

    m.must("sh", "-c", "printf OLLAMA_HOST=127.0.0.1:11434 > /srv/own/env")
    m.must(
        "sh",
        "-c",
        "printf '[Service]\nEnvironmentFile=/srv/own/env\n'"
        " > /etc/systemd/system/ollama.service.d/file.conf",
    )
    m.must("systemctl", "daemon-reload")
    kept, before["etc"] = before["etc"], etc(m)
    rolled_back(m, "a file of the unit's holds Ollama where it is")
    m.must("rm", "/etc/systemd/system/ollama.service.d/file.conf")
    m.must("systemctl", "daemon-reload")
    m.must("systemctl", "restart", "ollama")
    wait(lambda: is_ollama(m), "Ollama answers")
    before["etc"] = kept

    m.must("install", "-Dm755", "/usr/local/bin/weir", "/srv/hidden/weir")
    m.must("chmod", "700", "/srv/hidden")
    done = m.run("/srv/hidden/weir", "install", "--take-over")
    assert done.returncode == 1 and "/usr/local/bin" in done.stderr, done.stderr
    assert is_ollama(m)
    as_before(m)
    show("a program that weir's user cannot run: said before anything is done")


STEPS = [prepare, take_over, hardened, supervised, booted, doctor, understood]
STEPS += [uninstall, rollback]
