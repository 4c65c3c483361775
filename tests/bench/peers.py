#!/usr/bin/env python3
"""weft against PyTorch with diffusers, OpenVINO and stable-diffusion.cpp, on the same random weights.

    python3 tests/bench/peers.py             all cases: about an hour on two cores
    python3 tests/bench/peers.py --quick     text encoder and UNet of SD 1.5 in bf16: under five minutes
    python3 tests/bench/peers.py --case unet_bf16 --peer openvino --rounds 9
    python3 tests/bench/peers.py --table     what was measured here before, as Markdown and bars

Each peer comes from the Python index into a virtual environment of its own, each network from
full_size_models.py; both stay in build/bench for the next time. The peers of a case run in turn, round
by round, in processes that stay: a ratio is that of neighbours in time. A peer whose rounds of a case
have taken --most-seconds runs no more of them; one that cannot be installed or run is reported as
missing, with its reason. Writes results.json, in which what other calls measured stays, and ratios.svg.
"""

import argparse
import collections
import json
import os
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(HERE, "peers"))

from cases import CASES

REQUIREMENTS = {
    "weft": [ROOT],
    "pytorch": ["torch", "diffusers", "transformers", "accelerate", "numpy", "safetensors", "zstandard"],
    "openvino": ["openvino", "torch", "diffusers", "transformers", "accelerate", "numpy"],
    "stable_diffusion_cpp": ["stable-diffusion-cpp-python", "numpy", "pillow"],
}
PEERS = list(REQUIREMENTS)
QUICK = ["text_bf16", "unet_bf16"]


def say(text):
    print(text, file=sys.stderr, flush=True)


def environment(work, name, requirements, keep=False):
    """The Python of a virtual environment that has `requirements`; made once, but for weft's own, which is
    installed anew from these sources unless `keep`."""
    folder = os.path.join(work, "environments", name)
    python = os.path.join(folder, "bin", "python")
    done = os.path.join(folder, "done.json")
    if (name != "weft" or keep) and os.path.exists(done):
        return python
    say(f"installing {name}")
    if not os.path.exists(python):
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    command = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *requirements]
    finished = subprocess.run(command, capture_output=True, text=True)
    if finished.returncode != 0:
        lines = [line for line in finished.stderr.splitlines() if line.strip()] or ["pip failed"]
        raise RuntimeError(f"not installed: {lines[-1][:200]}")
    with open(done, "w") as file:
        json.dump(requirements, file)
    return python


