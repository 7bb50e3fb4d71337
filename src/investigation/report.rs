//! The report of an investigation: Markdown, HTML, JSON or CSV, in Portuguese or English.

use std::collections::HashMap;
use std::fmt::Write as _;

use serde_json::json;

use super::{Output, Request};
use crate::model::{
    DetectorSummary, EvidenceRow, Finding, Job, Money, Outcome, Plan, PublishedColumn, Review, ReviewState, Severity,
    Table, printable,
};

/// Format of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportFormat {
    /// Markdown.
    Markdown,
    /// A page that needs nothing from another host.
    Html,
    /// The findings with all their evidence.
    Json,
    /// One line a finding.
    Csv,
}

impl ReportFormat {
    /// The format of a name; empty means Markdown.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "" | "md" | "markdown" => Some(Self::Markdown),
            "html" => Some(Self::Html),
            "json" => Some(Self::Json),
            "csv" => Some(Self::Csv),
            _ => None,
        }
    }

    /// Name in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Markdown => "md",
            Self::Html => "html",
            Self::Json => "json",
            Self::Csv => "csv",
        }
    }
}

/// Language of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// Portuguese.
    Portuguese,
    /// English.
    English,
}

impl Language {
    /// The language of a code; empty means Portuguese.
    pub fn parse(code: &str) -> Option<Self> {
        match code {
            "" | "pt" | "pt-BR" => Some(Self::Portuguese),
            "en" => Some(Self::English),
            _ => None,
        }
    }

    /// Code in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Portuguese => "pt",
            Self::English => "en",
        }
    }

    const fn pick<'a>(self, pt: &'a str, en: &'a str) -> &'a str {
        match self {
            Self::Portuguese => pt,
            Self::English => en,
        }
    }

    fn money(self, amount: Money) -> String {
        match self {
            Self::Portuguese => amount.pt(),
            Self::English => amount.en(),
        }
    }
}

/// What a report is made of.
#[derive(Debug)]
pub struct ReportInput<'a> {
    /// The job.
    pub job: &'a Job,
    /// What was asked.
    pub request: &'a Request,
    /// What the worker produced.
    pub output: &'a Output,
    /// Every finding, in order.
    pub findings: &'a [Finding],
    /// What each detector did, in order.
    pub detectors: &'a [DetectorSummary],
    /// What reviewers say of the findings, by id.
    pub reviews: &'a HashMap<String, Review>,
}

/// A rendered report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// The report.
    pub content: String,
    /// Its media type.
    pub content_type: &'static str,
}

/// Renders a report. The same input gives the same bytes.
///
/// # Errors
/// Only those of serialising: none in practice.
pub fn render_report(
    input: &ReportInput<'_>,
    format: ReportFormat,
    language: Language,
) -> Result<Rendered, Box<dyn std::error::Error + Send + Sync>> {
    Ok(match format {
        ReportFormat::Markdown => {
            Rendered { content: markdown(input, language), content_type: "text/markdown; charset=utf-8" }
        }
        ReportFormat::Html => Rendered { content: html(input, language), content_type: "text/html; charset=utf-8" },
        ReportFormat::Json => Rendered { content: as_json(input)?, content_type: "application/json" },
        ReportFormat::Csv => Rendered { content: csv(input, language)?, content_type: "text/csv; charset=utf-8" },
    })
}

/// How many contracts and tenders there are in scope, in Portuguese and in English; tenders are named where
/// there are any.
pub fn in_scope(contracts: i64, tenders: i64) -> (String, String) {
    if tenders == 0 {
        return (format!("{contracts} contratos no escopo"), format!("{contracts} contracts in scope"));
    }
    (
        format!("{contracts} contratos e {tenders} licitações no escopo"),
        format!("{contracts} contracts and {tenders} tenders in scope"),
    )
}

