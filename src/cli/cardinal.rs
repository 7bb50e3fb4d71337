//! `cidadao cardinal`: the commands of Cardinal, with its arguments, settings, output and exit status.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;

use super::output;
use crate::cardinal::{self, Effort, Notice, Settings, TEMPLATE};

/// Arguments of `cardinal`; they are read apart, because `--output` is another thing there.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// A command of Cardinal and its arguments: indicators, coverage, prepare, init; `cardinal help` tells more
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "COMMAND")]
    rest: Vec<OsString>,
}

/// Runs the commands of Cardinal 0.0.8 over OCDS compiled releases, one a line
#[derive(Debug, Parser)]
#[command(name = "cidadao cardinal", bin_name = "cidadao cardinal", version)]
struct Cli {
    /// Say more: bids in other currencies, where the settings keep them quiet
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Calculate the red flags of R003, R018, R024, R025, R028, R030, R035, R036, R038, R048 and R058
    ///
    /// Prints a JSON object: OCID, Buyer, ProcuringEntity and Tenderer by id and indicator, and Meta with the quartiles and
    /// fences. An indicator runs if its section is in the settings.
    Indicators {
        /// Compiled releases, one JSON text a line (`-`: standard input)
        file: PathBuf,
        /// The settings (INI)
        #[arg(long, short)]
        settings: Option<PathBuf>,
        /// Print the number of results by group on standard error
        #[arg(long, short)]
        count: bool,
        /// Leave Meta out
        #[arg(long)]
        no_meta: bool,
        /// Put Maps in: from processes to organizations
        #[arg(long)]
        map: bool,
    },
    /// Count how often each path is not empty
    ///
    /// Prints a JSON object. Empty are "", [], {}, null and what has nothing else in it. "" is the path of a line, a path that
    /// ends with / is of an object, one that ends with [] of an element of an array.
    Coverage {
        /// JSON texts, one a line (`-`: standard input)
        file: PathBuf,
    },
    /// Correct compiled releases so that the indicators can read them, and list what is wrong with them
    ///
    /// The list is CSV without a header: line, ocid, path, array indexes, value, error.
    Prepare {
        /// Compiled releases, one JSON text a line (`-`: standard input)
        file: PathBuf,
        /// The settings (INI)
        #[arg(long, short)]
        settings: Option<PathBuf>,
        /// Where the corrected releases go (`-`: standard output)
        #[arg(long, short)]
        output: PathBuf,
        /// Where the errors go (`-`: standard output)
        #[arg(long, short)]
        errors: PathBuf,
    },
    /// Write settings with every indicator on and every key in a comment
    Init {
        /// The file to write (`-`: standard output)
        file: PathBuf,
        /// Overwrite it if it is there
        #[arg(long, short)]
        force: bool,
    },
}

/// An argument that cannot be used; the exit status is 2, as for one that is missing.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {reason}", path = path.display())]
struct BadArgument {
    path: PathBuf,
    reason: String,
}

impl BadArgument {
    fn new(path: &Path, reason: impl ToString) -> Self {
        Self { path: path.to_owned(), reason: reason.to_string() }
    }
}

pub(super) fn run(args: Args) -> ExitCode {
    let arguments = std::iter::once(OsString::from("cidadao cardinal")).chain(args.rest);
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Nobody can be told that stderr is closed.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    match command(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<BadArgument>() => {
            output::say(format!("error: {error}"));
            ExitCode::from(2)
        }
        Err(error) => output::fail(&error),
    }
}

