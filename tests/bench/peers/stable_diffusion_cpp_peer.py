"""stable-diffusion.cpp by stable-diffusion-cpp-python: it draws whole pictures alone, so its own log
says what the part of one took."""

import re
import time

import numpy
import stable_diffusion_cpp
from stable_diffusion_cpp import StableDiffusion
from worker import serve

# One step tells what a step takes. The rest is left at its defaults; flash attention took longer here.
STEPS = 1
SMALL = 64  # the side of a picture that warms up, and that a text is measured with
PATTERNS = {
    # "sampling completed, taking 22.31s" and the like: seconds of all steps, of the decoder
    "unet": re.compile(r"sampling.* completed, taking ([0-9.]+)s"),
    "vae_decode": re.compile(r"(?:decode_first_stage|latent .*) (?:completed|decoded), taking ([0-9.]+)s"),
    "text": re.compile(r"get_learned_condition completed, taking ([0-9.]+) ?(ms|s)"),
}
lines = []


class Told:
    """A run's seconds as the program told them."""

    def __init__(self, seconds):
        self.seconds = seconds


@stable_diffusion_cpp.sd_log_callback  # lives as long as the library may call it
def keep_line(level, text, data):
    lines.append(text.decode(errors="replace"))


def load(case):
    stable_diffusion_cpp.sd_set_log_callback(keep_line, None)
    model = StableDiffusion(
        model_path=case["single_file"], wtype="f32" if case["precision"] == "f32" else "f16",
        n_threads=case["threads"], verbose=True,
    )
    size = SMALL if case["part"] == "text" else 8 * inputs_size(case)

    def draw(side):
        model.generate_image(
            prompt="a photograph of a lighthouse", width=side, height=side, sample_steps=STEPS, cfg_scale=7.5, seed=1,
            vae_tiling=case["part"] == "unet",  # memory of a decoder that is not looked at
        )

    def run():
        lines.clear()
        draw(size)
        for line in lines:
            found = PATTERNS[case["part"]].search(line)
            if found:
                seconds = float(found.group(1))
                if case["part"] == "unet":
                    seconds /= STEPS
                if found.lastindex == 2 and found.group(2) == "ms":
                    seconds /= 1000
                return Told(seconds)
        raise RuntimeError("its log does not say what this part took: " + " | ".join(lines)[-200:])

    draw(SMALL)
    return run


def inputs_size(case):
    return int(numpy.load(case["inputs"] + "/latent.npy").shape[-1])


serve(load, warm_ups=0)