/// The answer in short, in Portuguese and in English, of so many contracts and tenders in scope.
pub fn summary(scope: (i64, i64), detectors: &[DetectorSummary], by_severity: &[(Severity, i64)]) -> (String, String) {
    let fired: i64 = detectors.iter().map(|summary| summary.fired).sum();
    let not_evaluable: i64 = detectors.iter().map(|summary| summary.not_evaluable).sum();
    if scope == (0, 0) {
        return (
            "Nenhum contrato nem licitação corresponde ao plano: nada foi avaliado.".to_owned(),
            "No contract or tender matches the plan: nothing was judged.".to_owned(),
        );
    }
    let (scope_pt, scope_en) = in_scope(scope.0, scope.1);
    let named = |language: Language| {
        let parts: Vec<_> = by_severity
            .iter()
            .filter(|(_, count)| *count > 0)
            .map(|(severity, count)| format!("{count} {}", severity_name(*severity, language)))
            .collect();
        if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) }
    };
    let (pt, en) = (named(Language::Portuguese), named(Language::English));
    let n = detectors.len();
    (
        format!(
            "{scope_pt}, {n} detectores: {fired} indícios a verificar{pt}; {not_evaluable} avaliações não foram possíveis com os dados publicados. Um indício não é prova de irregularidade."
        ),
        format!(
            "{scope_en}, {n} detectors: {fired} indications to check{en}; {not_evaluable} judgements were not possible with the published data. An indication is no proof of wrongdoing."
        ),
    )
}

/// Name of a severity.
pub fn severity_name(severity: Severity, language: Language) -> &'static str {
    match severity {
        Severity::Low => language.pick("baixa", "low"),
        Severity::Medium => language.pick("média", "medium"),
        Severity::High => language.pick("alta", "high"),
        Severity::Critical => language.pick("crítica", "critical"),
    }
}

fn plan_lines(plan: &Plan, language: Language) -> Vec<String> {
    let mut lines: Vec<String> = plan
        .understood
        .iter()
        .map(|note| format!("«{}»: {}", note.text, language.pick(&note.meaning_pt, &note.meaning_en)))
        .collect();
    if !plan.not_understood.is_empty() {
        let label = language.pick("Sem efeito (não compreendido)", "Without effect (not understood)");
        lines.push(format!("{label}: {}", plan.not_understood.join(", ")));
    }
    lines.extend(plan.parameters.iter().map(|one| {
        let set = language.pick("Parâmetro alterado", "Parameter overridden");
        let default = language.pick("padrão", "default");
        format!("{set}: {}.{} = {} ({default}: {})", one.detector, one.name, one.value, one.default)
    }));
    let label = language.pick("Versão dos dados", "Version of the data");
    lines.push(format!("{label}: {}", plan.lake_version));
    lines
}

fn title(finding: &Finding, language: Language) -> &str {
    language.pick(&finding.title_pt, &finding.title_en)
}

fn description(finding: &Finding, language: Language) -> &str {
    language.pick(&finding.description_pt, &finding.description_en)
}

