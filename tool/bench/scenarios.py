"""What is measured: traffic, and which numbers of it matter."""

KEY_FIELD = "Authorization: Bearer %s"


class Scenario:
    def __init__(self, name, title, engine, load, unit="request", share=1.0,
                 counts=None):
        self.name = name
        self.title = title
        self.engine = engine  # options of weir-engine
        self.load = load  # options of weir-load
        self.unit = unit  # of CPU: per request or per event
        self.share = share  # of the usual time of a round
        self.counts = counts  # how prompts vary, where weir counts them


EVENTS = 64
CONTEXT = 1 << 20  # everything fits

SCENARIOS = [
    Scenario(
        "small",
        "32 connections, 0.3 KB there and back, not streamed",
        [],
        ["--connections", 32],
    ),
    Scenario(
        "stream",
        "64 streams at once, 64 events back to back each",
        ["--events", EVENTS],
        ["--connections", 64, "--stream", "--expect-events", EVENTS + 2],
    ),
    Scenario(
        "paced",
        "400 streams, an event every 10 ms each",
        ["--events", EVENTS, "--interval-us", 10000],
        ["--connections", 400, "--stream", "--expect-events", EVENTS + 2,
         "--ramp-us", 1600],
        "event",
        1.5,
    ),
    Scenario(
        "big",
        "8 connections, prompts of 500 KB, answers of 0.3 KB",
        ["--context", CONTEXT],  # one that may not fit would be asked about
        ["--connections", 8, "--prompt-bytes", 500000],
    ),
    Scenario(
        "big-known",
        "as big, counted: one conversation, its last turn of 256 bytes is new",
        ["--context", CONTEXT],
        ["--connections", 8, "--prompt-bytes", 500000, "--vary", "known"],
        counts="known",
    ),
    Scenario(
        "big-warm",
        "as big, counted: a new text of words that came before",
        ["--context", CONTEXT],
        ["--connections", 8, "--prompt-bytes", 500000, "--vary", "warm"],
        counts="warm",
    ),
    Scenario(
        "big-cold",
        "as big, counted: a new text of words that nobody has seen",
        ["--context", CONTEXT],
        ["--connections", 8, "--prompt-bytes", 500000, "--vary", "cold"],
        counts="cold",
    ),
    Scenario(
        "one",
        "a lone caller, streamed, 16 events, resting 1 ms between requests",
        ["--events", 16],
        ["--connections", 1, "--stream", "--expect-events", 18,
         "--think-us", 1000],
    ),
]

IDLE = "idle"
