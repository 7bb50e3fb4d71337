//! How alike two texts are.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use super::words::{after, tokens};
use crate::model::MONTHS;

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

/// What is bought in parts: the word behind tells which.
const PARTS: [&str; 13] = [
    "lote", "item", "grupo", "etapa", "parcela", "fase", "trecho", "medicao", "quadra", "bloco", "turma", "edicao",
    "placa",
];

/// Whether two folded texts name different parts or months of what they are about: `lote 1` and `lote 2`.
pub fn names_other_parts(one: &str, other: &str) -> bool {
    let (one, other) = (parts(one), parts(other));
    one.iter().any(|(kind, named)| other.get(kind).is_some_and(|others| others != named))
}

/// The parts that a text names, by what they are parts of.
fn parts(text: &str) -> BTreeMap<&str, BTreeSet<&str>> {
    let words = tokens(text);
    let mut named: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (at, word) in words.iter().enumerate() {
        let which = match after(&words, at, 1) {
            "n" | "no" | "numero" => after(&words, at, 2),
            next => next,
        };
        let tells = which.bytes().any(|byte| byte.is_ascii_digit())
            || matches!(which, "unico" | "i" | "ii" | "iii" | "iv" | "v");
        if PARTS.contains(word) && tells {
            named.entry(word).or_default().insert(which);
        } else if MONTHS.contains(word) {
            named.entry("month").or_default().insert(word);
        }
    }
    named
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

    #[test]
    fn other_parts() {
        for (one, other) in [
            ("reforma da escola lote 1", "reforma da escola lote 2"),
            ("reforma da escola lote n 01", "reforma da escola lote n 02"),
            ("servicos de marco de 2024", "servicos de abril de 2024"),
            ("seguro do veiculo placa abc1d23", "seguro do veiculo placa abc1d24"),
            ("etapa i da obra", "etapa ii da obra"),
        ] {
            assert!(names_other_parts(one, other), "{one}");
            assert!(!names_other_parts(one, one), "{one}");
        }
        for (one, other) in [
            ("contrato 12 2024 de limpeza", "contrato 13 2024 de limpeza"),
            ("lote 1 de cadeiras", "cadeiras"),
            ("lote unico de cadeiras", "lote unico de cadeiras e mesas"),
            ("grupo de trabalho", "grupo de estudo"),
        ] {
            assert!(!names_other_parts(one, other), "{one}");
        }
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
