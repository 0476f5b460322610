"""Times a DDPM training step and forward pass in eager PyTorch with the public U-Net, in alternation with ours.

    pip install torch==2.13.0 diffusers==0.42.1
    cargo build --example step_time -p ddpm
    python docs/compare_pytorch.py [--levels 16,32,32 --attention 0,0,1 --patch 1] [--rounds 3]

Both sides: the same architecture, batch, threads and libtorch version; the PyTorch side is a plain loop with Adam in f32.
Prints the minimum and median of each round in milliseconds, and the ratios PyTorch / ours of the medians.
"""

import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import time


def parser(description, steps, ours):
    p = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--levels", default="16,32,32")
    p.add_argument("--attention", default="0,0,1")
    p.add_argument("--patch", type=int, default=1)
    p.add_argument("--batch", type=int, default=64)
    p.add_argument("--steps", type=int, default=steps)
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--ours", default=f"target/debug/examples/{ours}")
    return p


def network(a):
    """The public U-Net of the architecture."""
    import torch
    from diffusers import UNet2DModel

    torch.set_num_threads(a.threads)
    torch.manual_seed(0)
    attention = [x == "1" for x in a.attention.split(",")]
    channels, side = a.patch * a.patch, 28 // a.patch
    return UNet2DModel(
        sample_size=side, in_channels=channels, out_channels=channels, layers_per_block=1,
        block_out_channels=[int(x) for x in a.levels.split(",")], norm_num_groups=8, attention_head_dim=None,
        down_block_types=["AttnDownBlock2D" if x else "DownBlock2D" for x in attention],
        up_block_types=["AttnUpBlock2D" if x else "UpBlock2D" for x in reversed(attention)],
        downsample_padding=0, flip_sin_to_cos=False, freq_shift=1, norm_eps=1e-6,
    )


def pytorch(a):
    import torch

    net = network(a)
    channels, side = a.patch * a.patch, 28 // a.patch
    optimiser = torch.optim.Adam(net.parameters(), 1e-3)
    beta = torch.linspace(1e-4, 0.02, 1000)
    alpha_bar = torch.cumprod(1 - beta, 0)
    images = torch.randn(1000, channels, side, side)
    train, forward = [], []
    for _ in range(a.steps):
        started = time.perf_counter()
        x = images[torch.randint(1000, (a.batch,))]
        t = torch.randint(1000, (a.batch,))
        noise = torch.randn_like(x)
        level = alpha_bar[t][:, None, None, None]
        loss = torch.nn.functional.mse_loss(net(level.sqrt() * x + (1 - level).sqrt() * noise, t).sample, noise)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        loss.item()
        train.append(1e3 * (time.perf_counter() - started))
    with torch.no_grad():
        for _ in range(a.steps):
            started = time.perf_counter()
            net(images[: a.batch], torch.full((a.batch,), 500))
            forward.append(1e3 * (time.perf_counter() - started))
    return sum(p.numel() for p in net.parameters()), train, forward


def printed(a, *arguments):
    """The words that our example prints."""
    environment = dict(os.environ, OMP_NUM_THREADS=str(a.threads))
    command = [a.ours, *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout.split()


def timed(a, *arguments):
    """(parameters, [minimum, median] of a step, [minimum, median] of the second thing) that our example prints."""
    words = printed(a, *arguments)
    return int(words[1]), [float(x) for x in words[3:5]], [float(x) for x in words[6:8]]


def ours(a, precision):
    return timed(a, a.levels, a.attention, a.patch, precision, a.batch, a.steps)


def report(rounds, base, columns):
    """Prints rounds, each a dict from a side's name to (parameters, [minimum, median], [minimum, median]), and the ratios of
    the medians to those of `base`."""
    for k, sides in enumerate(rounds):
        for name, (parameters, *times) in sides.items():
            cells = [f"{column} {low:7.1f} {mid:7.1f} ms" for column, (low, mid) in zip(columns, times)]
            print(f"round {k} {name:12} {parameters:9} parameters  {'  '.join(cells)}", flush=True)
    for name in rounds[0]:
        if name == base:
            continue
        cells = []
        for k, column in enumerate(columns, 1):
            ratios = [sides[base][k][1] / sides[name][k][1] for sides in rounds]
            cells.append(f"{column} {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")
        print(f"{base} / {name}: {', '.join(cells)}")


def main():
    a = parser(__doc__, 30, "step_time").parse_args()
    if not pathlib.Path(a.ours).exists():
        sys.exit(f"{a.ours} is missing: cargo build --example step_time -p ddpm")
    rounds = []
    for _ in range(a.rounds):
        count, train, forward = pytorch(a)
        theirs = (count, [min(train), statistics.median(train)], [min(forward), statistics.median(forward)])
        rounds.append({"pytorch f32": theirs} | {f"ours {p}": ours(a, p) for p in ("f32", "bf16")})
    report(rounds, "pytorch f32", ("step", "forward"))


if __name__ == "__main__":
    main()
