"""Pictures halfway through being drawn, with guidance, by the network as it is at the moment.

Trained on noised scenes alone, a network this small never meets what strong guidance makes of its
own mistakes - colours beyond the palette, specks on bare paper - and at a guidance scale of 7.5 they
grow from step to step. So a part of every batch is taken from short stretches of its own guided
sampling, and the network learns to lead these back to the scene they began with (the idea of DAgger,
Ross et al., 2011).
"""

import torch

STEPS = 20
# Half the stretches begin with nothing but noise and run while it is strong, which is where guidance
# goes too far; how an object lies within its seat cannot be seen there yet. The others begin
# anywhere and are short: further on, the scene that they began with is no longer in the noise.
LONGEST_EARLY = 11
LONGEST = 5
STRONGEST_GUIDANCE = 9.0


class Rollouts:
    """`count` stretches under way at once, each at its own step, scale and randomness."""

    def __init__(self, count, alphas, codes):
        self._codes = codes  # clean latents, scaled
        times = 999 - (torch.arange(STEPS) * len(alphas)) // STEPS  # "trailing"
        levels = alphas.cpu()[times]
        self._times = times
        self._sigmas = torch.cat([((1 - levels) / levels).sqrt(), torch.zeros(1)])
        self.scenes = torch.zeros(count, dtype=torch.long)
        self._at = torch.full((count,), STEPS)
        self._until = torch.zeros(count, dtype=torch.long)
        self._scale = torch.zeros(count)
        self._ancestral = torch.zeros(count)
        self._x = torch.zeros(count, *codes.shape[1:])
        self._restart()

    def _restart(self):
        for k in torch.nonzero(self._at >= self._until).flatten().tolist():
            self.scenes[k] = torch.randint(len(self._codes), ())
            early = torch.rand(()) < 0.5
            self._at[k] = 0 if early else torch.randint(STEPS, ())
            longest = LONGEST_EARLY if early else LONGEST
            self._until[k] = min(STEPS, int(self._at[k]) + int(torch.randint(1, longest + 1, ())))
            self._scale[k] = 1 + (STRONGEST_GUIDANCE - 1) * torch.rand(()).sqrt()
            self._ancestral[k] = float(torch.rand(()) < 0.6)
            clean = self._codes[self.scenes[k]]
            self._x[k] = clean + self._sigmas[self._at[k]] * torch.randn_like(clean)

    def _levels(self):
        sigma = self._sigmas[self._at][:, None, None, None]
        signal = (1 + sigma**2).rsqrt()
        return sigma, signal

    def batch(self):
        """(noisy latents as the network takes them, times, targets of v-prediction)."""
        sigma, signal = self._levels()
        clean = self._codes[self.scenes]
        noise = (self._x - clean) / sigma
        return signal * self._x, self._times[self._at], signal * (noise - sigma * clean)

    def advance(self, conditional, unconditional):
        """One guided step from the network's two predictions for `batch()`."""
        sigma, signal = self._levels()
        v = unconditional + self._scale[:, None, None, None] * (conditional - unconditional)
        clean = signal * (signal * self._x - sigma * v)
        after = self._sigmas[self._at + 1][:, None, None, None]
        up = after * (1 - (after / sigma) ** 2).clamp(min=0).sqrt()
        up = up * self._ancestral[:, None, None, None]
        down = (after**2 - up**2).clamp(min=0).sqrt()
        self._x = clean + (self._x - clean) * (down / sigma) + up * torch.randn_like(clean)
        self._at += 1
        self._restart()
