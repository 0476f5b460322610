"""Writes the parity cases beside this file: random weights and inputs, and what the public implementation computes.

    pip install torch==2.13.0 diffusers==0.42.1
    python tests/parity/make_cases.py
"""

import json
import math
import pathlib
import sys

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


# Exponential integrators: DPM-Solver, UniPC, DEIS.

import diffusers
import numpy


def solver(name, seed, class_name, steps, arguments=None, channels=1, step=None, **options):
    scheduler = getattr(diffusers, class_name)(**options)
    generator = torch.Generator().manual_seed(seed)
    start = torch.randn((1, channels, 3, 3), generator=generator)
    draws = []

    def draw(shape, **_):
        draws.append(torch.randn(shape, generator=generator))
        return draws[-1]

    sys.modules[type(scheduler).__module__].randn_tensor = draw
    config = public_config(scheduler, class_name)
    given = {k: numpy.array(v) if k == "sigmas" else v for k, v in (arguments or {}).items()}
    alone = "timesteps" in given or (class_name == "EulerDiscreteScheduler" and "sigmas" in given)
    scheduler.set_timesteps(**({} if alone else {"num_inference_steps": steps}), **given)
    trajectory = [start * scheduler.init_noise_sigma]
    for t in scheduler.timesteps:
        x = scheduler.scale_model_input(trajectory[-1], t)
        output = 0.5 * x * math.cos(float(t) / 300) + 0.1 * math.sin(float(t) / 100)
        if options.get("variance_type"):
            output = torch.cat([output, torch.tanh(x)], 1)
        trajectory.append(scheduler.step(output, t, trajectory[-1], **(step or {})).prev_sample)
    folder = CASES / name
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / "scheduler_config.json", config)
    case = {"steps": steps, "set_timesteps": arguments or {}, "step": step or {}, "noise_draws": len(draws)}
    write_json(folder / "case.json", case)
    save_file({"x_T": start} | ({"noise": torch.stack(draws)} if draws else {}), folder / "inputs.safetensors")
    outputs = {"timesteps": scheduler.timesteps.double()}
    for key in ("sigmas", "alphas_cumprod"):
        if hasattr(scheduler, key):
            outputs[key] = getattr(scheduler, key).double()
    save_file(outputs | {"trajectory": torch.stack(trajectory)}, folder / "outputs.safetensors")


brief = dict(num_train_timesteps=200, beta_start=0.0005, beta_end=0.05)
solver("dpm_multistep_karras_heun_v", 101, "DPMSolverMultistepScheduler", 8, **brief, use_karras_sigmas=True,
       solver_type="heun", prediction_type="v_prediction")
solver("dpm_multistep_third_order_lu", 102, "DPMSolverMultistepScheduler", 16, **brief, use_lu_lambdas=True,
       solver_order=3, algorithm_type="dpmsolver", final_sigmas_type="sigma_min", euler_at_final=True)
solver("dpm_multistep_sde_third_order_learned", 103, "DPMSolverMultistepScheduler", 9, channels=3, **brief,
       solver_order=3, algorithm_type="sde-dpmsolver++", variance_type="learned_range", use_exponential_sigmas=True)
solver("dpm_multistep_timesteps_thresholding", 104, "DPMSolverMultistepScheduler", 5,
       {"timesteps": [190, 150, 90, 40, 7]}, **brief, algorithm_type="sde-dpmsolver", solver_type="heun",
       final_sigmas_type="sigma_min", thresholding=True, sample_max_value=2.0, dynamic_thresholding_ratio=0.8)
solver("dpm_singlestep_third_order", 105, "DPMSolverSinglestepScheduler", 9, **brief, solver_order=3,
       solver_type="heun", algorithm_type="sde-dpmsolver++", final_sigmas_type="sigma_min", lambda_min_clipped=-2.0)
solver("dpm_singlestep_flow", 106, "DPMSolverSinglestepScheduler", 7, {"mu": 0.8}, **brief, use_flow_sigmas=True,
       use_dynamic_shifting=True, prediction_type="flow_prediction")
