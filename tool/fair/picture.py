"""Small SVG pictures: lines over time, one panel beside the other."""
from xml.sax.saxutils import escape

COLOURS = ["#0b6e99", "#d9730d", "#6940a5", "#448361"]
PANEL, HEIGHT, GAP, LEFT, TOP = 250, 130, 18, 46, 40


def nice(most):
    """A round number at or above `most`, for the top of an axis."""
    step = 1
    while True:
        for factor in 1, 2, 2.5, 5, 10:
            if factor * step >= most:
                return factor * step
        step *= 10


def text(x, y, words, anchor="start", colour="#444", weight="normal"):
    return ('<text x="%.0f" y="%.0f" text-anchor="%s" fill="%s" '
            'font-weight="%s">%s</text>' % (
                x, y, anchor, colour, weight, escape(words)))


def panel(x, title, lines, span, top, is_first):
    """One panel at x; `lines`: for each caller [(time, value)]."""
    out = [text(x, TOP - 8, title, weight="bold", colour="#222")]
    for part in 0, 0.5, 1:
        y = TOP + HEIGHT * (1 - part)
        out.append('<path d="M%.0f %.1fh%d" stroke="#ddd"/>' % (x, y, PANEL))
        if is_first:
            out.append(text(x - 5, y + 4, "%g" % (top * part), "end"))
    for minute in range(0, int(span / 60) + 1, 2):
        out.append(text(x + PANEL * minute * 60 / span, TOP + HEIGHT + 14,
                        "%d" % minute, "middle"))
    for caller, points in enumerate(lines):
        path = "L".join("%.1f %.1f" % (
            x + PANEL * t / span, TOP + HEIGHT * (1 - min(v, top) / top))
            for t, v in points)
        out.append('<path d="M%s" fill="none" stroke="%s" '
                   'stroke-width="1.6"/>' % (
                       path, COLOURS[caller % len(COLOURS)]))
    return out


def draw(path, what, names, panels, span):
    """Write a picture of `panels` [(title, lines)] to `path`."""
    top = nice(max(v for _, lines in panels for line in lines
                   for _, v in line))
    width = LEFT + len(panels) * (PANEL + GAP)
    height = TOP + HEIGHT + 32
    out = ['<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" '
           'viewBox="0 0 %d %d" font-family="sans-serif" font-size="11" '
           'role="img"><title>%s</title>' % (
               width, height, width, height, escape(what)),
           '<rect width="100%" height="100%" fill="#fff"/>',
           text(4, 14, what)]
    x = width - 8
    for caller in reversed(range(len(names))):
        out.append(text(x, 14, names[caller], "end",
                        COLOURS[caller % len(COLOURS)], "bold"))
        x -= 7 * len(names[caller]) + 14
    for i, (title, lines) in enumerate(panels):
        out += panel(LEFT + i * (PANEL + GAP), title, lines, span, top, i == 0)
    out.append(text(width - 8, height - 2, "minutes", "end"))
    out.append("</svg>\n")
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(out))
