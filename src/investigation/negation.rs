//! Which words of a question are negated. No rule reads them: a filter knows no negation, and one
//! that is applied the other way round answers the opposite of what was asked.
//!
//! Where it is not certain how far a negation reaches, it reaches far: words that have no effect are
//! listed in the plan, words that are applied by mistake are not noticed.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::vocabulary::{STOP_WORDS, constant};

/// What the other rules would read in the text, as ranges of it.
#[derive(Debug)]
pub(super) struct Known {
    /// Values and times.
    pub(super) quantities: Vec<Range<usize>>,
    /// Modalities and emergencies.
    pub(super) named: Vec<Range<usize>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// "não", "nem": negates what is said of the contracts.
    Not,
    /// "sem": the same, and a "com" ends it.
    Without,
    /// "exceto": takes out of the contracts whatever is described after it.
    Except,
}

struct Token<'a> {
    range: Range<usize>,
    word: &'a str,
}

const NOT: [&str; 7] = ["nao", "nem", "nunca", "jamais", "nenhum", "nenhuma", "nada"];
const EXCEPT: [&str; 26] = [
    "afora",
    "desconsiderando",
    "desconsiderar",
    "desconsidere",
    "diferente",
    "diferentes",
    "excecao",
    "excetuada",
    "excetuadas",
    "excetuado",
    "excetuados",
    "excetuando",
    "exceto",
    "exclua",
    "excluam",
    "excluida",
    "excluidas",
    "excluido",
    "excluidos",
    "excluindo",
    "excluir",
    "ignorando",
    "ignorar",
    "ignore",
    "salvo",
    "tirando",
];
/// Words between a negation and what it negates, beside those that carry no filter at all.
const LINKS: [&str; 17] = [
    "envolvam", "envolve", "envolvem", "esta", "estao", "estejam", "haja", "houve", "houver", "seja", "sejam", "ser",
    "tem", "tenha", "tenham", "teve", "tiveram",
];
/// Words that end what was negated.
const CONTRAST: [&str; 9] = ["apenas", "contudo", "entretanto", "mas", "porem", "sim", "so", "somente", "todavia"];
/// Of what is named, the words that describe a contract and take no complement.
const ADJECTIVES: [&str; 3] = ["emergenciais", "emergencial", "emergencialmente"];

static TOKENS: LazyLock<Regex> = LazyLock::new(|| constant(r"[0-9]+(?:[.,/-][0-9]+)*|[\p{L}\p{N}]+|[^\s]".to_owned()));

/// The negated phrases of a folded text, in order, none within another.
pub(super) fn negated(text: &str, known: &Known) -> Vec<Range<usize>> {
    let tokens = TOKENS.find_iter(text).map(|found| Token { range: found.range(), word: found.as_str() }).collect();
    let reader = Reader { text, tokens, known };
    let mut phrases: Vec<Range<usize>> = Vec::new();
    let mut at = 0;
    while at < reader.tokens.len() {
        let Some(kind) = reader.negator(at) else {
            at += 1;
            continue;
        };
        let end = reader.end(at + 1, kind);
        // "dispensa não": what is negated stands before.
        let start = if (at + 1..end).all(|at| reader.links(at)) { reader.clause_start(at) } else { at };
        let start = reader.tokens[start].range.start;
        while phrases.last().is_some_and(|last| last.start >= start) {
            phrases.pop();
        }
        let start = phrases.last().map_or(start, |last| start.max(last.end));
        phrases.push(start..reader.tokens[end - 1].range.end);
        at = end;
    }
    phrases
}

struct Reader<'a> {
    text: &'a str,
    tokens: Vec<Token<'a>>,
    known: &'a Known,
}

