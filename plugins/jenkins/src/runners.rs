//! Nodes, as runners.
//!
//! Pure. The built-in node is `(built-in)` in addresses, whatever its display name is.

use novacron_cicd_sdk::{http::Target, runners::Runner, types::RunRef};
use serde::Deserialize;

use crate::path;

pub(crate) const TREE: &str = "_class,displayName,offline,temporarilyOffline,idle,offlineCauseReason,assignedLabels[name],\
    executors[currentExecutable[url]],oneOffExecutors[currentExecutable[url]]";

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Computers {
    pub(crate) computer: Vec<Computer>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Computer {
    #[serde(rename = "_class")]
    class: String,
    display_name: String,
    offline: bool,
    /// Somebody took it out of work.
    pub(crate) temporarily_offline: bool,
    idle: bool,
    offline_cause_reason: Option<String>,
    assigned_labels: Vec<Label>,
    executors: Vec<Executor>,
    one_off_executors: Vec<Executor>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Label {
    name: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Executor {
    current_executable: Option<Executable>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Executable {
    url: Option<String>,
}

pub(crate) fn target(runner: &str, tail: &[&str]) -> Target {
    let mut segments = vec!["computer".to_owned(), runner.to_owned()];
    segments.extend(tail.iter().map(|part| (*part).to_owned()));
    segments.into()
}

impl Computer {
    /// As the contract has it. Whatever it works on is told once, though a build may hold several executors.
    pub(crate) fn runner(self) -> Runner {
        let built_in = self.class.ends_with("MasterComputer");
        let mut current: Vec<RunRef> = Vec::new();
        for executor in self.executors.iter().chain(&self.one_off_executors) {
            let url = executor.current_executable.as_ref().and_then(|executable| executable.url.as_deref());
            let run = url.and_then(path::build_at).filter(|run| !current.contains(run));
            current.extend(run);
        }
        let why = self.offline_cause_reason.filter(|why| !why.is_empty());
        Runner {
            id: if built_in { "(built-in)".into() } else { self.display_name.clone() },
            state: if self.offline { "offline" } else { "online" }.into(),
            busy: Some(!self.idle),
            draining: self.temporarily_offline,
            labels: self
                .assigned_labels
                .into_iter()
                .map(|label| label.name)
                .filter(|name| *name != self.display_name)
                .collect(),
            name: self.display_name,
            current,
            more: why.map(|why| novacron_cicd_sdk::attribute("x-offline-cause", why)).into_iter().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn nodes_are_runners_with_what_they_work_on() {
        let text = r#"{"computer":[
            {"_class":"hudson.model.Hudson$MasterComputer","displayName":"Built-In Node","offline":false,"idle":true,"executors":[{"currentExecutable":null}]},
            {"_class":"hudson.slaves.SlaveComputer","displayName":"agent-1","offline":true,"temporarilyOffline":true,"idle":false,
             "offlineCauseReason":"disk","assignedLabels":[{"name":"agent-1"},{"name":"linux"}],
             "executors":[{"currentExecutable":{"url":"http://x/jenkins/job/a/job/dev%252Fmain/17/"}},{"currentExecutable":{"url":"http://x/jenkins/job/a/job/dev%252Fmain/17/"}},{}]}]}"#;
        let computers: Computers = serde_json::from_str(text).unwrap();
        let runners: Vec<Runner> = computers.computer.into_iter().map(Computer::runner).collect();
        let rows: Vec<_> = runners.iter().map(|it| (it.id.as_str(), it.state.as_str(), it.busy, it.draining)).collect();
        assert_eq!(rows, [("(built-in)", "online", Some(false), false), ("agent-1", "offline", Some(true), true)]);
        assert_eq!(runners[1].labels, ["linux"]);
        assert_eq!(runners[1].current, [RunRef { pipeline: "a/dev%2Fmain".into(), run: "17".into(), attempt: None }]);
    }
}
