//! Which redirects are followed, and with which method: a pure rule.
//!
//! Where the target may be is judged like any request's; this module only says what would be sent there.

use http::Method;
use novacron_cicd_contract::bindings::novacron::cicd::types::Redirects;

/// Requests of one chain after the first.
pub(super) const MOST: u32 = 5;

/// What to do with an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// It is the answer.
    Stop,
    /// Go on with this method, and with the body or without.
    Follow { method: Method, body: bool },
}

/// Decides for an answer that has a `Location`.
pub(super) fn decide(mode: Redirects, method: &Method, status: u16, same_origin: bool) -> Step {
    let reads = matches!(*method, Method::GET | Method::HEAD);
    let same = || Step::Follow { method: method.clone(), body: true };
    match (mode, status) {
        (Redirects::None, _) => Step::Stop,
        (Redirects::Follow, 301 | 302 | 303 | 307 | 308) if reads => same(),
        // A changing request is never sent again, and never silently becomes another one: 303 alone says that it was
        // done and that there is something to read about it, and 307 and 308 that it was not done here.
        (Redirects::Follow, 303) => Step::Follow { method: Method::GET, body: false },
        (Redirects::Follow, 307 | 308) if same_origin => same(),
        (Redirects::SameMethod, 301 | 302 | 307 | 308) if same_origin => same(),
        (Redirects::SameMethod, 303) if reads && same_origin => same(),
        _ => Step::Stop,
    }
}

/// Headers of a guest that may go to another origin: none of them can be a credential.
pub(super) fn may_cross(header: &http::HeaderName) -> bool {
    use http::header;
    [
        header::ACCEPT,
        header::ACCEPT_LANGUAGE,
        header::RANGE,
        header::IF_RANGE,
        header::IF_MATCH,
        header::IF_NONE_MATCH,
        header::IF_MODIFIED_SINCE,
        header::IF_UNMODIFIED_SINCE,
        header::CACHE_CONTROL,
    ]
    .contains(header)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changing_request_is_not_sent_twice_and_not_turned_into_another() {
        use Redirects::{Follow, None, SameMethod};
        let again = |method: &Method| Step::Follow { method: method.clone(), body: true };
        let read = Step::Follow { method: Method::GET, body: false };
        let (get, head, post) = (&Method::GET, &Method::HEAD, &Method::POST);
        let rows = [
            (None, get, 302, true, Step::Stop),
            (None, post, 303, true, Step::Stop),
            (Follow, get, 301, false, again(get)),
            (Follow, get, 302, true, again(get)),
            (Follow, head, 307, false, again(head)),
            (Follow, get, 304, true, Step::Stop),
            (Follow, get, 200, true, Step::Stop),
            (Follow, post, 301, true, Step::Stop),
            (Follow, post, 302, true, Step::Stop),
            (Follow, post, 303, true, read.clone()),
            (Follow, post, 303, false, read),
            (Follow, post, 307, true, again(post)),
            (Follow, post, 307, false, Step::Stop),
            (Follow, &Method::DELETE, 302, true, Step::Stop),
            (SameMethod, post, 301, true, again(post)),
            (SameMethod, post, 302, true, again(post)),
            (SameMethod, post, 301, false, Step::Stop),
            (SameMethod, post, 303, true, Step::Stop),
            (SameMethod, get, 302, false, Step::Stop),
        ];
        for (mode, method, status, same_origin, expected) in rows {
            assert_eq!(decide(mode, method, status, same_origin), expected, "{mode:?} {method} {status} {same_origin}");
        }
    }
}
