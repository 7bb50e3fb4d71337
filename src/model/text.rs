use std::borrow::Cow;

/// The months in Portuguese, folded.
pub const MONTHS: [&str; 12] = [
    "janeiro",
    "fevereiro",
    "marco",
    "abril",
    "maio",
    "junho",
    "julho",
    "agosto",
    "setembro",
    "outubro",
    "novembro",
    "dezembro",
];

/// A text without blanks around it, as [`str::trim`] has it; most have none, as their ends tell.
pub(crate) fn trimmed(text: &str) -> &str {
    match text.as_bytes() {
        [first, .., last] if first.is_ascii_graphic() && last.is_ascii_graphic() => text,
        _ => text.trim(),
    }
}

/// Folds a text for comparison: lower case, without accents, every run of what is neither a letter
/// nor a digit as one space, none at the ends.
///
/// `fold("Contratação  EMERGENCIAL!")` is `"contratacao emergencial"`.
pub fn fold(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            'a'..='z' | '0'..='9' => out.push(c),
            'A'..='Z' => out.push(c.to_ascii_lowercase()),
            c if c.is_ascii() => push_blank(&mut out),
            // Latin-1, whose small letters stand 32 places after the large ones.
            'À'..='Ö' | 'Ø'..='Þ' => fold_letter(&mut out, char::from(c as u8 | 32)),
            'ß'..='ÿ' => fold_letter(&mut out, c),
            c => c.to_lowercase().for_each(|c| fold_letter(&mut out, c)),
        }
    }
    if out.ends_with(' ') {
        out.pop();
    }
    out
}

/// Appends a lower-case letter without its mark.
fn fold_letter(out: &mut String, c: char) {
    push_folded(
        out,
        match c {
            'á' | 'à' | 'â' | 'ã' | 'ä' | 'å' | 'ª' => 'a',
            'é' | 'è' | 'ê' | 'ë' => 'e',
            'í' | 'ì' | 'î' | 'ï' => 'i',
            'ó' | 'ò' | 'ô' | 'õ' | 'ö' | 'º' => 'o',
            'ú' | 'ù' | 'û' | 'ü' => 'u',
            'ç' => 'c',
            'ñ' => 'n',
            // Marks of a decomposed letter vanish with the letter kept.
            '\u{300}'..='\u{36f}' => return,
            c => c,
        },
    );
}

fn push_folded(out: &mut String, c: char) {
    if c.is_alphanumeric() {
        out.push(c);
    } else {
        push_blank(out);
    }
}

fn push_blank(out: &mut String) {
    if !matches!(out.as_bytes().last(), None | Some(b' ')) {
        out.push(' ');
    }
}

/// Whether a character would act on a terminal or turn the order of what is read, rather than be
/// read: the control characters of Unicode (C0, DEL, C1) and the marks that override the direction
/// of a text.
pub fn is_control(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A text as it may be shown to people, on one line: tabs and ends of lines become blanks, every
/// other control character the mark of something unreadable. Published texts may hold any of them.
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(is_control) {
        return Cow::Borrowed(text);
    }
    let shown = |c: char| match c {
        '\t' | '\n' | '\r' => ' ',
        c if is_control(c) => char::REPLACEMENT_CHARACTER,
        c => c,
    };
    Cow::Owned(text.chars().map(shown).collect())
}

/// A number with its noun: `1 contrato`, `2 contratos`.
pub fn counted(count: i64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folds_case_accents_and_punctuation() {
        assert_eq!(fold("  Contratação  EMERGENCIAL! "), "contratacao emergencial");
        assert_eq!(fold("ação"), "acao");
        assert_eq!(fold("Nº 03/2024 — Prestação"), "no 03 2024 prestacao");
        assert_eq!(fold("¿?"), "");
    }

    #[test]
    fn every_letter_is_folded_as_its_small_one() {
        for c in (0..=0x24f).filter_map(char::from_u32) {
            assert_eq!(fold(&c.to_string()), fold(&c.to_lowercase().to_string()), "{c:?}");
        }
        assert_eq!(fold("ÁÀÂÃÄ ÉÊ ÍÎ ÓÔÕÖ ÚÛÜ Ç Ñ ª º Ø × ß"), "aaaaa ee ii oooo uuu c n a o ø ß");
    }

    #[test]
    fn nothing_that_is_shown_acts_on_a_terminal() {
        assert!(matches!(printable("Café & Cia — ação"), Cow::Borrowed("Café & Cia — ação")));
        assert_eq!(printable("a\u{1b}[31mb\u{9b}c\u{7f}"), "a\u{fffd}[31mb\u{fffd}c\u{fffd}");
        assert_eq!(printable("x\u{202e}gpj.exe\u{2069}"), "x\u{fffd}gpj.exe\u{fffd}");
        assert_eq!(printable("a\tb\r\nc"), "a b  c");
    }

    #[test]
    fn one_is_singular() {
        assert_eq!(counted(1, "indício", "indícios"), "1 indício");
        assert_eq!(counted(0, "indício", "indícios"), "0 indícios");
    }
}
