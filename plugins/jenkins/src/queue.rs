//! Places in the queue: how a trigger's answer names one, and what became of it.
//!
//! Pure. A ticket is a queue item's number, which a controller counts up over restarts (`hudson/model/Queue.java`). An
//! item that has left is remembered for five minutes and over no restart; then its build is looked for by `queueId`.

use novacron_cicd_sdk::{
    Result,
    http::Response,
    types::{Error, Ticket},
};
use serde::Deserialize;

use crate::client;

pub(crate) const TREE: &str = "id,why,cancelled,executable[number]";

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Item {
    #[serde(rename = "_class")]
    class: String,
    why: Option<String>,
    cancelled: Option<bool>,
    executable: Option<Executable>,
}

#[derive(Clone, Debug, Deserialize)]
struct Executable {
    number: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It waits: for its quiet period, for a build before it, for an executor.
    Waiting,
    /// It has left, and the build is not there yet.
    Leaving,
    Began(u64),
    Canceled(Option<String>),
}

impl Item {
    pub(crate) fn standing(&self) -> Standing {
        if self.cancelled == Some(true) {
            return Standing::Canceled(self.why.clone());
        }
        match self.executable.as_ref().and_then(|executable| executable.number) {
            Some(number) => Standing::Began(number),
            None if self.class.ends_with("LeftItem") => Standing::Leaving,
            None => Standing::Waiting,
        }
    }
}

/// The number of a queue item in the address of one. The rest of the address is what Jenkins takes for its own, which is
/// often not how we reach it, so nothing else is taken from it.
pub(crate) fn number(location: &str) -> Option<u64> {
    let (_, after) = location.rsplit_once("/queue/item/")?;
    after.trim_end_matches('/').parse().ok()
}

/// The number that a ticket is.
/// `invalid-input` where it is none of ours.
pub(crate) fn of_ticket(ticket: &str) -> Result<u64> {
    ticket.parse().map_err(|_| Error::invalid_input("ticket", format!("{ticket:?} is not a place in Jenkins' queue")))
}

/// What the answer to a trigger means (`jenkins/model/ParameterizedJobMixIn.java`,
/// `hudson/model/ParametersDefinitionProperty.java`): 201 names a new queue item, 303 the item of an equal request that waits
/// already. Only `buildWithParameters` tells the two apart.
/// `conflict` where Jenkins takes no builds of this job; else as [`client::refusal`].
pub(crate) fn ticket(answer: &Response) -> Result<Ticket> {
    let place = answer.header("location").and_then(number).map(|number| number.to_string());
    match (answer.status(), place) {
        (201, Some(place)) => Ok(Ticket::Queued(place)),
        (303, Some(place)) => Ok(Ticket::Folded(place)),
        // Taken, but not said as what.
        (200 | 201, _) => Ok(Ticket::Unknown(None)),
        (302, None) if is_back_to_the_job(answer) => {
            Err(Error::conflict("Jenkins did not put it into its queue: something there refused it")
                .hint("look for plugins that hold builds back, and whether Jenkins is preparing to shut down"))
        }
        (409, _) => Err(Error::conflict("the job takes no builds now").hint("enable it in Jenkins")),
        _ => Err(client::refusal(answer)),
    }
}

/// A refusal by a `QueueDecisionHandler` leads to `.`, the job's own page.
fn is_back_to_the_job(answer: &Response) -> bool {
    answer.header("location").is_some_and(|location| location == "." || location.contains("/job/"))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use novacron_cicd_sdk::types::ErrorKind;

    use super::*;

    #[test]
    fn of_an_address_only_the_number_counts() {
        let rows = [
            ("http://internal:8080/queue/item/143/", Some(143)),
            ("https://ci.example/jenkins/queue/item/143", Some(143)),
            ("/jenkins/queue/item/7/", Some(7)),
            ("https://ci.example/job/a/", None),
            ("https://ci.example/queue/item/", None),
            ("https://ci.example/queue/item/x/", None),
            (".", None),
        ];
        for (location, expected) in rows {
            assert_eq!(number(location), expected, "{location}");
        }
    }

    #[test]
    fn a_triggers_answer_is_a_ticket_or_a_reason() {
        let place = "http://elsewhere:8080/queue/item/143/";
        let queued = Ok(Ticket::Queued("143".into()));
        let rows = [
            (201, Some(place), queued),
            (303, Some(place), Ok(Ticket::Folded("143".into()))),
            (201, None, Ok(Ticket::Unknown(None))),
            (302, Some("."), Err(ErrorKind::Conflict)),
            (302, Some("https://ci.example/job/a/"), Err(ErrorKind::Conflict)),
            (409, None, Err(ErrorKind::Conflict)),
            (404, None, Err(ErrorKind::NotFound)),
            (401, None, Err(ErrorKind::Unauthorized)),
            (503, None, Err(ErrorKind::Transient)),
            (502, None, Err(ErrorKind::OutcomeUnknown)),
        ];
        for (status, location, expected) in rows {
            let headers: Vec<_> = location.map(|location| ("Location", location)).into_iter().collect();
            let found = ticket(&Response::fake(status, &headers, b"", false)).map_err(|error| error.kind);
            assert_eq!(found, expected, "{status} {location:?}");
        }
        for (status, location) in [(302, "https://sso.example/login?from=x"), (301, place)] {
            let found = ticket(&Response::fake(status, &[("Location", location)], b"", false));
            assert!(matches!(found.unwrap_err().kind, ErrorKind::Upstream(_)), "{status} {location}");
        }
    }

    #[test]
    fn a_queue_item_stands_as_its_class_and_fields_say() {
        let rows = [
            (r#"{"_class":"hudson.model.Queue$WaitingItem","why":"In the quiet period"}"#, Standing::Waiting),
            (
                r#"{"_class":"hudson.model.Queue$BlockedItem","why":"Build #9 is already in progress"}"#,
                Standing::Waiting,
            ),
            (r#"{"_class":"hudson.model.Queue$BuildableItem","stuck":true}"#, Standing::Waiting),
            (r#"{"_class":"hudson.model.Queue$LeftItem","cancelled":false,"executable":null}"#, Standing::Leaving),
            (
                r#"{"_class":"hudson.model.Queue$LeftItem","cancelled":false,"executable":{"_class":"x","number":14}}"#,
                Standing::Began(14),
            ),
            (r#"{"_class":"hudson.model.Queue$LeftItem","cancelled":true,"why":null}"#, Standing::Canceled(None)),
            (r#"{"_class":"org.example.NewItem"}"#, Standing::Waiting),
        ];
        for (text, expected) in rows {
            assert_eq!(serde_json::from_str::<Item>(text).unwrap().standing(), expected, "{text}");
        }
    }
}
