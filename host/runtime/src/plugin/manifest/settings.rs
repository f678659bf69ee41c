//! The JSON Schema of a plugin's settings, and the check of settings against it.

use serde::Deserialize;

/// A JSON Schema, draft 2020-12, that was checked to be one; without one, settings must be an empty object.
#[derive(Debug, Deserialize)]
#[serde(try_from = "serde_json::Value")]
pub struct SettingsSchema {
    schema: serde_json::Value,
    validator: jsonschema::Validator,
}

/// One thing that is wrong with settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsProblem {
    /// Where, as a JSON pointer; empty at the top.
    pub path: String,
    /// What is wrong there; never the value itself, which may be a secret in the wrong place.
    pub message: String,
}

impl SettingsSchema {
    /// The schema itself.
    #[must_use]
    pub fn schema(&self) -> &serde_json::Value {
        &self.schema
    }

    /// Checks settings; empty where all is right.
    #[must_use]
    pub fn check(&self, settings: &serde_json::Value) -> Vec<SettingsProblem> {
        let problem = |error: jsonschema::ValidationError<'_>| SettingsProblem {
            path: error.instance_path().to_string(),
            message: error.masked().to_string(),
        };
        self.validator.iter_errors(settings).map(problem).collect()
    }
}

impl TryFrom<serde_json::Value> for SettingsSchema {
    type Error = String;
    fn try_from(schema: serde_json::Value) -> Result<Self, String> {
        if schema.get("type").and_then(serde_json::Value::as_str) != Some("object") {
            return Err("settings must be a JSON Schema with type = \"object\"".into());
        }
        let validator = jsonschema::draft202012::new(&schema).map_err(|error| {
            format!("settings is not a JSON Schema: {error}, at {:?}", error.instance_path().to_string())
        })?;
        Ok(Self { schema, validator })
    }
}

impl Default for SettingsSchema {
    fn default() -> Self {
        let schema = serde_json::json!({ "type": "object", "additionalProperties": false });
        Self::try_from(schema).expect("it is a schema")
    }
}
