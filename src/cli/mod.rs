//! The command line. What a command prints for programs goes to stdout alone, everything else to
//! stderr.

mod cardinal;
mod demo;
mod detect;
mod detectors;
mod evaluate;
mod finding;
mod import;
mod investigate;
mod keys;
mod lake;
mod openapi;
mod output;
mod quality;
mod report;
mod sample;
mod serve;
mod users;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

use crate::config::{Config, Settings};

/// Investigates public contracts: finds red flags, shows the evidence for each, streams its progress.
#[derive(Debug, Parser)]
#[command(name = "cidadao", version, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    /// What a command prints: a table to read, or JSON alone on stdout
    #[arg(long, value_enum, default_value_t = Output::Table, global = true)]
    output: Output,
    /// Configuration file (TOML, keys named as the flags with `_`)
    #[arg(long, env = "CIDADAO_CONFIG", value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    #[command(flatten)]
    settings: Settings,
}

/// What a command prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people.
    Table,
    /// For programs.
    Json,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the service
    Serve,
    /// Serve, import a synthetic sample month and investigate it, showing everything
    Demo(demo::Args),
    /// Take in published files, directories or zips
    Import(import::Args),
    /// Look at what was taken in, and check it
    #[command(subcommand)]
    Lake(lake::Command),
    /// Ask a running service a question
    Investigate(investigate::Args),
    /// Run detectors straight over files, without a server
    Detect(detect::Args),
    /// List the detectors, and show what each one says of itself
    #[command(subcommand)]
    Detectors(detectors::Command),
    /// Measure what detectors find against labelled data
    Evaluate(evaluate::Args),
    /// Compute a finding once more and show its query, parameters and rows; exit status 4 if it does not come out again
    Explain(finding::Explain),
    /// Say what became of a finding that was checked
    Review(finding::Review),
    /// Print the report of an investigation
    Report(report::Args),
    /// Print the OpenAPI document of the REST API
    Openapi,
    /// Make, list and revoke API keys, straight in the database
    #[command(subcommand)]
    Keys(keys::Command),
    /// Make, list and disable users, straight in the database
    #[command(subcommand)]
    Users(users::Command),
    /// Write a synthetic month in the official layout, with planted red flags
    Sample(sample::Args),
    /// Calculate the indicators of Cardinal on OCDS files, with its settings and its output
    #[command(disable_help_flag = true, disable_version_flag = true)]
    Cardinal(cardinal::Args),
}

/// Reads the arguments of the process and runs the command.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    // It needs neither the configuration nor the runtime.
    if let Command::Cardinal(args) = cli.command {
        return cardinal::run(args);
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return output::fail(&anyhow::Error::from(error)),
    };
    match runtime.block_on(run(cli)) {
        Ok(code) => code,
        Err(error) => output::fail(&error),
    }
}

async fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let settings = match &cli.config {
        Some(path) => cli.settings.over(Settings::of_file(path)?),
        None => cli.settings,
    };
    let config = Config::resolve(settings)?;
    match cli.command {
        Command::Serve => serve::run(&config).await,
        Command::Demo(args) => demo::run(config, &args, cli.output).await,
        Command::Import(args) => import::run(&config, &args, cli.output).await,
        Command::Lake(command) => lake::run(&config, &command, cli.output).await,
        Command::Investigate(args) => investigate::run(&config, args, cli.output).await,
        Command::Detect(args) => detect::run(&config, &args, cli.output).await,
        Command::Detectors(command) => detectors::run(&config, &command, cli.output).await,
        Command::Evaluate(args) => evaluate::run(&config, &args, cli.output).await,
        Command::Explain(args) => finding::explain(&config, &args, cli.output).await,
        Command::Review(args) => finding::review(&config, args, cli.output).await,
        Command::Report(args) => report::run(&config, &args, cli.output).await,
        Command::Openapi => openapi::run(),
        Command::Keys(command) => keys::run(&config, command, cli.output).await,
        Command::Users(command) => users::run(&config, command, cli.output).await,
        Command::Sample(args) => sample::run(&args, cli.output),
        Command::Cardinal(args) => Ok(cardinal::run(args)),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_arguments_are_consistent() {
        super::Cli::command().debug_assert();
    }
}
