//! What the masker must take out, and what it must leave.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::borrow::Cow;

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD},
};
use novacron_cicd_vault::{MaskStream, Masker, Secret};
use proptest::prelude::*;

fn masker(secrets: &[&str]) -> Masker {
    let secrets: Vec<Secret> = secrets.iter().map(|secret| Secret::new(*secret)).collect();
    Masker::new(&secrets)
}

fn in_pieces<'p>(masker: &Masker, pieces: impl IntoIterator<Item = &'p [u8]>) -> Vec<u8> {
    let mut stream = masker.stream();
    let mut shown: Vec<u8> = pieces.into_iter().flat_map(|piece| stream.push(piece)).collect();
    shown.extend(stream.finish());
    shown
}

/// With every character that some encoding treats specially.
const HARD: &str = "p&s<\"'w>/\\rd é+=?;%~!*()\u{1F511} end";

#[test]
fn a_value_is_masked_wherever_it_stands() {
    let masker = masker(&["hunter2-hunter2"]);
    for (text, expected) in [
        ("hunter2-hunter2", "***"),
        ("password=hunter2-hunter2\n", "password=***\n"),
        ("hunter2-hunter2hunter2-hunter2", "******"),
        ("a hunter2-hunter2 b hunter2-hunter2", "a *** b ***"),
        ("hunter2-hunter", "hunter2-hunter"),
        ("HUNTER2-HUNTER2", "HUNTER2-HUNTER2"),
        ("", ""),
    ] {
        assert_eq!(masker.mask_text(text), expected);
    }
    assert!(matches!(masker.mask_text("nothing to see"), Cow::Borrowed(_)));
}

#[test]
fn every_usual_form_is_masked() {
    let json = serde_json::to_string(HARD).unwrap();
    let encode = |keep: &[u8], plus: bool, upper: bool| -> String {
        let one = |byte: u8| match byte {
            b' ' if plus => "+".into(),
            _ if byte.is_ascii_alphanumeric() || keep.contains(&byte) => char::from(byte).to_string(),
            _ if upper => format!("%{byte:02X}"),
            _ => format!("%{byte:02x}"),
        };
        HARD.bytes().map(one).collect()
    };
    let rows = [
        ("clear", HARD.to_owned()),
        ("hex", hex::encode(HARD)),
        ("hex, upper", hex::encode_upper(HARD)),
        ("base64", STANDARD.encode(HARD)),
        ("base64, unpadded", STANDARD_NO_PAD.encode(HARD)),
        ("base64url", URL_SAFE.encode(HARD)),
        ("base64url, unpadded", URL_SAFE_NO_PAD.encode(HARD)),
        ("base64 in a query", STANDARD.encode(HARD).replace('+', "%2B").replace('/', "%2F").replace('=', "%3D")),
        ("json", json[1..json.len() - 1].to_owned()),
        ("json, ASCII", r#"p&s<\"'w>/\\rd \u00e9+=?;%~!*()\ud83d\udd11 end"#.to_owned()),
        ("json, ASCII, upper", r#"p&s<\"'w>/\\rd \u00E9+=?;%~!*()\uD83D\uDD11 end"#.to_owned()),
        ("json, for HTML", "p\\u0026s\\u003c\\\"'w\\u003e/\\\\rd é+=?;%~!*()\u{1F511} end".to_owned()),
        ("json, slashes", "p&s<\\\"'w>\\/\\\\rd é+=?;%~!*()\u{1F511} end".to_owned()),
        ("unreserved", encode(b"-._~", false, true)),
        ("unreserved, lower", encode(b"-._~", false, false)),
        ("query of Go and Python", encode(b"-._~", true, true)),
        ("encodeURIComponent", encode(b"-_.!~*'()", false, true)),
        ("form", encode(b"*-._", true, true)),
        ("form, lower", encode(b"*-._", true, false)),
        ("all bytes", HARD.bytes().map(|byte| format!("%{byte:02X}")).collect()),
        ("xml", "p&amp;s&lt;&quot;&apos;w&gt;/\\rd é+=?;%~!*()\u{1F511} end".to_owned()),
        ("html", "p&amp;s&lt;&quot;&#39;w&gt;/\\rd é+=?;%~!*()\u{1F511} end".to_owned()),
    ];
    let masker = masker(&[HARD]);
    for (form, text) in rows {
        assert_eq!(masker.mask_text(&format!("<{text}>")), "<***>", "{form}: {text}");
    }
}

/// What the URL standard encodes in each place; this list and the one of the masker are written apart.
const PLACES: [(&str, &percent_encoding::AsciiSet); 7] = {
    use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC};
    const FRAGMENT: AsciiSet = CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'`');
    const QUERY: AsciiSet = CONTROLS.add(b' ').add(b'"').add(b'#').add(b'<').add(b'>');
    const PATH: AsciiSet = QUERY.add(b'?').add(b'^').add(b'`').add(b'{').add(b'}');
    const USER: AsciiSet =
        PATH.add(b'/').add(b':').add(b';').add(b'=').add(b'@').add(b'[').add(b'\\').add(b']').add(b'|');
    [
        ("controls", CONTROLS),
        ("fragment", &FRAGMENT),
        ("query", &QUERY),
        ("query of the web", &QUERY.add(b'\'')),
        ("path", &PATH),
        ("user info", &USER),
        ("everything", NON_ALPHANUMERIC),
    ]
};

