//! Published configurations and folders of weights.

use easel_nn::parity::verify_unet2d;
use easel_nn::public::attention_key;
use easel_nn::unet_config::DownBlockType;
use easel_nn::{InitScheme, NnError, Params, UNet2D, UNet2DConfig};
use std::fs;
use std::path::Path as FilePath;
use tch::{Device, Tensor};

use crate::common::{network, pattern, small};

fn message(config: &str) -> String {
    match UNet2DConfig::from_json(config) {
        Ok(config) => UNet2D::new(&Params::counting().root(), &config).unwrap_err().to_string(),
        Err(e) => e.to_string(),
    }
}

#[test]
fn unsupported_options_are_refused_by_name() {
    let cases = [
        (r#"{"encoder_hid_dim": 3}"#, "encoder_hid_dim", "unknown field"),
        (
            r#"{"down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D"]}"#,
            "down_block_types[1]",
            "CrossAttnDownBlock2D",
        ),
        (r#"{"resnet_time_scale_shift": "spatial"}"#, "resnet_time_scale_shift", "`spatial`"),
        (r#"{"act_fn": "tanh"}"#, "act_fn", "\"tanh\""),
        (r#"{"mid_block_type": "UNetMidBlock2DCrossAttn"}"#, "mid_block_type", "`UNetMidBlock2DCrossAttn`"),
        (r#"{"class_embed_type": "projection"}"#, "class_embed_type", "`projection`"),
        (r#"{"layers_per_block": [1, 2]}"#, "layers_per_block", "invalid type"),
        (r#"{"downsample_padding": 2}"#, "downsample_padding", "= 2 "),
        (r#"{"downsample_type": "max"}"#, "downsample_type", "`max`"),
        (r#"{"norm_num_groups": null}"#, "norm_num_groups", "null"),
        (r#"{"norm_num_groups": 5}"#, "norm1", "5 groups"),
        (r#"{"time_embedding_type": "learned"}"#, "num_train_timesteps", "null"),
        (r#"{"block_out_channels": [32]}"#, "down_block_types", "4 types"),
        (r#"{"attention_head_dim": 1000}"#, "attention_head_dim", "1000"),
        (r#"{"_class_name": "UNet2DConditionModel"}"#, "_class_name", "UNet2DConditionModel"),
        (
            r#"{"block_out_channels": [32, 32], "down_block_types": ["SkipDownBlock2D", "DownBlock2D"],
             "up_block_types": ["UpBlock2D", "UpBlock2D"], "in_channels": 1}"#,
            "in_channels",
            "= 1 ",
        ),
        ("[]", ".", "not a JSON object"),
    ];
    for (config, key, value) in cases {
        let message = message(config);
        assert!(message.contains(key) && message.contains(value), "{config} gave: {message}");
    }
}

#[test]
fn the_public_configuration_survives_a_round_trip() {
    let text = r#"{"_class_name": "UNet2DModel", "_diffusers_version": "0.0.4", "act_fn": "swish", "sample_size": [16, 32],
                   "block_out_channels": [32, 64], "down_block_types": ["UNetResDownBlock2D", "AttnDownBlock2D"],
                   "up_block_types": ["AttnUpBlock2D", "UpBlock2D"], "attention_head_dim": null, "freq_shift": 1}"#;
    let config = UNet2DConfig::from_json(text).unwrap();
    assert_eq!(config.attention_head_dim, None);
    assert_eq!(config.down_block_types[0], DownBlockType::DownBlock2D);
    let again = UNet2DConfig::from_json(&serde_json::to_string(&config).unwrap()).unwrap();
    assert_eq!(config, again);
    assert_eq!(UNet2DConfig::from_json("{}").unwrap().attention_head_dim, Some(8));
}

/// Writes a public folder: `keys` renames parameters, `shards` of them become files.
fn write_folder(folder: &FilePath, params: &Params, rename: impl Fn(&str) -> String, shards: usize) {
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join("config.json"), serde_json::to_string(&small()).unwrap()).unwrap();
    let named: Vec<(String, Tensor)> = params.named().into_iter().map(|(n, t)| (rename(&n), t)).collect();
    let write = |file: &str, part: &[(String, Tensor)]| {
        easel_core::weights::write(&folder.join(file), part, &Default::default()).unwrap()
    };
    if shards == 1 {
        return write("model.safetensors", &named);
    }
    let mut map = serde_json::Map::new();
    for (i, part) in named.chunks(named.len().div_ceil(shards)).enumerate() {
        let file = format!("diffusion_pytorch_model-{:05}-of-{shards:05}.safetensors", i + 1);
        write(&file, part);
        map.extend(part.iter().map(|(name, _)| (name.clone(), file.clone().into())));
    }
    let index = serde_json::json!({ "metadata": {}, "weight_map": map });
    fs::write(folder.join("diffusion_pytorch_model.safetensors.index.json"), index.to_string()).unwrap();
}

#[test]
fn public_folders_load_whole_in_shards_and_with_old_names() {
    let (net, params) = network(&small(), InitScheme::Public);
    let (x, t) = (pattern(&[2, 3, 8, 8]), Tensor::from_slice(&[3i64, 500]));
    let expected = net.forward(&x, &t, None, false).unwrap();
    let root = tempfile::tempdir().unwrap();
    let old = |name: &str| {
        if !name.contains(".attentions.") {
            return name.to_owned();
        }
        let name = name.replace(".to_q.", ".query.").replace(".to_k.", ".key.").replace(".to_v.", ".value.");
        name.replace(".to_out.0.", ".proj_attn.")
    };
    let folders = [root.path().join("whole"), root.path().join("shards"), root.path().join("old")];
    write_folder(&folders[0], &params, str::to_owned, 1);
    write_folder(&folders[1], &params, str::to_owned, 3);
    write_folder(&folders[2], &params, old, 1);
    for folder in &folders {
        let (loaded, loaded_params) = UNet2D::from_public_folder(folder, Device::Cpu).unwrap();
        assert_eq!(loaded_params.count(), params.count());
        assert_eq!(loaded.forward(&x, &t, None, false).unwrap(), expected);
        let tensors = |pairs: [(&str, &Tensor); 2]| pairs.map(|(name, t)| (name.to_owned(), t.copy()));
        let write = |file: &str, named: &[(String, Tensor)]| {
            easel_core::weights::write(&folder.join(file), named, &Default::default()).unwrap()
        };
        write("inputs.safetensors", &tensors([("sample", &x), ("timestep", &t)]));
        write("outputs.safetensors", &[("output".to_owned(), expected.copy())]);
        let verdict = verify_unet2d(folder, Device::Cpu).unwrap();
        assert_eq!((verdict.errors.len(), verdict.worst()), (1, 0.0));
        write("outputs.safetensors", &[("output".to_owned(), &expected + 0.5)]);
        assert!(verify_unet2d(folder, Device::Cpu).unwrap().worst() > 0.1);
    }
    assert_eq!(attention_key("query.weight"), "query.weight");
}

#[test]
fn weights_that_differ_are_refused_with_every_name() {
    let (_, params) = network(&small(), InitScheme::Public);
    let root = tempfile::tempdir().unwrap();
    let rename = |name: &str| name.replace("conv_out.bias", "conv_out.offset");
    write_folder(root.path(), &params, rename, 1);
    let error = UNet2D::from_public_folder(root.path(), Device::Cpu).unwrap_err();
    assert!(matches!(error, NnError::Weights(_)));
    let text = error.to_string();
    assert!(text.contains("1 missing") && text.contains("conv_out.bias"), "{text}");
    assert!(text.contains("1 unexpected") && text.contains("conv_out.offset"), "{text}");
    fs::remove_file(root.path().join("model.safetensors")).unwrap();
    let text = UNet2D::from_public_folder(root.path(), Device::Cpu).unwrap_err().to_string();
    assert!(text.contains("diffusion_pytorch_model.safetensors"), "{text}");
}
