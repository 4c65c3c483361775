"""Training by the clock: how a network keeps what it has come to, goes on from there, and learns less
and less in a step towards the end."""

import math
import random
import time

import torch

from pace import Pace


class Training:
    """`minutes` of one network's training in all, over any number of calls.

        training = Training("diffusion", folder, 100, unet, optimizer, log)
        for step in training.steps():
            training.learn(loss)

    What it has come to is in folder/diffusion.pt. Each group of the optimizer's parameters names its
    greatest learning rate "base": reached after `warm_up` steps, kept for the share `level` of the
    time, then lowered along a cosine. `average`, a copy of the network, becomes a running mean of its
    weights, of which a step keeps at most the share `keep`.
    """

    def __init__(self, name, folder, minutes, model, optimizer, log, average=None, keep=0.998,
                 warm_up=60, level=0.0):
        self._name, self._log, self._checkpoint = name, log, folder / f"{name}.pt"
        self._model, self._optimizer, self._average, self._keep = model, optimizer, average, keep
        self._seconds, self._warm_up, self._level = 60 * minutes, warm_up, level
        self._step, self._spent, self._shown = 0, 0.0, {}
        if self._checkpoint.exists():
            device = next(model.parameters()).device
            state = torch.load(self._checkpoint, map_location=device, weights_only=True)
            model.load_state_dict(state["model"])
            optimizer.load_state_dict(state["optimizer"])
            if average is not None:
                average.load_state_dict(state["ema"])
            self._step, self._spent = state["step"], state["spent"]
            log(f"{name}: goes on from step {self._step}, {self._spent / 60:.1f} minutes in")
        # Neither the numbers that the steps so far have had, nor those of another network.
        self.rng = random.Random(f"{name} {self._step}")
        torch.manual_seed(self.rng.getrandbits(32))

    def steps(self):
        """The numbers of the steps; only what comes before `learn` counts as time."""
        pace, last_save, last_line = Pace(), time.time(), time.time()
        while self._spent < self._seconds:
            pace.tick()
            self._began = time.time()
            # By the clock: a busy machine makes fewer steps, not worse ones.
            fall = max(0.0, (self._spent / self._seconds - self._level) / (1 - self._level))
            rate = min(1, (self._step + 1) / self._warm_up)
            rate *= 0.01 + 0.495 * (1 + math.cos(math.pi * fall))
            for group in self._optimizer.param_groups:
                group["lr"] = group["base"] * rate
            yield self._step
            ended = self._spent >= self._seconds
            if ended or time.time() - last_line > 30:
                shown = " ".join(f"{what} {value:.5f}" for what, value in self._shown.items())
                self._log(f"{self._name}: step {self._step} minute {self._spent / 60:.1f} {shown} "
                          f"rate {rate:.2f} {pace}")
                last_line = time.time()
            if ended or time.time() - last_save > 120:
                self._save()
                last_save = time.time()

    def learn(self, loss, **shown):
        """One step of the optimizer; the log has a running mean of the loss and of `shown`."""
        self._optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._model.parameters(), 1.0)
        self._optimizer.step()
        self._step += 1
        if self._average is not None:
            share = max(1 - self._keep, 6 / (self._step + 12))
            with torch.no_grad():
                torch._foreach_lerp_([*self._average.parameters()], [*self._model.parameters()], share)
        for what, value in dict(loss=loss, **shown).items():
            self._shown[what] = 0.98 * self._shown.get(what, value.item()) + 0.02 * value.item()
        self._spent += time.time() - self._began

    def _save(self):
        state = dict(model=self._model.state_dict(), optimizer=self._optimizer.state_dict(),
                     step=self._step, spent=self._spent)
        if self._average is not None:
            state["ema"] = self._average.state_dict()
        torch.save(state, self._checkpoint.with_suffix(".new"))
        self._checkpoint.with_suffix(".new").replace(self._checkpoint)
