//! What commands print.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{ContentArrangement, Table};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

use crate::investigation::{Language, row_about, severity_name};
use crate::model::{Money, Severity, printable};

/// Prints a line to stdout. A reader that went away (`| head`) is no error.
pub(super) fn line(text: impl AsRef<str>) -> anyhow::Result<()> {
    let mut stdout = std::io::stdout().lock();
    match writeln!(stdout, "{}", text.as_ref()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Prints a value as JSON to stdout.
pub(super) fn json(value: &impl Serialize) -> anyhow::Result<()> {
    line(serde_json::to_string_pretty(value)?)
}

/// Says something to the user on stderr.
pub(super) fn say(text: impl AsRef<str>) {
    // Nobody can be told that stderr is closed.
    let _ = writeln!(std::io::stderr(), "{}", text.as_ref());
}

/// Says why a command failed; the exit status is 1.
pub(super) fn fail(error: &anyhow::Error) -> ExitCode {
    say(format!("error: {error:#}"));
    ExitCode::FAILURE
}

/// A table with these columns.
pub(super) fn table<const N: usize>(columns: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_preset(UTF8_FULL_CONDENSED).set_content_arrangement(ContentArrangement::Dynamic).set_header(columns);
    if table.width().is_none() {
        table.set_width(160);
    }
    table
}

/// A progress bar on stderr of `length` steps; where stderr is no terminal it shows nothing.
pub(super) fn bar(length: u64, template: &str) -> anyhow::Result<ProgressBar> {
    let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr());
    bar.set_style(ProgressStyle::with_template(template)?.progress_chars("█▉▊▋▌▍▎▏ "));
    bar.enable_steady_tick(Duration::from_millis(200));
    Ok(bar)
}

/// A finding as a line of a table.
#[derive(Debug)]
pub(super) struct FindingLine<'a> {
    /// How much attention it deserves.
    pub(super) severity: Option<Severity>,
    /// Its detector.
    pub(super) kind: &'a str,
    /// Its text.
    pub(super) description: &'a str,
    /// Amount at stake.
    pub(super) amount: Option<Money>,
    /// Whom the first of its rows is about.
    pub(super) about: String,
    /// Rows beside that one.
    pub(super) more: i32,
}

impl<'a> FindingLine<'a> {
    /// Says whom the finding is about: `column` gives the columns of its first row of `total` ones.
    pub(super) fn about(mut self, column: impl Fn(&str) -> Option<&'a str>, total: i32) -> Self {
        self.about = row_about(column, Language::Portuguese);
        self.more = total.saturating_sub(1);
        self
    }
}

/// Findings as a table.
pub(super) fn findings<'a>(lines: impl Iterator<Item = FindingLine<'a>>) -> Table {
    let mut table = table(["gravidade", "tipo", "quem e o quê", "indício", "valor em questão"]);
    for line in lines {
        let more = if line.more > 0 { format!(" (+{})", line.more) } else { String::new() };
        table.add_row([
            line.severity.map_or("", |severity| severity_name(severity, Language::Portuguese)),
            line.kind,
            &format!("{}{more}", line.about),
            &printable(line.description),
            &line.amount.map(Money::pt).unwrap_or_default(),
        ]);
    }
    table
}

/// What each detector did, as a table: its id, what fired, what is clear, what could not be judged.
pub(super) fn detectors<'a>(lines: impl Iterator<Item = (&'a str, [i64; 3])>) -> Table {
    let mut table = table(["detector", "indícios", "sem indício", "não avaliável"]);
    for (id, counts) in lines {
        let [fired, clear, not_evaluable] = counts.map(|count| count.to_string());
        table.add_row([id, &fired, &clear, &not_evaluable]);
    }
    table
}
