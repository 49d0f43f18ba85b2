"""What is done on the machine, in order, and what must be so after it."""

import json
import time

from looks import (
    AT,
    MODELFILE,
    ORIGIN,
    OWN,
    UNIT,
    UNITS,
    as_before,
    before,
    etc,
    events,
    get,
    install,
    is_ollama,
    is_weir,
    journal,
    pid,
    prop,
    show,
    speaks,
    wait,
)


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
    told = json.loads(m.must("weir", "status", "--json"))["engines"][0]
    assert told["slots"] == 3, told
    show("OLLAMA_NUM_PARALLEL=3 is known of another user's process")
    for line in journal(m).splitlines():
        told = json.loads(line) if line.startswith("{") else {}
        # Of memory the whole machine is seen, which others use, too.
        ok = told.get("event", "").startswith("memory_")
        assert ok or told.get("level") not in ("warn", "error"), line
    show("no warning was said")


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

    for who in ("Ollama", "its runner"):
        server = pid(m, "ollama")
        wait(lambda: speaks(m), "a model speaks")
        last = len(events(m, "engine_hung"))
        child = ["pgrep", "-P", server] if who != "Ollama" else ["echo", server]
        stopped = int(m.must(*child).split()[0])
        begin = time.monotonic()
        m.must("kill", "-STOP", stopped)
        told = wait(lambda: events(m, "engine_hung")[last:], "it is seen")[0]
        assert told["pid"] == stopped, told
        show("kill -STOP of %s: seen" % who, begin)
        wait(
            lambda: pid(m, "ollama") not in (0, server) and speaks(m),
            "systemd has restarted it",
            120,
        )
        show("systemd restarted the unit because weir asked", begin)
    assert not events(m, "unit_not_restarted"), journal(m)


def rights(m):
    """What weir's user may ask of systemd, and what not"""
    ask = ["systemctl", "--no-ask-password"]
    m.must(*ask, "restart", "ollama.service", user="weir")
    wait(lambda: speaks(m), "a model speaks")
    for words in (
        ["stop", "ollama.service"],
        ["restart", "dbus.service"],
        ["restart", "weir.service"],
        ["reboot"],
    ):
        done = m.run(*ask, *words, user="weir")
        assert done.returncode != 0, words
    assert m.run(*ask, "restart", "ollama", user="nobody").returncode != 0
    show("weir may restart ollama.service, and nothing else; nobody else may")


def watched(m):
    """systemd's watchdog"""
    old = pid(m)
    begin = time.monotonic()
    m.must("kill", "-STOP", old)
    wait(lambda: pid(m) not in (0, old) and is_weir(m), "weir is back", 120)
    show("a keeper that was stopped is killed and started anew", begin)
    wait(lambda: speaks(m), "a model speaks")


def left_alone(m):
    """An Ollama that somebody stopped"""
    m.must("systemctl", "stop", "ollama")
    begin = time.monotonic()
    wait(lambda: events(m, "unit_stopped"), "weir has looked", 120)
    assert prop(m, "ActiveState", "ollama") == "inactive"
    show("it was down for a minute; weir left it alone, and says so", begin)
    m.must("systemctl", "start", "ollama")
    wait(lambda: speaks(m), "a model speaks", 60)
    # Who has asked systemd asks no more for minutes.
    m.must("systemctl", "restart", "weir")
    wait(lambda: speaks(m), "a model speaks", 60)


def given_up(m):
    """An Ollama that systemd has given up"""
    dropin = "/run/systemd/system/ollama.service.d"
    text = "[Service]\\nRestart=no\\n"
    m.must("mkdir", "-p", dropin)
    m.must("sh", "-c", "printf '%s' > %s/once.conf" % (text, dropin))
    m.must("systemctl", "daemon-reload")
    m.must("systemctl", "kill", "--signal=KILL", "ollama")
    wait(lambda: prop(m, "ActiveState", "ollama") == "failed", "it has failed")
    begin = time.monotonic()
    wait(lambda: speaks(m), "a model speaks", 180)
    show("it was down; weir asked systemd, and a model speaks", begin)
    m.must("rm", "-r", dropin)
    m.must("systemctl", "daemon-reload")


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
    begin = time.monotonic()
    said = install(m, "--take-over", *args, status=1)
    took = time.monotonic() - begin
    assert "put back" in said, said
    assert took < 75, took
    assert is_ollama(m) and speaks(m), said
    as_before(m)
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
    m.must("systemctl", "reset-failed", "ollama")
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


