//! Files of JSON of all kinds, cut into blocks of all sizes.

use super::*;

fn read_of(sizes: Sizes, text: &[u8]) -> Vec<(i64, String)> {
    let mut found = Vec::new();
    blocks_of(sizes, 0, &mut &text[..], &mut |block| {
        block.units(&mut |line, unit| match unit {
            Unit::Text(text) => found.push((line, String::from_utf8_lossy(text).into_owned())),
            Unit::TooLong(text) => found.push((line, format!("too long: {}", text.len()))),
        });
        true
    })
    .unwrap();
    found
}

fn read(text: &[u8]) -> Vec<(i64, String)> {
    read_of(SIZES, text)
}

fn at(found: &[(i64, String)]) -> Vec<(i64, &str)> {
    found.iter().map(|(line, text)| (*line, text.as_str())).collect()
}

#[test]
fn lines_and_documents_are_told_apart() {
    assert_eq!(
        at(&read(b"\xef\xbb\xbf{\"a\":1}\n\n {\"a\":2}\r\n{\"a\":3}")),
        [(1, "{\"a\":1}"), (3, "{\"a\":2}"), (4, "{\"a\":3}")]
    );
    assert_eq!(
        at(&read(b"{\"releases\":[{\"a\":1},{\"a\":2}]}\n{\"a\":3}\n")),
        [(1, "{\"a\":1}"), (1, "{\"a\":2}"), (2, "{\"a\":3}")]
    );
    assert_eq!(at(&read(b"{\n\"records\": [\n{\"a\":1},\n{\"a\":2}\n]}\n")), [(1, "{\"a\":1}"), (2, "{\"a\":2}")]);
    assert_eq!(at(&read(b"{\"a\":1}{\"a\":2}  [{\"a\":3}]")), [(1, "{\"a\":1}"), (2, "{\"a\":2}"), (3, "{\"a\":3}")]);
    // A damaged line costs one line.
    assert_eq!(read(b"{\"a\":1\n{\"a\":2}\n{\"a\":3}\n{\"a\":4}").len(), 4);
    assert_eq!(at(&read(b"[{\"a\":1},{\"a\":")), [(1, "{\"a\":1}"), (2, "{\"a\":")]);
    assert_eq!(at(&read(b"}{")), [(1, "}{")]);
    for block in 1..9 {
        let found = read_of(Sizes { block, unit: 300 }, b"{\"a\":1} } {\"a\":2}");
        assert_eq!(at(&found), [(1, "{\"a\":1}"), (2, "} {\"a\":2}")], "{block}");
    }
    assert_eq!(read(b""), []);
    assert_eq!(read(b" \n "), []);
}

#[test]
fn whatever_the_sizes_the_units_are_the_same() {
    let release = format!("{{\"ocid\":\"x\",\"t\":\"{}\"}}", "y\\\"".repeat(10));
    let body = vec![release.as_str(); 50].join(",\n");
    for text in [
        format!("[{body}]"),
        format!("{{\"uri\":\"[\",\"extensions\":[\"{{\"],\"releases\":[{body}],\"license\":{{\"a\":[1]}}}}"),
        body.replace(",\n", "\n"),
        // Two packages, line by line, each too long to be read at once.
        format!("{{\"releases\":[{body}]}}\n{{\"records\":[{body}]}}\n"),
    ] {
        for sizes in [7, 64, 1_000, 100_000].map(|block| Sizes { block, unit: 300 }) {
            let found = read_of(sizes, text.as_bytes());
            assert_eq!(found.len(), 50 * (1 + text.matches("records").count()), "{sizes:?} {text}");
            assert!(found.iter().zip(1..).all(|((place, text), expected)| *place == expected && *text == release));
        }
    }
}

#[test]
fn what_is_cut_off_is_told() {
    for (text, units) in [
        (&br#"{"ocid":"x","tender":{"#[..], &[r#"{"ocid":"x","tender":{"#][..]),
        (br#"{"a":1} {"b":[1,"#, &[r#"{"a":1}"#, r#"{"b":[1,"#]),
        (br#"[{"a":1},{"a":2}"#, &[r#"{"a":1}"#, r#"{"a":2}"#, r#"[{"a":1},{"a":2}"#]),
        (br#"[{"a":1},"#, &[r#"{"a":1}"#, r#"[{"a":1},"#]),
        (br#"{"releases":[{"a":1}"#, &[r#"{"a":1}"#, r#"{"releases":[{"a":1}"#]),
        (br#"{"releases":[{"a":1}],"uri":"#, &[r#"{"a":1}"#, r#"{"releases":[{"a":1}],"uri":"#]),
        (br#"{"releases":[{"a":1},{"a":"#, &[r#"{"a":1}"#, r#"{"a":"#]),
        (br#"{"a":1} "b"#, &[r#"{"a":1}"#, r#""b"#]),
        (br#"{"a":1,"#, &[r#"{"a":1,"#]),
        (b"[", &["["]),
    ] {
        for block in [3, 8, 1_000] {
            let found = read_of(Sizes { block, unit: 300 }, text);
            let texts: Vec<&str> = found.iter().map(|(_, text)| text.as_str()).collect();
            assert_eq!(texts, units, "{block}");
            assert!(found.iter().zip(1..).all(|((place, _), expected)| *place == expected));
        }
    }
}

#[test]
fn what_is_too_long_costs_itself() {
    let long = format!("{{\"t\":\"{}\"}}", "y".repeat(2_000));
    for block in [16, 100, 10_000] {
        let sizes = Sizes { block, unit: 200 };
        let text = format!("{{\"a\":1}}\n{{\"a\":2}}\n{long}\n{{\"a\":4}}\n");
        assert_eq!(
            at(&read_of(sizes, text.as_bytes())),
            [(1, "{\"a\":1}"), (2, "{\"a\":2}"), (3, "too long: 200"), (4, "{\"a\":4}")]
        );
        for long in [long.as_str(), &format!("{:?}", "y".repeat(2_000)), &format!("{{\"t\":[{long}]}}")] {
            let text = format!("{long} {{\"a\":2}}{long}{{\"a\":4}}");
            let found = read_of(sizes, text.as_bytes());
            let [first, second, third, fourth] = found.as_slice() else { panic!("{found:?}") };
            assert!(first.1.starts_with("too long") && third.1.starts_with("too long"), "{found:?}");
            assert_eq!((second.1.as_str(), fourth.1.as_str(), fourth.0), ("{\"a\":2}", "{\"a\":4}", 4));
        }
        let text = format!("[{{\"a\":1}},{long},{{\"a\":3}}]");
        let found = read_of(sizes, text.as_bytes());
        assert_eq!(found.len(), 3, "{block}");
        assert!(found[1].1.starts_with("too long") && found[2].1 == "{\"a\":3}");
    }
}