fn markdown(input: &ReportInput<'_>, language: Language) -> String {
    let t = |pt, en| language.pick(pt, en);
    let mut out = String::new();
    // Writing to a String cannot fail.
    let mut line = |text: String| {
        let _ = writeln!(out, "{text}");
    };
    line(format!("# {}\n", t("Relatório de investigação", "Investigation report")));
    line(format!("**{}**: {}\n", t("Pergunta", "Question"), md(&input.request.query)));
    line(format!("**ID**: `{}`\n", input.job.id));
    line(format!("{}\n", md(t(&input.output.summary_pt, &input.output.summary_en))));
    if let Some(plan) = &input.output.plan {
        line(format!("## {}\n", t("Como a pergunta foi entendida", "How the question was understood")));
        for text in plan_lines(plan, language) {
            line(format!("- {}", md(&text)));
        }
    }
    line(format!("\n## {}\n", t("Detectores", "Detectors")));
    line(format!(
        "| {} | {} | {} | {} | {} |\n| --- | ---: | ---: | ---: | ---: |",
        t("Detector", "Detector"),
        t("indícios", "indications"),
        t("sem indício", "clear"),
        t("não avaliável", "not evaluable"),
        t("taxa", "rate")
    ));
    for summary in input.detectors {
        line(format!(
            "| {} (`{}` {}) | {} | {} | {} | {:.1} % |",
            md(t(&summary.title_pt, &summary.title_en)),
            summary.detector.id,
            summary.detector.version,
            summary.fired,
            summary.clear,
            summary.not_evaluable,
            summary.base_rate() * 100.0
        ));
    }
    let notes: Vec<String> = input.detectors.iter().flat_map(|summary| detector_notes(summary, language)).collect();
    if !notes.is_empty() {
        line(String::new());
    }
    for note in notes {
        line(format!("- {}", md(&note)));
    }
    line(format!("\n## {}\n", t("Indícios", "Indications")));
    for (number, finding) in input.findings.iter().enumerate() {
        line(format!("### {}. {}\n", number + 1, md(title(finding, language))));
        line(format!(
            "- {}: **{}** · `{}` · `{}`",
            t("Gravidade", "Severity"),
            severity_name(finding.severity, language),
            finding.detector.id,
            finding.id
        ));
        if let Some(amount) = finding.amount_at_stake {
            line(format!("- {}: {}", t("Valor em questão", "Amount at stake"), language.money(amount)));
        }
        line(format!("\n{}\n", md(description(finding, language))));
        for text in finding_lines(input, finding, language) {
            line(format!("- {}", md(&text)));
        }
        line(format!("\n{}:\n", t("Linhas publicadas", "Published rows")));
        for row in &finding.evidence.rows {
            let page = page_of(row).map(|url| format!(" [{}](<{url}>)", t("página oficial", "official page")));
            let page = page.unwrap_or_default();
            line(format!("- `{}` `{}` — {}{page}", row.table, row.id, md(&row_text(row, language))));
        }
        if let Some(text) = rows_left_out(finding, language) {
            line(format!("- {text}"));
        }
        let causes = false_positives(finding, language);
        if !causes.is_empty() {
            line(format!("\n{}:\n", t("O que pode explicar sem irregularidade", "What may explain it innocently")));
            for cause in causes {
                line(format!("- {}", md(cause)));
            }
        }
        line(String::new());
    }
    out
}

fn false_positives(finding: &Finding, language: Language) -> &[String] {
    match language {
        Language::Portuguese => &finding.false_positives_pt,
        Language::English => &finding.false_positives_en,
    }
}

/// The numbers and the thresholds of a finding, as they are read.
/// The review of a finding, where somebody reviewed it, and what it rests on.
fn finding_lines(input: &ReportInput<'_>, finding: &Finding, language: Language) -> Vec<String> {
    let review = input.reviews.get(&finding.id).map(|review| {
        let state = match review.state {
            ReviewState::Open => language.pick("em aberto", "open"),
            ReviewState::Confirmed => language.pick("confirmado", "confirmed"),
            ReviewState::Dismissed => language.pick("descartado", "dismissed"),
        };
        let reason = if review.reason.is_empty() { String::new() } else { format!(": {}", review.reason) };
        let (label, day) = (language.pick("Revisão", "Review"), review.reviewed_at.format("%Y-%m-%d"));
        format!("{label}: {state} ({}, {day}){reason}", review.reviewer)
    });
    review.into_iter().chain(evidence_lines(finding, language)).collect()
}

fn evidence_lines(finding: &Finding, language: Language) -> Vec<String> {
    // What was stored before texts were has the exact value only.
    let either = |text: &str, exact: &str| if text.is_empty() { exact.to_owned() } else { text.to_owned() };
    let values = finding.evidence.values.iter().map(|value| {
        let text = either(language.pick(&value.text_pt, &value.text_en), &value.value);
        format!("{}: {text}", language.pick(&value.label_pt, &value.label_en))
    });
    let limits = finding.evidence.limits.iter().map(|limit| {
        let label = either(language.pick(&limit.label_pt, &limit.label_en), &limit.name);
        let text = either(language.pick(&limit.text_pt, &limit.text_en), &limit.value);
        let basis = if limit.legal_basis.is_empty() { String::new() } else { format!(" ({})", limit.legal_basis) };
        format!("{label}: {text}{basis}")
    });
    let own = finding.detector.user_made.then(|| own_detector(language).to_owned());
    values.chain(limits).chain(own).collect()
}

