"""Pages in a headless Chromium that try to reach a weir.

The names that the pages have are the browser's own invention
(--host-resolver-rules); every one of them leads to this machine.
"""

import http.server
import os
import shutil
import socket
import subprocess
import tempfile
import threading

INTRO = """Headless, with pages of an origin that is allowed, of a foreign one,
and of a name that is made to point at weir after the page was loaded (DNS
rebinding).  "no-cors" is what a page can send without asking: it sees nothing
of the answer, and weir has refused it before the engine heard of it.
"""
ASKS = """
const said = [];
async function ask(name, url, how) {
  try {
    const r = await fetch(url, how);
    said.push(name + "=" + (r.type === "opaque" ? "opaque" : r.status));
  } catch (e) { said.push(name + "=" + e.name + ": " + e.message); }
}
const chat = JSON.stringify({ model: "tiny", stream: false,
  prompt: "Once", options: { num_predict: 4 } });
(async () => {
  await ask("GET", BASE + "/api/tags", { headers: KEY });
  await ask("POST", BASE + "/api/generate", { method: "POST", body: chat,
    headers: { "Content-Type": "application/json", ...KEY } });
  await ask("no-cors POST", BASE + "/api/generate",
    { method: "POST", body: chat, mode: "no-cors" });
  await ask("no-cors GET", BASE + "/api/tags", { mode: "no-cors" });
  document.body.textContent = "[[" + said.join("]][[") + "]]";
})();
"""


def program():
    for name in (os.environ.get("CHROME"), "chromium", "chromium-browser",
                 "google-chrome"):
        if name and shutil.which(name):
            return name
    return None


def install(deps):
    """Have Debian's package installed by ${deps} if there is none."""
    if not program():
        subprocess.run([str(deps), "browser"], check=False, timeout=900)
    return program()


def version():
    done = subprocess.run([program(), "--version"], capture_output=True,
                          text=True, timeout=60)
    return done.stdout.strip()


def html(base, key):
    head = "const BASE = %r, KEY = %s;" % (
        base, '{ "Authorization": "Bearer %s" }' % key if key else "{}")
    return ("<!doctype html><body>waiting<script>%s%s</script>"
            % (head, ASKS)).encode()


def serve(page, address=("127.0.0.1", 0)):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(address, Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def rebound(page, weir):
    """On weir's port of 127.0.0.2: first the page, then weir itself."""
    listener = socket.create_server(("127.0.0.2", weir.port))
    opened = []

    def copy(a, b):
        try:
            while data := a.recv(65536):
                b.sendall(data)
        except OSError:
            pass
        try:
            b.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def run():
        shown = False
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return  # it was closed
            head = sock.recv(65536)
            if not shown and head.startswith(b"GET /page "):
                shown = True
                sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
                             b"Connection: close\r\nContent-Length: %d\r\n\r\n"
                             % len(page) + page)
                sock.close()
                continue
            there = socket.create_connection(weir.address)
            there.sendall(head)
            opened.extend((sock, there))
            for pair in ((sock, there), (there, sock)):
                threading.Thread(target=copy, args=pair, daemon=True).start()

    threading.Thread(target=run, daemon=True).start()

    def close():
        for sock in (listener, *opened):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            sock.close()

    return close


def look(url):
    folder = tempfile.mkdtemp(prefix="weir-chrome-")
    argv = [program(), "--headless", "--no-sandbox", "--disable-gpu",
            "--disable-dev-shm-usage", "--no-proxy-server",
            "--user-data-dir=" + folder, "--virtual-time-budget=20000",
            "--host-resolver-rules=MAP evil.example 127.0.0.1,"
            "MAP rebind.example 127.0.0.2", "--dump-dom", url]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=90)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    found = done.stdout.split("[[")[1:]
    assert found, done.stdout[-500:] + done.stderr[-1500:]
    return dict(f.split("]]")[0].split("=", 1) for f in found)


def pages(weir):
    """([(page, request, what it sees)], [what is wrong])"""
    if not program():
        return [], []
    from harness.weir import new_key

    good, rows, wrong = new_key("good"), [], []
    base = weir.url
    plain = serve(html(base, good))
    port = plain.server_address[1]
    relay = rebound(html("http://rebind.example:%d" % weir.port, None), weir)
    tries = [
        ("allowed (http://localhost)", "http://localhost:%d/" % port, True),
        ("foreign, with a key", "http://evil.example:%d/" % port, False),
        ("rebinding", "http://rebind.example:%d/page" % weir.port, False),
    ]
    try:
        for name, url, may in tries:
            before = len(weir.access_lines())
            saw = look(url)
            rows += [(name, ask, what) for ask, what in saw.items()]
            lines = weir.access_lines()[before:]
            for ask in ("GET", "POST"):
                if (saw[ask] == "200") != may:
                    wrong.append("%s, %s: %s" % (name, ask, saw[ask]))
            served = [x for x in lines if x["status"] == 200]
            if not may and served:
                wrong.append("%s: weir served %s" % (name, served))
    finally:
        plain.shutdown()
        relay()
    return rows, wrong
