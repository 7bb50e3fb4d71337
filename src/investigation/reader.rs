//! Reads a question, rule by rule: what one rule has read, no other one sees.

use std::ops::Range;

use chrono::NaiveDate;
use regex::{Captures, Regex};

use super::amount::{amount, has_unit, unit, year};
use super::negation::{Known, negated};
use super::period::{self, Span};
use super::vocabulary::{JUDGEMENTS, RULES, Rules, STOP_WORDS};
use crate::model::{Filters, Money, PlanNote, fold};

/// What a note speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum About {
    Value,
    Period,
    Modality,
    Supplier,
    Buyer,
    Emergency,
    Detector(&'static str),
    Term,
}

/// What a question says.
#[derive(Debug, Default)]
pub(super) struct Reading {
    pub(super) filters: Filters,
    pub(super) emergency: bool,
    /// In the order of the rules.
    pub(super) notes: Vec<(About, PlanNote)>,
    pub(super) not_understood: Vec<String>,
    pub(super) terms: Vec<String>,
    /// Detectors that the question names.
    pub(super) wanted: Vec<&'static str>,
}

/// Reads a question.
pub(super) fn read(query: &str) -> Reading {
    let mut reader = Reader::new(query);
    let rules = &*RULES;
    reader.negations(rules);
    reader.parties(rules);
    reader.days(rules);
    reader.no_amounts(rules);
    reader.ranges(rules);
    reader.bounds(rules);
    reader.times(rules);
    reader.exact_values(rules);
    reader.settle_values();
    reader.names(rules);
    while let Some((words, _)) = reader.take(&rules.comparison) {
        reader.give_up(words);
    }
    reader.words();
    reader.reading
}

struct Reader {
    /// The query as given, one entry a character.
    original: Vec<char>,
    /// The query folded letter by letter, punctuation kept; what has been read is blanked out.
    text: String,
    spans: Vec<Span>,
    reading: Reading,
}

impl Reader {
    fn new(query: &str) -> Self {
        let mut original = Vec::new();
        let mut text = String::new();
        for c in query.chars() {
            let folded = fold(&c.to_string());
            match (folded.chars().next(), folded.chars().count()) {
                (Some(letter), 1) => {
                    original.push(c);
                    text.push(letter);
                }
                (None, _) if ('\u{300}'..='\u{36f}').contains(&c) => {}
                _ => {
                    original.push(c);
                    text.push(if c.is_whitespace() { ' ' } else { c });
                }
            }
        }
        Self { original, text, spans: Vec::new(), reading: Reading::default() }
    }

    /// First of all: what is negated, no rule may read.
    fn negations(&mut self, rules: &Rules) {
        let found = |rule: &Regex| rule.find_iter(&self.text).map(|found| found.range()).collect::<Vec<_>>();
        let exact = rules.exact.captures_iter(&self.text).filter(|found| has_unit(&found[1]));
        let exact = exact.filter_map(|found| found.get(0)).map(|found| found.range());
        let known = Known {
            quantities: rules.quantities().flat_map(found).chain(exact).collect(),
            named: rules.named().flat_map(found).collect(),
        };
        // From the last one on: what is blanked out moves what stands after it.
        let phrases: Vec<_> = negated(&self.text, &known).into_iter().rev().map(|phrase| self.blank(phrase)).collect();
        phrases.into_iter().rev().for_each(|words| self.give_up(words));
    }

    fn parties(&mut self, rules: &Rules) {
        while let Some((words, groups)) = self.take(&rules.cnpj) {
            let id: String = groups[0].to_uppercase().chars().filter(char::is_ascii_alphanumeric).collect();
            let meaning = (format!("fornecedor de CNPJ {id}"), format!("supplier with CNPJ {id}"));
            self.supplier(words, id, meaning);
        }
        while let Some((words, groups)) = self.take(&rules.cpf) {
            let id = groups[0].clone();
            let meaning = (
                format!("fornecedor de CPF {id} (os dados só têm a máscara, que outras pessoas podem ter)"),
                format!("supplier with CPF {id} (the data hold the mask only, which other persons may share)"),
            );
            self.supplier(words, id, meaning);
        }
        while let Some((words, groups)) = self.take(&rules.buyer) {
            let id = groups[0].clone();
            if self.reading.filters.buyer_id.as_ref().is_some_and(|known| *known != id) {
                self.give_up(words);
                continue;
            }
            self.note(About::Buyer, &words, format!("unidade gestora {id}"), format!("buyer (UG) {id}"));
            self.reading.filters.buyer_id = Some(id);
        }
    }