#[test]
fn percent_encodings_of_every_place_of_a_url_are_masked() {
    // All of ASCII that is printed, so that no character is missing in the masker's own lists.
    let value: String = (b'!'..=b'~').chain(*b" x").map(char::from).collect();
    let masker = masker(&[&value]);
    for (place, set) in PLACES {
        let text = percent_encoding::utf8_percent_encode(&value, set).to_string();
        assert_eq!(masker.mask_text(&text), "***", "{place}: {text}");
    }
    let mut url = url::Url::parse("https://ci.example/").unwrap();
    url.query_pairs_mut().append_pair("token", &value);
    url.path_segments_mut().unwrap().push(&value);
    assert_eq!(masker.mask_text(url.as_str()), "https://ci.example/***?token=***");
    let mut url = url::Url::parse("https://ci.example/").unwrap();
    url.set_username(&value).unwrap();
    assert_eq!(masker.mask_text(url.as_str()), "https://***@ci.example/");
    url.set_query(Some(&value));
    assert_eq!(masker.mask_text(url.as_str()), "https://***@ci.example/?***");
}

#[test]
fn a_value_inside_of_a_longer_base64_text_is_masked_at_every_alignment() {
    let value = "tok3n-of-the-registry";
    let masker = masker(&[value]);
    for before in ["", "u", "us", "user:", "admin:", "name:"] {
        for after in ["", "x", "xy", "xyz", "\n"] {
            for engine in [STANDARD, URL_SAFE, STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
                let encoded = engine.encode(format!("{before}{value}{after}"));
                let masked = masker.mask_text(&encoded);
                assert!(masked.contains("***"), "{before}|{after}: {encoded}");
                // What is left beside the mask is the neighbours and at most six bits of the value on each side.
                let left: usize = masked.split("***").map(str::len).sum();
                let around = (before.len() + after.len()) * 8 / 6 + 4;
                assert!(left <= around, "{before}|{after}: {masked} leaves {left} of {around}");
            }
        }
    }
}

