"""Writes the parity cases beside this file: random weights and inputs, and what the public implementation computes.

    pip install torch==2.13.0 diffusers==0.42.1
    python tests/parity/make_cases.py
"""

import json
import math
import pathlib

import torch
from diffusers import DDPMScheduler, UNet2DModel
from diffusers.schedulers import scheduling_ddpm
from safetensors.torch import save_file

CASES = pathlib.Path(__file__).parent / "cases"


def write_json(path, value):
    path.write_text(json.dumps(value, indent=1, sort_keys=True) + "\n")


def public_config(part, name):
    config = {k: v for k, v in part.config.items() if k != "_use_default_values"}
    return config | {"_class_name": name}


def network(name, seed, **options):
    torch.manual_seed(seed)
    net = UNet2DModel(**options).eval()
    with torch.no_grad():
        for p in net.parameters():
            p.add_(0.1 * torch.randn_like(p))
    side = options["sample_size"]
    inputs = {"sample": torch.randn(2, options["in_channels"], side, side), "timestep": torch.tensor([3, 617])}
    with torch.no_grad():
        output = net(inputs["sample"], inputs["timestep"]).sample
    folder = CASES / name
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "config.json", public_config(net, "UNet2DModel"))
    save_file(net.state_dict(), folder / "model.safetensors")
    save_file(inputs, folder / "inputs.safetensors")
    save_file({"output": output}, folder / "outputs.safetensors")


def sampler(name, seed, steps, **options):
    scheduler = DDPMScheduler(**options)
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn((1, 1, 3, 3), generator=generator)
    draws, trajectory = [], [x]

    def draw(shape, **_):
        draws.append(torch.randn(shape, generator=generator))
        return draws[-1]

    scheduling_ddpm.randn_tensor = draw
    scheduler.set_timesteps(steps)
    for t in scheduler.timesteps:
        output = 0.5 * x * math.cos(float(t) / 300) + 0.1 * math.sin(float(t) / 100)
        if options.get("variance_type") == "learned_range":
            output = torch.cat([output, torch.tanh(x)], 1)
        x = scheduler.step(output, t, x).prev_sample
        trajectory.append(x)
    folder = CASES / name
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "scheduler_config.json", public_config(scheduler, "DDPMScheduler"))
    write_json(folder / "case.json", {"steps": steps, "set_timesteps": {}, "step": {}, "noise_draws": len(draws)})
    save_file({"x_T": trajectory[0], "noise": torch.stack(draws)}, folder / "inputs.safetensors")
    outputs = {"timesteps": scheduler.timesteps.double(), "alphas_cumprod": scheduler.alphas_cumprod.double()}
    save_file(outputs | {"trajectory": torch.stack(trajectory)}, folder / "outputs.safetensors")


small = dict(sample_size=8, in_channels=2, out_channels=2, layers_per_block=1, norm_num_groups=2, block_out_channels=(4, 8))
network("unet2d_ddpm", 1, **small, down_block_types=("DownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "UpBlock2D"), attention_head_dim=None, downsample_padding=0,
        flip_sin_to_cos=False, freq_shift=1, norm_eps=1e-6)
network("unet2d_scale_shift", 2, **small, down_block_types=("ResnetDownsampleBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "ResnetUpsampleBlock2D"), attention_head_dim=4, resnet_time_scale_shift="scale_shift")
sampler("ddpm_linear", 3, 10)
sampler("ddpm_cosine_large", 4, 10, beta_schedule="squaredcos_cap_v2", variance_type="fixed_large", timestep_spacing="trailing")
sampler("ddpm_learned_range", 5, 10, variance_type="learned_range", clip_sample=False, num_train_timesteps=400)
sampler("ddpm_v_thresholding", 6, 10, prediction_type="v_prediction", thresholding=True, clip_sample=False, timestep_spacing="linspace")
