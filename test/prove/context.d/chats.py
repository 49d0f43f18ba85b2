"""Random conversations, and how each API says them."""
import json

WORDS = ("the old river finds a quiet boat and my teacher sees this lamp near "
         "some golden kettle émile 漢字 {x: 1} 17 3.14 \"q\" \\n <s> </s> "
         "🙂 naïve ﬁ Ⅷ \t").split(" ")
TOOL = {
    "name": "look_up",
    "description": "Looks up a word of the old river's language.",
    "schema": {
        "type": "object",
        "properties": {
            "word": {"type": "string", "description": "what to look up"},
            "deep": {"type": "boolean"},
        },
        "required": ["word"],
    },
}


def words(rng, n):
    return " ".join(rng.choices(WORDS, k=n))


class Chat:
    """A conversation: system, turns of (role, text, call), tools, limit."""

    def __init__(self, rng, tokens, has_tools):
        self.system = words(rng, rng.randrange(1, 30)) if rng.random() < .5 else ""
        self.turns = []
        self.tools = has_tools and rng.random() < .4
        self.parts = rng.random() < .2
        self.most = rng.choice([1, 2, 16, 100, 400, None])
        n = rng.choice([1, 1, 3, 5, 9])
        shares = [rng.random() + .1 for _ in range(n)]
        for i, share in enumerate(shares):
            size = int(tokens * share / sum(shares) / 1.6)
            role = "assistant" if i % 2 else "user"
            call = self.tools and i % 2 and rng.random() < .5
            self.turns.append((role, words(rng, size) or "the", call))

    def resize(self, by):
        """Make the last text longer or shorter by about ${by} tokens."""
        role, text, call = self.turns[-1]
        parts = text.split(" ")
        if by > 0:
            # One token each, nearly.
            parts += ["the"] * by
        else:
            parts = parts[: max(1, len(parts) + int(by / 1.6))]
        self.turns[-1] = (role, " ".join(parts), call)

    def text(self):
        return "\n".join([self.system] + [t[1] for t in self.turns] + [
            json.dumps(TOOL) if self.tools else ""])

    # --- as each API says it ---

    def openai(self, content=None):
        said = []
        if self.system:
            said.append({"role": "system", "content": self.system})
        for i, (role, text, call) in enumerate(self.turns):
            m = {"role": role, "content": text}
            if self.parts and role == "user" and content:
                m["content"] = content(text)
            said.append(m)
            if call:
                m["tool_calls"] = [{
                    "id": "call_%d" % i, "type": "function",
                    "function": {"name": "look_up",
                                 "arguments": json.dumps({"word": "boat"})}}]
                said.append({"role": "tool", "tool_call_id": "call_%d" % i,
                             "content": "a small ship"})
        return said

    def body_openai(self):
        body = {"messages": self.openai(lambda t: [
            {"type": "text", "text": t[: len(t) // 2]},
            {"type": "text", "text": t[len(t) // 2:]}])}
        if self.tools:
            body["tools"] = [{"type": "function", "function": {
                "name": TOOL["name"], "description": TOOL["description"],
                "parameters": TOOL["schema"]}}]
        if self.most:
            body["max_tokens"] = self.most
        return body

    def body_ollama(self):
        body = self.body_openai()
        body["messages"] = self.openai()
        for m in body["messages"]:
            for call in m.get("tool_calls", []):
                call["function"]["arguments"] = {"word": "boat"}
        most = body.pop("max_tokens", None)
        if most:
            body["options"] = {"num_predict": most}
        return body

    def body_generate(self):
        body = {"prompt": self.turns[-1][1]}
        if self.system:
            body["system"] = self.system
        if self.most:
            body["options"] = {"num_predict": self.most}
        return body

    def body_completion(self):
        body = {"prompt": self.turns[-1][1]}
        if self.most:
            body["max_tokens"] = self.most
        return body

    def body_anthropic(self):
        said = []
        for i, (role, text, call) in enumerate(self.turns):
            m = {"role": role, "content": text}
            said.append(m)
            if self.parts or call:
                m["content"] = [{"type": "text", "text": text}]
            if not call:
                continue
            m["content"].append({
                "type": "tool_use", "id": "call_%d" % i,
                "name": "look_up", "input": {"word": "boat"}})
            said.append({"role": "user", "content": [{
                "type": "tool_result", "tool_use_id": "call_%d" % i,
                "content": "a small ship"}]})
        body = {"messages": said, "max_tokens": self.most or 300}
        if self.system:
            body["system"] = self.system
        if self.tools:
            body["tools"] = [{
                "name": TOOL["name"], "description": TOOL["description"],
                "input_schema": TOOL["schema"]}]
        return body

    def body_responses(self):
        items = []
        for i, (role, text, call) in enumerate(self.turns):
            items.append({"role": role, "content": text})
            if not call:
                continue
            items += [
                {"type": "function_call", "call_id": "call_%d" % i,
                 "name": "look_up", "arguments": '{"word": "boat"}'},
                {"type": "function_call_output", "call_id": "call_%d" % i,
                 "output": "a small ship"}]
            if self.parts:  # as it is replayed sometimes
                items.insert(-1, {"role": "assistant", "content": "so"})
        body = {"input": items}
        if self.tools:
            body["tools"] = [{"type": "function", "name": TOOL["name"],
                              "description": TOOL["description"],
                              "parameters": TOOL["schema"]}]
        if self.system:
            body["instructions"] = self.system
        if self.most:
            body["max_output_tokens"] = self.most
        return body


BODIES = {
    "/api/chat": Chat.body_ollama,
    "/api/generate": Chat.body_generate,
    "/v1/chat/completions": Chat.body_openai,
    "/v1/completions": Chat.body_completion,
    "/v1/messages": Chat.body_anthropic,
    "/v1/responses": Chat.body_responses,
}


def is_single(path):
    """Is only the last turn sent?"""
    return path in ("/api/generate", "/v1/completions")


def least_output(path, body, min_output):
    """What weir keeps for the answer."""
    asked = body.get("max_tokens", body.get("max_output_tokens"))
    if "options" in body:
        asked = body["options"].get("num_predict")
    return min_output if asked is None else min(asked, min_output)


def limited(path, body, most):
    """The same with another output limit."""
    body = dict(body)
    if path.startswith("/api/"):
        body["options"] = {**body.get("options", {}), "num_predict": most}
    else:
        key = "max_output_tokens" if path == "/v1/responses" else "max_tokens"
        body[key] = most
    return body


def prompt_tokens(said):
    """What an answer says of its prompt."""
    if "prompt_eval_count" in said:
        return said["prompt_eval_count"]
    usage = said.get("usage") or {}
    if "prompt_tokens" in usage:
        return usage["prompt_tokens"]
    return (usage.get("input_tokens", 0)
            + usage.get("cache_read_input_tokens", 0)
            + usage.get("cache_creation_input_tokens", 0))
