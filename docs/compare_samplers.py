"""Times DDIM and DPM-Solver++(2M) chains of the public classes in eager PyTorch, in alternation with ours.

    pip install torch==2.13.0 diffusers==0.42.1
    cargo build --example sampler_time -p solvers
    python docs/compare_samplers.py [--levels 16,32,32 --attention 0,0,1 --patch 1] [--rounds 3]

Both sides: the same architecture, batch, steps, threads and libtorch version, f32; the PyTorch side is the public
scheduler's loop around the public U-Net, without a pipeline's conversions to pictures. Prints each round in
milliseconds and the ratios PyTorch / ours of the medians.
"""

import pathlib
import statistics
import sys
import time

from compare_pytorch import network, parser, printed


def scheduler(name):
    from diffusers import DDIMScheduler, DPMSolverMultistepScheduler

    options = dict(beta_schedule="squaredcos_cap_v2", prediction_type="v_prediction", timestep_spacing="trailing")
    return DDIMScheduler(**options) if name == "ddim" else DPMSolverMultistepScheduler(solver_order=2, **options)


def pytorch(a, net, name):
    import torch

    chain = scheduler(name)
    x = torch.randn(a.batch, net.config.in_channels, net.config.sample_size, net.config.sample_size)
    started = time.perf_counter()
    with torch.no_grad():
        chain.set_timesteps(a.steps)
        for t in chain.timesteps:
            x = chain.step(net(x, t).sample, t, x).prev_sample
    return 1e3 * (time.perf_counter() - started)


def ours(a, name):
    return float(printed(a, a.levels, a.attention, a.patch, a.batch, a.steps, 1, name)[2])


def main():
    a = parser(__doc__, 20, "sampler_time").parse_args()
    if not pathlib.Path(a.ours).exists():
        sys.exit(f"{a.ours} is missing: cargo build --example sampler_time -p solvers")
    net = network(a).eval()
    times = {}
    for round_ in range(a.rounds):
        for name in ("ddim", "dpm++2m"):
            for side, value in (("pytorch", pytorch(a, net, name)), ("ours", ours(a, name))):
                print(f"round {round_} {name:8} {side:8} {value:8.1f} ms", flush=True)
                times.setdefault((name, side), []).append(value)
    for name in ("ddim", "dpm++2m"):
        ratios = [p / o for p, o in zip(times[name, "pytorch"], times[name, "ours"])]
        print(f"pytorch / ours, {name}: {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")


if __name__ == "__main__":
    main()
