/// Whether a pattern matches a text whole: `*` any characters, `?` one, `\` the next as it is.
///
/// Takes at most the product of both lengths in steps, whatever the pattern.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    let (mut at, mut place) = (0, 0);
    // Where to go on if what follows the last star does not fit: the star takes one more.
    let mut star: Option<(usize, usize)> = None;
    while place < text.len() {
        let step = match pattern.get(at) {
            Some('*') => {
                star = Some((at, place));
                at += 1;
                continue;
            }
            Some('?') => Some(1),
            Some('\\') if at + 1 < pattern.len() => (pattern[at + 1] == text[place]).then_some(2),
            Some(c) => (*c == text[place]).then_some(1),
            None => None,
        };
        match (step, star) {
            (Some(step), _) => {
                at += step;
                place += 1;
            }
            (None, Some((back, taken))) => {
                star = Some((back, taken + 1));
                at = back + 1;
                place = taken + 1;
            }
            (None, None) => return false,
        }
    }
    pattern[at..].iter().all(|c| *c == '*')
}

/// What every text that a pattern matches begins with.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Head {
    /// The beginning, unescaped.
    pub(super) text: String,
    /// Whether it is all: the pattern matches this text and no other.
    pub(super) is_whole: bool,
}

impl Head {
    pub(super) fn of(pattern: &str) -> Self {
        let mut text = String::with_capacity(pattern.len());
        let mut chars = pattern.chars();
        while let Some(c) = chars.next() {
            match c {
                '*' | '?' => return Self { text, is_whole: false },
                '\\' => text.push(chars.next().unwrap_or('\\')),
                c => text.push(c),
            }
        }
        Self { text, is_whole: true }
    }
}

/// The pattern of Redis that matches this text alone: brackets mean something there too.
pub(super) fn literal(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '*' | '?' | '[' | ']' | '\\' | '^') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::{Head, literal, matches};

    #[test]
    fn heads() {
        for (pattern, text, is_whole) in [
            ("", "", true),
            ("*", "", false),
            ("stats:*:1", "stats:", false),
            ("a\\*b", "a*b", true),
            ("a\\*b?", "a*b", false),
            ("a\\", "a\\", true),
            ("[a]", "[a]", true),
        ] {
            assert_eq!(Head::of(pattern), Head { text: text.to_owned(), is_whole }, "{pattern:?}");
            assert!(matches(pattern, text) || !is_whole, "{pattern:?}");
        }
        assert_eq!(literal("a[*]\\?^ç"), "a\\[\\*\\]\\\\\\?\\^ç");
    }

    #[test]
    fn globs() {
        for (pattern, text) in [
            ("", ""),
            ("*", ""),
            ("a*", "a"),
            ("stats:*", "stats:2024:1"),
            ("*:1", "stats:2024:1"),
            ("s*t?:*1", "stats:2024:1"),
            ("a\\*b", "a*b"),
            ("*ç?o", "operação"),
            ("a\\", "a\\"),
        ] {
            assert!(matches(pattern, text), "{pattern:?} {text:?}");
        }
        for (pattern, text) in
            [("", "a"), ("a", ""), ("a*b", "ac"), ("a\\*b", "axb"), ("?", ""), ("*a", "ab"), ("a?", "a")]
        {
            assert!(!matches(pattern, text), "{pattern:?} {text:?}");
        }
    }

    #[test]
    fn many_stars_end_soon() {
        assert!(!matches(&"*a".repeat(200), &"a".repeat(199)));
        assert!(!matches(&format!("{}b", "*a".repeat(100)), &"a".repeat(5000)));
    }
}
