//! Words of folded texts: what the classifiers share.

/// Whether a folded text holds a folded word, or several in a row, as whole words.
///
/// `has_word("aquisicao de medicamentos", "medicamento")` is false. An empty needle is in no text.
pub fn has_word(folded: &str, needle: &str) -> bool {
    if needle.is_empty() {
        return false;
    }
    let bytes = folded.as_bytes();
    let mut from = 0;
    while let Some(found) = folded[from..].find(needle) {
        let start = from + found;
        let end = start + needle.len();
        if (start == 0 || bytes[start - 1] == b' ') && (end == bytes.len() || bytes[end] == b' ') {
            return true;
        }
        // The needle is not empty, so that its first character can be stepped over.
        from = start + needle.chars().next().map_or(1, char::len_utf8);
    }
    false
}

/// Words of a folded text.
pub(super) fn tokens(folded: &str) -> Vec<&str> {
    folded.split(' ').filter(|word| !word.is_empty()).collect()
}

/// The word so many places before a place.
pub(super) fn before<'a>(words: &[&'a str], at: usize, back: usize) -> &'a str {
    at.checked_sub(back).and_then(|place| words.get(place)).copied().unwrap_or("")
}

/// The word so many places after a place.
pub(super) fn after<'a>(words: &[&'a str], at: usize, ahead: usize) -> &'a str {
    words.get(at + ahead).copied().unwrap_or("")
}

/// Whether one of the next words begins with one of the stems.
pub(super) fn near(words: &[&str], at: usize, within: usize, stems: &[&str]) -> bool {
    words.iter().skip(at + 1).take(within).any(|word| stems.iter().any(|stem| word.starts_with(stem)))
}

/// Whether a word begins with one of the stems.
pub(super) fn stem(word: &str, stems: &[&str]) -> bool {
    stems.iter().any(|stem| word.starts_with(stem))
}

#[cfg(test)]
mod tests {
    use super::has_word;

    #[test]
    fn words_are_whole() {
        assert!(has_word("aquisicao de medicamento", "medicamento"));
        assert!(has_word("medicamento", "medicamento"));
        assert!(has_word("a ab aba ab", "ab"));
        assert!(!has_word("aquisicao de medicamentos", "medicamento"));
        assert!(!has_word("biomedicamento", "medicamento"));
        assert!(has_word("gas de cozinha", "gas de cozinha"));
        assert!(!has_word("gas de cozinhas", "gas de cozinha"));
        assert!(!has_word("aa aa", ""));
        assert!(has_word("ção é", "é"));
        assert!(!has_word("éé ééé", "é"));
    }
}