impl Reader<'_> {
    fn word(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", |token| token.word)
    }

    fn negator(&self, at: usize) -> Option<Kind> {
        let before = if at == 0 { "" } else { self.word(at - 1) };
        let after = self.word(at + 1);
        match self.word(at) {
            // An award without a tender is a direct award: the one "sem" that is a filter.
            "sem" if after.starts_with("licitac") => None,
            "sem" => Some(Kind::Without),
            // "pelo menos", "mais ou menos", "menos de 1 milhão" compare.
            "menos" if matches!(before, "pelo" | "ao" | "ou") || matches!(after, "de" | "do" | "que") => None,
            "menos" => Some(Kind::Except),
            // Juiz de Fora.
            "fora" if before == "de" => None,
            "fora" => Some(Kind::Except),
            word if NOT.contains(&word) => Some(Kind::Not),
            word if EXCEPT.contains(&word) => Some(Kind::Except),
            _ => None,
        }
    }

    /// First token after the phrase whose negation ends before `from`.
    fn end(&self, from: usize, kind: Kind) -> usize {
        if kind == Kind::Except {
            return self.far_end(from);
        }
        if self.word(from) == "," {
            return from;
        }
        let mut at = from;
        loop {
            while self.links(at) {
                at += 1;
            }
            let Some((end, adjective)) = self.named(at) else { return self.far_end(at) };
            at = end;
            if self.clause_ends(at) || self.contrasts(at) || self.quantity(at).is_some() {
                return at;
            }
            match self.word(at) {
                "nem" => at += 1,
                "," | "e" | "ou" => {
                    let next = at + 1;
                    let other = self.quantity(next).is_some() || self.contrasts(next) || self.clause_ends(next);
                    if other || (kind == Kind::Without && self.word(next) == "com") {
                        return at;
                    }
                    at = next;
                }
                _ if adjective => return at,
                _ => return self.far_end(at),
            }
        }
    }

    /// As [`Self::end`] where nothing tells how far the phrase goes: to the end of the clause, or to
    /// a comma with a value or a time after it, unless those are what is negated.
    fn far_end(&self, from: usize) -> usize {
        let (mut at, mut open, mut counting) = (from, 0, false);
        while at < self.tokens.len() {
            let word = self.word(at);
            if at > from && self.contrasts(at) || (open == 0 && self.clause_ends(at)) {
                break;
            }
            if word == "," && !counting && self.quantity(at + 1).is_some() {
                break;
            }
            match word {
                "(" => open += 1,
                ")" => open -= 1,
                _ => {}
            }
            match self.quantity(at) {
                Some(end) => {
                    counting = true;
                    at = end;
                }
                None => at += 1,
            }
        }
        at
    }

    fn links(&self, at: usize) -> bool {
        let word = self.word(at);
        (STOP_WORDS.contains(&word) || LINKS.contains(&word)) && self.quantity(at).is_none() && self.named(at).is_none()
    }

    fn contrasts(&self, at: usize) -> bool {
        CONTRAST.contains(&self.word(at))
    }

    fn clause_ends(&self, at: usize) -> bool {
        match self.word(at) {
            "" | ";" | "!" | "?" | ")" => true,
            // A point between letters belongs to an abbreviation or to an id.
            "." => self.text[self.tokens[at].range.end..].chars().next().is_none_or(char::is_whitespace),
            _ => false,
        }
    }

    fn clause_start(&self, from: usize) -> usize {
        let ends = |at: usize| self.clause_ends(at) || self.contrasts(at) || self.word(at) == ",";
        (0..from).rev().find(|at| ends(*at)).map_or(0, |at| at + 1)
    }

    /// First token after the value or the time that starts here.
    fn quantity(&self, at: usize) -> Option<usize> {
        self.after(at, &self.known.quantities)
    }

    /// First token after the modality or emergency that starts here, and whether it is an adjective.
    fn named(&self, at: usize) -> Option<(usize, bool)> {
        let end = self.after(at, &self.known.named)?;
        Some((end, end == at + 1 && ADJECTIVES.contains(&self.word(at))))
    }

    fn after(&self, at: usize, known: &[Range<usize>]) -> Option<usize> {
        let start = self.tokens.get(at)?.range.start;
        let end = known.iter().filter(|range| range.start == start).map(|range| range.end).max()?;
        Some(at + self.tokens[at..].iter().take_while(|token| token.range.start < end).count())
    }
}
