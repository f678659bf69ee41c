//! How Jenkins answers: pages for people, headers for clients.

use serde_json::Value;

use crate::server::Answer;

pub(super) fn page(status: u16, title: &str) -> Answer {
    let page = format!("<!DOCTYPE html><html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>");
    Answer::new(status).body("text/html;charset=utf-8", page)
}

pub(super) fn json(value: &Value) -> Answer {
    Answer::new(200)
        .body("application/json;charset=utf-8", value.to_string())
        .header("x-jenkins", "2.579")
        .header("x-jenkins-session", "1a2b3c4d")
}

/// `Failure` (`hudson/model/AbstractModelObject/error.jelly`).
pub(super) fn failure(message: &str) -> Answer {
    page(400, "Error").header("x-error", message)
}

/// `AccessDeniedException3`.
pub(super) fn denied(user: &str, permission: &str) -> Answer {
    page(403, "Error 403 Forbidden")
        .header("x-you-are-authenticated-as", user)
        .header("x-required-permission", permission)
}
