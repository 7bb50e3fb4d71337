//! From a question in Portuguese to an explicit plan, by rules alone: the same words always give
//! the same plan, and what no rule reads is listed, not guessed.

use chrono::{Datelike, NaiveDate};
use regex::{Captures, Regex};

use super::amount::{Number, amount, has_unit, number, unit};
use super::request::{InvestigationType, Request};
use super::vocabulary::{JUDGEMENTS, MONTHS, RULES, Rules, STOP_WORDS};
use crate::model::{Filters, Plan, PlanNote, fold};

/// What the planner needs to know of a detector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DetectorInfo<'a> {
    /// Id.
    pub id: &'a str,
    /// It looks at several contracts together.
    pub pattern: bool,
    /// It belongs to a spending analysis.
    pub spending: bool,
}

/// Makes the plan of a request. Filters of the request win over the words of the query; the lake
/// version is pinned later, by the worker.
pub fn plan(request: &Request, detectors: &[DetectorInfo<'_>]) -> Plan {
    let mut reader = Reader::new(&request.query);
    reader.read();
    let Reader { read: from_query, emergency, notes, not_understood, terms, wanted, .. } = reader;
    let options = &request.options;
    let chosen = |detector: &&DetectorInfo<'_>| {
        if !options.detect_anomalies || (detector.pattern && !options.detect_patterns) {
            return false;
        }
        if !options.detectors.is_empty() {
            return options.detectors.iter().any(|id| id == detector.id);
        }
        let of_type = request.investigation_type == InvestigationType::AnomalyDetection || detector.spending;
        of_type && (wanted.is_empty() || wanted.contains(&detector.id))
    };
    let filters = overlay(&request.filters, from_query);
    Plan {
        peer_years: if options.include_historical_data { None } else { years_in_scope(&filters) },
        filters,
        detectors: detectors.iter().filter(chosen).map(|detector| detector.id.to_owned()).collect(),
        terms,
        emergency_only: emergency,
        include_items: options.include_subcategories,
        understood: notes,
        not_understood,
        lake_version: 0,
    }
}

/// The filters of the request, and where it has none those of the query. A date range and a year
/// are one filter: either of the request puts both of the query out of force.
fn overlay(request: &Filters, query: Filters) -> Filters {
    let dated = request.year.is_some() || request.start_date.is_some() || request.end_date.is_some();
    let valued = request.min_value.is_some() || request.max_value.is_some();
    let asked = request.clone();
    Filters {
        min_value: if valued { asked.min_value } else { query.min_value },
        max_value: if valued { asked.max_value } else { query.max_value },
        categories: asked.categories,
        year: if dated { asked.year } else { query.year },
        modalities: if asked.modalities.is_empty() { query.modalities } else { asked.modalities },
        start_date: if dated { asked.start_date } else { query.start_date },
        end_date: if dated { asked.end_date } else { query.end_date },
        supplier_id: asked.supplier_id.or(query.supplier_id),
        buyer_id: asked.buyer_id.or(query.buyer_id),
    }
}

