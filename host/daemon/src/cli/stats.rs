//! `run stats`: what the runs of a pipeline have in common.

use clap::Args;

use super::{
    CliError, Exit,
    client::{Client, segment},
    output::{Output, Rows},
    run::millis,
};
use crate::api::statistics::{SpreadView, StatisticsView};

/// Which runs.
#[derive(Debug, Args)]
pub struct Stats {
    /// The pipeline's name
    pipeline: String,
    /// How many runs to look at, from the newest on
    #[arg(short = 'L', long, default_value_t = 100, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=500))]
    limit: u32,
}

pub(super) async fn run(stats: &Stats, client: &Client, out: &Output) -> Result<Exit, CliError> {
    let path = format!("/v1/pipelines/{}/statistics?limit={}", segment(&stats.pipeline), stats.limit);
    let answer = client.get::<StatisticsView>(&path).await?;
    out.print(&answer.value, || table(&answer.typed, out))
}

fn table(found: &StatisticsView, out: &Output) -> String {
    let states: Vec<_> = found.states.iter().map(|(state, count)| format!("{count} {state}")).collect();
    let rate = found.success_rate.map_or_else(|| "-".to_owned(), |rate| format!("{:.1} %", rate * 100.0));
    let mut text = format!("runs      {}: {}\nsuccess   {rate}\n", found.runs, states.join(", "));
    for (what, spread) in [("duration", &found.duration), ("queued", &found.queued)] {
        let of = |part: fn(&SpreadView) -> i64| millis(spread.as_ref().map(part));
        text.push_str(&format!("{what:<9} p50 {}, p95 {}\n", of(|it| it.p50_ms), of(|it| it.p95_ms)));
    }
    if !found.flaky_jobs.is_empty() {
        let mut rows = Rows::new("flaky jobs", &["FLAKY JOB", "FLIPS", "OF"]);
        for job in &found.flaky_jobs {
            rows.push(vec![job.job.clone(), job.flips.to_string(), job.of.to_string()]);
        }
        text.push_str(&format!("\n{}", rows.render(out.terminal, out.width())));
    }
    if !found.slowest_steps.is_empty() {
        let mut rows = Rows::new("slow steps", &["SLOWEST STEPS", "JOB", "P50", "P95", "TIMES"]);
        for step in &found.slowest_steps {
            rows.push(vec![
                step.step.clone().unwrap_or_else(|| "(whole job)".to_owned()),
                step.job.clone(),
                millis(Some(step.took.p50_ms)),
                millis(Some(step.took.p95_ms)),
                step.took.count.to_string(),
            ]);
        }
        text.push_str(&format!("\n{}", rows.render(out.terminal, out.width())));
    }
    text
}
