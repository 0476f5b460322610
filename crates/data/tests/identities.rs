//! What the data sets promise, checked from outside.

#[path = "identities/emoji.rs"]
mod emoji;
#[path = "identities/fetching.rs"]
mod fetching;
#[path = "identities/folders.rs"]
mod folders;
#[cfg(feature = "torch")]
#[path = "identities/loading.rs"]
mod loading;
#[path = "identities/sets.rs"]
mod sets;
#[path = "identities/shapes.rs"]
mod shapes;
#[path = "identities/sprites.rs"]
mod sprites;