struct Reader {
    /// The query as given, one entry a character.
    original: Vec<char>,
    /// The query folded letter by letter, punctuation kept; what has been read is blanked out.
    text: String,
    read: Filters,
    emergency: bool,
    years: Vec<i32>,
    notes: Vec<PlanNote>,
    not_understood: Vec<String>,
    terms: Vec<String>,
    wanted: Vec<&'static str>,
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
        Self {
            original,
            text,
            read: Filters::default(),
            emergency: false,
            years: Vec::new(),
            notes: Vec::new(),
            not_understood: Vec::new(),
            terms: Vec::new(),
            wanted: Vec::new(),
        }
    }

    fn read(&mut self) {
        let rules = &*RULES;
        while let Some((words, groups)) = self.take(&rules.cnpj) {
            let id: String = groups[0].to_uppercase().chars().filter(char::is_ascii_alphanumeric).collect();
            self.note(&words, format!("fornecedor de CNPJ {id}"), format!("supplier with CNPJ {id}"));
            self.read.supplier_id = Some(id);
        }
        while let Some((words, groups)) = self.take(&rules.buyer) {
            let id = groups[0].clone();
            self.note(&words, format!("unidade gestora {id}"), format!("buyer (UG) {id}"));
            self.read.buyer_id = Some(id);
        }
        self.read_values(rules);
        self.read_dates(rules);
        while let Some((words, groups)) = self.take_amount(&rules.exact) {
            match amount(&groups[0]) {
                Some(value) if self.read.min_value.is_none() && self.read.max_value.is_none() => {
                    self.read.min_value = Some(value);
                    self.read.max_value = Some(value);
                    self.note(&words, format!("valor igual a {}", value.pt()), format!("value of {}", value.en()));
                }
                _ => self.not_understood.push(words),
            }
        }
        while let Some((words, _)) = self.take(&rules.emergency) {
            self.emergency = true;
            self.note(&words, "contratos emergenciais".into(), "emergency contracts".into());
        }
        for (rule, modalities) in &rules.modalities {
            while let Some((words, _)) = self.take(rule) {
                let names: Vec<_> = modalities.iter().map(|modality| modality.as_str()).collect();
                let list = names.join(", ");
                self.note(&words, format!("modalidade: {list}"), format!("modality: {list}"));
                for modality in *modalities {
                    if !self.read.modalities.contains(modality) {
                        self.read.modalities.push(*modality);
                    }
                }
            }
        }
        self.read.modalities.sort_unstable();
        for (rule, detector) in &rules.detectors {
            while let Some((words, _)) = self.take(rule) {
                self.note(&words, format!("detector {detector}"), format!("detector {detector}"));
                if !self.wanted.contains(detector) {
                    self.wanted.push(detector);
                }
            }
        }
        self.read_words();
    }

    fn read_values(&mut self, rules: &Rules) {
        while let Some((words, groups)) = self.take(&rules.between) {
            // "entre 1 e 2 milhões": the first number has the unit of the second.
            let low = match (number(&groups[0]), number(&groups[1])) {
                (_, Some(Number::Amount(_))) if !has_unit(&groups[0]) => {
                    amount(&format!("{} {}", groups[0].trim(), unit(&groups[1])))
                }
                (Some(Number::Year(low)), Some(Number::Year(high))) => {
                    self.set_years(&words, low.min(high), low.max(high));
                    continue;
                }
                (Some(Number::Amount(low)), _) => Some(low),
                _ => None,
            };
            match (low, amount(&groups[1])) {
                (Some(a), Some(b)) => {
                    let (low, high) = (a.min(b), a.max(b));
                    self.read.min_value = Some(low);
                    self.read.max_value = Some(high);
                    let pt = format!("valor de {} a {}", low.pt(), high.pt());
                    self.note(&words, pt, format!("value from {} to {}", low.en(), high.en()));
                }
                _ => self.not_understood.push(words),
            }
        }
        for (rule, least) in [(&rules.at_least, true), (&rules.at_most, false)] {
            while let Some((words, groups)) = self.take(rule) {
                // "desde 2023", "até 2023": a year; "acima de 2000": an amount, as no year is above another.
                let of_time = ["a partir de", "desde", "ate"].iter().any(|start| fold(&words).starts_with(start));
                match number(&groups[0]) {
                    Some(Number::Year(year)) if of_time => {
                        let day = if least { (year, 1, 1) } else { (year, 12, 31) };
                        let date = NaiveDate::from_ymd_opt(day.0, day.1, day.2);
                        if least {
                            self.read.start_date = date;
                            self.note(&words, format!("assinatura desde {year}"), format!("signed since {year}"));
                        } else {
                            self.read.end_date = date;
                            self.note(&words, format!("assinatura até {year}"), format!("signed until {year}"));
                        }
                    }
                    Some(_) => match amount(&groups[0]) {
                        Some(value) if least => {
                            self.read.min_value = Some(value);
                            let pt = format!("valor a partir de {} (inclusive)", value.pt());
                            self.note(&words, pt, format!("value from {} (inclusive)", value.en()));
                        }
                        Some(value) => {
                            self.read.max_value = Some(value);
                            let pt = format!("valor até {} (inclusive)", value.pt());
                            self.note(&words, pt, format!("value up to {} (inclusive)", value.en()));
                        }
                        None => self.not_understood.push(words),
                    },
                    None => self.not_understood.push(words),
                }
            }
        }
        if let (Some(min), Some(max)) = (self.read.min_value, self.read.max_value)
            && max < min
        {
            self.read.min_value = None;
            self.read.max_value = None;
            self.not_understood.push(format!("{} > {}", min.pt(), max.pt()));
        }
    }

    fn read_dates(&mut self, rules: &Rules) {
        while let Some((words, groups)) = self.take(&rules.month) {
            let month = (1u32..).zip(MONTHS).find(|(_, name)| *name == groups[0]).map(|(number, _)| number);
            let start = month.zip(groups[1].parse().ok()).and_then(|(m, y)| NaiveDate::from_ymd_opt(y, m, 1));
            let Some((start, next)) = start.zip(start.and_then(|day| day.checked_add_months(chrono::Months::new(1))))
            else {
                self.not_understood.push(words);
                continue;
            };
            let end = next.pred_opt().unwrap_or(start);
            self.read.start_date = Some(self.read.start_date.map_or(start, |earlier| earlier.min(start)));
            self.read.end_date = Some(self.read.end_date.map_or(end, |later| later.max(end)));
            self.note(&words, format!("assinatura de {start} a {end}"), format!("signed from {start} to {end}"));
        }
        while let Some((words, groups)) = self.take_year(&rules.year) {
            match groups[0].parse::<i32>() {
                Ok(year) => {
                    self.years.push(year);
                    self.note(&words, format!("assinatura em {year}"), format!("signed in {year}"));
                }
                Err(_) => self.not_understood.push(words),
            }
        }
        self.years.sort_unstable();
        self.years.dedup();
        match (self.years.first().copied(), self.years.last().copied()) {
            (Some(first), Some(last)) if first == last => self.read.year = Some(first),
            (Some(first), Some(last)) if last - first == self.years.len() as i32 - 1 => {
                self.read.start_date = NaiveDate::from_ymd_opt(first, 1, 1);
                self.read.end_date = NaiveDate::from_ymd_opt(last, 12, 31);
            }
            (Some(_), Some(_)) => {
                let list: Vec<_> = self.years.iter().map(ToString::to_string).collect();
                self.notes.retain(|note| !list.iter().any(|year| note.meaning_pt.ends_with(&format!("em {year}"))));
                self.not_understood.push(format!("anos não consecutivos: {}", list.join(", ")));
            }
            _ => {}
        }
    }

    fn set_years(&mut self, words: &str, first: i32, last: i32) {
        self.read.start_date = NaiveDate::from_ymd_opt(first, 1, 1);
        self.read.end_date = NaiveDate::from_ymd_opt(last, 12, 31);
        self.note(words, format!("assinatura de {first} a {last}"), format!("signed from {first} to {last}"));
    }

    fn read_words(&mut self) {
        for word in fold(&self.text).split(' ').filter(|word| !word.is_empty()) {
            if STOP_WORDS.contains(&word) {
                continue;
            }
            let word = word.to_owned();
            if JUDGEMENTS.contains(&word.as_str()) || word.chars().count() < 2 {
                if !self.not_understood.contains(&word) {
                    self.not_understood.push(word);
                }
            } else if !self.terms.contains(&word) {
                let pt = format!("o objeto contém a palavra «{word}»");
                self.notes.push(PlanNote {
                    text: word.clone(),
                    meaning_pt: pt,
                    meaning_en: format!("the object holds the word «{word}»"),
                });
                self.terms.push(word);
            }
        }
    }

    fn note(&mut self, words: &str, meaning_pt: String, meaning_en: String) {
        self.notes.push(PlanNote { text: words.to_owned(), meaning_pt, meaning_en });
    }

    /// Takes the first match of a rule out of the text: its words as given, and its groups.
    fn take(&mut self, rule: &Regex) -> Option<(String, Vec<String>)> {
        self.take_if(rule, |_| true)
    }

    /// As `take`, of a match whose number is an amount by its unit, not a bare number or a year.
    fn take_amount(&mut self, rule: &Regex) -> Option<(String, Vec<String>)> {
        self.take_if(rule, |found| has_unit(&found[1]))
    }

    fn take_year(&mut self, rule: &Regex) -> Option<(String, Vec<String>)> {
        self.take_if(rule, |found| found[1].parse::<i32>().is_ok_and(|year| (1990..=2100).contains(&year)))
    }

    fn take_if(&mut self, rule: &Regex, fits: impl Fn(&Captures<'_>) -> bool) -> Option<(String, Vec<String>)> {
        let found = rule.captures_iter(&self.text).find(fits)?;
        let whole = found.get(0)?;
        let groups = found.iter().skip(1).map(|group| group.map_or("", |group| group.as_str()).to_owned()).collect();
        let first = self.text[..whole.start()].chars().count();
        let length = whole.as_str().chars().count();
        let words: String = self.original.iter().skip(first).take(length).collect();
        let blank = " ".repeat(length);
        let (start, end) = (whole.start(), whole.end());
        // Blanks keep the number of characters, so later positions still fit the original.
        self.text = format!("{}{blank}{}", &self.text[..start], &self.text[end..]);
        Some((words.trim().to_owned(), groups))
    }
}

/// The years that filters are about, `None` for every year.
fn years_in_scope(filters: &Filters) -> Option<(i32, i32)> {
    match (filters.year, filters.start_date, filters.end_date) {
        (Some(year), _, _) => Some((year, year)),
        (None, None, None) => None,
        (None, start, end) => Some((start.map_or(i32::MIN, |d| d.year()), end.map_or(i32::MAX, |d| d.year()))),
    }
}

#[cfg(test)]
#[path = "planner_tests.rs"]
mod tests;
