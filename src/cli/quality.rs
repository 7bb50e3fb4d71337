//! What the rows of imports are worth, for people and for programs.

use std::process::ExitCode;

use serde::Serialize;

use super::{Output, output};
use crate::model::{ImportRecord, QualityReport, TableQuality};
use crate::store::Store;

/// The report of an import that the latest version holds.
#[derive(Debug, Serialize)]
struct Reported {
    dataset: String,
    import_id: String,
    file: String,
    /// None for imports that are older than the reports.
    quality: Option<QualityReport>,
}

/// One line for each dataset.
pub(super) fn overview<'a>(reports: impl IntoIterator<Item = (&'a str, &'a QualityReport)>) -> String {
    let mut table = output::table([
        "dataset",
        "rows",
        "quarantined",
        "duplicates",
        "superseded",
        "sentinels",
        "invalid ids",
        "implausible",
        "orphans",
    ]);
    for (dataset, report) in reports {
        let counts = [
            report.rows,
            report.quarantined,
            report.duplicates,
            report.superseded(),
            report.sentinels(),
            report.invalid_ids(),
            report.implausible(),
            report.orphans(),
        ];
        table.add_row(std::iter::once(dataset.to_owned()).chain(counts.map(|count| count.to_string())));
    }
    table.to_string()
}

/// Shows the reports of some datasets of the latest version, or of all.
pub(super) async fn show(store: &Store, datasets: &[String], format: Output) -> anyhow::Result<ExitCode> {
    let mut imports = store.imports().await?;
    if let Some(unknown) = datasets.iter().find(|name| !imports.iter().any(|import| import.dataset == **name)) {
        anyhow::bail!("the lake holds no dataset {unknown:?}; `cidadao lake status` names those it holds");
    }
    imports.retain(|import| datasets.is_empty() || datasets.contains(&import.dataset));
    imports.sort_by(|one, two| one.dataset.cmp(&two.dataset));
    let mut reports = store.import_reports(imports.iter().map(|import| import.id.clone()).collect()).await?;
    let reported: Vec<_> = imports
        .into_iter()
        .map(|ImportRecord { id, dataset, file_name: file, .. }| {
            let quality = reports.remove(&id);
            Reported { dataset, import_id: id, file, quality }
        })
        .collect();
    if format == Output::Json {
        output::json(&reported)?;
        return Ok(ExitCode::SUCCESS);
    }
    for one in &reported {
        output::line(format!("{} ({}, import {})", one.dataset, one.file, one.import_id))?;
        match &one.quality {
            None => output::line("  taken in before such reports were made")?,
            Some(report) => print(&one.dataset, report)?,
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn print(dataset: &str, report: &QualityReport) -> anyhow::Result<()> {
    output::line(overview([(dataset, report)]))?;
    let mut found = output::table(["table", "what", "rows"]);
    let mut any = false;
    let mut add = |table: &str, what: &str, rows: i64| {
        if rows > 0 {
            any = true;
            found.add_row([table, what, &rows.to_string()]);
        }
    };
    for (reason, rows) in &report.quarantined_by_reason {
        add("", &format!("quarantined: {reason}"), *rows);
    }
    add("", "amounts rounded to cents", report.amounts_rounded);
    add("", "values of another type, left out", report.values_unreadable);
    for table in &report.tables {
        let name = table.table.as_str();
        table.sentinels.iter().for_each(|(what, rows)| add(name, &format!("sentinel: {what}"), *rows));
        add(name, "invalid tax id", table.invalid_ids);
        table.implausible.iter().for_each(|(what, rows)| add(name, &format!("implausible: {what}"), *rows));
        add(name, "without its contract or tender", table.orphans.unwrap_or(0));
    }
    if any {
        output::line(found.to_string())?;
    }
    for table in &report.tables {
        output::line(coverage(table))?;
    }
    Ok(())
}

/// How much of each column is published.
fn coverage(of: &TableQuality) -> String {
    let mut table = output::table([of.table.as_str(), "with a value", "%"]);
    for column in &of.coverage {
        let share = format!("{:.1}", 100.0 * of.share(column));
        table.add_row([column.column.as_str(), &column.filled.to_string(), &share]);
    }
    table.to_string()
}