/// What a report says of a detector that users made.
const fn own_detector(language: Language) -> &'static str {
    language.pick(
        "Detector próprio de quem opera este servidor, fora do catálogo do produto",
        "A detector of whoever runs this server, no part of the product's catalogue",
    )
}

/// A published row in words: what it is about, and where it stands.
fn row_text(row: &EvidenceRow, language: Language) -> String {
    let place = format!("{}, {} {}", row.file, language.pick("linha", "line"), row.line);
    let about = row_about(|name| row.columns.get(name).map(String::as_str), language);
    if about.is_empty() { place } else { format!("{about} — {place}") }
}

/// The page of a row at its source, where it has one.
fn page_of(row: &EvidenceRow) -> Option<&str> {
    let safe = |url: &&str| url.starts_with("https://") && !url.contains(['<', '>', ' ', '"', '\n']);
    row.columns.get("link").map(String::as_str).filter(safe)
}

fn rows_left_out(finding: &Finding, language: Language) -> Option<String> {
    let shown = i32::try_from(finding.evidence.rows.len()).unwrap_or(i32::MAX);
    let more = finding.evidence.total_rows.saturating_sub(shown);
    (more > 0).then(|| format!("… {} {more}", language.pick("e mais", "and")) + language.pick("", " more"))
}

/// Columns that say what a row is worth, the first that is there counts.
const WORTH: [&str; 6] = ["current_value", "initial_value", "value", "estimated_value", "amount", "fine"];
/// Columns that say when it was, the first that is there counts.
const DAYS: [&str; 7] =
    ["signature_date", "publication_date", "period_start", "open_date", "result_date", "bid_time", "start_date"];

/// Whom and what a published row is about, out of its columns: number, buyer, supplier or bidder, value, day.
pub fn row_about<'a>(column: impl Fn(&str) -> Option<&'a str>, language: Language) -> String {
    let text = |name: &str| column(name).filter(|text| !text.is_empty()).map(|text| printable(text).into_owned());
    let with_id = |name: &str, id: &str| match (text(name), text(id)) {
        (Some(name), Some(id)) => Some(format!("{name} ({id})")),
        (name, id) => name.or(id),
    };
    let foreign = text("currency").filter(|currency| currency != "BRL");
    let value = WORTH.into_iter().find_map(text).map(|value| match (value.parse::<Money>(), &foreign) {
        (Ok(money), None) => language.money(money),
        (Ok(money), Some(currency)) => format!("{currency} {}", language.money(money).replacen("R$ ", "", 1)),
        (Err(_), _) => value,
    });
    let day = DAYS.into_iter().find_map(text);
    // Of a moment, the day is enough here.
    let day = day.map(|day| match day.get(..10).unwrap_or(&day).parse::<chrono::NaiveDate>() {
        Ok(day) => language.pick(&day.format("%d/%m/%Y").to_string(), &day.to_string()).to_owned(),
        Err(_) => day,
    });
    let number = text("number").or_else(|| text("ocid"));
    let number = number.map(|number| format!("{} {number}", language.pick("nº", "no.")));
    let who = with_id("supplier_name", "supplier_id").or_else(|| with_id("bidder_name", "bidder_id"));
    let who = who.or_else(|| with_id("person_name", "person_id"));
    let parts = [number, with_id("buyer_name", "buyer_id"), who, value, day];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

fn detector_notes(summary: &DetectorSummary, language: Language) -> Vec<String> {
    let id = &summary.detector.id;
    let reasons = summary.reasons.iter().filter(|reason| reason.outcome == Outcome::NotEvaluable).map(|reason| {
        let text = language.pick(&reason.text_pt, &reason.text_en);
        let published = reason.published.iter().map(|PublishedColumn { column, filled, rows }| match language {
            Language::Portuguese => format!(" {column}: {filled} de {rows} linhas publicadas têm valor."),
            Language::English => format!(" {column}: {filled} of {rows} published rows have a value."),
        });
        let published: String = published.collect();
        format!("{id}: {} {} — {text}{published}", reason.count, language.pick("não avaliáveis", "not evaluable"))
    });
    let warnings = match language {
        Language::Portuguese => &summary.warnings_pt,
        Language::English => &summary.warnings_en,
    };
    let own = summary.detector.user_made.then(|| format!("{id}: {}", own_detector(language)));
    reasons.chain(own).chain(warnings.iter().map(|warning| format!("{id}: {warning}"))).collect()
}

/// Escapes what Markdown or HTML would read in published text.
fn md(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in printable(text).chars() {
        match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' => {
                out.push('\\');
                out.push(c);
            }
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            c => out.push(c),
        }
    }
    out
}