def beside(m):
    """weir install beside Ollama"""
    said = install(m)
    assert "--take-over" in said, said
    at = "http://127.0.0.1:11435"
    wait(lambda: speaks(m, at), "a model speaks through weir")
    assert is_ollama(m)
    assert prop(m, "ActiveState") == "active"
    status, _ = get(m, "/readyz", at=at)
    assert status == 200
    show("weir serves at 11435, Ollama is left alone")
    m.must("weir", "uninstall")
    as_before(m)
    show("weir uninstall")


def sockets(m):
    """weir install --take-over --socket"""
    install(m, "--take-over", "--socket")
    assert speaks(m)
    assert prop(m, "ActiveState", "weir.socket") == "active"
    units = [UNITS + "weir.service", UNITS + "weir.socket"]
    done = m.run("systemd-analyze", "verify", "--man=no", *units)
    assert done.returncode == 0 and not done.stderr, done.stderr
    begin = time.monotonic()
    words = {"model": "tiny", "prompt": "a", "options": {"num_predict": 1}}
    call = "curl -s -o /dev/null -w '%%{http_code} ' -d '%s' %s/api/generate"
    calls = "; ".join([call % (json.dumps(words), AT)] * 100)
    asking = m.start("sh", "-c", "systemctl restart weir & " + calls + "; wait")
    out, _ = asking.communicate(timeout=100)
    assert out.split() == ["200"] * 100, out
    show("100 requests while weir was restarted: all were answered", begin)
    took = m.reboot()
    wait(lambda: speaks(m), "a model speaks")
    show("booted anew in %.1f s: a model speaks" % took)
    m.must("weir", "uninstall")
    wait(lambda: is_ollama(m), "Ollama is where it was")
    as_before(m)
    show("weir uninstall: no socket is left either")


def runs_it(m):
    """weir install with an engine that weir runs itself"""
    m.must("systemctl", "disable", "--now", "ollama")
    text = (
        "listen: '127.0.0.1:11434'\n"
        "engines: [{name: mine, run: /usr/local/bin/ollama serve}]\n"
    )
    m.must("mkdir", "-p", "/srv/run")
    m.must("sh", "-c", "cat > /srv/run/weir.yaml <<'END'\n%s\nEND" % text)
    m.must("chmod", "-R", "a+rX", "/usr/share/ollama")
    install(m, "-c", "/srv/run/weir.yaml")
    wait(lambda: is_weir(m), "weir answers")
    told = wait(lambda: events(m, "engine_started"), "Ollama is started")[0]
    who = m.must("ps", "-o", "user=", "-p", told["pid"]).strip()
    assert who == "weir", who
    show("weir runs Ollama as its own user, in its unit's control group")
    old = told["pid"]
    m.must("kill", "-9", old)
    wait(lambda: len(events(m, "engine_started")) > 1, "it is started again")
    wait(lambda: get(m, "/api/version")[0] == 200, "it answers")
    show("killed, it is started again")
    m.must("weir", "uninstall")
    assert m.run("pgrep", "-x", "ollama").returncode == 1
    show("weir uninstall ends it")
    m.must("systemctl", "enable", "--now", "ollama")
    wait(lambda: is_ollama(m), "Ollama is where it was")
    as_before(m)


def no_polkit(m):
    """A machine without polkit"""
    service = "/usr/share/dbus-1/system-services/org.freedesktop.PolicyKit1.service"
    m.must("mv", service, "/srv/")
    m.must("systemctl", "mask", "--runtime", "--now", "polkit")
    m.must("systemctl", "reload", "dbus")
    said = install(m, "--take-over")
    assert "polkitd" in said, said
    show("weir install says that it is missing, and what to install")
    server = pid(m, "ollama")
    assert speaks(m)
    m.must("kill", "-STOP", server)
    told = wait(lambda: events(m, "unit_not_restarted"), "the refusal is told")
    assert told[0]["unit"] == "ollama.service", told
    show("an engine that hangs: weir tells that systemd refused")
    m.must("kill", "-CONT", server)
    wait(lambda: speaks(m), "a model speaks")
    m.must("weir", "uninstall")
    wait(lambda: is_ollama(m), "Ollama is where it was")
    as_before(m)


STEPS = [prepare, take_over, hardened, supervised, rights, watched]
STEPS += [left_alone, given_up, booted, doctor, understood, uninstall]
STEPS += [beside, sockets, runs_it, rollback, no_polkit]
