"""Two contexts of one model on each real engine: a small and a large one."""
import contextlib
import os
import pathlib
import shutil
import subprocess
import tempfile

from harness.real import RealEngine, make_model, program
from harness.weir import free_ports

SMALL, LARGE = 512, 8192

# Roles, tools, a default system prompt: what templates of real models do.
GO = '''{{- if or .System .Tools }}<|system|>
{{ .System }}
{{- if .Tools }}
# Tools
{{ range .Tools }}{{ . }}
{{ end }}
{{- end }}<|end|>
{{ end }}
{{- range .Messages }}
{{- if eq .Role "user" }}<|user|>
{{ .Content }}<|end|>
{{ else if eq .Role "assistant" }}<|assistant|>
{{ .Content }}{{ range .ToolCalls }}
{"name": "{{ .Function.Name }}", "arguments": {{ .Function.Arguments }}}
{{- end }}<|end|>
{{ else if eq .Role "tool" }}<|tool|>{{ .ToolName }}
{{ .Content }}<|end|>
{{ end }}
{{- end }}<|assistant|>
'''
JINJA = '''{% if tools %}<|system|>{{ tools | tojson }}<|end|>
{% endif %}{% if messages[0]['role'] != 'system' %}<|system|>
You help everybody who comes along this river.<|end|>
{% endif %}{% for m in messages %}<|{{ m['role'] }}|>
{{ m['content'] }}{% if m['tool_calls'] %}{% for c in m['tool_calls'] %}
{{ c['function']['name'] }} {{ c['function']['arguments'] | tojson }}{% endfor %}{% endif %}<|end|>
{% endfor %}{% if add_generation_prompt %}<|assistant|>
{% endif %}'''


@contextlib.contextmanager
def folder():
    path = pathlib.Path(tempfile.mkdtemp(prefix="weir-context-"))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def model_of(path):
    """A model that can have both contexts."""
    template = path / "template.jinja"
    template.write_text(JINJA)
    return make_model(path, "--context", str(LARGE),
                      "--chat-template", str(template))


@contextlib.contextmanager
def llama_server():
    """(engine with the small context, engine with the large one)"""
    server = program("WEIR_LLAMA_SERVER", "get-llama-server",
                     "llama-server/bin/llama-server", "llama-server")
    with folder() as path, contextlib.ExitStack() as stack:
        model, engines = model_of(path), []
        for context in (SMALL, LARGE):
            port = free_ports(1)[0]
            argv = [server, "--model", model, "--alias", "tiny", "--host",
                    "127.0.0.1", "--port", str(port), "--parallel", "1",
                    "--ctx-size", str(context), "--threads", "1",
                    "--threads-batch", "1", "--offline", "--jinja"]
            engine = RealEngine("llama-server", argv, port, "tiny", None, 1)
            stack.callback(engine.stop)
            engine.wait_answer("/health")
            engine.large_model, engine.has_tools = "tiny", False
            engines.append(engine)
        yield engines[0], engines[1]


@contextlib.contextmanager
def ollama(template):
    """The same of Ollama: one engine with two models."""
    path = program("WEIR_OLLAMA", "get-ollama", "ollama/bin/ollama", "Ollama")
    with folder() as home:
        port = free_ports(1)[0]
        env = {
            "OLLAMA_HOST": "127.0.0.1:%d" % port,
            "OLLAMA_MODELS": str(home / "models"),
            "OLLAMA_NO_CLOUD": "1",
            "OLLAMA_KEEP_ALIVE": "-1",
            "OLLAMA_MAX_LOADED_MODELS": "5",
            "OLLAMA_CONTEXT_LENGTH": "512",
            "HOME": str(home),
        }
        engine = RealEngine("ollama", [path, "serve"], port, "tiny", env, 1)
        try:
            engine.wait_answer("/api/version")
            model = model_of(home)
            for name, context in (("tiny", SMALL), ("large", LARGE)):
                file = home / ("Modelfile-" + name)
                file.write_text(
                    "FROM %s\n%sPARAMETER num_thread 1\n"
                    "PARAMETER temperature 0\nPARAMETER num_ctx %d\n"
                    'SYSTEM "You help everybody who comes along."\n' % (
                        model,
                        'TEMPLATE """%s"""\n' % template if template else "",
                        context))
                subprocess.run([path, "create", name, "-f", file],
                               env={**os.environ, **env}, check=True,
                               capture_output=True)
            embedder = make_model(home, "--context", str(LARGE),
                                  "--pooling", "mean")
            for name, context in (("embed", SMALL), ("embed-large", 2048)):
                file = home / ("Modelfile-" + name)
                file.write_text("FROM %s\nPARAMETER num_thread 1\n"
                                "PARAMETER num_ctx %d\n" % (
                                    embedder, context))
                subprocess.run([path, "create", name, "-f", file],
                               env={**os.environ, **env}, check=True,
                               capture_output=True)
            engine.large_model, engine.has_tools = "large", bool(template)
            yield engine, engine
        finally:
            engine.stop()