solver("edm_dpm_third_order_exponential", 107, "EDMDPMSolverMultistepScheduler", 8, solver_order=3,
       sigma_schedule="exponential", prediction_type="v_prediction", sigma_data=1.0)
solver("unipc_third_order_noise", 108, "UniPCMultistepScheduler", 8, **brief, solver_order=3, predict_x0=False,
       solver_type="bh1", final_sigmas_type="sigma_min", disable_corrector=[0, 3], timestep_spacing="trailing")
solver("unipc_flow_sigmas", 109, "UniPCMultistepScheduler", 4, {"sigmas": [1.0, 0.8, 0.5, 0.2], "mu": 0.8}, **brief,
       use_flow_sigmas=True, use_dynamic_shifting=True, shift_terminal=0.1, prediction_type="flow_prediction")
solver("deis_third_order", 110, "DEISMultistepScheduler", 8, **brief, solver_order=3, timestep_spacing="leading",
       steps_offset=1)


# DDIM, solvers in sigma, pseudo numerical methods.

solver("ddim_eta_thresholding", 201, "DDIMScheduler", 7, **brief, steps_offset=1, thresholding=True, sample_max_value=1.5,
       dynamic_thresholding_ratio=0.9, step={"eta": 0.5, "use_clipped_model_output": True})
solver("ddim_zero_snr_v", 202, "DDIMScheduler", 7, **brief, rescale_betas_zero_snr=True, prediction_type="v_prediction",
       timestep_spacing="trailing", set_alpha_to_one=False, clip_sample_range=2.0)
solver("ddim_inverse_trailing", 203, "DDIMInverseScheduler", 7, **brief, timestep_spacing="trailing", clip_sample=False,
       set_alpha_to_one=False, beta_schedule="scaled_linear")
solver("euler_karras_churn", 204, "EulerDiscreteScheduler", 7, **brief, use_karras_sigmas=True, sigma_min=0.1, sigma_max=9.0,
       step={"s_churn": 2.0, "s_tmin": 0.3, "s_tmax": 5.0, "s_noise": 1.01})
solver("euler_log_linear_continuous", 205, "EulerDiscreteScheduler", 7, **brief, interpolation_type="log_linear",
       timestep_type="continuous", prediction_type="v_prediction", final_sigmas_type="sigma_min", timestep_spacing="trailing")
solver("euler_sigmas", 206, "EulerDiscreteScheduler", 4, {"sigmas": [6.0, 2.5, 1.0, 0.2, 0.0]}, **brief, prediction_type="sample")
solver("euler_ancestral_zero_snr", 207, "EulerAncestralDiscreteScheduler", 7, **brief, rescale_betas_zero_snr=True,
       prediction_type="v_prediction", timestep_spacing="leading", steps_offset=1)
solver("heun_exp_beta_clip", 208, "HeunDiscreteScheduler", 5, num_train_timesteps=200, beta_schedule="exp", use_beta_sigmas=True,
       clip_sample=True, clip_sample_range=1.5)
solver("heun_timesteps", 209, "HeunDiscreteScheduler", 4, {"timesteps": [180, 120, 50, 3]}, **brief, prediction_type="sample")
solver("kdpm2_karras", 210, "KDPM2DiscreteScheduler", 5, **brief, use_karras_sigmas=True)
solver("kdpm2_ancestral_exponential", 211, "KDPM2AncestralDiscreteScheduler", 5, **brief, use_exponential_sigmas=True,
       prediction_type="v_prediction")
solver("lms_order_three", 212, "LMSDiscreteScheduler", 7, **brief, use_beta_sigmas=True, timestep_spacing="trailing",
       step={"order": 3})
solver("pndm_runge_kutta_v", 213, "PNDMScheduler", 6, **brief, prediction_type="v_prediction", set_alpha_to_one=True,
       steps_offset=1)
solver("pndm_multistep_trailing", 214, "PNDMScheduler", 7, **brief, skip_prk_steps=True, timestep_spacing="trailing")
solver("edm_euler_churn", 215, "EDMEulerScheduler", 7, sigma_schedule="exponential", final_sigmas_type="sigma_min",
       step={"s_churn": 3.0})