class Peer:
    """A process that speaks worker.py's protocol."""

    def __init__(self, name, python, log):
        self.name = name
        self.log = open(log, "a")
        self.process = subprocess.Popen(
            [python, os.path.join(HERE, "peers", name + "_peer.py")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True,
        )

    def ask(self, **request):
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise RuntimeError(f"the process ended with {self.process.wait()}; see {self.log.name}")
        answer = json.loads(line)
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.log.close()


def cosine(a, b):
    import numpy

    a, b = numpy.load(a).ravel().astype("f8"), numpy.load(b).ravel().astype("f8")
    return float(a @ b / (numpy.linalg.norm(a) * numpy.linalg.norm(b))) if a.size == b.size else None


def measure(name, case, pythons, options):
    """{peer: {"seconds": […], "peak_bytes": …} or {"missing": why}}"""
    results, running, spent = {}, [], collections.Counter()
    for peer_name in options.peer:
        if isinstance(pythons[peer_name], Exception):
            results[peer_name] = {"missing": str(pythons[peer_name])}
            continue
        say(f"{name}: loading {peer_name}")
        peer = Peer(peer_name, pythons[peer_name], os.path.join(options.work, f"{peer_name}.log"))
        try:
            loaded = peer.ask(load=case)["loaded"]
            running.append(peer)
            results[peer_name] = {"loaded_seconds": loaded, "seconds": []}
        except Exception as error:
            results[peer_name] = {"missing": str(error)}
            peer.stop()
    for number in range(options.rounds):
        say(f"{name}: round {number + 1} of {options.rounds}")
        for peer in list(running):
            if spent[peer.name] > options.most_seconds:
                continue
            begin = time.perf_counter()
            try:
                results[peer.name]["seconds"].append(peer.ask(run=True)["seconds"])
                spent[peer.name] += time.perf_counter() - begin
            except Exception as error:
                results[peer.name] = {"missing": str(error)}
                running.remove(peer)
                peer.stop()
    outputs = {}
    for peer in running:
        output = os.path.join(options.work, f"{name}.{peer.name}.npy")
        if peer.ask(save=output)["saved"]:
            outputs[peer.name] = output
        results[peer.name]["peak_bytes"] = peer.ask(quit=True)["peak_bytes"]
        peer.stop()
    for peer_name, output in outputs.items():
        if "pytorch" in outputs:
            results[peer_name]["cosine_to_pytorch"] = cosine(output, outputs["pytorch"])
    return results


def roofline(case, python, options):
    """What `weft bench --roofline` says of a UNet step: the kernels against this machine's limits."""
    graph = os.path.join(HERE, "graphs", f"guided_step_{os.path.basename(case['model'])}.json")
    if case["part"] != "unet" or not os.path.exists(graph):
        return None
    inputs = case["inputs"]
    command = [os.path.join(os.path.dirname(python), "weft"), "bench", graph, "--roofline", "--json",
               "--rounds", "1", "--threads", str(case["threads"]), "--param", f"model={case['model']}"]
    if case["precision"] == "int8":
        command += ["--precision", "bf16", "--set", "model.precision=int8"]
    else:
        command += ["--precision", case["precision"]]
    for param in ("latent", "negative", "positive", "pooled_negative", "pooled_positive"):
        if os.path.exists(f"{inputs}/{param}.npy"):
            command += ["--param", f"{param}={inputs}/{param}.npy"]
    finished = subprocess.run(command, capture_output=True, text=True)
    if finished.returncode != 0:
        return {"missing": finished.stderr.strip()[-300:]}
    report = json.loads(finished.stdout)
    return {"machine": report["roofline"], "kernels": report["kernels"]}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="two cases, three rounds, without stable-diffusion.cpp")
    parser.add_argument("--case", action="append", choices=list(CASES), help="may be given many times")
    parser.add_argument("--peer", action="append", choices=PEERS, help="besides weft; may be given many times")
    parser.add_argument("--rounds", type=int, default=None)
    parser.add_argument("--most-seconds", type=float, default=300, help="of one peer's rounds of one case")
    parser.add_argument("--table", action="store_true", help="measures nothing")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--keep", action="store_true", help="take weft as it was installed the last time")
    parser.add_argument("--work", default=os.path.join(ROOT, "build", "bench"))
    options = parser.parse_args()
    cases = options.case or (QUICK if options.quick else list(CASES))
    options.rounds = options.rounds or (3 if options.quick else 7)
    chosen = options.peer or [peer for peer in PEERS[1:] if not options.quick or peer != "stable_diffusion_cpp"]
    options.peer = ["weft"] + [peer for peer in chosen if peer != "weft"]
    os.makedirs(options.work, exist_ok=True)

    own = environment(options.work, "benchmark", ["numpy", "matplotlib"])
    if os.path.realpath(sys.prefix) != os.path.realpath(os.path.dirname(os.path.dirname(own))):
        os.execv(own, [own, os.path.abspath(__file__), *sys.argv[1:]])

    import inputs  # needs NumPy
    import results

    known = results.Results(options.work, options.threads)
    bars = os.path.join(options.work, "ratios.svg")
    if options.table:
        print(results.markdown(known.cases, PEERS))
        results.plot(known.cases, PEERS, bars)
        return
    pythons = {}
    for peer in dict.fromkeys(options.peer + ["pytorch"]):  # PyTorch makes the models
        try:
            pythons[peer] = environment(options.work, peer, REQUIREMENTS[peer], options.keep)
        except Exception as error:
            pythons[peer] = error

    for name in cases:
        model, part, precision, _ = CASES[name]
        folder = os.path.join(options.work, "models", model)
        if not os.path.exists(os.path.join(folder, "model_index.json")):
            say(f"making {model}")
            command = shutil.which("weft") if isinstance(pythons["weft"], Exception) else os.path.join(
                os.path.dirname(pythons["weft"]), "weft")
            subprocess.run([pythons["pytorch"], os.path.join(HERE, "full_size_models.py"), model,
                            os.path.join(options.work, "models"),
                            "--weft", command or "weft"], check=True)
        inputs.make(os.path.join(folder, "inputs"), model)
        case = {"model": folder, "part": part, "precision": precision, "threads": options.threads,
                "inputs": os.path.join(folder, "inputs"), "single_file": folder + ".safetensors",
                "converted": os.path.join(options.work, "converted")}
        measured = measure(name, case, pythons, options)
        kernels = None
        if not isinstance(pythons["weft"], Exception):
            kernels = roofline(case, pythons["weft"], options)
        known.record(name, measured, kernels, time.strftime("%Y-%m-%d"))
        print(results.text(name, known.cases[name]))
    results.plot(known.cases, PEERS, bars)
    print(f"\n{known.machine['processor']}, {options.threads} threads; written: {known.path()} and {bars}")


if __name__ == "__main__":
    main()
