//! GitLab's variables, which are its secrets as well: what is masked or hidden is a secret, all else a variable.
//!
//! The API gives values back to Maintainers, so a list is asked of GraphQL, by the fields that are no value; the value of a plain
//! variable alone is read. A scope is `group/app`, `group:team` or `instance`, with `@environment` behind it where it holds for
//! some environments; none is the project that is set.

use novacron_cicd_sdk::{
    Result, Secrets, Variables, attribute,
    http::{Json, Request, send_all},
    lookup,
    secrets::{SecretChange, SecretInfo, SecretPage},
    types::{Error, Operation, PageRequest},
    variables::{Variable, VariablePage},
};
use serde_json::{Value, json};

use crate::{
    GitLab,
    client::{self, Client},
    projects, rows,
};

/// Variables whose values one call reads.
const READ: u32 = 40;

const FIELDS: &str = "{ciVariables(first:100,after:$c){pageInfo{endCursor hasNextPage} \
    nodes{key variableType masked protected raw environmentScope}}}";

#[derive(Clone, Debug, PartialEq, Eq)]
enum Owner {
    Project(String),
    Group(String),
    Instance,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Scope {
    owner: Owner,
    /// none: all of them.
    environment: Option<String>,
}

impl Scope {
    fn read(client: &Client, scope: Option<&str>) -> Result<Self> {
        let text = scope.unwrap_or_default();
        let (owner, environment) =
            text.split_once('@').map_or((text, None), |(owner, it)| (owner, Some(it.to_owned())));
        let owner = match owner.split_once(':') {
            _ if owner.is_empty() => Owner::Project(client.settings.project()?.to_owned()),
            Some(("group", group)) => Owner::Group(group.to_owned()),
            None if owner == "instance" => Owner::Instance,
            _ => Owner::Project(owner.to_owned()),
        };
        Ok(Self { owner, environment })
    }

    /// Where its variables are. A project's by its number, since what changes something is not led on to a new path.
    fn place(&self, client: &Client) -> Result<Vec<String>> {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Ok(match &self.owner {
            Owner::Project(path) => words(&["projects", &projects::number(client, path)?, "variables"]),
            Owner::Group(path) => words(&["groups", path, "variables"]),
            Owner::Instance => words(&["admin", "ci", "variables"]),
        })
    }

    fn name(&self, environment: &str) -> String {
        let owner = match &self.owner {
            Owner::Project(path) => path.clone(),
            Owner::Group(path) => format!("group:{path}"),
            Owner::Instance => "instance".into(),
        };
        if environment == "*" { owner } else { format!("{owner}@{environment}") }
    }

    /// The environments that it is for.
    fn environments(&self) -> &str {
        self.environment.as_deref().unwrap_or("*")
    }

