//! Every job of a controller, folder by folder, in as few requests as will do.
//!
//! Pure. One `tree` request asks for three levels at once. An answer over 1 MiB is not looked at: the same folder is asked
//! again for a level less, until one level alone, which is bounded by its range. The walk goes depth first, so that where it
//! stands is one place for each level: that is the cursor.

use novacron_cicd_sdk::{
    Result, attribute,
    types::{Error, Pipeline},
};
use serde::{Deserialize, Serialize};

use crate::{client::Client, path};

/// The most that is read of one answer, in bytes.
pub(crate) const MOST: u32 = 1 << 20;
/// Levels that one request asks for at first.
const LEVELS: u8 = 3;
/// Items of one level that one request asks for.
const RANGE: usize = 1000;
/// Requests of one call; the host allows 64.
pub(crate) const REQUESTS: usize = 40;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Entry {
    #[serde(rename = "_class")]
    class: String,
    name: String,
    color: Option<String>,
    /// Only what holds items says it.
    jobs: Option<Vec<Entry>>,
}

impl Entry {
    /// The full name of the first job in it, as far down as was asked.
    pub(crate) fn first_job(&self, above: &str) -> Option<String> {
        let name = format!("{above}/{}", self.name);
        match &self.jobs {
            None => Some(name),
            Some(inner) => inner.iter().find_map(|child| child.first_job(&name)),
        }
    }
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Folder {
    #[serde(rename = "_class")]
    class: String,
    jobs: Option<Vec<Entry>>,
}

/// Where the walk goes on: in this folder, from this item, so many levels at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place(String, usize, u8);

impl Place {
    /// The folder; empty is the controller itself.
    pub(crate) fn folder(&self) -> &str {
        &self.0
    }

    /// What to ask for. The innermost items are asked for a single name of what they hold: whatever its class is, what
    /// answers that is a folder.
    pub(crate) fn tree(&self) -> String {
        let fields = "_class,name,color";
        let inner =
            (1..self.2).fold("jobs[name]{0,1}".to_owned(), |inner, _| format!("jobs[{fields},{inner}]{{0,{RANGE}}}"));
        format!("_class,jobs[{fields},{inner}]{{{},{}}}", self.1, self.1 + RANGE)
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Walk {
    /// The innermost last.
    places: Vec<Place>,
    pub(crate) found: Vec<Pipeline>,
    limit: usize,
}

impl Walk {
    /// Begins, or goes on.
    /// `invalid-input` where the cursor is none of ours.
    pub(crate) fn begin(cursor: Option<&str>, limit: u32) -> Result<Self> {
        let places = match cursor {
            None => vec![Place(String::new(), 0, LEVELS)],
            Some(text) => serde_json::from_str(text)
                .map_err(|_| Error::invalid_input("cursor", "it is not one of this plugin's"))?,
        };
        Ok(Self { places, found: Vec::new(), limit: usize::try_from(limit).unwrap_or(usize::MAX).max(1) })
    }

    /// Where to ask next; none: all was seen, or the page is full.
    pub(crate) fn ask(&mut self) -> Option<Place> {
        if self.found.len() >= self.limit { None } else { self.places.pop() }
    }

    /// Where the next page begins; none: there is none.
    pub(crate) fn cursor(&self) -> Option<String> {
        // A list of texts and numbers is always written.
        (!self.places.is_empty()).then(|| serde_json::to_string(&self.places).unwrap_or_default())
    }

    /// The answer was too large.
    /// `upstream` where there is no less to ask for.
    pub(crate) fn too_large(&mut self, place: Place) -> Result<()> {
        if place.2 <= 1 {
            let message = format!("the list of {:?} is longer than {MOST} bytes for {RANGE} items", place.0);
            return Err(Error::upstream(message, 200, ""));
        }
        self.places.push(Place(place.0, place.1, place.2 - 1));
        Ok(())
    }

    /// What a folder answered. One that is gone, or was never one, holds nothing.
    pub(crate) fn answered(&mut self, client: &Client, place: Place, folder: Folder) {
        let branches = is_multibranch(&folder.class);
        let list = folder.jobs.unwrap_or_default();
        let mut rest = Vec::new();
        self.take(client, &place, branches, &list, &mut rest);
        // The innermost comes first there, and last here.
        self.places.extend(rest.into_iter().rev());
    }

    /// Whether the whole list was taken; else `rest` says where to go on, the innermost place first.
    fn take(&mut self, client: &Client, place: &Place, branches: bool, list: &[Entry], rest: &mut Vec<Place>) -> bool {
        let Place(folder, from, levels) = place;
        for (index, entry) in list.iter().enumerate() {
            let name = if folder.is_empty() { entry.name.clone() } else { format!("{folder}/{}", entry.name) };
            let stop = |rest: &mut Vec<Place>, index| {
                // Behind the last of a list that is not full there is nothing to ask for.
                if index < list.len() || list.len() == RANGE {
                    rest.push(Place(folder.clone(), from + index, *levels));
                }
                false
            };
            let full = self.found.len() >= self.limit;
            match &entry.jobs {
                Some(inner) if inner.is_empty() => {}
                Some(_) if *levels == 1 => {
                    rest.push(Place(name, 0, LEVELS));
                    return stop(rest, index + 1);
                }
                // Where the page is full, folders that hold no job as far as was answered are passed through all the same: the
                // next page begins in the first that has to be asked, and what is above it is not asked for again.
                Some(inner) if !full || !hold_a_job(inner, levels - 1) => {
                    let below = Place(name, 0, levels - 1);
                    if !self.take(client, &below, is_multibranch(&entry.class), inner, rest) {
                        return stop(rest, index + 1);
                    }
                }
                _ if full => return stop(rest, index),
                None if !path::is_id(&name) => {}
                _ => self.found.push(pipeline(client, name, entry, branches)),
            }
        }
        if list.len() == RANGE {
            rest.push(Place(folder.clone(), from + RANGE, *levels));
            return false;
        }
        true
    }
}

/// Whether there is a job among these, as far as so many levels were answered; of the last one nothing is known.
fn hold_a_job(list: &[Entry], levels: u8) -> bool {
    levels > 0 && list.iter().any(|entry| entry.jobs.as_ref().is_none_or(|inner| hold_a_job(inner, levels - 1)))
}

/// What branches are in has them under names that are encoded.
fn is_multibranch(class: &str) -> bool {
    class.ends_with("MultiBranchProject")
}

fn pipeline(client: &Client, name: String, entry: &Entry, is_branch: bool) -> Pipeline {
    Pipeline {
        repository: None,
        reference: is_branch.then(|| path::branch(&name)),
        url: Some(path::url(&client.base_url, &name, &[])),
        enabled: !entry.color.as_deref().unwrap_or_default().starts_with("disabled"),
        revision: None,
        more: vec![attribute("x-jenkins-class", &entry.class)],
        name: name.clone(),
        id: name,
    }
}

/// The fields of [`Entry`] for one item.
pub(crate) const ONE: &str = "_class,color,jobs[name]{0,1}";

/// One job, as [`ONE`] answers.
/// `not-found` where it holds jobs instead of being one.
pub(crate) fn one(client: &Client, id: &str, entry: &Entry) -> Result<Pipeline> {
    if entry.jobs.is_some() {
        return Err(Error::not_found(format!("{id} is a folder, which is no pipeline")).hint("name a job in it"));
    }
    Ok(pipeline(client, id.to_owned(), entry, path::branch(id) != id.rsplit('/').next().unwrap_or_default()))
}

#[cfg(test)]
#[path = "listing_tests.rs"]
mod tests;
