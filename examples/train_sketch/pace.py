"""Chooses the number of threads while training, on a machine shared with other work.

A parallel section waits for its slowest thread, so two threads on a machine with one free core are
slower than one. Every so often each number is tried for a few steps, and the quickest is kept.
"""

import time

import torch


class Pace:
    def __init__(self, most, tries=3, every=60):
        self._most, self._tries, self._every = most, tries, every
        self._step, self._times, self._began = 0, {}, None
        torch.set_num_threads(most)

    def tick(self):
        """To be called once at the start of each step."""
        if self._most < 2:
            return
        now = time.perf_counter()
        trial = self._step % self._every
        if self._began is not None and 0 < trial <= 2 * self._tries:
            self._times.setdefault(torch.get_num_threads(), []).append(now - self._began)
        if trial == 0:
            self._times = {}
            torch.set_num_threads(1)
        elif trial == self._tries:
            torch.set_num_threads(self._most)
        elif trial == 2 * self._tries:
            best = min(self._times, key=lambda n: sorted(self._times[n])[len(self._times[n]) // 2])
            torch.set_num_threads(best)
        self._step += 1
        self._began = now

    def __str__(self):
        return f"{torch.get_num_threads()} threads"
