"""What every peer's process speaks: one JSON object a line, on standard input and output.

    {"load": {case}}      -> {"loaded": seconds}      the network is ready, and has warmed up
    {"run": true}         -> {"seconds": seconds}     one run
    {"save": "path.npy"}  -> {"saved": true}          the result of the last run
    {"quit": true}        -> {"peak_bytes": bytes}    the most memory that the process held

Whatever else a library prints goes to standard error.
"""

import json
import os
import resource
import sys
import time
import traceback


def serve(load, warm_ups=2):
    """`load(case)` gives a function without arguments: one run, whose result is an array."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    run = result = None

    def answer(request):
        nonlocal run, result
        if "load" in request:
            begin = time.perf_counter()
            run = load(request["load"])
            for _ in range(warm_ups):
                result = run()
            return {"loaded": time.perf_counter() - begin}
        if "run" in request:
            begin = time.perf_counter()
            result = run()
            # A program that does more than the part tells what the part alone took.
            return {"seconds": getattr(result, "seconds", time.perf_counter() - begin)}
        if "save" in request:
            if hasattr(result, "seconds"):
                return {"saved": False}
            import numpy

            numpy.save(request["save"], numpy.asarray(result, dtype=numpy.float32))
            return {"saved": True}
        return {"peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}

    for line in sys.stdin:
        request = json.loads(line)
        try:
            reply = answer(request)
        except Exception as error:  # the table shall say why, whatever it was
            traceback.print_exc()
            reply = {"error": f"{type(error).__name__}: {error}".splitlines()[0][:300]}
        print(json.dumps(reply), file=answers)
        if "quit" in request or "error" in reply:
            return
