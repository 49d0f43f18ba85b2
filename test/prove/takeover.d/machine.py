"""A small Debian with a real systemd as its first process, beside this one.

It has process, mount, host name, IPC, network and control group namespaces of
its own; the host's files are not to be seen in it, but for a few programs that
are bound read-only.  What it changes is kept in a folder and survives a boot.
"""

import os
import pathlib
import shutil
import signal
import subprocess
import time

HERE = pathlib.Path(__file__).resolve().parent
PACKAGES = """systemd systemd-sysv libpam-systemd dbus polkitd curl procps iproute2
libsqlite3-0 libyaml-0-2 zlib1g libgomp1 libstdc++6"""
LIBRARIES = ["libuv1", "libssl3", "libcurl4"]
"""With 64-bit times they are called so from Debian 13 on."""
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
BOOT_S = 120


class Missing(Exception):
    """What this needs is not here; the text says what."""


def mirror():
    """Where this machine itself has Debian's packages from."""
    argv = ["apt-get", "indextargets", "--format", "$(REPO_URI)"]
    try:
        done = subprocess.run(
            [*argv, "Origin: Debian", "Label: Debian"],
            capture_output=True,
            text=True,
        )
    except OSError:
        done = None
    if not done or not done.stdout.split():
        raise Missing("apt-get knows no place of Debian's packages here")
    return done.stdout.split()[0]


def make_image(cache, suite):
    """The root folder of Debian ${suite}, made once by debootstrap."""
    folder = cache / ("debian-" + suite)
    image, part = folder / "root", folder / "root.part"
    if image.exists():
        return image
    program = shutil.which("debootstrap", path=os.environ["PATH"] + ":/usr/sbin")
    if program is None:
        raise Missing("debootstrap is not here (Debian: apt-get install debootstrap)")
    shutil.rmtree(part, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    argv = ["unshare", "--mount", "--pid", "--fork", "--propagation", "private"]
    end = "" if suite == "bookworm" else "t64"
    names = PACKAGES.split() + [name + end for name in LIBRARIES]
    argv += [program, "--variant=minbase", "--include=" + ",".join(names), suite]
    with open(folder / "log", "w") as log:
        done = subprocess.run(
            [*argv, part, mirror()], stdout=log, stderr=subprocess.STDOUT
        )
    if done.returncode != 0:
        raise Missing("debootstrap failed, see %s" % (folder / "log"))
    part.rename(image)
    return image


def control_groups():
    """Where this machine's cgroup2 is mounted."""
    for line in pathlib.Path("/proc/mounts").read_text().splitlines():
        words = line.split()
        if words[2] == "cgroup2" and "rw" in words[3].split(","):
            return pathlib.Path(words[1])
    raise Missing("there is no cgroup2 that could be written")


class Machine:
    def __init__(self, image, folder, binds):
        """${binds}: what is at which path inside, read-only."""
        self.image, self.folder, self.binds = image, folder, binds
        self.group = control_groups() / ("weir-takeover-%d" % os.getpid())
        self.process = self.init = None

    def upper(self, path):
        """Where a file of the machine lies that is not in its image."""
        out = self.folder / "changes/upper" / path.lstrip("/")
        out.parent.mkdir(parents=True, exist_ok=True)
        return out

    def boot(self):
        """Until systemd says that all of it is up; how long that took."""
        begin = time.monotonic()
        self.group.mkdir(exist_ok=True)
        argv = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
        argv += ["--uts", "--ipc", "--net", "--cgroup"]
        argv += ["--propagation", "private", HERE / "boot.sh", self.image]
        argv += [self.folder / "changes", self.folder / "root"]
        argv += ["%s:%s" % pair for pair in self.binds.items()]
        join = self.group / "cgroup.procs"
        with open(self.folder / "boot.log", "a") as log:
            self.process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=lambda: join.write_text(str(os.getpid())),
            )
        pid = self.process.pid
        children = pathlib.Path("/proc/%d/task/%d/children" % (pid, pid))
        end = time.monotonic() + BOOT_S
        while True:
            assert self.process.poll() is None, self.log()
            assert time.monotonic() < end, self.log()
            words = children.read_text().split()
            self.init = int(words[0]) if words else None
            if self.init and "systemd" in self.name_of(self.init):
                said = self.run("systemctl", "is-system-running", "--wait")
                if said.stdout.strip() in ("running", "degraded"):
                    return time.monotonic() - begin
            time.sleep(0.1)

    @staticmethod
    def name_of(pid):
        try:
            return pathlib.Path("/proc/%d/comm" % pid).read_text()
        except OSError:
            return ""

    def log(self):
        return (self.folder / "boot.log").read_text()[-3000:]

    def inside(self, argv, user=None):
        """The command line that runs ${argv} in it."""
        enter = ["nsenter", "-t", str(self.init)]
        enter += ["-m", "-u", "-i", "-n", "-p", "-C"]
        enter += ["env", "-i", "PATH=" + PATH, "HOME=/root", "LANG=C.UTF-8"]
        if user:
            enter += ["setpriv", "--reuid", user, "--regid", user, "--init-groups"]
        return [*enter, *map(str, argv)]

    def run(self, *argv, user=None, timeout=200):
        return subprocess.run(
            self.inside(argv, user),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    def must(self, *argv, **more):
        done = self.run(*argv, **more)
        assert done.returncode == 0, "%s\n%s%s" % (
            " ".join(map(str, argv)),
            done.stdout,
            done.stderr,
        )
        return done.stdout

    def start(self, *argv):
        """A command in it that is not waited for."""
        return subprocess.Popen(
            self.inside(argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def reboot(self):
        self.run("systemctl", "reboot")
        self.wait_off()
        return self.boot()

    def wait_off(self):
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()

    def end(self):
        """No process, no mount, no control group of it is left."""
        if self.process and self.process.poll() is None:
            if self.init:
                self.run("systemctl", "poweroff", "--force")
            self.wait_off()
        for path, _, _ in os.walk(self.group, topdown=False):
            end = time.monotonic() + 10
            while time.monotonic() < end:
                try:
                    os.rmdir(path)
                    break
                except OSError:
                    time.sleep(0.1)
