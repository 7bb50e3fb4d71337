//! What the texts of an item are worth for a comparison of prices.

use super::words::tokens;
use crate::model::fold;

/// Words that say nothing of a thing: grammar and references to other papers.
const EMPTY: [&str; 44] = [
    "a",
    "o",
    "e",
    "as",
    "os",
    "ao",
    "da",
    "de",
    "do",
    "das",
    "dos",
    "em",
    "na",
    "no",
    "nas",
    "nos",
    "com",
    "para",
    "por",
    "um",
    "uma",
    "undefined",
    "conforme",
    "termo",
    "referencia",
    "edital",
    "anexo",
    "anexos",
    "especificacao",
    "especificacoes",
    "demais",
    "item",
    "itens",
    "lote",
    "grupo",
    "contrato",
    "objeto",
    "proposta",
    "processo",
    "pregao",
    "tr",
    "constantes",
    "descricao",
    "servico",
];
/// Fewest words that tell things apart.
const LEAST: usize = 4;

/// Whether the further description of an item says enough, beyond its name, for prices to be compared:
/// at least four words of its own that are no boilerplate, one of them with a digit (a measure, a
/// strength, a size). `PAPEL A4` with `undefined` does not; with `gramatura 75 g/m2, pacote 500 folhas` it does.
pub fn is_specific_item(description_folded: &str, details: &str) -> bool {
    let name = tokens(description_folded);
    let folded = fold(details);
    let mut own: Vec<&str> =
        tokens(&folded).into_iter().filter(|word| !EMPTY.contains(word) && !name.contains(word)).collect();
    own.sort_unstable();
    own.dedup();
    own.len() >= LEAST && own.iter().any(|word| word.bytes().any(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::is_specific_item;

    #[test]
    fn what_can_be_compared() {
        assert!(is_specific_item("papel a4", "Papel A4, gramatura 75 G/M2, pacote 500 folhas"));
        assert!(is_specific_item("dipirona sodica", "Dipirona sódica, concentração 500 mg/ml, forma injetável"));
        for (name, details) in [
            ("papel a4", "undefined"),
            ("papel a4", ""),
            ("papel a4", "PAPEL A4, CONFORME TERMO DE REFERÊNCIA"),
            ("fruta", "FRUTA"),
            ("papel a4", "gramatura alta, pacote grande, branco"),
            ("papel a4", "75 75 75 75"),
            ("papel a4", "conforme edital, item 1, lote 2"),
        ] {
            assert!(!is_specific_item(name, details), "{details}");
        }
    }
}
