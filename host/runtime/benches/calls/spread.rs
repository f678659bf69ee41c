//! How samples lie, so that a figure comes with how far it is to be believed.

/// Least, lower quartile, median, upper quartile.
pub(crate) fn spread(mut samples: Vec<f64>) -> [f64; 4] {
    samples.sort_by(f64::total_cmp);
    [0.0, 0.25, 0.5, 0.75].map(|part| samples[(((samples.len() - 1) as f64) * part).round() as usize])
}

pub(crate) fn told([least, low, median, high]: [f64; 4]) -> serde_json::Value {
    serde_json::json!({ "median": median, "quartiles": [low, high], "least": least })
}
