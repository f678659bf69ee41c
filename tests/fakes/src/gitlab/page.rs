//! Listings in pages, and refusals in all their shapes.

use serde_json::{Value, json};

use crate::server::{Answer, Seen};

use super::{CONTEXT, world::World};

/// Where this GitLab takes itself to be.
pub(super) fn base(world: &World, seen: &Seen) -> String {
    let host = seen.header("host").unwrap_or("gitlab.example");
    world.external_url.clone().unwrap_or_else(|| format!("http://{host}{CONTEXT}"))
}

/// A page by number: 20 rows where none are asked for, 100 at most.
pub(super) fn paged(world: &World, seen: &Seen, rows: Vec<Value>) -> Answer {
    let number =
        |name: &str, default: usize| seen.query(name).and_then(|text| text.parse().ok()).unwrap_or(default).max(1);
    let (page, size) = (number("page", 1), number("per_page", 20).min(100));
    let count = rows.len();
    let pages = count.div_ceil(size).max(1);
    let shown: Vec<Value> = rows.into_iter().skip((page - 1) * size).take(size).collect();
    let to = |page: usize| {
        let kept: Vec<String> = form(seen)
            .into_iter()
            .filter(|(name, _)| name != "page" && name != "per_page")
            .map(|(name, value)| {
                let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
                format!("&{}={}", encode(&name), encode(&value))
            })
            .collect();
        format!("{}{}?page={page}&per_page={size}{}", base(world, seen), seen.path(), kept.concat())
    };
    let mut links = vec![format!("<{}>; rel=\"first\"", to(1))];
    if page > 1 {
        links.insert(0, format!("<{}>; rel=\"prev\"", to(page - 1)));
    }
    if page < pages {
        links.insert(0, format!("<{}>; rel=\"next\"", to(page + 1)));
    }
    let next = if page < pages { (page + 1).to_string() } else { String::new() };
    let answer = Answer::json(200, &Value::Array(shown))
        .header("x-page", page)
        .header("x-per-page", size)
        .header("x-next-page", next);
    let answer = answer.header("x-prev-page", if page > 1 { (page - 1).to_string() } else { String::new() });
    if !world.totals {
        return answer.header("link", links.join(", "));
    }
    links.push(format!("<{}>; rel=\"last\"", to(pages)));
    answer.header("link", links.join(", ")).header("x-total", count).header("x-total-pages", pages)
}

/// A page behind an id: no number, no total, only the next.
pub(super) fn keyset(world: &World, seen: &Seen, rows: Vec<Value>) -> Answer {
    let after: u64 = seen.query("id_after").and_then(|text| text.parse().ok()).unwrap_or(0);
    let size = seen.query("per_page").and_then(|text| text.parse().ok()).unwrap_or(20_usize).min(100);
    let rest: Vec<Value> = rows.into_iter().filter(|row| row["id"].as_u64().unwrap_or(0) > after).collect();
    let more = rest.len() > size;
    let shown: Vec<Value> = rest.into_iter().take(size).collect();
    let last = shown.last().map_or(Value::Null, |row| row["id"].clone());
    let answer = Answer::json(200, &Value::Array(shown));
    if !more {
        return answer;
    }
    let kept: Vec<String> = form(seen)
        .into_iter()
        .filter(|(name, _)| name != "id_after")
        .map(|(name, value)| format!("{name}={value}&"))
        .collect();
    answer.header(
        "link",
        format!("<{}{}?{}id_after={last}>; rel=\"next\"", base(world, seen), seen.path(), kept.concat()),
    )
}

/// Query and body together, as the API takes them.
pub(super) fn form(seen: &Seen) -> Vec<(String, String)> {
    let query = seen.target.split_once('?').map_or("", |(_, query)| query);
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

/// A refusal with a text.
pub(super) fn said(status: u16, text: &str) -> Answer {
    Answer::json(status, &json!({ "message": text }))
}

/// A refusal by a field of the record: `render_validation_error!`.
pub(super) fn invalid(field: &str, text: &str) -> Answer {
    Answer::json(400, &json!({ "message": { field: [text] } }))
}

/// A parameter that is missing or not understood.
pub(super) fn wrong(text: &str) -> Answer {
    Answer::json(400, &json!({ "error": text }))
}

pub(super) fn missing(what: &str) -> Answer {
    said(404, &format!("404 {what} Not Found"))
}

pub(super) fn forbidden() -> Answer {
    said(403, "403 Forbidden")
}

/// Whether a row has the id that a path names.
pub(super) fn has_id(row: &Value, id: &str) -> bool {
    id.parse::<u64>().is_ok_and(|id| row["id"] == id)
}
