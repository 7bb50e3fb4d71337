//! What commands print.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{ContentArrangement, Table};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;

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
