"""Muon: momentum whose matrices are made orthogonal before they are applied.

K. Jordan et al., 2024. In runs as short as these it needs markedly fewer steps than AdamW, which
still serves here for vectors and for the first and the last layer.
"""

import torch


def orthogonal(matrix, rounds=5):
    """About U V^T of the singular value decomposition U S V^T, by a quintic Newton-Schulz."""
    a, b, c = 3.4445, -4.7750, 2.0315
    x = matrix.bfloat16()  # the rounding is far below what the quintic leaves
    tall = x.shape[0] > x.shape[1]
    if tall:
        x = x.T
    x = x / (x.norm() + 1e-7)
    for _ in range(rounds):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return (x.T if tall else x).to(matrix.dtype)


class Muon(torch.optim.Optimizer):
    """`lr` and `adam_lr` are the greatest rates; training.py says how much of them a step takes."""

    def __init__(self, model, lr=0.02, adam_lr=8e-4, weight_decay=0.01, only=None):
        # `only`: beginnings of the names of the parameters to train.
        matrices, others = [], []
        for name, parameter in model.named_parameters():
            if only is not None and not name.startswith(only):
                continue
            outer = "conv_in" in name or "conv_out" in name
            inside = parameter.ndim >= 2 and not outer
            (matrices if inside else others).append(parameter)
        super().__init__(
            [dict(params=matrices, base=lr, muon=True),
             dict(params=others, base=adam_lr, muon=False)],
            dict(lr=0.0, weight_decay=weight_decay),
        )

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            rate = group["lr"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if not state:
                    state["first"] = torch.zeros_like(p)
                    if not group["muon"]:
                        state["second"], state["count"] = torch.zeros_like(p), torch.tensor(0.0)
                if group["muon"]:
                    state["first"].lerp_(p.grad, 0.05)
                    push = p.grad.lerp(state["first"], 0.95).flatten(1)
                    push = orthogonal(push) * max(1, push.shape[0] / push.shape[1]) ** 0.5
                    p.mul_(1 - rate * group["weight_decay"])
                    p.add_(push.view_as(p), alpha=-rate)
                else:
                    state["count"] += 1
                    count = state["count"].item()
                    state["first"].lerp_(p.grad, 0.1)
                    state["second"].lerp_(p.grad.square(), 0.01)
                    scale = (state["second"] / (1 - 0.99**count)).sqrt_().add_(1e-8)
                    p.addcdiv_(state["first"], scale, value=-rate / (1 - 0.9**count))
