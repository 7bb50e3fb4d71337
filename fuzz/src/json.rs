//! JSON that is cut without being parsed, and the merge of releases.

use cidadao::sources::fuzzing;
use serde_json::Value;

pub(crate) fn run(data: &[u8]) {
    let Some((how, text)) = data.split_first() else { return };
    cut(usize::from(*how) + 1, text);
    merge(text);
    // However it is cut, nothing is lost of a page that another parser reads.
    if let Ok(value) = serde_json::from_slice::<Value>(text) {
        let records = match &value {
            Value::Array(list) => Some(list.len()),
            Value::Object(members) => match members.get("data") {
                Some(Value::Array(list)) => Some(list.len()),
                _ => Some(1),
            },
            _ => None,
        };
        // A member that is repeated or whose name is escaped is one to a parser, and another to who only cuts.
        let plain = !text.contains(&b'\\') && text.windows(6).filter(|some| some == b"\"data\"").count() < 2;
        if plain {
            assert_eq!(fuzzing::page(text), records);
        }
    }
}

fn cut(block: usize, text: &[u8]) {
    let whole = fuzzing::value_end(text, usize::MAX);
    assert_eq!(fuzzing::value_end(text, block), whole, "a value ends where it ends");
    assert!(whole.is_none_or(|end| end <= text.len()));
    let (Some((lines, units)), Some((small_lines, small))) =
        (fuzzing::units(text, usize::MAX >> 1), fuzzing::units(text, block))
    else {
        return;
    };
    assert!(units.windows(2).all(|two| two[0].0 <= two[1].0), "places go up");
    // A beginning may look other than the whole.
    if lines == small_lines {
        assert_eq!(units, small, "units are the same in blocks of {block}");
    }
    if !lines && let Ok(Value::Array(list)) = serde_json::from_slice(text) {
        let bare = |value: &Value| value.is_object() && value.get("releases").or(value.get("records")).is_none();
        if list.iter().all(bare) {
            let read: Vec<Value> =
                units.iter().map(|(_, unit)| serde_json::from_slice(unit).expect("a value")).collect();
            assert_eq!(read, list, "no element is lost, none is doubled");
        }
    }
}

/// Lines as releases of one process.
fn merge(text: &[u8]) {
    let releases: Vec<&[u8]> = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).take(16).collect();
    let Some((compiled, apart)) = fuzzing::compile(&releases) else { return };
    let value: Value = match serde_json::from_slice(&compiled) {
        Ok(value) => value,
        // Numbers beyond a float, and nesting that serde_json does not follow, are no fault.
        Err(error) if error.is_syntax() && text.iter().any(|byte| matches!(byte, b'e' | b'E' | b'[' | b'{')) => {
            assert!(odd(&releases), "a compiled release is JSON: {error}: {}", String::from_utf8_lossy(&compiled));
            return;
        }
        Err(error) => panic!("a compiled release is JSON: {error}"),
    };
    assert!(value.is_object());
    if apart {
        let reversed: Vec<&[u8]> = releases.iter().rev().copied().collect();
        let (again, _) = fuzzing::compile(&reversed).expect("it was compiled before");
        assert_eq!(String::from_utf8_lossy(&again), String::from_utf8_lossy(&compiled), "dates alone tell the order");
    }
}

/// Whether serde_json refuses one of the releases too.
fn odd(releases: &[&[u8]]) -> bool {
    releases.iter().any(|release| serde_json::from_slice::<Value>(release).is_err())
}
