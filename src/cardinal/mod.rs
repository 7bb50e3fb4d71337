//! A drop-in for Cardinal 0.0.8, the Open Contracting Partnership's reference for red flags on OCDS bids: the same
//! settings, the same eleven indicators, the same JSON. Where Cardinal departs from sense, so does this module, and
//! only this one; see `docs/cardinal.md`.
//!
//! It reads JSON Lines of compiled releases once, in blocks, on all cores. It needs nothing of the other modules.

mod coverage;
mod currency;
mod fold;
mod ini;
mod lines;
mod names;
mod prepare;
mod quantile;
mod release;
mod results;
mod scan;
mod settings;
#[cfg(test)]
mod tests;
mod tree;

use std::collections::BTreeMap;
use std::io::{self, Read, Write};

pub use self::lines::Effort;
pub use self::results::{Codes, Maps, Results};
pub use self::settings::{Settings, SettingsError, TEMPLATE};

use self::coverage::Paths;
use self::currency::FirstCurrency;
use self::fold::Notes;
use self::lines::{Block, Done};
use self::prepare::Issue;
use self::release::Release;
use self::tree::Tree;

/// Something about the input that a user should know; nothing of it stops a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// The settings are odd.
    Settings(String),
    /// A line was left out.
    Line {
        /// Counts from 1.
        line: u64,
        /// Why.
        reason: String,
    },
    /// Auctions were not moved, because the release has bids.
    Auctions {
        /// Counts from 1.
        line: u64,
    },
    /// Bids were left out because their currency is not the main one.
    Currency {
        /// Theirs.
        currency: String,
        /// How often a bid was left out; one may be by several indicators.
        bids: u64,
        /// The main one.
        main: String,
        /// Whether the settings want to hear of it only where more is asked for.
        quiet: bool,
    },
}

impl std::fmt::Display for Notice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Settings(remark) => write!(f, "settings: {remark}"),
            Self::Line { line, reason } => write!(f, "line {line} was left out: {reason}"),
            Self::Auctions { line } => write!(f, "line {line}: /auctions cannot be moved, because there is /bids"),
            Self::Currency { currency, bids, main, .. } => {
                write!(f, "bids in {currency} were left out {bids} times: the main currency is {main}")
            }
        }
    }
}

/// A line that is no JSON: its place in its block, from 0, and why.
type Bad = (u64, String);

/// Why a line is no JSON; `None` if it is blank.
fn reason(line: Option<&str>) -> Option<String> {
    let Some(line) = line else { return Some("it is not valid UTF-8".to_owned()) };
    if line.bytes().all(|byte| byte.is_ascii_whitespace()) {
        return None;
    }
    Some(match serde_json::from_str::<serde_json::Value>(line) {
        Err(error) => format!("it is not valid JSON: {error}"),
        Ok(_) => "it is not valid JSON".to_owned(),
    })
}

/// Calls `each` for the lines of a block that are UTF-8 until it says what is wrong with one.
fn each_line<'a>(block: Block<'a>, mut each: impl FnMut(u64, &'a str) -> Result<(), scan::Invalid>) -> Done<Vec<Bad>> {
    let mut bad = Vec::new();
    let mut lines = 0;
    for line in block.lines() {
        if line.is_none_or(|line| each(lines, line).is_err()) {
            bad.extend(reason(line).map(|reason| (lines, reason)));
        }
        lines += 1;
    }
    Done { lines, output: bad }
}

fn tell(tell: &mut impl FnMut(Notice), before: u64, bad: Vec<Bad>) {
    for (line, reason) in bad {
        tell(Notice::Line { line: before + line + 1, reason });
    }
}

/// Runs the indicators that the settings name over compiled releases, one a line. Lines that are no JSON are told and left
/// out, lines without an `ocid` are left out. Only the ids of what is flagged, compared or mapped are held in memory.
///
/// # Errors
///
/// Where the stream cannot be read.
pub fn indicators(
    stream: impl Read + Send,
    settings: &Settings,
    map: bool,
    effort: Effort,
    mut notice: impl FnMut(Notice) + Send,
) -> io::Result<Results> {
    for remark in &settings.remarks {
        notice(Notice::Settings(remark.clone()));
    }
    let currency = FirstCurrency::new(settings.currency.as_deref());
    let parts = lines::run(
        stream,
        effort,
        Notes::default,
        |notes, block| {
            let mut release = Release::default();
            let mut main = currency.of_block(block.number);
            each_line(block, |line, text| {
                if release.read(text)? {
                    notes.add(settings, map, &release, (block.number, line), &mut main);
                }
                Ok(())
            })
        },
        |before, bad| {
            tell(&mut notice, before, bad);
            Ok(())
        },
    )?;
    let notes = parts.into_iter().reduce(|mut notes, part| {
        notes.merge(part);
        notes
    });
    let notes = notes.unwrap_or_default();
    let main = currency.known().unwrap_or_default();
    for (other, bids) in &notes.other_currencies {
        notice(Notice::Currency {
            currency: other.to_string(),
            bids: *bids,
            main: main.to_string(),
            quiet: settings.quiet_currency,
        });
    }
    Ok(Results::of(notes, settings, map))
}

