"""Callers for proofs: raw HTTP over asyncio, every answer checked to its end.

The engine behind is weir-engine, whose answers are known: 26 tokens of prompt
and one for each event.
"""
import asyncio
import json
import time

TEXT = "Tell me of the weir."
GUESS = len(TEXT) // 4  # what weir takes a prompt for that was never counted
PROMPT = 26
MODEL = "scripted"
LIMIT = 1 << 20

PATHS = {
    "ollama": "/api/chat",
    "openai": "/v1/chat/completions",
    "anthropic": "/v1/messages",
    "embed": "/v1/embeddings",
}


def body_of(api, stream, **more):
    said = {"model": MODEL, **more}
    if api == "embed":
        return {**said, "input": TEXT}
    said.update(stream=stream, messages=[{"role": "user", "content": TEXT}])
    if api == "anthropic":
        said.setdefault("max_tokens", 256)
    if api == "openai" and stream:
        said["stream_options"] = {"include_usage": True}
    return said


def request_of(api, stream, key=None, **more):
    """The bytes of a request."""
    body = json.dumps(body_of(api, stream, **more)).encode()
    lines = ["POST %s HTTP/1.1" % PATHS[api], "Host: localhost",
             "Content-Type: application/json",
             "Content-Length: %d" % len(body)]
    if key:
        lines.append("Authorization: Bearer " + key)
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def number_behind(text, name):
    """The last number that ${name} has in ${text}, or None."""
    at = text.rfind(b'"%s":' % name)
    if at < 0:
        return None
    digits = text[at + len(name) + 3:].lstrip()
    n = 0
    while digits[n:n + 1].isdigit():
        n += 1
    return int(digits[:n]) if n else None


NAMES = {
    "ollama": (b"prompt_eval_count", b"eval_count"),
    "openai": (b"prompt_tokens", b"completion_tokens"),
    "anthropic": (b"input_tokens", b"output_tokens"),
    "embed": (b"prompt_tokens", None),
}
PIECES = {
    "ollama": b'"done":false',
    "openai": b'"delta":{"content"',
    "anthropic": b"event: content_block_delta",
}
ENDS = {
    "ollama": b'"done":true',
    "openai": b"data: [DONE]",
    "anthropic": b"event: message_stop",
}


class Answer:
    """What became of a request."""

    def __init__(self, api, stream):
        self.api, self.stream = api, stream
        self.status = 0
        self.fields = {}
        self.body = b""
        self.begin = time.monotonic()
        self.first = self.end = None
        self.is_whole = False  # as HTTP sees it

    @property
    def pieces(self):
        return self.body.count(PIECES[self.api]) if self.stream else 0

    @property
    def is_complete(self):
        """An answer with its end mark."""
        if self.status != 200 or not self.is_whole:
            return False
        return not self.stream or ENDS[self.api] in self.body

    @property
    def has_begun(self):
        """Something of the answer came, heartbeats are nothing."""
        return self.status == 200 and (
            self.pieces > 0 if self.stream else bool(self.body))

    @property
    def tells_error(self):
        """The stream says that it broke off, and ends in good order."""
        return self.is_whole and b'"error"' in self.body

    def tokens(self):
        """(input, output) that weir has to charge."""
        told_in, told_out = (name and number_behind(self.body, name)
                             for name in NAMES[self.api])
        if self.is_complete:
            return told_in, told_out or 0
        if not self.has_begun:
            return 0, 0
        if self.api == "anthropic":
            return told_in, self.pieces
        return GUESS, self.pieces


class Connection:
    """One caller's connection, opened when it is needed."""

    def __init__(self, port):
        self.port = port
        self.reader = self.writer = None

    async def open(self):
        if self.writer is None:
            self.reader, self.writer = await asyncio.open_connection(
                "127.0.0.1", self.port, limit=LIMIT)

    def close(self):
        if self.writer is not None:
            self.writer.transport.abort()
        self.reader = self.writer = None

    async def ask(self, api, stream, request, hang_up=None):
        """Send ${request}.  ${hang_up}: close when so many pieces have come
        (0: as soon as it is sent)."""
        await self.open()
        answer = Answer(api, stream)
        self.writer.write(request)
        if hang_up == 0:
            await asyncio.sleep(0)
            self.close()
            return answer
        try:
            await self._read(answer, hang_up)
        except (OSError, asyncio.IncompleteReadError, ValueError):
            pass
        answer.end = time.monotonic()
        if (not answer.is_whole
                or answer.fields.get(b"connection") == b"close"):
            self.close()
        return answer

    async def _read(self, answer, hang_up):
        head = await self.reader.readuntil(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        answer.status = int(lines[0].split()[1])
        for line in lines[1:]:
            name, _, value = line.partition(b":")
            answer.fields[name.lower()] = value.strip().lower()
        length = answer.fields.get(b"content-length")
        if length is not None:
            answer.body = await self.reader.readexactly(int(length))
            answer.first = time.monotonic()
            answer.is_whole = True
            return
        while True:
            size = int(await self.reader.readuntil(b"\r\n"), 16)
            chunk = await self.reader.readexactly(size + 2)
            if size == 0:
                answer.is_whole = True
                return
            answer.body += chunk[:-2]
            if answer.first is None and answer.has_begun:
                answer.first = time.monotonic()
            if hang_up is not None and answer.pieces >= hang_up:
                self.close()
                return


def quantile(values, q):
    """The ${q} quantile, by the nearest rank."""
    ordered = sorted(values)
    rank = max(1, -(-int(q * 1000) * len(ordered) // 1000))
    return ordered[rank - 1]
