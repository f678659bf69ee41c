//! Listings that go on: page by page, and from one repository to the next.
//!
//! A cursor is three numbers: the place, the page in it, and how many items a page has. GitHub's own links are looked at for
//! whether there is a next page, and not followed: after a rename they lead to a number.

use novacron_cicd_sdk::{
    Result,
    http::{Request, Response},
    types::{Error, PageRequest},
};
use serde::de::DeserializeOwned;

use crate::client;

/// Pages that one call asks for; the host allows 64 requests.
const REQUESTS: usize = 30;
/// The most that GitHub gives at once.
pub(crate) const MOST: u32 = 100;

/// That a cursor, or what is handed back like one, is none of ours.
pub(crate) fn not_ours(field: &str) -> Error {
    Error::invalid_input(field, "it is not one of this plugin's")
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Position {
    place: usize,
    page: u32,
    size: u32,
}

impl Position {
    fn read(page: &PageRequest) -> Result<Self> {
        let Some(cursor) = &page.cursor else {
            return Ok(Self { place: 0, page: 1, size: page.limit.clamp(1, MOST) });
        };
        let numbers: Vec<u32> = cursor.split('.').map_while(|part| part.parse().ok()).collect();
        match numbers[..] {
            [place, page, size @ 1..=MOST] => Ok(Self { place: usize::try_from(place).unwrap_or(0), page, size }),
            _ => Err(not_ours("cursor")),
        }
    }

    fn write(self) -> String {
        format!("{}.{}.{}", self.place, self.page, self.size)
    }
}

/// Whether a listing goes on behind this answer.
pub(crate) fn goes_on(answer: &Response) -> bool {
    answer.headers("link").any(|link| link.contains("rel=\"next\""))
}

/// A page of what is in all of `places`, one place after the other.
/// Errors: `invalid-input` where the cursor is none of ours, and whatever `read` or GitHub says.
pub(crate) fn across<P, L: DeserializeOwned, T>(
    places: &[P],
    page: &PageRequest,
    ask: impl Fn(&P) -> Request,
    read: impl Fn(&P, L) -> Result<Vec<T>>,
) -> Result<(Vec<T>, Option<String>)> {
    let mut found = Vec::new();
    let next = walk(places.len(), page, &|place| ask(&places[place]), &mut |place, answer| {
        found.extend(read(&places[place], answer.json()?)?);
        Ok(found.len())
    })?;
    Ok((found, next))
}

/// The walk itself, once for all kinds of items: `read` tells how many there are by now. Answers where to go on.
fn walk(
    places: usize,
    page: &PageRequest,
    ask: &dyn Fn(usize) -> Request,
    read: &mut dyn FnMut(usize, &Response) -> Result<usize>,
) -> Result<Option<String>> {
    let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let mut at = Position::read(page)?;
    for _ in 0..REQUESTS {
        if at.place >= places {
            break;
        }
        let answer = client::done(ask(at.place).query("per_page", at.size).query("page", at.page))?;
        let found = read(at.place, &answer)?;
        at = match goes_on(&answer) {
            true => Position { page: at.page + 1, ..at },
            false => Position { place: at.place + 1, page: 1, ..at },
        };
        // A page more must fit.
        if found + usize::try_from(at.size).unwrap_or(usize::MAX) > limit {
            break;
        }
    }
    Ok((at.place < places).then(|| at.write()))
}

/// All of one listing, as far as one call may go.
/// Errors: As [`across`]; `upstream` where it is longer than `pages`.
pub(crate) fn all<L: DeserializeOwned + Into<Vec<T>>, T>(request: &Request, pages: u32) -> Result<Vec<T>> {
    let mut found = Vec::new();
    for page in 1..=pages {
        let answer = client::done(request.clone().query("per_page", MOST).query("page", page))?;
        found.extend(answer.json::<L>()?.into());
        if !goes_on(&answer) {
            return Ok(found);
        }
    }
    Err(Error::upstream(format!("the listing is longer than {} items", pages * MOST), 200, ""))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use novacron_cicd_sdk::testing::Host;

    use super::*;

    /// Two places: `a` of three pages, `b` of one. An item is its place and page.
    fn list(cursor: Option<&str>, limit: u32) -> (Vec<String>, Option<String>, usize) {
        let host = Host::new("https://api.example", |request| {
            let more = request.url.starts_with("/a") && !request.url.ends_with("page=3");
            let link: &[_] =
                if more { &[("link", r#"<https://api.example/repositories/1?page=2>; rel="next""#)] } else { &[] };
            Ok(Response::fake(200, link, format!("[{:?}]", request.url).as_bytes(), true))
        });
        let page = PageRequest { cursor: cursor.map(str::to_owned), limit };
        let (answer, sent) =
            host.run(|| across(&["a", "b"], &page, |place| Request::get([*place]), |_, page: Vec<String>| Ok(page)));
        let (items, next) = answer.unwrap();
        (items, next, sent.len())
    }

    #[test]
    fn a_listing_goes_from_page_to_page_and_from_place_to_place() {
        let (items, next, asked) = list(None, 1000);
        assert_eq!((items.len(), next, asked), (4, None, 4));
        let (first, next, _) = list(None, 2);
        assert_eq!(first, ["/a?per_page=2&page=1"], "a second page might be too much");
        let (second, next, _) = list(next.as_deref(), 2);
        assert_eq!((second, next.as_deref()), (vec!["/a?per_page=2&page=2".to_owned()], Some("0.3.2")));
        let (_, next, _) = list(next.as_deref(), 2);
        let (last, next, _) = list(next.as_deref(), 2);
        assert_eq!((last, next), (vec!["/b?per_page=2&page=1".to_owned()], None));
    }

    #[test]
    fn a_cursor_that_is_not_ours_is_refused() {
        for cursor in ["", "x", "1.2", "0.1.0", "0.1.101", "0.1.2.3", "0.1.x"] {
            let page = PageRequest { cursor: Some(cursor.into()), limit: 10 };
            assert!(Position::read(&page).is_err(), "{cursor}");
        }
    }
}