fn esc(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in printable(text).chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a}\
table{border-collapse:collapse;width:100%}th,td{border:1px solid #ccc;padding:.3rem .5rem;text-align:left}\
td.n{text-align:right}article{border-left:4px solid #888;padding-left:1rem;margin:2rem 0}\
.critical{border-color:#a00}.high{border-color:#d60}.medium{border-color:#c90}code{font-size:.9em}";

fn html(input: &ReportInput<'_>, language: Language) -> String {
    let t = |pt, en| language.pick(pt, en);
    let heading = t("Relatório de investigação", "Investigation report");
    let mut out = format!(
        "<!doctype html>\n<html lang=\"{}\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
<title>{heading}</title><style>{STYLE}</style></head><body>\n<h1>{heading}</h1>\n<p><strong>{}</strong>: {}</p>\n<p>ID: <code>{}</code></p>\n<p>{}</p>\n",
        language.pick("pt-BR", "en"),
        t("Pergunta", "Question"),
        esc(&input.request.query),
        esc(&input.job.id),
        esc(t(&input.output.summary_pt, &input.output.summary_en)),
    );
    let mut add = |text: String| out.push_str(&text);
    if let Some(plan) = &input.output.plan {
        let items: String = plan_lines(plan, language).iter().map(|text| format!("<li>{}</li>", esc(text))).collect();
        let label = t("Como a pergunta foi entendida", "How the question was understood");
        add(format!("<h2>{label}</h2><ul>{items}</ul>\n"));
    }
    add(format!(
        "<h2>{}</h2><table><thead><tr><th>{}</th><th>{}</th><th>{}</th><th>{}</th></tr></thead><tbody>\n",
        t("Detectores", "Detectors"),
        t("Detector", "Detector"),
        t("Indícios", "Indications"),
        t("Sem indício", "Clear"),
        t("Não avaliável", "Not evaluable"),
    ));
    for summary in input.detectors {
        add(format!(
            "<tr><td>{} <code>{}</code></td><td class=n>{}</td><td class=n>{}</td><td class=n>{}</td></tr>\n",
            esc(t(&summary.title_pt, &summary.title_en)),
            esc(&summary.detector.id),
            summary.fired,
            summary.clear,
            summary.not_evaluable,
        ));
    }
    let notes: String = input
        .detectors
        .iter()
        .flat_map(|summary| detector_notes(summary, language))
        .map(|note| format!("<li>{}</li>", esc(&note)))
        .collect();
    add(format!("</tbody></table><ul>{notes}</ul>\n<h2>{}</h2>\n", t("Indícios", "Indications")));
    for finding in input.findings {
        let severity = severity_name(finding.severity, language);
        add(format!(
            "<article class=\"{}\"><h3>{}</h3><p>{}: <strong>{severity}</strong> · <code>{}</code> · <code>{}</code></p><p>{}</p>\n",
            finding.severity.as_str(),
            esc(title(finding, language)),
            t("Gravidade", "Severity"),
            esc(&finding.detector.id),
            esc(&finding.id),
            esc(description(finding, language)),
        ));
        if let Some(amount) = finding.amount_at_stake {
            let label = t("Valor em questão", "Amount at stake");
            add(format!("<p>{label}: <strong>{}</strong></p>\n", esc(&language.money(amount))));
        }
        let item = |text: &str| format!("<li>{}</li>", esc(text));
        let values: String = finding_lines(input, finding, language).iter().map(|text| item(text)).collect();
        let mut rows: String = finding
            .evidence
            .rows
            .iter()
            .map(|row| {
                let label = t("página oficial", "official page");
                let page = page_of(row).map(|url| format!(" <a href=\"{}\">{label}</a>", esc(url))).unwrap_or_default();
                format!("<li><code>{}</code> — {}{page}</li>", esc(&row.id), esc(&row_text(row, language)))
            })
            .collect();
        rows.extend(rows_left_out(finding, language).map(|text| item(&text)));
        let causes: String = false_positives(finding, language).iter().map(|text| item(text)).collect();
        add(format!(
            "<ul>{values}</ul><details><summary>{} ({})</summary><ul>{rows}</ul></details>",
            t("Linhas publicadas", "Published rows"),
            finding.evidence.total_rows,
        ));
        if !causes.is_empty() {
            let label = t("O que pode explicar sem irregularidade", "What may explain it innocently");
            add(format!("<details><summary>{label}</summary><ul>{causes}</ul></details>"));
        }
        add("</article>\n".to_owned());
    }
    out.push_str("</body></html>\n");
    out
}

fn as_json(input: &ReportInput<'_>) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(&json!({
        "investigation_id": input.job.id,
        "query": input.request.query,
        "plan": input.output.plan,
        "contracts": input.output.contracts,
        "summary": input.output.summary_pt,
        "summary_en": input.output.summary_en,
        "score": input.output.score.score,
        "fired_weight": input.output.score.fired_weight,
        "evaluable_weight": input.output.score.evaluable_weight,
        "detectors": input.detectors,
        "findings": input.findings,
        "reviews": input.findings.iter().filter_map(|finding| input.reviews.get(&finding.id)).collect::<Vec<_>>(),
    }))
}

