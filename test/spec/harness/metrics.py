"""The Prometheus text format, read strictly."""

import re

SAMPLE = re.compile(
    r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? ([-+0-9.eE]+|\+Inf|NaN)"
)
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)')


def parse(text):
    """[(name, labels, value)] of all samples; raises at what is no sample."""
    samples = []
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        match = SAMPLE.fullmatch(line)
        assert match, "not a sample: %r" % line
        name, rest, value = match.groups()
        labels, at = {}, 0
        while rest and at < len(rest):
            label = LABEL.match(rest, at)
            assert label, "odd labels: %r" % line
            labels[label.group(1)] = label.group(2)
            at = label.end()
        samples.append((name, labels, float(value)))
    return samples


def total(samples, name, **labels):
    """The sum over the series of ${name} that have these labels."""
    return sum(
        value
        for n, have, value in samples
        if n == name and all(have.get(k) == v for k, v in labels.items())
    )