    fn question(&self, client: &Client, cursor: Option<&str>) -> Request {
        let (head, path) = match &self.owner {
            Owner::Project(path) => ("query($p:ID!,$c:String){project(fullPath:$p)", path.as_str()),
            Owner::Group(path) => ("query($p:ID!,$c:String){group(fullPath:$p)", path.as_str()),
            Owner::Instance => {
                let fields = FIELDS.trim_start_matches('{');
                return client.query(&format!("query($c:String){{{fields}"), &json!({ "c": cursor }));
            }
        };
        client.query(&format!("{head}{FIELDS}}}"), &json!({ "p": path, "c": cursor }))
    }
}

/// A variable as GraphQL tells it.
struct Entry {
    key: String,
    file: bool,
    masked: bool,
    protected: bool,
    environments: String,
}

impl Entry {
    fn read(node: &Value) -> Option<Self> {
        let word = |name: &str| node[name].as_str();
        Some(Self {
            key: word("key")?.to_owned(),
            file: word("variableType").is_some_and(|word| word.eq_ignore_ascii_case("file")),
            masked: node["masked"] == true,
            protected: node["protected"] == true,
            environments: word("environmentScope").unwrap_or("*").to_owned(),
        })
    }
}

/// One page of what there is, without a value, and the cursor of the next.
fn entries(client: &Client, scope: &Scope, cursor: Option<&str>) -> Result<(Vec<Entry>, Option<String>)> {
    let data = client::data(scope.question(client, cursor).send()?)?;
    let list = ["/project/ciVariables", "/group/ciVariables", "/ciVariables"]
        .into_iter()
        .find_map(|place| data.pointer(place));
    let list = list.filter(|list| list.is_object()).ok_or_else(|| {
        let message = format!("the variables of {} are not there, or not to be seen by this account", scope.name("*"));
        Error::forbidden(message, None).hint("the account has to be Maintainer there")
    })?;
    let nodes = list["nodes"].as_array().into_iter().flatten();
    let entries: Option<Vec<Entry>> = nodes.map(Entry::read).collect();
    let entries = entries.ok_or_else(|| Error::upstream("ciVariables.nodes: a variable without a key", 200, ""))?;
    let next = list["pageInfo"]["endCursor"].as_str().filter(|_| list["pageInfo"]["hasNextPage"] == true);
    let wanted = |entry: &Entry| scope.environment.as_deref().is_none_or(|only| only == entry.environments);
    Ok((entries.into_iter().filter(wanted).collect(), next.map(str::to_owned)))
}

fn slices(place: &[String]) -> Vec<&str> {
    place.iter().map(String::as_str).collect()
}

/// Changes what is there, or makes it.
fn put(client: &Client, scope: &Scope, name: &str, body: impl Fn(bool) -> Json) -> Result<()> {
    let place = scope.place(client)?;
    let list = slices(&place);
    let one = [&list[..], &[name]].concat();
    let change = client.put(&one).query("filter[environment_scope]", scope.environments());
    let answer = change.json_with_secrets(body(false)).send()?;
    let answer = if answer.status() == 404 { client.post(&list).json_with_secrets(body(true)).send()? } else { answer };
    client::taken(answer).map(drop).map_err(|error| match &error.kind {
        novacron_cicd_sdk::types::ErrorKind::InvalidInput(invalid) if invalid.field == "value" => error.hint(
            "a masked value is one line of at least eight letters, digits and a few signs: give the option `masked` as false",
        ),
        _ => error,
    })
}

fn remove(client: &Client, scope: &Scope, name: &str) -> Result<()> {
    let place = scope.place(client)?;
    let one = [&slices(&place)[..], &[name]].concat();
    client::gone(client.delete(&one).query("filter[environment_scope]", scope.environments()))
}

impl Secrets for GitLab {
    fn list_secrets(scope: Option<String>, page: PageRequest) -> Result<SecretPage> {
        let client = Client::here()?;
        let scope = Scope::read(&client, scope.as_deref())?;
        let (entries, next) = entries(&client, &scope, page.cursor.as_deref())?;
        let secret = |entry: Entry| SecretInfo {
            kind: if entry.file { "file" } else { "text" }.into(),
            scope: Some(scope.name(&entry.environments)),
            updated: None,
            more: vec![attribute("x-gitlab-protected", entry.protected.to_string())],
            name: entry.key,
        };
        let items = entries.into_iter().filter(|entry| entry.masked).map(secret).collect();
        Ok(SecretPage { items, next })
    }

    /// Options: `masked` (true), `protected` (false), `hidden` (false; counts where the secret is new), `raw` (true: a `$` in it
    /// stands for itself), `description`.
    fn put_secret(_operation: Operation, change: SecretChange) -> Result<()> {
        let client = Client::here()?;
        let scope = Scope::read(&client, change.scope.as_deref())?;
        let class = match change.kind.as_str() {
            "text" => "env_var",
            "file" => "file",
            other => {
                return Err(Error::unsupported("secrets.kind")
                    .message(format!("GitLab has no secret of kind {other}: take text or file")));
            }
        };
        let [part] = change.parts.as_slice() else {
            return Err(Error::invalid_input("parts", "a variable has one part, `value`"));
        };
        let option = |name: &str, default: bool| lookup(&change.options, name).map_or(default, |value| value == "true");
        let description = lookup(&change.options, "description");
        put(&client, &scope, &change.name, |new| {
            let body = Json::object().field("variable_type", class).field("masked", option("masked", true));
            let body = body.field("protected", option("protected", false)).field("raw", option("raw", true));
            let body = body.maybe("description", description).field("environment_scope", scope.environments());
            let body = if new { body.field("key", &change.name) } else { body };
            let body = if new && option("hidden", false) { body.field("masked_and_hidden", true) } else { body };
            body.secret("value", &part.value)
        })
    }