fn csv(input: &ReportInput<'_>, language: Language) -> Result<String, Box<dyn std::error::Error + Send + Sync>> {
    let mut out = csv::Writer::from_writer(Vec::new());
    out.write_record([
        "id",
        "type",
        "severity",
        "title",
        "description",
        "amount_at_stake",
        "contract_ids",
        "rows",
        "legal_basis",
        "buyer",
        "supplier",
        "contract_number",
        "user_made",
        "review",
        "review_reason",
    ])?;
    for finding in input.findings {
        let rows: Vec<_> = finding.evidence.rows.iter().map(|row| format!("{}:{}", row.file, row.line)).collect();
        out.write_record([
            finding.id.as_str(),
            finding.detector.id.as_str(),
            finding.severity.as_str(),
            &cell(title(finding, language)),
            &cell(description(finding, language)),
            &finding.amount_at_stake.map(|amount| amount.to_string()).unwrap_or_default(),
            &cell(&finding.contract_ids.join(" ")),
            &cell(&rows.join(" ")),
            &cell(&finding.detector.legal_basis),
            &cell(&distinct(finding, "buyer_name")),
            &cell(&distinct(finding, "supplier_name")),
            &cell(&distinct(finding, "number")),
            if finding.detector.user_made { "true" } else { "false" },
            input.reviews.get(&finding.id).map_or(ReviewState::Open, |review| review.state).as_str(),
            &cell(input.reviews.get(&finding.id).map_or("", |review| review.reason.as_str())),
        ])?;
    }
    Ok(String::from_utf8(out.into_inner()?)?)
}

