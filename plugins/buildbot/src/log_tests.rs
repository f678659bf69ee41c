#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::*;

fn log(kind: &str, num_lines: u64) -> Log {
    Log { logid: 4, complete: true, num_lines, kind: kind.into() }
}

const STDIO: &str = "hsh -c x\nobuilding nova\neoops é\nhprogram finished with exit code 0\n";

#[test]
fn streams_lose_their_letter_and_headers_are_a_matter_of_taste() {
    let rows = [
        ("s", true, "sh -c x\nbuilding nova\noops é\nprogram finished with exit code 0\n"),
        ("s", false, "building nova\noops é\n"),
        ("t", false, STDIO),
    ];
    for (kind, headers, text) in rows {
        let mut out = Vec::new();
        let mut at = Cursor::default();
        let all = take(&log(kind, 4), STDIO, headers, &mut at, &mut out, 1000);
        assert_eq!((String::from_utf8(out).unwrap().as_str(), at[LINE], all), (text, 4, true), "{kind} {headers}");
    }
}

#[test]
fn whatever_the_room_the_pieces_are_the_whole() {
    let lines: Vec<&str> = STDIO.split_inclusive('\n').collect();
    for limit in 1..60 {
        let (mut at, mut whole, mut rounds) = (Cursor::default(), Vec::new(), 0);
        while at[LINE] < 4 && rounds < 1000 {
            let mut out = Vec::new();
            let content: String = lines[usize::try_from(at[LINE]).unwrap()..].concat();
            take(&log("s", 4), &content, true, &mut at, &mut out, limit);
            assert!(!out.is_empty() && out.len() <= limit, "{limit}");
            whole.extend(out);
            rounds += 1;
        }
        assert_eq!(String::from_utf8(whole).unwrap().len(), STDIO.len() - 4, "{limit}");
        assert!(limit > 1 || rounds == STDIO.len() - 4);
    }
}

#[test]
fn what_was_deleted_meanwhile_holds_nobody_up() {
    let mut at = Cursor::default();
    assert!(take(&log("s", 9), "", true, &mut at, &mut Vec::new(), 10));
    assert_eq!(at[LINE], 9);
    let logs = [log("d", 9), log("h", 9)];
    assert!(next(&logs, 0).is_none());
}

#[test]
fn a_place_is_kept_as_text() {
    let place = [7, 2, 9, 1000, 3];
    assert_eq!(cursor("7.2.9.1000.3").unwrap(), place);
    for text in ["", "1.2.3.4", "1.2.3.4.5.6", "1.2.x.4.5", "-1.0.0.0.0"] {
        assert!(cursor(text).is_err(), "{text:?}");
    }
}

#[test]
fn who_goes_on_begins_at_the_begin_of_what_is_next() {
    let mut at = [7, 2, 9, 10, 3];
    let rows = [
        (BUILD, 7, [7, 2, 9, 10, 3]),
        (LOG, 10, [7, 2, 10, 0, 0]),
        (STEP, 3, [7, 3, 0, 0, 0]),
        (BUILD, 8, [8, 0, 0, 0, 0]),
    ];
    for (place, number, expected) in rows {
        enter(&mut at, place, number);
        assert_eq!(at, expected);
    }
}