    /// A filter holds one supplier: another one has no effect, and is not said to have one.
    fn supplier(&mut self, words: String, id: String, (pt, en): (String, String)) {
        if self.reading.filters.supplier_id.as_ref().is_some_and(|known| *known != id) {
            self.give_up(words);
            return;
        }
        self.note(About::Supplier, &words, pt, en);
        self.reading.filters.supplier_id = Some(id);
    }

    fn days(&mut self, rules: &Rules) {
        while let Some((words, groups)) = self.take(&rules.days) {
            let (compared, first) = (groups[0].trim(), period::day(&groups[1]));
            let last = if groups[2].is_empty() { first } else { period::day(&groups[2]) };
            let span = match compared {
                "" => Some(Span { first, last }),
                "a partir de" | "desde" if groups[2].is_empty() => Some(Span { first, last: None }),
                "ate" if groups[2].is_empty() => Some(Span { first: None, last }),
                // "desde 01/01/2024 até …"
                "desde" | "a partir de" => Some(Span { first, last }),
                _ => None,
            };
            self.span(words, span.filter(|_| first.is_some() && last.is_some()));
        }
    }

    /// Shares, counts and approximations: none is an amount of money, whatever stands before it.
    fn no_amounts(&mut self, rules: &Rules) {
        for rule in &rules.not_money {
            while let Some((words, _)) = self.take(rule) {
                self.give_up(words);
            }
        }
        let counts = |found: &Captures<'_>| {
            let (compared, counted) = (found.get(1).map_or("", |group| group.as_str()), &found[2]);
            // "desde 2023 contratos de …" is a year, "um contrato" no condition.
            let condition = !compared.is_empty() || counted.starts_with(|c: char| c.is_ascii_digit());
            condition && (year(counted).is_none() || compared.starts_with("mais") || compared.starts_with("menos"))
        };
        while let Some((words, _)) = self.take_if(&rules.counted, counts) {
            self.give_up(words);
        }
    }

    /// "de A a B", "entre A e B", of amounts and of times.
    fn ranges(&mut self, rules: &Rules) {
        while let Some((words, groups)) = self.take_if(&rules.between, |found| {
            let low = found.get(2).or_else(|| found.get(3)).map_or("", |group| group.as_str());
            let money = found.get(1).is_some() || has_unit(low) || has_unit(&found[4]);
            // Two bare years are years; "de 0 a 3 anos" is neither, and no money either.
            let years = year(low).is_some() && year(&found[4]).is_some();
            money || (!years && found.get(2).is_some())
        }) {
            let low = if groups[1].is_empty() { &groups[2] } else { &groups[1] };
            match low_and_high(low, &groups[3]) {
                Some((low, high)) if !self.valued() => {
                    self.reading.filters.min_value = Some(low);
                    self.reading.filters.max_value = Some(high);
                    let pt = format!("valor de {} a {} (inclusive)", low.pt(), high.pt());
                    self.note(
                        About::Value,
                        &words,
                        pt,
                        format!("value from {} to {} (inclusive)", low.en(), high.en()),
                    );
                }
                _ => self.give_up(words),
            }
        }
        while let Some((words, groups)) = self.take(&rules.months) {
            let [between, first, first_year, joint, last, last_year] = [0, 1, 2, 3, 4, 5].map(|at| groups[at].trim());
            let first_year = if first_year.is_empty() { last_year } else { first_year };
            let (first, last) = ((first, first_year), (last, last_year));
            if joint == "e" && between != "entre" {
                match (Span::months(first, first), Span::months(last, last)) {
                    (Some(one), Some(other)) if period::joined(&[one, other]).is_some() => {
                        self.span(words, Span::months(first, last));
                    }
                    _ => self.give_up(words),
                }
            } else {
                self.span(words, Span::months(first, last));
            }
        }
        // "2019 e 2024" names two years, "entre 2019 e 2024" what lies between them.
        let range =
            |found: &Captures<'_>| found.get(3).is_none_or(|joint| joint.as_str() != "e" || found[1].contains("entre"));
        while let Some((words, groups)) = self.take_if(&rules.years, range) {
            let span = groups[1].parse().ok().zip(groups[3].parse().ok()).map(|(first, last)| Span::years(first, last));
            self.span(words, span);
        }
    }

    fn bounds(&mut self, rules: &Rules) {
        for (rule, least) in
            rules.at_least.iter().map(|rule| (rule, true)).chain(rules.at_most.iter().map(|rule| (rule, false)))
        {
            while let Some((words, groups)) = self.take(rule) {
                // "desde 2023", "até 2023": a year; "acima de 2000": an amount, as no year is above another.
                let said = fold(&words);
                let of_time = ["a partir de", "desde", "ate"].iter().any(|start| said.starts_with(start))
                    || said.ends_with("em diante");
                match year(&groups[0]) {
                    Some(year) if of_time => {
                        let Span { first, last } = Span::years(year, year);
                        let open = if least { Span { first, last: None } } else { Span { first: None, last } };
                        self.span(words, Some(open));
                    }
                    _ => self.bound(words, amount(&groups[0]), least),
                }
            }
        }
    }

    fn bound(&mut self, words: String, value: Option<Money>, least: bool) {
        let filters = &mut self.reading.filters;
        let side = if least { &mut filters.min_value } else { &mut filters.max_value };
        match value {
            Some(value) if side.is_none() => {
                *side = Some(value);
                let (pt, en) = if least { ("a partir de", "from") } else { ("até", "up to") };
                let meaning = format!("valor {pt} {} (inclusive)", value.pt());
                self.note(About::Value, &words, meaning, format!("value {en} {} (inclusive)", value.en()));
            }
            _ => self.give_up(words),
        }
    }

    fn times(&mut self, rules: &Rules) {
        while let Some((words, groups)) = self.take(&rules.month) {
            let month = (groups[0].as_str(), groups[1].as_str());
            self.span(words, Span::months(month, month));
        }
        while let Some((words, groups)) = self.take_if(&rules.year, |found| year(&found[1]).is_some()) {
            self.span(words, year(&groups[0]).map(|year| Span::years(year, year)));
        }
        let filters = &mut self.reading.filters;
        match period::joined(&self.spans) {
            Some(span) => match span.year() {
                Some(year) => filters.year = Some(year),
                None => (filters.start_date, filters.end_date) = (span.first, span.last),
            },
            None => self.withdraw(About::Period),
        }
    }

    fn span(&mut self, words: String, span: Option<Span>) {
        let of_calendar =
            |day: Option<NaiveDate>| day.is_none_or(|day| (1990..=2100).contains(&chrono::Datelike::year(&day)));
        match span.filter(|span| of_calendar(span.first) && of_calendar(span.last)) {
            Some(span) => {
                let (pt, en) = span.meaning();
                self.note(About::Period, &words, pt, en);
                self.spans.push(span);
            }
            None => self.give_up(words),
        }
    }

    fn exact_values(&mut self, rules: &Rules) {
        while let Some((words, groups)) = self.take_if(&rules.exact, |found| has_unit(&found[1])) {
            match amount(&groups[0]) {
                Some(value) if !self.valued() => {
                    self.reading.filters.min_value = Some(value);
                    self.reading.filters.max_value = Some(value);
                    let pt = format!("valor igual a {}", value.pt());
                    self.note(About::Value, &words, pt, format!("value of {}", value.en()));
                }
                _ => self.give_up(words),
            }
        }
    }

    fn valued(&self) -> bool {
        self.reading.filters.min_value.is_some() || self.reading.filters.max_value.is_some()
    }

    /// "acima de 2 milhões até 1 milhão" fits no contract.
    fn settle_values(&mut self) {
        if let (Some(min), Some(max)) = (self.reading.filters.min_value, self.reading.filters.max_value)
            && max < min
        {
            self.reading.filters.min_value = None;
            self.reading.filters.max_value = None;
            self.withdraw(About::Value);
        }
    }

    fn names(&mut self, rules: &Rules) {
        while let Some((words, _)) = self.take(&rules.emergency) {
            self.reading.emergency = true;
            self.note(About::Emergency, &words, "contratos emergenciais".into(), "emergency contracts".into());
        }
        for (rule, modalities) in &rules.modalities {
            while let Some((words, _)) = self.take(rule) {
                let pt: Vec<_> = modalities.iter().map(|modality| modality.pt()).collect();
                let en: Vec<_> = modalities.iter().map(|modality| modality.en()).collect();
                let (pt, en) = (format!("modalidade: {}", pt.join(" ou ")), format!("modality: {}", en.join(" or ")));
                self.note(About::Modality, &words, pt, en);
                for modality in *modalities {
                    if !self.reading.filters.modalities.contains(modality) {
                        self.reading.filters.modalities.push(*modality);
                    }
                }
            }
        }
        self.reading.filters.modalities.sort_unstable();
        for (rule, detector) in &rules.detectors {
            while let Some((words, _)) = self.take(rule) {
                let about = About::Detector(detector);
                self.note(about, &words, format!("detector {detector}"), format!("detector {detector}"));
                if !self.reading.wanted.contains(detector) {
                    self.reading.wanted.push(detector);
                }
            }
        }
    }

    fn words(&mut self) {
        for word in fold(&self.text).split(' ').filter(|word| !word.is_empty()) {
            if STOP_WORDS.contains(&word) {
                continue;
            }
            let word = word.to_owned();
            if JUDGEMENTS.contains(&word.as_str()) || word.chars().count() < 2 {
                self.give_up(word);
            } else if !self.reading.terms.contains(&word) {
                let pt = format!("o objeto contém a palavra «{word}»");
                self.note(About::Term, &word, pt, format!("the object holds the word «{word}»"));
                self.reading.terms.push(word);
            }
        }
    }

    fn note(&mut self, about: About, words: &str, meaning_pt: String, meaning_en: String) {
        self.reading.notes.push((about, PlanNote { text: words.to_owned(), meaning_pt, meaning_en }));
    }

    fn give_up(&mut self, words: String) {
        if !self.reading.not_understood.contains(&words) {
            self.reading.not_understood.push(words);
        }
    }

    /// Parts that were read one by one, but together mean nothing certain.
    fn withdraw(&mut self, about: About) {
        let notes = std::mem::take(&mut self.reading.notes);
        let (gone, kept) = notes.into_iter().partition::<Vec<_>, _>(|(of, _)| *of == about);
        self.reading.notes = kept;
        let words: Vec<_> = gone.into_iter().map(|(_, note)| note.text).collect();
        self.give_up(words.join(", "));
    }

    /// Takes the first match of a rule out of the text: its words as given, and its groups.
    fn take(&mut self, rule: &Regex) -> Option<(String, Vec<String>)> {
        self.take_if(rule, |_| true)
    }

    fn take_if(&mut self, rule: &Regex, fits: impl Fn(&Captures<'_>) -> bool) -> Option<(String, Vec<String>)> {
        let found = rule.captures_iter(&self.text).find(fits)?;
        let groups = found.iter().skip(1).map(|group| group.map_or("", |group| group.as_str()).to_owned()).collect();
        let range = found.get(0)?.range();
        Some((self.blank(range), groups))
    }

    /// Takes a range out of the text and gives its words as they were written.
    fn blank(&mut self, range: Range<usize>) -> String {
        let first = self.text[..range.start].chars().count();
        let length = self.text[range.clone()].chars().count();
        let words: String = self.original.iter().skip(first).take(length).collect();
        // Blanks keep the number of characters, so that later positions still fit the original.
        self.text.replace_range(range, &" ".repeat(length));
        words.trim().to_owned()
    }
}

/// The two ends of a range of amounts. "1 e 2 milhões": the first number has the unit of the second;
/// "1 milhão e 2" may mean two reais or two millions.
fn low_and_high(low: &str, high: &str) -> Option<(Money, Money)> {
    let (last, plain) = (amount(high)?, amount(low)?);
    if has_unit(low) {
        let clear = has_unit(high) || plain <= last;
        return clear.then(|| (plain.min(last), plain.max(last)));
    }
    let first = amount(&format!("{} {}", low.trim(), unit(high)))?;
    (first <= last).then_some((first, last)).or_else(|| (plain <= last).then_some((plain, last)))
}

#[cfg(test)]
#[path = "reader_tests.rs"]
mod tests;
