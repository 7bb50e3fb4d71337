/// Folds a text for comparison: lower case, without accents, every run of what is neither a letter
/// nor a digit as one space, none at the ends.
///
/// `fold("Contratação  EMERGENCIAL!")` is `"contratacao emergencial"`.
pub fn fold(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars().flat_map(char::to_lowercase) {
        let c = match c {
            'á' | 'à' | 'â' | 'ã' | 'ä' | 'å' | 'ª' => 'a',
            'é' | 'è' | 'ê' | 'ë' => 'e',
            'í' | 'ì' | 'î' | 'ï' => 'i',
            'ó' | 'ò' | 'ô' | 'õ' | 'ö' | 'º' => 'o',
            'ú' | 'ù' | 'û' | 'ü' => 'u',
            'ç' => 'c',
            'ñ' => 'n',
            // Marks of a decomposed letter vanish with the letter kept.
            '\u{300}'..='\u{36f}' => continue,
            c => c,
        };
        if c.is_alphanumeric() {
            out.push(c);
        } else if !out.is_empty() && !out.ends_with(' ') {
            out.push(' ');
        }
    }
    if out.ends_with(' ') {
        out.pop();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::fold;

    #[test]
    fn folds_case_accents_and_punctuation() {
        assert_eq!(fold("  Contratação  EMERGENCIAL! "), "contratacao emergencial");
        assert_eq!(fold("ação"), "acao");
        assert_eq!(fold("Nº 03/2024 — Prestação"), "no 03 2024 prestacao");
        assert_eq!(fold("¿?"), "");
    }
}
