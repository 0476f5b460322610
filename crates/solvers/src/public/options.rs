//! Options of a public class, taken key by key; what is left is refused by name.

use easel_nn::NnError;
use easel_nn::public::public_json;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// Keys and values of a configuration, or the arguments of a method.
#[derive(Debug)]
pub struct Options {
    /// Put before each key in errors: empty, or such as `step.`.
    scope: &'static str,
    keys: Map<String, Value>,
}

impl Options {
    /// The keys of a public `scheduler_config.json` of the class `class`.
    ///
    /// # Errors
    /// Text that is not a JSON object, or another class.
    pub fn of_config(text: &str, class: &str) -> Result<Self, NnError> {
        Ok(Self { scope: "", keys: public_json(text, class)? })
    }

    /// The arguments of a method, named `step.` or `set_timesteps.` in errors.
    pub fn of_arguments(scope: &'static str, keys: &Map<String, Value>) -> Self {
        Self { scope, keys: keys.clone() }
    }

    /// The value of `key`, or `default` where it is missing.
    ///
    /// # Errors
    /// A value of another type.
    pub fn take<T: DeserializeOwned>(&mut self, key: &str, default: T) -> Result<T, NnError> {
        match self.keys.remove(key) {
            None => Ok(default),
            Some(value) => serde_json::from_value(value)
                .map_err(|e| NnError::ConfigKey { key: format!("{}{key}", self.scope), message: e.to_string() }),
        }
    }

    /// Checks that every key was taken.
    ///
    /// # Errors
    /// A key that is left.
    pub fn finish(self) -> Result<(), NnError> {
        match self.keys.into_iter().next() {
            None => Ok(()),
            Some((key, value)) => Err(NnError::ConfigKey {
                key: format!("{}{key}", self.scope),
                message: format!("unknown here, with value {value}"),
            }),
        }
    }
}
