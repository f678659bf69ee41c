//! Values to begin with, for records most of whose fields are often empty.

use crate::{
    artifacts::{Artifact, DownloadPlan},
    credentials::Login,
    plugin::CheckReport,
    runners::Runner,
    types::{Graph, Job, Parameter, Pipeline, Request, Run, RunRef, State, Status, Times},
};

/// Nothing is known.
///
/// ```
/// let report = novacron_cicd_sdk::plugin::CheckReport { account: Some("ci-bot".into()), ..Default::default() };
/// assert!(report.features.is_empty());
/// ```
impl Default for CheckReport {
    fn default() -> Self {
        Self {
            account: None,
            platform_version: None,
            features: Vec::new(),
            missing_permissions: Vec::new(),
            warnings: Vec::new(),
            more: Vec::new(),
        }
    }
}

/// No time is known.
impl Default for Times {
    fn default() -> Self {
        Self { created: None, started: None, finished: None, updated: None }
    }
}

/// No job is known, which is not the same as that there is none.
impl Default for Graph {
    fn default() -> Self {
        Self { jobs: Vec::new(), edges: "none".into(), complete: false }
    }
}

impl Status {
    /// A state with the platform's own word for it.
    ///
    /// ```
    /// use novacron_cicd_sdk::types::{State, Status};
    ///
    /// let status = Status::of(State::Failed, "TIMED_OUT").reason("timeout");
    /// assert_eq!(status.reason.as_deref(), Some("timeout"));
    /// ```
    #[must_use]
    pub fn of(state: State, platform: impl Into<String>) -> Self {
        Self { state, reason: None, platform: platform.into(), conditions: Vec::new() }
    }

    /// Why, in a word of the documented list.
    #[must_use]
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    /// A qualifier of the documented list.
    #[must_use]
    pub fn condition(mut self, condition: impl Into<String>) -> Self {
        self.conditions.push(condition.into());
        self
    }
}

impl Run {
    /// A run of which no more is known than what it is called and where it stands.
    ///
    /// ```
    /// use novacron_cicd_sdk::types::{Run, RunRef, State, Status};
    ///
    /// let identity = RunRef { pipeline: "app".into(), run: "17".into(), attempt: None };
    /// let run = Run { number: Some("17".into()), ..Run::new(identity, Status::of(State::Running, "building")) };
    /// assert_eq!(run.graph, None);
    /// ```
    #[must_use]
    pub fn new(identity: RunRef, status: Status) -> Self {
        Self {
            identity,
            number: None,
            name: None,
            status,
            times: Times::default(),
            reference: None,
            commit: None,
            actor: None,
            origin: "unknown".into(),
            url: None,
            correlation: None,
            parameters: Vec::new(),
            graph: None,
            downstream: Vec::new(),
            more: Vec::new(),
        }
    }
}

impl Job {
    /// A job that waits for no other one, and of which no more is known.
    #[must_use]
    pub fn new(id: impl Into<String>, name: impl Into<String>, status: Status) -> Self {
        Self {
            id: id.into(),
            name: name.into(),
            stage: None,
            status,
            times: Times::default(),
            needs: Vec::new(),
            parent: None,
            runner: None,
            url: None,
            steps: Vec::new(),
            more: Vec::new(),
        }
    }
}

impl Pipeline {
    /// An enabled pipeline of which no more is known.
    #[must_use]
    pub fn new(id: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            name: name.into(),
            repository: None,
            reference: None,
            url: None,
            enabled: true,
            revision: None,
            more: Vec::new(),
        }
    }
}

impl Parameter {
    /// A parameter that may be left out and has no default.
    ///
    /// ```
    /// use novacron_cicd_sdk::types::Parameter;
    ///
    /// let lines = Parameter { default: Some("10".into()), ..Parameter::new("lines", "number") };
    /// assert!(!lines.required);
    /// ```
    #[must_use]
    pub fn new(name: impl Into<String>, kind: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            kind: kind.into(),
            description: None,
            default: None,
            choices: Vec::new(),
            required: false,
            more: Vec::new(),
        }
    }
}

impl Runner {
    /// A runner that is not draining; whether it is busy is not known.
    #[must_use]
    pub fn new(id: impl Into<String>, name: impl Into<String>, state: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            name: name.into(),
            state: state.into(),
            busy: None,
            draining: false,
            labels: Vec::new(),
            current: Vec::new(),
            more: Vec::new(),
        }
    }
}

impl Artifact {
    /// An artifact of which no more is known than its kind: `binary`, `container`, `package` or `archive`.
    #[must_use]
    pub fn new(id: impl Into<String>, name: impl Into<String>, kind: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            name: name.into(),
            kind: kind.into(),
            size: None,
            digests: Vec::new(),
            created: None,
            expires: None,
            expired: false,
            job: None,
            media_type: None,
            more: Vec::new(),
        }
    }
}

impl DownloadPlan {
    /// The answer to `request`, as it is; nothing else is known of it.
    #[must_use]
    pub fn raw(request: Request) -> Self {
        Self {
            request,
            size: None,
            digests: Vec::new(),
            encoding: "raw".into(),
            expires: None,
            ranges: false,
            more: Vec::new(),
        }
    }
}

impl Login {
    /// One request after the other; what the last captures into the slot is placed as `bearer`, `cookie` or
    /// `header:NAME`.
    ///
    /// ```
    /// use novacron_cicd_sdk::{credentials::Login, http::{Capture, Request}, types::Redirects};
    ///
    /// // With the operator's user name and secret to /login once, with the cookie from then on.
    /// let request = Request::get("/login")
    ///     .credential("session")
    ///     .redirects(Redirects::None)
    ///     .capture(Capture::cookie("SESSION*", "session"));
    /// let login = Login { lifetime_ms: Some(3_600_000), ..Login::new([request.build()?], "cookie") };
    /// assert!(login.guards.is_empty());
    /// # Ok::<(), novacron_cicd_sdk::types::Error>(())
    /// ```
    #[must_use]
    pub fn new(requests: impl Into<Vec<Request>>, placement: impl Into<String>) -> Self {
        Self {
            requests: requests.into(),
            placement: placement.into(),
            lifetime_ms: None,
            guards: Vec::new(),
            more: Vec::new(),
        }
    }
}