/// Counts how often each path is not empty in JSON Lines. Empty are `""`, `[]`, `{}`, `null` and what has nothing but
/// such in it. `""` is the path of a line, a path of an object ends with `/`, one of an array's element with `[]`.
///
/// # Errors
///
/// Where the stream cannot be read.
pub fn coverage(
    stream: impl Read + Send,
    effort: Effort,
    mut notice: impl FnMut(Notice) + Send,
) -> io::Result<BTreeMap<String, u64>> {
    let parts = lines::run(
        stream,
        effort,
        Paths::default,
        |paths, block| each_line(block, |_, line| paths.add(line)),
        |before, bad| {
            tell(&mut notice, before, bad);
            Ok(())
        },
    )?;
    let mut counts = BTreeMap::new();
    for paths in parts {
        paths.counts(&mut counts);
    }
    Ok(counts)
}

/// Corrects compiled releases as the settings say and writes them to `output`, one a line, in their order; what is wrong
/// with them goes to `errors` as CSV without a header: line, ocid, path, array indexes, value, error.
///
/// # Errors
///
/// Where the stream cannot be read, or the output or the errors cannot be written.
pub fn prepare(
    stream: impl Read + Send,
    settings: &Settings,
    output: impl Write + Send,
    errors: impl Write + Send,
    effort: Effort,
    mut notice: impl FnMut(Notice) + Send,
) -> io::Result<()> {
    for remark in &settings.remarks {
        notice(Notice::Settings(remark.clone()));
    }
    let mut output = io::BufWriter::new(output);
    let mut rows = csv::Writer::from_writer(errors);
    lines::run(
        stream,
        effort,
        || (),
        |(), block| {
            let mut out = Vec::new();
            let mut issues: Vec<(u64, Issue)> = Vec::new();
            let mut odd = Vec::new();
            let mut failed = None;
            let done = each_line(block, |line, text| {
                let mut tree = Tree::read(text)?;
                let Some(release) = tree.object_mut() else {
                    odd.push((line, Odd::NoObject));
                    return Ok(());
                };
                match prepare::correct(&settings.prepare, release).and_then(|corrected| {
                    tree.write(&mut out)?;
                    out.push(b'\n');
                    Ok(corrected)
                }) {
                    Ok((found, moved)) => {
                        issues.extend(found.into_iter().map(|issue| (line, issue)));
                        if !moved {
                            odd.push((line, Odd::Auctions));
                        }
                    }
                    Err(error) => failed = Some(error),
                }
                Ok(())
            });
            odd.extend(done.output.into_iter().map(|(line, reason)| (line, Odd::Bad(reason))));
            odd.sort_by_key(|(line, _)| *line);
            Done { lines: done.lines, output: (out, issues, odd, failed) }
        },
        |before, (out, issues, odd, failed)| {
            for (line, odd) in odd {
                let line = before + line + 1;
                notice(match odd {
                    Odd::NoObject => Notice::Line { line, reason: "it is no JSON object".to_owned() },
                    Odd::Auctions => Notice::Auctions { line },
                    Odd::Bad(reason) => Notice::Line { line, reason },
                });
            }
            if let Some(error) = failed {
                return Err(error);
            }
            output.write_all(&out)?;
            for (line, Issue { ocid, path, indexes, value, rule }) in issues {
                let line = (before + line + 1).to_string();
                rows.write_record([line.as_str(), &ocid, path, &indexes, &value, rule])?;
            }
            Ok(())
        },
    )?;
    output.flush()?;
    rows.flush()
}

/// What is odd about a line that `prepare` reads.
enum Odd {
    NoObject,
    Auctions,
    Bad(String),
}
