#!/usr/bin/python3
"""texts.py FOLDER: texts to count, out of what every machine with Python has.

english  Python's own reference and what its library says of itself
code     Python's library
json     the same library's definitions, indented
chinese  the Chinese messages of installed programs
Up to a megabyte each; prints their paths.
"""
import ast
import gettext
import glob
import json
import os
import pathlib
import sys
import sysconfig

SIZE = 1_000_000
LIBRARY = pathlib.Path(sysconfig.get_path("stdlib"))


def sources():
    """The library's modules, each once, in a fixed order."""
    for path in sorted(LIBRARY.glob("*.py")) + sorted(LIBRARY.glob("asyncio/*.py")):
        yield path.name, path.read_text(encoding="utf-8", errors="replace")


def code():
    return "".join(text for _, text in sources())


def definitions(text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield {
                "kind": type(node).__name__,
                "name": node.name,
                "line": node.lineno,
                "description": ast.get_docstring(node),
                "is_private": node.name.startswith("_"),
            }


def english():
    from pydoc_data import topics

    said = [topics.topics[name] for name in sorted(topics.topics)]
    for _, text in sources():
        said += [row["description"] for row in definitions(text)
                 if row["description"]]
    return "\n\n".join(said)


def as_json():
    rows = [{"module": name, "definitions": list(definitions(text))}
            for name, text in sources()]
    return json.dumps(rows, indent=2)


def messages(path):
    try:
        with open(path, "rb") as file:
            catalogue = gettext.GNUTranslations(file)
    except (OSError, UnicodeDecodeError, ValueError):
        return []
    said = [m for k, m in catalogue._catalog.items() if k and isinstance(m, str)]
    return [m for m in said if any("\u4e00" <= c <= "\u9fff" for c in m)]


def chinese():
    seen = []
    for path in sorted(glob.glob("/usr/share/locale/zh_CN/LC_MESSAGES/*.mo")
                       + glob.glob("/usr/share/**/zh_CN.UTF-8/LC_MESSAGES/*.mo",
                                   recursive=True)):
        seen += messages(path)
    return "\n".join(dict.fromkeys(seen))


def cut(text):
    data = text.encode("utf-8")[:SIZE]
    return data.decode("utf-8", "ignore")


def main():
    folder = sys.argv[1]
    os.makedirs(folder, exist_ok=True)
    for name, make in (("english", english), ("code", code),
                       ("json", as_json), ("chinese", chinese)):
        text = cut(make())
        if len(text) < SIZE / 20:
            print("%s: no text of that kind is here" % name, file=sys.stderr)
            continue
        path = os.path.join(folder, name + ".txt")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        print(path)


if __name__ == "__main__":
    main()
