"""The simulated engine of sim.c once more, around the slow reference."""
from reference import Item, Reference
from workload import INPUT_US, OUTPUT_US

AGE_US = 60 * 1000 * 1000


def dispatches(workload):
    """[(number, start_us)] in the order in which the reference gives out."""
    ref = Reference(workload.n_callers, AGE_US)
    for caller, at_once, weight in zip(ref.callers, workload.at_once,
                                       workload.weights):
        ref.set_caller(caller, at_once, weight)
    numbers, flying, given = {}, [], []
    come = 0
    requests = workload.requests
    while come < len(requests) or flying:
        moments = [end for _, _, end, _ in flying]
        if come < len(requests):
            moments.append(requests[come].at_us)
        now = min(moments)
        for item, start, end, request in flying:
            us = now - start - request.input_tok * INPUT_US
            ref.charge(item, request.input_tok,
                       min(max(0, us // OUTPUT_US), request.output_tok))
        for item, start, end, request in flying:
            if end <= now:
                ref.note_service(item, end - start)
                ref.remove(item, False)
        flying = [f for f in flying if f[2] > now]
        while come < len(requests) and requests[come].at_us <= now:
            request = requests[come]
            item = Item(ref.callers[request.caller], request.model,
                        request.band, request.input_tok)
            numbers[item] = come
            ref.add(item, now)
            come += 1
        while len(flying) < workload.slots:
            item = ref.next(now, lambda model: True)
            if item is None:
                break
            number = numbers.pop(item)
            request = requests[number]
            end = (now + request.input_tok * INPUT_US
                   + request.output_tok * OUTPUT_US)
            flying.append((item, now, end, request))
            given.append((number, now))
    return given
