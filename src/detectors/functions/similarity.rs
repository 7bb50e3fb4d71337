//! How alike two texts are.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::words::tokens;

/// Words in a row that are compared.
const SHINGLE: usize = 3;

/// Jaccard's coefficient of the sets of three words in a row of two folded texts: what they share over
/// what either has, from 0 to 1. A text of fewer words is one shingle; two texts without words have 0.
pub fn text_similarity(one: &str, other: &str) -> f64 {
    if one == other {
        return if tokens(one).is_empty() { 0.0 } else { 1.0 };
    }
    let (one, other) = (shingles(one), shingles(other));
    let shared = one.iter().filter(|shingle| other.binary_search(shingle).is_ok()).count();
    let all = one.len() + other.len() - shared;
    if all == 0 { 0.0 } else { shared as f64 / all as f64 }
}

/// Hashes of the shingles, sorted, once each. Two of them are taken for one another once in 2^64.
fn shingles(text: &str) -> Vec<u64> {
    let words = tokens(text);
    let hash = |words: &[&str]| {
        let mut hasher = DefaultHasher::new();
        words.hash(&mut hasher);
        hasher.finish()
    };
    let mut hashes: Vec<u64> = match words.len() {
        0 => Vec::new(),
        1..SHINGLE => vec![hash(&words)],
        _ => words.windows(SHINGLE).map(hash).collect(),
    };
    hashes.sort_unstable();
    hashes.dedup();
    hashes
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn alike_and_not() {
        assert_eq!(text_similarity("a b c d", "a b c d"), 1.0);
        // {abc, bcd} and {abc, bce}: one of three.
        assert_eq!(text_similarity("a b c d", "a b c e"), 1.0 / 3.0);
        assert_eq!(text_similarity("a b", "a b"), 1.0);
        assert_eq!(text_similarity("a b", "b a"), 0.0);
        assert_eq!(text_similarity("", ""), 0.0);
        assert_eq!(text_similarity("", "a"), 0.0);
    }

    proptest! {
        #[test]
        fn agrees_with_sets_of_texts(one in "[ab]( [ab]){0,9}", other in "[ab]( [ab]){0,9}") {
            let set = |text: &str| -> BTreeSet<String> {
                let words: Vec<&str> = text.split(' ').collect();
                if words.len() < 3 { BTreeSet::from([text.to_owned()]) } else { words.windows(3).map(|three| three.join(" ")).collect() }
            };
            let (a, b) = (set(&one), set(&other));
            let expected = a.intersection(&b).count() as f64 / a.union(&b).count() as f64;
            prop_assert!((text_similarity(&one, &other) - expected).abs() < 1e-12);
            prop_assert!((text_similarity(&one, &other) - text_similarity(&other, &one)).abs() < 1e-12);
        }
    }
}
