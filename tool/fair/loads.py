"""First come first served on an engine that holds one model: what happens
without weir.  Who is first waits until its model can be loaded; nobody passes.
"""
from workload import INPUT_US, OUTPUT_US, Run


def first_come_with_loads(workload):
    flying, served, loads = [], [], []
    now, held = 0, None
    for number, request in enumerate(workload.requests):
        now = max(now, request.at_us)
        flying = [end for end in flying if end > now]
        if len(flying) == workload.slots:
            now = min(flying)
        if request.model != held:
            now = max([now] + flying)
            loads.append((now, request.model, -1 if held is None else held))
            held = request.model
            now += workload.load_us[held]
        flying = [end for end in flying if end > now]
        end = (now + request.input_tok * INPUT_US
               + request.output_tok * OUTPUT_US)
        flying.append(end)
        served.append((number, now, end))
    return Run(workload, served, loads)
