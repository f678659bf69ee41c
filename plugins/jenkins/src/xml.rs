//! A look into a `config.xml`, and changes to it that leave every byte beside them as it was.
//!
//! Plugins of Jenkins add elements and attributes of which nothing is known here, and the prolog says XML 1.1, which most
//! parsers refuse. So no tree is built and none is written: an element is found by its place, and replaced in the text.

use std::ops::Range;

use novacron_cicd_sdk::{Result, types::Error};
use quick_xml::{
    Reader,
    escape::{escape, unescape},
    events::Event,
};

/// Where an element stands in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Element {
    pub(crate) name: String,
    /// From its first sign to its last.
    pub(crate) whole: Range<usize>,
    /// Between its tags; empty, at its end, where it has but one.
    inside: Range<usize>,
    tag: Range<usize>,
}

impl Element {
    pub(crate) fn text(&self, xml: &str) -> String {
        let raw = &xml[self.inside.clone()];
        unescape(raw).map_or_else(|_| raw.to_owned(), Into::into)
    }

    /// Whether its tag says `class="..."` with this end.
    pub(crate) fn is_class(&self, xml: &str, end: &str) -> bool {
        xml[self.tag.clone()].contains(&format!("{end}\""))
    }
}

/// The elements directly in another one; of none, the document's only one.
/// `upstream` where the text is not XML.
pub(crate) fn children(xml: &str, parent: Option<&Element>) -> Result<Vec<Element>> {
    let base = parent.map_or(0, |parent| parent.inside.start);
    let text = parent.map_or(xml, |parent| &xml[parent.inside.clone()]);
    let wrong = |why: &dyn std::fmt::Display| Error::upstream(format!("the definition is not XML: {why}"), 200, xml);
    let mut reader = Reader::from_str(text);
    let mut found: Vec<Element> = Vec::new();
    let mut depth = 0_usize;
    let position = |reader: &Reader<&[u8]>| base + usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
    loop {
        let begin = position(&reader);
        let event = reader.read_event().map_err(|error| wrong(&error))?;
        let end = position(&reader);
        let name = |tag: &quick_xml::events::BytesStart<'_>| tag.name().as_ref().to_owned();
        match event {
            Event::Start(tag) => {
                if depth == 0 {
                    found.push(Element { name: name(&tag), whole: begin..end, inside: end..end, tag: begin..end });
                }
                depth += 1;
            }
            Event::Empty(tag) if depth == 0 => {
                found.push(Element { name: name(&tag), whole: begin..end, inside: end..end, tag: begin..end });
            }
            Event::End(_) => {
                depth = depth.checked_sub(1).ok_or_else(|| wrong(&"an end without a beginning"))?;
                if depth == 0
                    && let Some(open) = found.last_mut()
                {
                    open.whole.end = end;
                    open.inside.end = begin;
                }
            }
            Event::Eof if depth > 0 => return Err(wrong(&"it ends in the middle")),
            Event::Eof => return Ok(found),
            _ => {}
        }
    }
}

/// The element at a place, each name the first of its kind; `*` is any.
/// `upstream` where the text is not XML.
pub(crate) fn find(xml: &str, place: &[&str]) -> Result<Option<Element>> {
    let mut at: Option<Element> = None;
    for name in place {
        let below = children(xml, at.as_ref())?;
        match below.into_iter().find(|element| *name == "*" || element.name == *name) {
            Some(element) => at = Some(element),
            None => return Ok(None),
        }
    }
    Ok(at)
}

/// The text with `element` in place of what stands at `place`; where nothing does, at the end of what would be around it.
/// `upstream` where the text is not XML, or nothing would be around it.
pub(crate) fn put(xml: &str, place: &[&str], element: &str) -> Result<String> {
    if let Some(there) = find(xml, place)? {
        return Ok(spliced(xml, there.whole, element));
    }
    let (last, around) = place.split_last().ok_or_else(|| Error::internal("an element without a place"))?;
    let Some(parent) = find(xml, around)? else {
        return Err(Error::upstream(format!("the definition has no place for {last}"), 200, xml));
    };
    if parent.inside.end < parent.whole.end {
        return Ok(spliced(xml, parent.inside.end..parent.inside.end, element));
    }
    // `<properties/>` becomes `<properties>...</properties>`.
    let open = xml[parent.whole.clone()].trim_end_matches('>').trim_end_matches('/').trim_end();
    Ok(spliced(xml, parent.whole.clone(), &format!("{open}>{element}</{}>", parent.name)))
}

fn spliced(xml: &str, range: Range<usize>, element: &str) -> String {
    format!("{}{element}{}", &xml[..range.start], &xml[range.end..])
}

/// `<name>text</name>`.
pub(crate) fn element(name: &str, text: &str) -> String {
    format!("<{name}>{}</{name}>", escape(text))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    const CONFIG: &str = "<?xml version='1.1' encoding='UTF-8'?>\n<!-- kept -->\n<flow-definition plugin=\"workflow-job@1.2\">\n  \
        <properties/>\n  <definition class=\"a.CpsFlowDefinition\" plugin=\"x\">\n    <script>echo &apos;a&apos; &amp;&amp; b &#x1b;</script>\n  \
        </definition>\n  <odd:thing xmlns:odd=\"u\"><![CDATA[<script>]]></odd:thing>\n</flow-definition>\n";

    #[test]
    fn a_change_leaves_every_byte_beside_it() {
        let script = ["*", "definition", "script"];
        let changed = put(CONFIG, &script, &element("script", "x < y & z")).unwrap();
        assert_eq!(changed, CONFIG.replace("echo &apos;a&apos; &amp;&amp; b &#x1b;", "x &lt; y &amp; z"));
        assert_eq!(find(&changed, &script).unwrap().unwrap().text(&changed), "x < y & z");
        let added = put(CONFIG, &["*", "properties", "p"], "<p>1</p>").unwrap();
        assert_eq!(added, CONFIG.replace("<properties/>", "<properties><p>1</p></properties>"));
        let more = put(&added, &["*", "properties", "q"], "<q/>").unwrap();
        assert_eq!(more, CONFIG.replace("<properties/>", "<properties><p>1</p><q/></properties>"));
        assert!(put(CONFIG, &["*", "gone", "p"], "<p/>").is_err());
    }

    #[test]
    fn elements_are_found_by_their_place() {
        let definition = find(CONFIG, &["flow-definition", "definition"]).unwrap().unwrap();
        assert!(
            definition.is_class(CONFIG, "CpsFlowDefinition") && !definition.is_class(CONFIG, "CpsScmFlowDefinition")
        );
        let names: Vec<_> =
            children(CONFIG, find(CONFIG, &["*"]).unwrap().as_ref()).unwrap().into_iter().map(|it| it.name).collect();
        assert_eq!(names, ["properties", "definition", "odd:thing"]);
        assert_eq!(find(CONFIG, &["project"]).unwrap(), None);
        for wrong in ["<a><b></a>", "<a>", "</a>"] {
            assert!(children(wrong, None).is_err(), "{wrong}");
        }
    }
}