fn command(cli: Cli) -> anyhow::Result<()> {
    let tell = move |notice: Notice| {
        if cli.verbose > 0 || !matches!(notice, Notice::Currency { quiet: true, .. }) {
            output::say(format!("warning: {notice}"));
        }
    };
    let effort = Effort::default();
    match cli.command {
        Command::Indicators { file, settings, count, no_meta, map } => {
            let settings = read_settings(settings.as_deref())?;
            let mut results = cardinal::indicators(open(&file)?, &settings, map, effort, tell)?;
            if no_meta {
                results.meta = None;
            }
            output::line(serde_json::to_string(&results)?)?;
            for (group, results) in results.counts().into_iter().filter(|_| count) {
                output::say(format!("{group}: {results}"));
            }
        }
        Command::Coverage { file } => {
            let counts = cardinal::coverage(open(&file)?, effort, tell)?;
            output::line(serde_json::to_string(&counts)?)?;
        }
        Command::Prepare { file, settings, output, errors } => {
            let (input, read) = (open(&file)?, settings.as_deref().map(settings_file));
            let settings = read_settings(settings.as_deref())?;
            let inputs: Vec<&Path> = std::iter::once(file.as_path()).chain(read.as_deref()).collect();
            refuse_inputs(&output, &inputs)?;
            refuse_inputs(&errors, &inputs)?;
            refuse_same(&output, &errors)?;
            let written = create(&output)?;
            // What was not there before has an identity now.
            refuse_same(&output, &errors)?;
            let (output, errors) = (written, create(&errors)?);
            match cardinal::prepare(input, &settings, output, errors, effort, tell) {
                Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error.into()),
                _ => {}
            }
        }
        Command::Init { file, force } => init(&file, force)?,
    }
    Ok(())
}

fn is_standard(file: &Path) -> bool {
    file == Path::new("-")
}

fn open(file: &Path) -> Result<Box<dyn Read + Send>, BadArgument> {
    if is_standard(file) {
        return Ok(Box::new(io::stdin()));
    }
    if file.is_dir() {
        return Err(BadArgument::new(file, "is a directory, not a file"));
    }
    Ok(Box::new(File::open(file).map_err(|error| BadArgument::new(file, error))?))
}

fn create(file: &Path) -> Result<Box<dyn Write + Send>, BadArgument> {
    if is_standard(file) {
        return Ok(Box::new(io::stdout()));
    }
    Ok(Box::new(File::create(file).map_err(|error| BadArgument::new(file, error))?))
}

/// Where a file is, whatever its names and the links that lead to it; none for what is no file, as a terminal or a pipe.
/// `standard` stands for `-`.
fn identity(file: &Path, standard: &str) -> Option<(u64, u64)> {
    let about = std::fs::metadata(if is_standard(file) { Path::new(standard) } else { file }).ok()?;
    about.is_file().then(|| (about.dev(), about.ino()))
}

/// Refuses to write into what is read: it would be empty before the first line of it is.
fn refuse_inputs(output: &Path, inputs: &[&Path]) -> Result<(), BadArgument> {
    let Some(place) = identity(output, "/dev/stdout") else { return Ok(()) };
    match inputs.iter().find(|input| identity(input, "/dev/stdin") == Some(place)) {
        Some(input) => {
            let reason = format!("is an input as well ({}); write to another file", input.display());
            Err(BadArgument::new(output, reason))
        }
        None => Ok(()),
    }
}

fn refuse_same(output: &Path, errors: &Path) -> Result<(), BadArgument> {
    let of = |file| identity(file, "/dev/stdout");
    if !is_standard(output) && of(output).is_some() && of(output) == of(errors) {
        return Err(BadArgument::new(errors, "gets the releases (--output); write the errors to another file"));
    }
    Ok(())
}

/// The file of the settings; its ending `.ini` may be left out.
fn settings_file(file: &Path) -> PathBuf {
    let named = file.with_added_extension("ini");
    if !file.is_file() && named.is_file() { named } else { file.to_owned() }
}

fn read_settings(file: Option<&Path>) -> Result<Settings, BadArgument> {
    let Some(path) = file.map(settings_file) else { return Ok(Settings::default()) };
    let text = std::fs::read_to_string(&path).map_err(|error| BadArgument::new(&path, error))?;
    Settings::parse(&text).map_err(|error| BadArgument::new(&path, error))
}

fn init(file: &Path, force: bool) -> anyhow::Result<()> {
    if is_standard(file) {
        return output::line(TEMPLATE.trim_end());
    }
    let mut options = File::options();
    options.write(true).create(true).truncate(true).create_new(!force);
    let mut written = match options.open(file) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return Err(BadArgument::new(file, "is there already; --force overwrites it").into());
        }
        opened => opened.map_err(|error| BadArgument::new(file, error))?,
    };
    written.write_all(TEMPLATE.as_bytes())?;
    output::line(format!("Settings written to {}.", file.display()))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_arguments_are_consistent() {
        super::Cli::command().debug_assert();
    }
}