    fn delete_secret(_operation: Operation, name: String, scope: Option<String>) -> Result<()> {
        let client = Client::here()?;
        remove(&client, &Scope::read(&client, scope.as_deref())?, &name)
    }
}

impl Variables for GitLab {
    fn list_variables(scope: Option<String>, page: PageRequest) -> Result<VariablePage> {
        let client = Client::here()?;
        let scope = Scope::read(&client, scope.as_deref())?;
        // A cursor is GitLab's, and how many of its page were told.
        let (cursor, told) = page.cursor.as_deref().map_or((None, 0), |cursor| {
            let (told, rest) = cursor.split_once('+').unwrap_or(("0", cursor));
            (Some(rest).filter(|rest| !rest.is_empty()), told.parse().unwrap_or(0))
        });
        let (mut entries, next) = entries(&client, &scope, cursor)?;
        entries.retain(|entry| !entry.masked);
        let most = usize::try_from(page.limit.clamp(1, READ)).unwrap_or(1);
        let shown: Vec<&Entry> = entries.iter().skip(told).take(most).collect();
        let place = scope.place(&client)?;
        let asked = shown.iter().map(|entry| {
            let one = [&slices(&place)[..], &[entry.key.as_str()]].concat();
            client.get(&one).query("filter[environment_scope]", &entry.environments)
        });
        let mut items = Vec::new();
        for (entry, answer) in shown.iter().zip(send_all(asked)) {
            let answer = answer?;
            if answer.status() == 404 {
                continue;
            }
            let row: rows::Variable = client::taken(answer)?.json()?;
            items.push(Variable {
                name: row.key,
                scope: Some(scope.name(&entry.environments)),
                value: row.value.unwrap_or_default(),
                more: row.description.map(|text| attribute("description", text)).into_iter().collect(),
            });
        }
        let next = match next {
            _ if told + most < entries.len() => Some(format!("{}+{}", told + most, cursor.unwrap_or_default())),
            next => next.map(|next| format!("0+{next}")),
        };
        Ok(VariablePage { items, next })
    }

    fn put_variable(_operation: Operation, variable: Variable) -> Result<()> {
        let client = Client::here()?;
        let scope = Scope::read(&client, variable.scope.as_deref())?;
        put(&client, &scope, &variable.name, |new| {
            let body = Json::object().field("value", &variable.value).field("environment_scope", scope.environments());
            let body = body.maybe("description", lookup(&variable.more, "description"));
            if new { body.field("key", &variable.name) } else { body }
        })
    }

    fn delete_variable(_operation: Operation, name: String, scope: Option<String>) -> Result<()> {
        let client = Client::here()?;
        remove(&client, &Scope::read(&client, scope.as_deref())?, &name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    #[test]
    fn a_scope_says_whose_it_is_and_for_which_environments() -> Result<()> {
        let settings = Settings { project: Some("g/app".into()), ..Settings::default() };
        let client = Client { base_url: "https://git.example".into(), settings, slot: None };
        let project = |path: &str| Owner::Project(path.into());
        let rows = [
            (None, project("g/app"), "*", "g/app"),
            (Some("@review/*"), project("g/app"), "review/*", "g/app@review/*"),
            (Some("g/other@prod"), project("g/other"), "prod", "g/other@prod"),
            (Some("group:team/sub"), Owner::Group("team/sub".into()), "*", "group:team/sub"),
            (Some("instance"), Owner::Instance, "*", "instance"),
        ];
        for (text, owner, environments, name) in rows {
            let scope = Scope::read(&client, text)?;
            assert_eq!((&scope.owner, scope.environments()), (&owner, environments));
            assert_eq!(scope.name(scope.environments()), name);
        }
        Ok(())
    }

    #[test]
    fn no_value_is_ever_asked_for_in_a_list() {
        assert!(!FIELDS.split(|at: char| !at.is_ascii_alphanumeric()).any(|word| word == "value"));
    }
}
