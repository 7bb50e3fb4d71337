//! `cidadao detectors`: the catalogue of red flags, without a server.

use std::process::ExitCode;

use anyhow::Context as _;

use super::{Output, output};
use crate::config::Config;
use crate::detectors::{Bilingual, Catalogue, Header};
use crate::investigation::Language;

/// What to do with the catalogue.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List the detectors in the order in which they run
    List(In),
    /// Show all that a detector says of itself
    Show {
        /// Id of the detector
        id: String,
        #[command(flatten)]
        language: In,
    },
}

/// Language of what is shown.
#[derive(Debug, clap::Args)]
pub(super) struct In {
    /// Language of the texts: pt or en
    #[arg(long, default_value = "pt", value_parser = language)]
    language: Language,
}

fn language(name: &str) -> Result<Language, String> {
    Language::parse(name).ok_or_else(|| "must be pt or en".to_owned())
}

pub(super) async fn run(config: &Config, command: &Command, format: Output) -> anyhow::Result<ExitCode> {
    let catalogue = Catalogue::with_own(config.detectors_dir.as_deref(), config.own_limits).await?;
    match (command, format) {
        (Command::List(_), Output::Json) => {
            output::json(&catalogue.iter().map(|detector| &detector.header).collect::<Vec<_>>())?;
        }
        (Command::List(shown), Output::Table) => list(&catalogue, shown.language)?,
        (Command::Show { id, language }, format) => {
            let known = || format!("no detector has the id {id:?}; known are {}", catalogue.ids().join(", "));
            let header = &catalogue.get(id).with_context(known)?.header;
            match format {
                Output::Json => output::json(header)?,
                Output::Table => output::line(shown(header, language.language))?,
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn list(catalogue: &Catalogue, language: Language) -> anyhow::Result<()> {
    let mut table = output::table(["detector", "version", "strength", "title", "reference", "runs", "made by"]);
    for header in catalogue.iter().map(|detector| &detector.header) {
        table.add_row([
            header.id.as_str(),
            &header.version,
            header.strength.as_str(),
            of(&header.title, language),
            &header.reference,
            if header.on_request { "on request" } else { "always" },
            if header.user_made { "user" } else { "product" },
        ]);
    }
    output::line(table.to_string())
}

fn of(text: &Bilingual, language: Language) -> &str {
    match language {
        Language::Portuguese => &text.pt,
        Language::English => &text.en,
    }
}

/// A header as text, a paragraph for each part; parts that are empty are left out.
fn shown(header: &Header, language: Language) -> String {
    let text = |text: &'_ Bilingual| of(text, language).to_owned();
    let mut out = format!(
        "{} {} ({}): {}\n\n{}\n",
        header.id,
        header.version,
        header.strength.as_str(),
        text(&header.title),
        text(&header.explanation)
    );
    let mut part = |name: &str, lines: Vec<String>| {
        let lines: Vec<_> = lines.into_iter().filter(|line| !line.is_empty()).collect();
        if !lines.is_empty() {
            out.push_str(&format!("\n{name}\n  {}\n", lines.join("\n  ")));
        }
    };
    part("reference", vec![header.reference.clone(), header.legal_basis.clone()]);
    part("severity", vec![text(&header.severity)]);
    let parameter = |one: &crate::detectors::Parameter| {
        let bounds = match (&one.min, &one.max) {
            (None, None) => String::new(),
            (min, max) => format!(
                ", from {}{}",
                min.as_deref().unwrap_or("0"),
                max.as_ref().map(|max| format!(" to {max}")).unwrap_or_default()
            ),
        };
        let law = if one.legal_basis.is_empty() { String::new() } else { format!(", set by {}", one.legal_basis) };
        format!("{} = {} {}{bounds}: {}{law}", one.name, one.value, one.unit, text(&one.label))
    };
    part("parameters", header.parameters.iter().map(parameter).collect());
    let reasons = header.reasons.iter();
    part(
        "reasons",
        reasons
            .map(|(name, reason)| {
                let words = if language == Language::Portuguese { &reason.pt } else { &reason.en };
                format!("{name} ({}): {words}", reason.outcome.as_str())
            })
            .collect(),
    );
    let evidence = header.evidence.iter();
    part("evidence", evidence.map(|one| format!("{} ({}): {}", one.name, one.unit, text(&one.label))).collect());
    let innocent = match language {
        Language::Portuguese => &header.false_positives.pt,
        Language::English => &header.false_positives.en,
    };
    part("may be innocent", innocent.clone());
    part("tables", vec![header.tables.join(", ")]);
    part("groups", vec![header.groups.join(", ")]);
    if header.user_made {
        part("made by", vec!["a user: no part of the product's catalogue".to_owned()]);
    }
    if header.on_request {
        part("runs", vec!["only if a request names it".to_owned()]);
    }
    out.trim_end().to_owned()
}
