"""Chooses the number of threads while training, on a machine shared with other work.

A parallel section waits for its slowest thread, so two threads on a machine with one free core are
far slower than one. The load says how many cores others leave free.
"""

import os

import torch


class Pace:
    most = os.cpu_count() or 1  # threads; the command line may lower it

    def __init__(self, every=20):
        self._every, self._step = every, 0
        self.tick()

    def tick(self):
        """To be called once at the start of each step."""
        if self._step % self._every == 0:
            others = os.getloadavg()[0] - torch.get_num_threads()
            free = (os.cpu_count() or 1) - max(0.0, others)
            torch.set_num_threads(max(1, min(Pace.most, int(free + 0.4))))
        self._step += 1

    def __str__(self):
        return f"{torch.get_num_threads()} threads"
