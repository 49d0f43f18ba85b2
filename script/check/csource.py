"""Reads C sources well enough for the checks of this folder.

No parser: comments and literals are blanked, braces are counted.  That
suffices for sources that are formatted by clang-format.
"""
import os
import re
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))

_TOKEN = re.compile(
    r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.S)


def tracked(*patterns):
    """Files of the project (kept or new, not ignored), relative, sorted."""
    out = subprocess.run(
        ["git", "-C", ROOT, "ls-files", "-z", "--cached", "--others",
         "--exclude-standard", "--", *patterns],
        check=True, capture_output=True).stdout.decode()
    names = sorted(set(filter(None, out.split("\0"))))
    return [n for n in names if os.path.isfile(os.path.join(ROOT, n))]


def read(name):
    with open(os.path.join(ROOT, name), encoding="utf-8") as file:
        return file.read()


def blank(text, keep_comments=False):
    """Comments and the insides of literals become spaces; lines stay."""
    def spaces(match):
        token = match.group()
        if token[0] == "/":
            if keep_comments:
                return token
            return re.sub(r"[^\n]", " ", token)
        return token[0] + " " * (len(token) - 2) + token[0]
    return _TOKEN.sub(spaces, text)


def without_directives(text):
    """The same with every preprocessor directive blanked."""
    return re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*",
                  lambda m: re.sub(r"[^\n]", " ", m.group()), text, flags=re.M)


def top_level(text):
    """Pieces (start, end, head, has_body) of a file outside of all braces.

    A piece ends at a semicolon or with the closing brace of its body.
    """
    start, depth, head_end = 0, 0, None
    for match in re.finditer(r"[{};]", text):
        char, at = match.group(), match.start()
        if char == "{":
            if depth == 0 and head_end is None:
                head_end = at
            depth += 1
        elif char == "}":
            depth -= 1
            if depth == 0 and is_function(text[start:head_end]):
                yield start, at + 1, text[start:head_end], True
                start, head_end = at + 1, None
        elif depth == 0:
            yield start, at + 1, text[start:at if head_end is None
                                      else head_end], head_end is not None
            start, head_end = at + 1, None


def is_function(head):
    head = head.strip()
    return head.endswith(")") and not re.match(r"(typedef|struct|enum|union)"
                                               r"\s+\w*\s*$", head)


def functions(name):
    """(function, first line, number of lines) of each definition in a file.

    Counted from the line with the function's name to its closing brace.
    """
    text = without_directives(blank(read(name)))
    for start, end, head, has_body in top_level(text):
        if not has_body or not is_function(head):
            continue
        called = re.search(r"(\w+)\s*\(", head)
        if not called:
            continue
        first = text.count("\n", 0, start + called.start()) + 1
        last = text.count("\n", 0, end) + 1
        yield called.group(1), first, last - first + 1


def percentile(values, share):
    values = sorted(values)
    return values[min(int(len(values) * share), len(values) - 1)] if values else 0
