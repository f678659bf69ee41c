//! The fake Jenkins on its own, to try a client by hand: it builds what is queued, one line of log a second, until it is ended.
//!
//! `cargo run -p novacron-cicd-fakes --example jenkins`

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a program for people who look at it, in their time"
)]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use novacron_cicd_fakes::{
    house::secret,
    jenkins::{FOLDER, Item, Jenkins, MULTIBRANCH, USER},
};
use serde_json::json;

#[tokio::main]
async fn main() {
    let app = Item::job("app").with_strings(&[("VERSION", "1.0"), ("NOVACRON_CORRELATION", "")]);
    let branches = vec![Item::job("main"), Item::job("dev%2Fmain")];
    let team = Item::folder("team", FOLDER, vec![Item::job("my job"), Item::folder("repo", MULTIBRANCH, branches)]);
    let jenkins = Jenkins::start(vec![app, Item::job("plain"), team]).await;
    // Here it is where it thinks it is: most clients are lost otherwise.
    jenkins.world().root_url = jenkins.url() + "/";
    println!("{} user {USER} token {} password {}", jenkins.url(), secret("token"), secret("password"));
    let clock = || u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap();
    let mut running: Vec<(String, u64, u32)> = Vec::new();
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        jenkins.world().now = clock();
        for id in jenkins.waiting() {
            let (job, number) = (jenkins.job_of(id), jenkins.begin(id));
            running.push((job, number, 0));
        }
        running.retain(|(job, ..)| jenkins.has(job));
        for (job, number, second) in &mut running {
            *second += 1;
            let stopped = jenkins.build(job, *number, |build| {
                let log = build.log.get_or_insert_default();
                log.extend(format!("line {second} of {job} #{number}\n").bytes());
                let state = if *second < 5 { "IN_PROGRESS" } else { "SUCCESS" };
                let stage =
                    json!({ "id": "5", "name": "Build", "status": state, "startTimeMillis": 1, "durationMillis": 1 });
                build.stages = vec![("pipeline-rest-api".into(), json!({ "stages": [stage] }))];
                !build.asked.is_empty()
            });
            if stopped || *second >= 5 {
                jenkins.end(job, *number, if stopped { "ABORTED" } else { "SUCCESS" });
            }
        }
        running.retain(|(job, number, _)| jenkins.build(job, *number, |build| build.building));
    }
}
