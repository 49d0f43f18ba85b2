"""Results as tables for people and as markdown for doc/performance.md."""

from scenarios import SCENARIOS

BEGIN, END = "<!-- numbers -->\n", "<!-- end of numbers -->\n"

COLUMNS = [
    ("CPU us", lambda r, s: r["cpu_us_event" if s.unit == "event"
                              else "cpu_us"], "%.2f"),
    ("least", lambda r, s: r["cpu_us_event_range" if s.unit == "event"
                             else "cpu_us_range"][0], "%.2f"),
    ("req/s", lambda r, s: r["per_s"], "%.0f"),
    ("first p50", lambda r, s: r["first_byte_us"]["p50"], "%.0f"),
    ("first p99", lambda r, s: r["first_byte_us"]["p99"], "%.0f"),
    ("whole p50", lambda r, s: r["latency_us"]["p50"], "%.0f"),
    ("whole p90", lambda r, s: r["latency_us"]["p90"], "%.0f"),
    ("whole p99", lambda r, s: r["latency_us"]["p99"], "%.0f"),
    ("whole p99.9", lambda r, s: r["latency_us"]["p999"], "%.0f"),
    ("gap p99", lambda r, s: r["gap_us"]["p99"], "%.0f"),
    ("peak MiB", lambda r, s: r["peak_kib"] / 1024, "%.1f"),
]


def rows(scenario, results):
    """[[target, number as text, ...]] of one scenario."""
    out = []
    for target, r in results.items():
        cells = [target]
        for _, get, form in COLUMNS:
            value = get(r, scenario)
            cells.append(form % value if value else "")
        out.append(cells + [ratio(results, scenario, target, other)
                            for other in ("nginx", "haproxy")])
    return out


def cpu(results, scenario, target):
    r = results.get(target)
    key = "cpu_us_event" if scenario.unit == "event" else "cpu_us"
    return r[key] if r else 0


def ratio(results, scenario, target, other):
    mine, theirs = (cpu(results, scenario, t) for t in (target, other))
    return "%.2f" % (mine / theirs) if mine and theirs else ""


def added(results, target):
    """(p50, p99) that ${target} adds to the first byte."""
    direct, r = results.get("direct"), results[target]
    if not direct:
        return None
    return tuple(r["first_byte_us"][p] - direct["first_byte_us"][p]
                 for p in ("p50", "p99"))


def heads(scenario):
    names = [name for name, _, _ in COLUMNS]
    names[0] = "CPU us/%s" % scenario.unit
    return ["", *names, "x nginx", "x HAProxy"]


def grid(lines):
    """Columns of equal width."""
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return "\n".join(
        "  ".join(
            cell.ljust(w) if i == 0 else cell.rjust(w)
            for i, (cell, w) in enumerate(zip(line, widths))
        ).rstrip()
        for line in lines
    )


def pipes(lines):
    """A table in markdown."""
    head, *rest = lines
    rule = ["---"] + ["---:"] * (len(head) - 1)
    return "\n".join("| %s |" % " | ".join(line)
                     for line in [head, rule, *rest])


def idle_lines(results):
    lines = [["", "connections", "MiB in all", "MiB added", "bytes each"]]
    for target, r in results.items():
        lines.append([
            target,
            "%d" % r["connections"],
            "%.1f" % (r["rss_kib"] / 1024),
            "%.1f" % (r["added_kib"] / 1024),
            "%.0f" % r["each_bytes"],
        ])
    return lines


def sections(results):
    """(name, title, lines of a table, sentences) of all that was measured."""
    for s in SCENARIOS:
        r = results["scenarios"].get(s.name)
        if not r:
            continue
        more = []
        for target in r:  # only where nothing else is the bottleneck
            alone = s.name == "one" and target != "direct"
            gain = added(r, target) if alone else None
            if gain:
                more.append("%s adds %.0f us (p50), %.0f us (p99) to the "
                            "first byte" % (target, *gain))
        yield s.name, s.title, [heads(s), *rows(s, r)], more
    if results.get("idle"):
        yield ("idle", "connections at rest, after one request each",
               idle_lines(results["idle"]), [])


def about(results):
    m = results["machine"]
    return (
        "%s, %d cores, Linux %s, load average %.1f before and %.1f after; %s; "
        "%s; %d rounds of %g s; %s; counted with %s; times in microseconds" % (
            m["cpu"], m["cores"], m["kernel"], m["load_before"],
            m["load_after"], m["nginx"], m["haproxy"], m["rounds"],
            m["seconds"],
            "proxy on one core, engine and load on the others"
            if m["pinned"] else "not pinned",
            m["vocab"],
        )
    )


def table(results):
    parts = [about(results)]
    for name, title, lines, more in sections(results):
        parts.append("%s: %s\n%s" % (name, title, grid(lines)))
        parts += ["; ".join(more)] if more else []
    return "\n\n".join(parts)


def markdown(results):
    parts = [about(results) + "."]
    for name, title, lines, more in sections(results):
        parts.append("### %s: %s" % (name, title))
        parts.append(pipes(lines))
        parts += ["; ".join(more) + "."] if more else []
    return "\n\n".join(parts) + "\n"


def put_into(path, results):
    """Replace what stands between the two marks of a document."""
    before, _, rest = path.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    path.write_text(
        before + BEGIN + "\n" + markdown(results) + END + after)


def errors(results):
    """A sentence for each target whose answers were not all right."""
    out = []
    every = [*results["scenarios"].items()]
    if results.get("idle"):
        every.append(("idle", results["idle"]))
    for name, targets in every:
        for target, r in targets.items():
            if r["errors"]:
                out.append("%s, %s: %d answers were wrong" % (
                    name, target, r["errors"]))
    return out