#[test]
fn lines_of_a_secret_are_masked_alone_but_for_short_and_public_ones() {
    let key = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkq\nhkiG9w0BAQEFAASC\nx=\n-----END PRIVATE KEY-----\n";
    let json = "{\n  \"type\": \"account\",\n  \"key\": \"abc\"\n}\n";
    let masker = masker(&[key, json]);
    for (text, expected) in [
        (key, "***\n"),
        (key.trim_end(), "***"),
        ("log: MIIEvQIBADANBgkq", "log: ***"),
        ("1: MIIEvQIBADANBgkq\r\n2: hkiG9w0BAQEFAASC\r\n", "1: ***\r\n2: ***\r\n"),
        ("x=1", "x=1"),
        ("-----BEGIN PRIVATE KEY-----", "-----BEGIN PRIVATE KEY-----"),
        ("{ } {}", "{ } {}"),
        ("\t\"key\": \"abc\"", "\t***"),
        (r#"{"key": "abc"}"#, "{***}"),
        ("\"type\"", "\"type\""),
    ] {
        // The whole key with its last line feed is a value of its own, which is longer.
        let masked = masker.mask_text(text);
        assert!(masked == expected || (text == key && masked == "***"), "{text:?} became {masked:?}");
    }
    let escaped = serde_json::to_string(key).unwrap();
    assert_eq!(masker.mask_text(&escaped), "\"***\"");
    assert!(!masker.mask_text(&STANDARD.encode(format!("key: {key}"))).contains("SUlFdlFJQkFEQU5CZ2txCmhraUc5dzBC"));
}

#[test]
fn a_value_that_was_stored_with_a_line_feed_is_masked_without_it() {
    let masker = masker(&["hunter2-hunter2\n"]);
    assert_eq!(masker.mask_text("hunter2-hunter2!"), "***!");
    assert_eq!(masker.mask_text("  hunter2-hunter2\n"), "  ***");
}

#[test]
fn the_longer_of_two_values_wins_and_overlapping_ones_go_as_a_whole() {
    let masker = masker(&["secret-one", "secret-one-and-more", "more-and-another", "one-and"]);
    for (text, expected) in [
        ("secret-one-and-more", "***"),
        ("secret-one-and-mor", "***-mor"),
        ("secret-one-and-more-and-another", "***"),
        ("xsecret-one-and-more-and-anotherx", "x***x"),
        ("secret-onesecret-one", "******"),
    ] {
        assert_eq!(masker.mask_text(text), expected, "{text}");
    }
}

#[test]
fn honest_text_stays_as_it_is() {
    let masker = masker(&["hunter2", "true", "a", "", "      ", "------", "0000000000", "{\n}\n", "p@ssw0rd!"]);
    let text = "true story: a ruler ------ {\n} 0000000000 and 68756e7465 hunter1 p@ssw0rd. aHVudGVy\n      end";
    assert_eq!(masker.mask_text(text), text);
    assert!(Masker::default().is_empty());
    let none: [&Secret; 0] = [];
    assert!(Masker::new(none).is_empty());
    assert_eq!(Masker::default().mask_text("hunter2"), "hunter2");
}

#[test]
fn a_secret_that_is_not_text_is_masked_and_the_rest_stays_text() {
    let secret = Secret::new(vec![0x9f, 0x94, 0x91, 0x20, 0xff, 0x00, 0x01]);
    let masker = Masker::new([&secret]);
    let bytes = [b"key: ".as_slice(), secret.expose(), b" end"].concat();
    assert_eq!(&*masker.mask_bytes(&bytes), b"key: *** end");
    assert_eq!(masker.mask_text(&hex::encode(secret.expose())), "***");
    assert_eq!(masker.mask_text(&STANDARD.encode(secret.expose())), "***");
    let half = Masker::new([&Secret::new("\u{1F511}-and-more".as_bytes()[1..].to_vec())]);
    assert_eq!(half.mask_text("<\u{1F511}-and-more>"), "<\u{fffd}***>");
}

#[test]
fn a_stream_cut_anywhere_shows_the_same_as_the_whole() {
    let secrets = ["hunter2-hunter2", "hunter2-huntsman", "line-one-long\nline-two-long", HARD];
    let masker = masker(&secrets);
    for text in [
        "before hunter2-hunter2 between hunter2-huntsmen hunter2-hunter2hunter2-huntsman after",
        "x line-one-long\nline-two-long y line-one-long z",
        &format!("{HARD} {} {}", STANDARD.encode(HARD), hex::encode(HARD)),
        "hunter2-hunter",
    ] {
        let whole = masker.mask_bytes(text.as_bytes()).into_owned();
        for first in 0..=text.len() {
            let (head, tail) = text.as_bytes().split_at(first);
            assert_eq!(in_pieces(&masker, [head, tail]), whole, "cut at {first}");
            for second in (0..=tail.len()).step_by(3) {
                let (middle, tail) = tail.split_at(second);
                assert_eq!(in_pieces(&masker, [head, middle, tail]), whole, "cut at {first} and {second}");
            }
        }
        assert_eq!(in_pieces(&masker, text.as_bytes().chunks(1)), whole, "byte by byte");
    }
}

#[test]
fn a_stream_holds_back_only_what_may_be_the_begin_of_a_value() {
    let masker = masker(&["hunter2-hunter2"]);
    let mut stream = masker.stream();
    assert_eq!(stream.push(b"a whole line\n"), b"a whole line\n");
    assert_eq!((stream.push(b"then hunt").as_slice(), stream.held()), (&b"then "[..], 4));
    assert_eq!((stream.push(b"ing").as_slice(), stream.held()), (&b"hunting"[..], 0));
    assert_eq!(stream.push(b" hunter2-hunter2").as_slice(), b" ");
    assert_eq!(stream.push(b"\n").as_slice(), b"***\n");
    assert_eq!(stream.push(b"hunter2-").as_slice(), b"");
    assert_eq!(stream.finish(), b"hunter2-");
}

#[test]
fn a_stream_of_values_without_end_does_not_grow() {
    // Each match overlaps with the next, so that all of them become one mask.
    let masker = masker(&["abcabc"]);
    let mut stream = masker.stream();
    let mut shown = Vec::new();
    for _ in 0..10_000 {
        shown.extend(stream.push(b"abcabcabc"));
        assert!(stream.held() < 16, "{}", stream.held());
    }
    shown.extend(stream.finish());
    assert_eq!(shown, b"***");
}

#[test]
fn a_carry_goes_on_where_the_stream_stopped_at_every_position() {
    let masker = masker(&["hunter2-hunter2", "abcabc", "xhunter2"]);
    let text = "abcabcabcd hunter2-hunter2 xhunter2-hunter2 abcabcab abca";
    let whole = masker.mask_bytes(text.as_bytes()).into_owned();
    for cut in 0..=text.len() {
        let (head, tail) = text.as_bytes().split_at(cut);
        let mut first: MaskStream = masker.stream();
        let mut shown = first.push(head);
        let (mut second, cleared) = masker.resume(&first.carry());
        shown.extend(cleared);
        shown.extend(second.push(tail));
        shown.extend(second.finish());
        assert_eq!(shown, whole, "cut at {cut}");
    }
}

#[test]
fn a_stream_can_change_to_other_secrets_in_the_middle() {
    let (old, new) = (masker(&["hunter2-hunter2"]), masker(&["hunter2-huntsman"]));
    let mut stream = old.stream();
    let mut shown = stream.push(b"see hunter2-");
    let (mut stream, cleared) = new.resume(&stream.carry());
    shown.extend(cleared);
    shown.extend(stream.push(b"huntsman and "));
    let (stream, cleared) = Masker::default().resume(&stream.carry());
    shown.extend(cleared);
    shown.extend(stream.finish());
    assert_eq!(shown, b"see *** and ");
    // Nothing that is no carry does harm.
    let (stream, cleared) = new.resume(&Secret::new("short"));
    assert_eq!((stream.finish(), cleared), (Vec::new(), Vec::new()));
}

/// Texts over few letters, so that values overlap, repeat and nearly match all the time.
fn few_letters(length: std::ops::Range<usize>) -> impl Strategy<Value = String> {
    proptest::collection::vec(prop_oneof![4 => Just('a'), 4 => Just('b'), 1 => Just('\n')], length)
        .prop_map(|letters| letters.into_iter().collect())
}

/// Every occurrence of every value found one by one, without the automaton.
fn slowly(values: &[String], text: &[u8]) -> Vec<u8> {
    let mut covered = vec![false; text.len()];
    let mut joined = vec![false; text.len()];
    for value in values {
        for start in 0..text.len().saturating_sub(value.len() - 1) {
            if text[start..].starts_with(value.as_bytes()) {
                covered[start..start + value.len()].fill(true);
                joined[start + 1..start + value.len()].fill(true);
            }
        }
    }
    let mut shown = Vec::new();
    for (index, byte) in text.iter().enumerate() {
        match (covered[index], joined[index]) {
            (false, _) => shown.push(*byte),
            (true, false) => shown.extend(b"***"),
            (true, true) => {}
        }
    }
    shown
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_cuts_give_what_a_search_by_hand_gives(
        values in proptest::collection::vec("[ab]{6,9}", 1..4),
        text in few_letters(0..80),
        cuts in proptest::collection::vec(0_usize..80, 0..6),
    ) {
        let values: Vec<String> = values.into_iter().filter(|value| value.contains('a') && value.contains('b')).collect();
        let secrets: Vec<Secret> = values.iter().map(|value| Secret::new(value.as_str())).collect();
        let masker = Masker::new(&secrets);
        let expected = slowly(&values, text.as_bytes());
        prop_assert_eq!(&*masker.mask_bytes(text.as_bytes()), expected.as_slice());

        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
        cuts.extend([0, text.len()]);
        cuts.sort_unstable();
        let pieces = cuts.windows(2).map(|pair| &text.as_bytes()[pair[0]..pair[1]]);
        prop_assert_eq!(in_pieces(&masker, pieces), expected);
    }

    #[test]
    fn no_value_survives_in_any_form(value in "[ -~]{6,40}", before in "[a-z ]{0,5}", after in "[a-z ]{0,5}") {
        let secret = Secret::new(value.as_str());
        prop_assume!(secret.check_maskable().is_ok());
        let value = value.trim();
        let masker = Masker::new([&secret]);
        let json = serde_json::to_string(value).unwrap();
        for form in [
            value.to_owned(),
            hex::encode(value),
            STANDARD.encode(value),
            URL_SAFE_NO_PAD.encode(value),
            json[1..json.len() - 1].to_owned(),
            percent_encoding::utf8_percent_encode(value, percent_encoding::NON_ALPHANUMERIC).to_string(),
        ] {
            let text = format!("{before}{form}{after}");
            let masked = masker.mask_text(&text);
            prop_assert!(!masked.contains(&form), "{} in {}", form, masked);
        }
    }
}
