//! The settings file.

use super::super::ini;
use super::super::{Settings, SettingsError, TEMPLATE};

#[track_caller]
fn error(text: &str) -> String {
    Settings::parse(text).unwrap_err().to_string()
}

#[test]
fn the_template_turns_every_indicator_on_with_its_default() {
    let template = Settings::parse(TEMPLATE).unwrap();
    let all = "[R003]\n[R018]\n[R024]\n[R025]\n[R028]\n[R030]\n[R035]\n[R036]\n[R038]\n[R048]\n[R058]";
    assert_eq!(template, Settings::parse(all).unwrap());
    // Every key that is in a comment is a key.
    let mut keys = 0;
    let mut open = String::new();
    for line in TEMPLATE.lines() {
        let key = line.strip_prefix("; ").filter(|line| line.contains(" = "));
        keys += usize::from(key.is_some());
        open.push_str(key.unwrap_or(line));
        open.push('\n');
    }
    assert_eq!(keys, 34);
    assert!(Settings::parse(&open).is_ok(), "{:?}", Settings::parse(&open));
}

#[test]
fn unknown_sections_and_keys_are_errors() {
    assert_eq!(error("currncy = BRL"), "currncy: no such setting");
    assert_eq!(error("[R999]"), "[R999]: no such setting");
    assert_eq!(error("[r024]"), "[r024]: no such setting");
    assert_eq!(error("[R024]\ntreshold = 1"), "[R024] treshold: no such setting");
    assert_eq!(error("[R028]\nthreshold = 1"), "[R028] threshold: no such setting");
    assert_eq!(error("[codelists.party_role]"), "[codelists.party_role]: no such setting");
    assert_eq!(error("[codelists]\nx = y"), "[codelists] x: no such setting");
    assert_eq!(error("[output]\nx = y"), "[output] x: no such setting");
}

#[test]
fn values_have_types() {
    assert_eq!(error("[R024]\nthreshold = x"), "[R024] threshold must be a number, not \"x\"");
    assert_eq!(
        error("[R025]\npercentile = 7.5"),
        "[R025] percentile must be a whole number, not negative, not \"7.5\""
    );
    assert_eq!(error("[R048]\ndigits = -1"), "[R048] digits must be a whole number, not negative, not \"-1\"");
    assert_eq!(error("[R003]\nthreshold ="), "[R003] threshold must be a whole number, not \"\"");
    let days = "[R003.procurement_method_details]\nx = soon";
    assert_eq!(error(days), "[R003.procurement_method_details] x must be a whole number, not \"soon\"");
    assert_eq!(error("[defaults]\nparty_roles = 2"), "[defaults] party_roles must be true or false, not \"2\"");
    for (text, on) in
        [("1", true), ("True", true), ("ON", true), ("yes", true), ("0", false), ("off", false), ("no", false)]
    {
        let settings = Settings::parse(&format!("[defaults]\nparty_roles = {text}")).unwrap();
        assert_eq!(settings.prepare.party_roles, on, "{text}");
    }
    assert_eq!(Settings::parse("[R003]\nthreshold = -3").unwrap().r003.unwrap().days, -3);
    assert_eq!(Settings::parse("[R024]\nthreshold = 1e-2").unwrap().r024, Some(Some(0.01)));
    assert_eq!(Settings::parse("[R024]\nthreshold = on").unwrap().r024, Some(Some(1.0)));
}

#[test]
fn both_lists_of_methods_are_told() {
    let text = "price_comparison_procurement_methods = a\nno_price_comparison_procurement_methods = b";
    assert_eq!(Settings::parse(text).unwrap().remarks.len(), 1);
    assert!(Settings::parse("currency = BRL").unwrap().remarks.is_empty());
}

#[test]
fn keys_may_name_their_section() {
    assert_eq!(Settings::parse("R024.threshold = 0.5").unwrap(), Settings::parse("[R024]\nthreshold = 0.5").unwrap());
    let long = Settings::parse("R003.procurement_method_details.Pregão = 8").unwrap();
    assert_eq!(long, Settings::parse("[R003.procurement_method_details]\nPregão = 8").unwrap());
}

#[test]
fn the_dialect_is_theirs() {
    let of = |text: &str| {
        let sections = ini::parse(text).unwrap();
        let keys = sections
            .into_iter()
            .flat_map(|(section, keys)| keys.into_iter().map(move |(key, value)| (section.clone(), key, value)));
        keys.map(|(section, key, value)| format!("{section}|{key}|{value}")).collect::<Vec<_>>()
    };
    assert_eq!(of("a = 1\nb:2\n; c = 3\n# d = 4\n[ s ]\ne = 5 ; no comment\n"), ["|a|1", "|b|2", "s|e|5 ; no comment"]);
    assert_eq!(of("a =\nb = \r\nc = x\r\n"), ["|a|", "|b|", "|c|x"]);
    assert_eq!(of("a = 1\na = 2\n[s]\nb = 1\n[s]\nc = 2"), ["|a|2", "s|c|2"], "the last counts");
    assert_eq!(
        of("a = \"x # y\" z\nb = 'q'\nc = a\\tb\\x00e9\\\\\nd = x\\\ny"),
        ["|a|x # y z", "|b|q", "|c|a\tbé\\", "|d|xy"]
    );
    assert_eq!(of("[s] a = 1"), ["s|a|1"]);
    assert_eq!(of(""), [""; 0]);
    assert_eq!(of("\u{feff}[s]\na = 1"), ["s|a|1"], "a mark of the order of bytes is no text");
    for (text, line) in [
        ("a = 1\n  ; x", 2),
        ("[s", 1),
        ("a", 1),
        ("= 1", 1),
        ("a = 1\nb = \"x", 2),
        ("a = \\x00zz", 1),
        ("a = \\", 1),
        // What has no end is told where it begins.
        ("[R018]\nprocurement_methods\n", 2),
        ("[R018]\r\nprocurement_methods\r\n\r\n", 2),
        ("[R018]\nprocurement_methods\nthreshold = 1\n", 2),
        ("a = 1\n\n[s\n\n", 3),
        ("a = 1\nb = 'x\ny\n", 2),
    ] {
        let Err(SettingsError::Syntax { line: at, .. }) = ini::parse(text) else { panic!("{text}") };
        assert_eq!(at, line, "{text}");
    }
}
