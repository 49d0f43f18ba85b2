"""What is asked of the machine, and what was found on it."""

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


def journal(m):
    return m.must("journalctl", "-o", "cat", "-u", "weir.service")


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
