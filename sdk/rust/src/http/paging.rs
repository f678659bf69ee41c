//! Listings that go on at `Link: <...>; rel="next"` (RFC 8288), on the provider's own origin only.

use crate::{error::Result, types::Error};

use super::{Request, Response, target::origin};

/// The pages of a listing, each as it comes. Made by [`Request::pages`].
///
/// ```no_run
/// use novacron_cicd_sdk::http::Request;
/// # fn f() -> novacron_cicd_sdk::Result<()> {
/// let mut names: Vec<String> = Vec::new();
/// for page in Request::get("/projects").query("per_page", 100).credential("token").pages(10) {
///     names.extend(page?.json::<Vec<String>>()?);
/// }
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct Pages {
    next: Option<Request>,
    left: usize,
}

impl Pages {
    pub(super) fn new(first: Request, most: usize) -> Self {
        Self { next: Some(first), left: most }
    }

    fn read(&mut self, request: &Request) -> Result<Response> {
        let page = request.clone().send()?.ok()?;
        self.next = page.next_page()?.map(|url| request.clone().at(url));
        Ok(page)
    }
}

impl Iterator for Pages {
    type Item = Result<Response>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let request = self.next.take()?;
        Some(self.read(&request))
    }
}

/// Where the `Link` headers of an answer from `current` lead next.
///
/// ```
/// use novacron_cicd_sdk::http::next_link;
///
/// let links = [r#"<https://api.example/x?page=2>; rel="next", <https://api.example/x?page=9>; rel="last""#];
/// let next = next_link(links.into_iter(), "https://api.example/x", "https://api.example/v4")?;
/// assert_eq!(next.as_deref(), Some("https://api.example/x?page=2"));
/// # Ok::<(), novacron_cicd_sdk::types::Error>(())
/// ```
///
/// # Errors
/// `upstream` where the link leads away from the origin of `base`: a credential must not follow it.
pub fn next_link<'a>(links: impl Iterator<Item = &'a str>, current: &str, base: &str) -> Result<Option<String>> {
    let Some(target) = links.flat_map(parse).find_map(|(url, next)| next.then_some(url)) else { return Ok(None) };
    let home = origin(base);
    let url = if let (true, Some(here)) = (target.starts_with('/') && !target.starts_with("//"), origin(current)) {
        format!("{here}{target}")
    } else {
        target
    };
    if origin(&url).is_some() && origin(&url) == home {
        return Ok(Some(url));
    }
    let message = "the listing goes on at another address than the provider's";
    Err(Error::upstream(message, 200, format!("link: {url}"))
        .hint("check the provider's base URL: scheme, host and port"))
}

/// The links of one header, and whether each is the next page.
fn parse(header: &str) -> Vec<(String, bool)> {
    let mut links = Vec::new();
    let mut rest = header;
    while let Some((_, after)) = rest.split_once('<') {
        let Some((url, parameters)) = after.split_once('>') else { break };
        let end = end_of(parameters);
        links.push((url.trim().to_owned(), is_next(&parameters[..end])));
        rest = &parameters[end..];
    }
    links
}

/// Where a link's parameters end: at a comma that stands in no quotes.
fn end_of(parameters: &str) -> usize {
    let mut quoted = false;
    let comma = |&(_, byte): &(usize, u8)| {
        quoted ^= byte == b'"';
        byte == b',' && !quoted
    };
    parameters.bytes().enumerate().find(comma).map_or(parameters.len(), |(index, _)| index)
}

fn is_next(parameters: &str) -> bool {
    let relation = |parameter: &str| {
        let (name, value) = parameter.split_once('=')?;
        let relations = value.trim().trim_matches('"');
        let next = relations.split_whitespace().any(|relation| relation.eq_ignore_ascii_case("next"));
        name.trim().eq_ignore_ascii_case("rel").then_some(next)
    };
    parameters.split(';').find_map(relation).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = "https://api.example/v4";

    #[test]
    fn the_next_page_is_found_among_the_links() {
        let rows = [
            (r#"<https://api.example/v4/x?page=2>; rel="next""#, Some("https://api.example/v4/x?page=2")),
            (r#"<https://api.example/1>; rel=prev, <https://api.example/3>; rel=next"#, Some("https://api.example/3")),
            (r#"<https://api.example:443/3>;title="a, b";rel="last Next""#, Some("https://api.example:443/3")),
            (
                r#"</repositories/7?page=2&x=a,b>; rel="next""#,
                Some("https://api.example:443/repositories/7?page=2&x=a,b"),
            ),
            (r#"<https://api.example/1>; rel="prev"; rel="next""#, None),
            (r#"<https://api.example/1>; title="rel=next""#, None),
            (r#"<https://api.example/1; rel="next""#, None),
            ("", None),
        ];
        for (header, expected) in rows {
            let next = next_link([header].into_iter(), "https://api.example/v4/x", BASE);
            assert_eq!(next.as_ref().map(Option::as_deref), Ok(expected), "{header}");
        }
    }

    #[test]
    fn a_link_to_another_origin_is_an_error() {
        let rows = ["http://api.example/x", "https://api.example.evil/x", "https://api.example:444/", "//evil/x", "x"];
        for url in rows {
            let header = format!("<{url}>; rel=next");
            assert!(next_link([header.as_str()].into_iter(), "https://api.example/", BASE).is_err(), "{url}");
        }
    }

    #[test]
    fn a_redirect_elsewhere_does_not_take_the_listing_along() {
        let next = next_link(["</x?page=2>; rel=next"].into_iter(), "https://cdn.example/x", BASE);
        assert!(next.is_err());
    }
}
