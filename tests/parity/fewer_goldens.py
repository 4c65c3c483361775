"""DeepCache and token merging on the tiny UNets of tests/goldens/models, by references of our own.

fewer.safetensors holds, for each network:
  NAME.later, NAME.later_timestep    a second step, after the one in the network's io.safetensors (.0)
  NAME.deep.BRANCH                   its answer with the deep features of the first, cut at that skip connection
  NAME.merged                        the first step's answer with half of the tokens merged, at every level
  NAME.merged_outermost              the same at the level of the latent alone
"""

import contextlib
import math

import diffusers
import torch
from safetensors.torch import load_file

from golden_files import GOLDENS, generator, write_safetensors
from guidance_goldens import load_part

NETWORKS = ("unet_sd1", "unet_sd2", "unet_sdxl", "unet_uneven")
RATIO = 0.5
# What decides between two tokens must show in f32 whatever the order of sums.
CLEAR = 2e-6


def skip_widths(unet):
    widths = [unet.conv_in.out_channels]
    for block in unet.down_blocks:
        widths += [resnet.out_channels for resnet in block.resnets]
        widths += [block.resnets[-1].out_channels] * len(block.downsamplers or [])
    return widths


@contextlib.contextmanager
def hidden_at(unet, branch, replace=None):
    """Yields a list that gets what the layer that takes skip connection `branch` is given beside it;
    `replace` goes in its place. Nothing inside of that layer reaches the network's end otherwise."""
    resnets = [resnet for block in unet.up_blocks for resnet in block.resnets]
    widths = skip_widths(unet)
    resnet = resnets[len(widths) - 1 - branch]
    hidden = resnet.in_channels - widths[branch]
    seen = []

    def hook(_module, inputs):
        seen.append(inputs[0][:, :hidden])
        if replace is None:
            return None
        return (torch.cat([replace, inputs[0][:, hidden:]], dim=1), *inputs[1:])

    handle = resnet.register_forward_pre_hook(hook)
    try:
        yield seen
    finally:
        handle.remove()


def merging(x, height, width, ratio):
    """The matrices that merge the tokens x [rows, channels] of one picture, and tell them apart again."""
    rows = height * width
    cells = [(2 * i) * width + 2 * j for i in range(height // 2) for j in range(width // 2)]
    others = [i for i in range(rows) if i not in set(cells)]
    count = min(int(rows * ratio), len(others))
    unit = torch.nn.functional.normalize(x.double(), dim=-1)
    likeness = unit[others] @ unit[cells].T
    best, where = likeness.max(dim=1)
    order = torch.argsort(best, descending=True, stable=True)
    gone = {others[i]: cells[where[i]] for i in order[:count].tolist()}
    if 0 < count < len(others):
        assert best[order[count - 1]] - best[order[count]] > CLEAR, "two tokens are alike as much as two others"
    if len(cells) > 1:
        two = likeness[order[:count]].topk(2, dim=1).values
        assert (two[:, 0] - two[:, 1]).min() > CLEAR, "a token is as much like one as like another"
    kept = [i for i in range(rows) if i not in gone]
    place = {token: row for row, token in enumerate(kept)}
    apart = torch.zeros(rows, len(kept), dtype=torch.float64)
    for token in range(rows):
        apart[token, place[gone.get(token, token)]] = 1
    together = apart.T / apart.sum(dim=0)[:, None]
    return together.float(), apart.float()


@contextlib.contextmanager
def merged_tokens(unet, latent, ratio, max_downsample):
    pixels = latent.shape[2] * latent.shape[3]
    undo = []

    def transformer_hook(module, inputs):
        for block in module.transformer_blocks:
            block.grid = inputs[0].shape[2:]

    def block_hook(block, inputs):
        block.seen = inputs[0]

    def attend(block, original):
        def forward(hidden, **given):
            height, width = block.grid
            if math.ceil(math.sqrt(pixels // (height * width))) > max_downsample or min(height, width) < 2:
                return original(hidden, **given)
            pairs = [merging(x, height, width, ratio) for x in block.seen]
            seen = original(torch.stack([pair[0] @ x for pair, x in zip(pairs, hidden)]), **given)
            return torch.stack([pair[1] @ x for pair, x in zip(pairs, seen)])
        return forward

    for module in unet.modules():
        if isinstance(module, diffusers.models.Transformer2DModel):
            undo.append(module.register_forward_pre_hook(transformer_hook).remove)
        if isinstance(module, diffusers.models.attention.BasicTransformerBlock):
            undo.append(module.register_forward_pre_hook(block_hook).remove)
            attention, original = module.attn1, module.attn1.forward
            attention.forward = attend(module, original)
            undo.append(lambda attention=attention, original=original: setattr(attention, "forward", original))
    try:
        yield
    finally:
        for step in undo:
            step()


def cases(name, seed):
    unet = load_part(diffusers.UNet2DConditionModel, name, "unet")
    given = load_file(GOLDENS / "models" / name / "io.safetensors")
    first, timestep = given["sample.0"], float(given["timestep.0"])
    told = {"encoder_hidden_states": given["encoder_hidden_states.0"]}
    if "time_ids.0" in given:
        told["added_cond_kwargs"] = {"text_embeds": given["text_embeds.0"], "time_ids": given["time_ids.0"]}
    later = 0.8 * first + 0.4 * torch.randn(first.shape, generator=generator(seed))
    later_timestep = timestep * 0.75
    found = {"later": later, "later_timestep": torch.tensor([later_timestep])}

    last = len(skip_widths(unet)) - 1
    whole = unet(later, later_timestep, **told).sample
    for branch in sorted({0, 1, 2, last}):
        with hidden_at(unet, branch) as seen:
            unet(first, timestep, **told)
        with hidden_at(unet, branch, replace=seen[0]):
            found[f"deep.{branch}"] = unet(later, later_timestep, **told).sample
        assert (found[f"deep.{branch}"] - whole).abs().max() > 1e-2 * whole.abs().max(), "the cache does not show"
    plain = unet(first, timestep, **told).sample
    for kind, downsample in (("merged", 8), ("merged_outermost", 1)):
        with merged_tokens(unet, first, RATIO, downsample):
            found[kind] = unet(first, timestep, **told).sample
    assert (found["merged"] - plain).abs().max() > 1e-2 * plain.abs().max(), "merging does not show"
    return {f"{name}.{key}": value for key, value in found.items()}


def make():
    tensors = {}
    for seed, name in enumerate(NETWORKS):
        tensors |= cases(name, 100 + seed)
    write_safetensors(GOLDENS / "fewer" / "fewer.safetensors", tensors)
    return f"{len(tensors)} tensors of {len(NETWORKS)} networks"
