"""Times a DRAW training step and generation in eager PyTorch, in alternation with ours.

    pip install torch==2.13.0
    cargo build --example draw_step_time -p draw
    python docs/compare_draw.py [--glimpses 16 --hidden 128 --latent 8 --read 5 --write 5] [--rounds 3]

Both sides: the same model, batch, threads and libtorch version, f32. The PyTorch side is the paper's equations with
`nn.LSTMCell` and `nn.Linear`, Adam and clipping; with `--read 0 --write 0` it has no attention. Prints the minimum and
median of each round in milliseconds, and the ratios PyTorch / ours of the medians. `--threads 2` gives PyTorch two
intra-op threads, and ours half a batch to each of two threads.
"""

import argparse
import pathlib
import statistics
import sys
import time

from compare_pytorch import report, timed


def model(a):
    import torch
    from torch import nn

    class Draw(nn.Module):
        def __init__(self):
            super().__init__()
            seen = 2 * a.read**2 if a.read else 2 * 784
            self.encoder = nn.LSTMCell(seen + a.hidden, a.hidden)
            self.decoder = nn.LSTMCell(a.latent, a.hidden)
            self.mean = nn.Linear(a.hidden, a.latent)
            self.log_sigma = nn.Linear(a.hidden, a.latent)
            self.patch = nn.Linear(a.hidden, a.write**2 if a.write else 784)
            if a.read:
                self.read_window = nn.Linear(a.hidden, 5)
                self.write_window = nn.Linear(a.hidden, 5)
            self.h_encoder = nn.Parameter(torch.zeros(a.hidden))
            self.h_decoder = nn.Parameter(torch.zeros(a.hidden))
            self.canvas = nn.Parameter(torch.zeros(784))

        def filters(self, numbers, n):
            g_x, g_y, log_variance, log_delta, log_gamma = numbers.chunk(5, 1)
            g_x, g_y = 14.5 * (g_x + 1), 14.5 * (g_y + 1)
            delta = 27 / (n - 1) * log_delta.exp()
            offsets = torch.arange(1, n + 1) - n / 2 - 0.5
            pixels = torch.arange(1, 29)
            variance = log_variance.exp().unsqueeze(-1)

            def bank(g):
                distance = pixels - (g + offsets * delta).unsqueeze(-1)
                return torch.softmax(-(distance**2) / (2 * variance), -1)

            return bank(g_y), bank(g_x), log_gamma.exp().unsqueeze(-1)

        def write(self, h, canvas):
            if not a.write:
                return canvas + self.patch(h)
            f_y, f_x, gamma = self.filters(self.write_window(h), a.write)
            patch = self.patch(h).view(-1, a.write, a.write)
            return canvas + (f_y.mT @ patch @ f_x / gamma).flatten(1)

        def forward(self, x, noise):
            batch = len(x)
            h_enc, h_dec = self.h_encoder.expand(batch, -1), self.h_decoder.expand(batch, -1)
            c_enc, c_dec = torch.zeros(batch, a.hidden), torch.zeros(batch, a.hidden)
            canvas, kl = self.canvas.expand(batch, -1), 0.0
            for epsilon in noise:
                error = x - torch.sigmoid(canvas)
                if a.read:
                    f_y, f_x, gamma = self.filters(self.read_window(h_dec), a.read)
                    seen = [gamma * (f_y @ picture.view(-1, 28, 28) @ f_x.mT) for picture in (x, error)]
                else:
                    seen = [x, error]
                h_enc, c_enc = self.encoder(torch.cat([*(s.flatten(1) for s in seen), h_dec], 1), (h_enc, c_enc))
                mean, log_sigma = self.mean(h_enc), self.log_sigma(h_enc)
                sigma = log_sigma.exp()
                h_dec, c_dec = self.decoder(mean + sigma * epsilon, (h_dec, c_dec))
                canvas = self.write(h_dec, canvas)
                kl = kl + 0.5 * (mean**2 + sigma**2 - 2 * log_sigma - 1).sum()
            loss = nn.functional.binary_cross_entropy_with_logits(canvas, x, reduction="sum")
            return (loss + kl) / batch

        def generate(self, noise):
            batch = noise.shape[1]
            h, c = self.h_decoder.expand(batch, -1), torch.zeros(batch, a.hidden)
            canvas = self.canvas.expand(batch, -1)
            for z in noise:
                h, c = self.decoder(z, (h, c))
                canvas = self.write(h, canvas)
            return canvas.sigmoid()

    torch.set_num_threads(a.threads)
    torch.manual_seed(0)
    return Draw()


def pytorch(a):
    import torch

    net = model(a)
    optimiser = torch.optim.Adam(net.parameters(), 1e-3)
    pictures = torch.rand(9000, 784)
    train, generate = [], []
    for _ in range(a.steps):
        started = time.perf_counter()
        x = torch.bernoulli(pictures[torch.randint(9000, (a.batch,))])
        loss = net(x, torch.randn(a.glimpses, a.batch, a.latent))
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        optimiser.step()
        loss.item()
        train.append(1e3 * (time.perf_counter() - started))
    with torch.no_grad():
        for _ in range(a.steps):
            started = time.perf_counter()
            net.generate(torch.randn(a.glimpses, a.batch, a.latent))
            generate.append(1e3 * (time.perf_counter() - started))
    return sum(p.numel() for p in net.parameters()), train, generate


def ours(a):
    return timed(a, a.glimpses, a.hidden, a.latent, a.read, a.write, a.batch, a.threads, a.steps)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in dict(glimpses=16, hidden=128, latent=8, read=5, write=5, batch=64, steps=20, rounds=3, threads=1).items():
        p.add_argument(f"--{name}", type=int, default=value)
    p.add_argument("--ours", default="target/debug/examples/draw_step_time")
    a = p.parse_args()
    if not pathlib.Path(a.ours).exists():
        sys.exit(f"{a.ours} is missing: cargo build --example draw_step_time -p draw")
    rounds = []
    for _ in range(a.rounds):
        count, train, generate = pytorch(a)
        theirs = (count, [min(train), statistics.median(train)], [min(generate), statistics.median(generate)])
        rounds.append({"pytorch": theirs, "ours": ours(a)})
    report(rounds, "pytorch", ("step", "generate"))


if __name__ == "__main__":
    main()
