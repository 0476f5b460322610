"""Times a training step of GAN-INT-CLS in eager PyTorch, in alternation with ours.

    pip install torch==2.13.0
    cargo build --example text_gan_step_time -p text-gan
    python docs/compare_text_gan.py [--side 32 --width 32 --batch 64] [--variant int-cls] [--rounds 3]

Both sides: the same networks, batch, threads and libtorch version, random pictures and text vectors, f32. `plain` is
the loop of the released code: a discriminator pass for each kind of pair, and fresh noise for the generator's turn.
`shared` computes what ours does: one pass of the generator for both players, one of the discriminator's convolutions for
both texts of a real picture. Prints the minimum and median of each round in milliseconds, and the ratios of the medians.
"""

import argparse
import pathlib
import statistics
import sys
import time

from compare_pytorch import report, timed

NOISE, TEXT, PROJECTED = 32, 128, 64


def networks(a):
    import torch
    from torch import nn

    torch.set_num_threads(a.threads)
    torch.manual_seed(0)
    levels = (a.side // 4).bit_length() - 1
    up = [a.width << (levels - 1 - k) for k in range(levels)]
    down = [a.width << k for k in range(levels)]

    class Generator(nn.Module):
        def __init__(self):
            super().__init__()
            self.text = nn.Linear(TEXT, PROJECTED)
            layers = [nn.ConvTranspose2d(NOISE + PROJECTED, up[0], 4, 1, 0, bias=False), nn.BatchNorm2d(up[0]), nn.ReLU()]
            for i, o in zip(up, up[1:]):
                layers += [nn.ConvTranspose2d(i, o, 4, 2, 1, bias=False), nn.BatchNorm2d(o), nn.ReLU()]
            layers += [nn.ConvTranspose2d(up[-1], 3, 4, 2, 1, bias=False), nn.Tanh()]
            self.body = nn.Sequential(*layers)

        def forward(self, z, t):
            t = nn.functional.leaky_relu(self.text(t), 0.2)
            return self.body(torch.cat([z, t], 1)[:, :, None, None])

    class Discriminator(nn.Module):
        def __init__(self):
            super().__init__()
            layers = [nn.Conv2d(3, down[0], 4, 2, 1, bias=False), nn.LeakyReLU(0.2)]
            for i, o in zip(down, down[1:]):
                layers += [nn.Conv2d(i, o, 4, 2, 1, bias=False), nn.BatchNorm2d(o), nn.LeakyReLU(0.2)]
            self.trunk = nn.Sequential(*layers)
            self.text = nn.Linear(TEXT, PROJECTED)
            self.head = nn.Sequential(
                nn.Conv2d(down[-1] + PROJECTED, down[-1], 1, bias=False), nn.BatchNorm2d(down[-1]), nn.LeakyReLU(0.2),
                nn.Conv2d(down[-1], 1, 4, bias=False),
            )

        def score(self, features, t):
            t = nn.functional.leaky_relu(self.text(t), 0.2)[:, :, None, None].expand(-1, -1, 4, 4)
            return self.head(torch.cat([features, t], 1)).flatten()

        def forward(self, x, t):
            return self.score(self.trunk(x), t)

    return Generator(), Discriminator()


def pytorch(a, shared):
    import torch
    from torch.nn.functional import softplus

    g, d = networks(a)
    of_g = torch.optim.Adam(g.parameters(), 2e-4, (0.5, 0.999))
    of_d = torch.optim.Adam(d.parameters(), 2e-4, (0.5, 0.999))
    images, texts = torch.rand(512, 3, a.side, a.side) * 2 - 1, torch.randn(96, TEXT)
    aware, between, half = "cls" in a.variant, "int" in a.variant, a.batch // 2
    times = []
    for _ in range(a.steps):
        started = time.perf_counter()
        x = images[torch.randint(512, (a.batch,))]
        right, wrong = texts[torch.randint(96, (a.batch,))], texts[torch.randint(96, (a.batch,))]
        every = torch.cat([right, (right[:half] + right[half:]) / 2]) if between else right
        if shared:
            made = g(torch.randn(len(every), NOISE), every)
            fake = made[: a.batch].detach()
            features = d.trunk(x)
            real, other = d.score(features, right), d.score(features, wrong) if aware else None
        else:
            with torch.no_grad():
                fake = g(torch.randn(a.batch, NOISE), right)
            real, other = d(x, right), d(x, wrong) if aware else None
        faked = softplus(d(fake, right)).mean()
        loss = softplus(-real).mean() + (0.5 * (softplus(other).mean() + faked) if aware else faked)
        of_d.zero_grad()
        loss.backward()
        of_d.step()
        if not shared:
            made = g(torch.randn(len(every), NOISE), every)
        loss = softplus(-d(made, every)).mean()
        of_g.zero_grad()
        loss.backward()
        of_g.step()
        loss.item()
        times.append(1e3 * (time.perf_counter() - started))
    return sum(p.numel() for n in (g, d) for p in n.parameters()), times


def ours(a):
    return timed(a, a.side, a.width, a.batch, a.steps, a.variant)[:2]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--side", type=int, default=32)
    p.add_argument("--width", type=int, default=32)
    p.add_argument("--batch", type=int, default=64)
    p.add_argument("--variant", default="int-cls")
    p.add_argument("--steps", type=int, default=30)
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--ours", default="target/debug/examples/text_gan_step_time")
    a = p.parse_args()
    if not pathlib.Path(a.ours).exists():
        sys.exit(f"{a.ours} is missing: cargo build --example text_gan_step_time -p text-gan")
    rounds = []
    for _ in range(a.rounds):
        sides = {}
        for name, shared in (("pytorch", False), ("pytorch shared", True)):
            count, times = pytorch(a, shared)
            sides[name] = (count, [min(times), statistics.median(times)])
        rounds.append(sides | {"ours": ours(a)})
    report(rounds, "pytorch", ("step",))


if __name__ == "__main__":
    main()