/// What the contracts of a finding say in a column, each text once, in their order.
fn distinct(finding: &Finding, column: &str) -> String {
    let mut texts: Vec<&str> = Vec::new();
    let contracts = finding.evidence.rows.iter().filter(|row| row.table == Table::Contracts.as_str());
    for text in contracts.filter_map(|row| row.columns.get(column)) {
        if !texts.contains(&text.as_str()) {
            texts.push(text);
        }
    }
    texts.join("; ")
}

/// A text that a spreadsheet does not take for a formula.
fn cell(text: &str) -> String {
    let text = printable(text);
    if text.starts_with(['=', '+', '-', '@']) { format!("'{text}") } else { text.into_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_text_is_escaped_everywhere() {
        assert_eq!(md("a|b <script> *x*"), "a\\|b &lt;script&gt; \\*x\\*");
        assert_eq!(esc("<b a='\"'>&"), "&lt;b a=&#39;&quot;&#39;&gt;&amp;");
        assert_eq!(cell("=SUM(A1)"), "'=SUM(A1)");
        assert_eq!(cell("texto"), "texto");
        assert_eq!(cell("\t=1"), " =1");
        assert_eq!(md("a\u{1b}[31m\nb"), "a\u{fffd}\\[31m b");
    }

    #[test]
    fn only_an_address_of_the_web_becomes_a_link() {
        let row = |link: &str| EvidenceRow {
            table: "contracts".to_owned(),
            id: "c".to_owned(),
            source: "portal:compras".to_owned(),
            file: "202401_Compras.csv".to_owned(),
            line: 2,
            import_id: "i".to_owned(),
            columns: [("link".to_owned(), link.to_owned())].into(),
        };
        let page = "https://portaldatransparencia.gov.br/download-de-dados/compras/202401";
        assert_eq!(page_of(&row(page)), Some(page));
        for link in ["", "javascript:alert(1)", "http://a.b/c", "https://a.b/> <x", "https://a.b/\"x"] {
            assert_eq!(page_of(&row(link)), None, "{link}");
        }
    }

    #[test]
    fn a_row_says_whom_it_is_about() {
        let column = |name: &str| match name {
            "number" => Some("34/2023"),
            "buyer_name" => Some("Polícia Federal"),
            "buyer_id" => Some("200356"),
            "supplier_name" => Some(""),
            "supplier_id" => Some("12.345.678/0001-95"),
            "initial_value" => Some("2588.97"),
            "signature_date" => Some("2023-12-30"),
            _ => None,
        };
        assert_eq!(
            row_about(column, Language::Portuguese),
            "nº 34/2023 · Polícia Federal (200356) · 12.345.678/0001-95 · R$ 2.588,97 · 30/12/2023"
        );
        assert_eq!(
            row_about(column, Language::English),
            "no. 34/2023 · Polícia Federal (200356) · 12.345.678/0001-95 · R$ 2,588.97 · 2023-12-30"
        );
        assert_eq!(row_about(|_| None, Language::English), "");
        let tender: std::collections::BTreeMap<&str, &str> = [
            ("ocid", "ocds-ngfbwp-1"),
            ("buyer_name", "Primăria"),
            ("currency", "MDL"),
            ("estimated_value", "1234567.80"),
            ("period_start", "2017-06-13T10:00:00Z"),
        ]
        .into();
        let column = |name: &str| tender.get(name).copied();
        assert_eq!(
            row_about(column, Language::Portuguese),
            "nº ocds-ngfbwp-1 · Primăria · MDL 1.234.567,80 · 13/06/2017"
        );
        assert_eq!(
            row_about(column, Language::English),
            "no. ocds-ngfbwp-1 · Primăria · MDL 1,234,567.80 · 2017-06-13"
        );
    }

    #[test]
    fn a_run_without_contracts_says_so() {
        let (pt, en) = summary((0, 0), &[], &[]);
        assert!(pt.contains("nada foi avaliado"));
        assert!(en.contains("nothing was judged"));
        let (pt, _) = summary((10, 0), &[], &[(Severity::High, 2), (Severity::Low, 0)]);
        assert!(pt.contains("(2 alta)"), "{pt}");
    }
}
