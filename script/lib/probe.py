"""Which engine answers on an address, and with which models.

An engine is known by the shape of its answers, never by its port alone: other
programs listen on 8080 and 8000 too, and weir itself may stand there.
"""
import http.client
import json
import urllib.parse

PORTS = (11434, 8080, 9931, 1234, 8000)


class Weir(Exception):
    """weir itself answers there."""


class Engine:
    def __init__(self, url, kind, models):
        self.url = url
        self.kind = kind  # ollama, llama-server or openai
        self.models = models


def get(url, path, timeout=2.0):
    """(status, parsed JSON or None) of a GET, or (0, None) without answer."""
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(
        parts.hostname, parts.port or 80, timeout=timeout)
    try:
        connection.request("GET", path, headers={"Connection": "close"})
        answer = connection.getresponse()
        if (answer.getheader("Server") or "").lower().startswith("weir"):
            raise Weir(url)
        text = answer.read(4 << 20)
    except (OSError, http.client.HTTPException):
        return 0, None
    finally:
        connection.close()
    try:
        return answer.status, json.loads(text)
    except ValueError:
        return answer.status, None


def listed(url):
    """Ids of GET /v1/models, or None if that is no such listing."""
    status, answer = get(url, "/v1/models")
    rows = answer.get("data") if isinstance(answer, dict) else None
    if status != 200 or not isinstance(rows, list):
        return None
    ids = [row.get("id") for row in rows if isinstance(row, dict)]
    return [name for name in ids if isinstance(name, str)]


def talks(name):
    low = name.lower()
    apart = ("embed", "rerank", "bge-", "minilm", "whisper", "clip")
    return not any(word in low for word in apart)


def ollama_models(url):
    """Loaded models first, then small ones; none that run elsewhere."""
    _, loaded = get(url, "/api/ps")
    _, tags = get(url, "/api/tags")
    rows = [row for row in (tags or {}).get("models") or []
            if not row.get("remote_host") and "cloud" not in row["name"]]
    hot = {row.get("name") for row in (loaded or {}).get("models") or []}
    rows.sort(key=lambda row: (row["name"] not in hot, row.get("size", 0)))
    return [row["name"] for row in rows]


def probe(url):
    """The Engine at ${url}, or None; raises Weir where weir answers."""
    status, version = get(url, "/api/version", timeout=1.0)
    if status == 0:
        return None
    if status == 200 and isinstance(version, dict) and version.get("version"):
        return Engine(url, "ollama", [m for m in ollama_models(url) if talks(m)])
    _, health = get(url, "/health")
    models = listed(url)
    if models is None:
        return None
    kind = "openai"
    if isinstance(health, dict) and health.get("status") == "ok":
        _, props = get(url, "/props")
        if isinstance(props, dict) and "total_slots" in props:
            kind = "llama-server"
    return Engine(url, kind, [m for m in models if talks(m)])
