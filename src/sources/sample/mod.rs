//! Thirteen synthetic months of federal contracts and tenders, each with the files of the Portal da Transparência,
//! its lists of sanctions, and the answer that every detector must give: to try the service without a download, and to measure the
//! precision and the recall of its detectors.
//!
//! Nothing in it is real: names say so, ids belong to nobody. The background is made so that it fires
//! nothing ([`background`] says why for each detector); cases are planted into it and written down in
//! `labels.csv`, as are near misses.
//!
//! A buyer is made, written and forgotten, so that memory does not grow with the rows. The same rows
//! and seed give the same bytes.

use std::path::{Path, PathBuf};

mod background;
mod buyer;
mod derived;
mod layout;
mod ocds;
mod ocds_cases;
mod plan;
mod plant_amendments;
mod plant_peers;
mod plant_rules;
mod plant_shares;
mod plant_splitting;
mod plant_tax_ids;
mod plant_values;
mod record;
mod register;
mod sanctions;
mod supplier;
mod tenders;
mod values;
mod vocabulary;

#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;

pub use ocds::generate_ocds;
pub use record::{LabelCount, SampleSummary};

/// What to generate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleOptions {
    /// Contracts: exactly so many, at most [`MAX_ROWS`]. Below 40 there is only background, below 200
    /// there are no near misses, and from 1,000 on there is a case of every kind, and mostly five of every
    /// detector, that does not need many peers. Those that do have cases from 20,000 on. Above 20,000,000 there are no
    /// more cases of what has a buyer of its own. Of releases of OCDS there are cases from 1,000 on.
    pub rows: u64,
    /// Another seed gives another sample.
    pub seed: u64,
    /// Directory of the files; created if need be. An earlier sample is replaced, other CSV files are
    /// not.
    pub out: PathBuf,
}

/// Most contracts of a sample: the codes of buyers have six digits.
pub const MAX_ROWS: u64 = 100_000_000;

/// Why a sample could not be generated.
#[derive(Debug, thiserror::Error)]
pub enum SampleError {
    /// More contracts than there are codes of buyers for.
    #[error("rows: {rows} contracts asked for, at most {max} can be generated")]
    TooManyRows {
        /// Asked for.
        rows: u64,
        /// [`MAX_ROWS`].
        max: u64,
    },
    /// The directory holds files that are no sample.
    #[error("{path}: this file is no sample, and would be replaced by one; choose another directory", path = path.display())]
    NotASample {
        /// One of them.
        path: PathBuf,
    },
    /// A file or the directory could not be written.
    #[error("{path}: {source}", path = path.display())]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// Writes `AAAAMM_{Compras,ItemCompra,TermoAditivo,Apostilamento}.csv` and
/// `AAAAMM_{Licitação,ItemLicitação,ParticipantesLicitação,EmpenhosRelacionados}.csv` of January 2023 to January 2024,
/// by the month of publication of the contract, `20240201_{CEIS,CNEP,CEPIM,Acordos,Efeitos}.csv`, the register of companies of 14 February 2024
/// (`K3241.K03200Y0.D40214.{EMPRECSV,ESTABELE,SOCIOCSV}`, `F.K03200$W.SIMPLES.CSV.D40214`, `F.K03200$Z.D40214.CNAECSV`), and
/// `labels.csv` and `README.txt`.
///
/// `progress` gets the number of contracts written so far, after each buyer.
///
/// # Errors
/// [`SampleError`]: too many rows, or a file that cannot be written; what was written stays.
pub fn generate(options: &SampleOptions, progress: &dyn Fn(u64)) -> Result<SampleSummary, SampleError> {
    let SampleOptions { rows, seed, out } = options;
    if *rows > MAX_ROWS {
        return Err(SampleError::TooManyRows { rows: *rows, max: MAX_ROWS });
    }
    check_directory(out)?;
    let files = layout::Files::create(Path::new(out), *rows, *seed, &readme(*rows, *seed))?;
    plan::Plan::new(*rows, *seed, files).run(progress)
}

/// First words of the note that lies in the directory of a sample.
const NOTE: &str = "DADOS SINTÉTICOS / SYNTHETIC DATA";

/// Refuses a directory with published files: made-up ones would take their place.
fn check_directory(out: &Path) -> Result<(), SampleError> {
    let Ok(entries) = std::fs::read_dir(out) else { return Ok(()) };
    if std::fs::read_to_string(out.join("README.txt")).is_ok_and(|note| note.starts_with(NOTE)) {
        return Ok(());
    }
    let csv = |path: &PathBuf| path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
    match entries.flatten().map(|entry| entry.path()).find(csv) {
        Some(path) => Err(SampleError::NotASample { path }),
        None => Ok(()),
    }
}

fn readme(rows: u64, seed: u64) -> String {
    format!(
        "{NOTE}\n\n\
         Nada aqui é real: órgãos, unidades gestoras, fornecedores, contratos e valores foram gerados por\n\
         `cidadao` ({rows} contratos, semente {seed}). Os CNPJs têm dígitos verificadores corretos, salvo\n\
         os plantados para não os ter, e não pertencem a ninguém. O formato é o dos arquivos de compras,\n\
         licitações e sanções do Portal da Transparência (meses de publicação 202301 a 202401), e o dos\n\
         dados abertos do CNPJ da Receita Federal, com sócios e empresas que também não existem.\n\n\
         Nothing here is real: organs, buyers, suppliers, contracts and values were generated by\n\
         `cidadao` ({rows} contracts, seed {seed}). The layout is that of the files of contracts, tenders\n\
         and sanctions of the Portal da Transparência (months of publication 202301 to 202401), and that of\n\
         the register of companies (CNPJ) of the Receita Federal, whose companies do not exist either.\n\n\
         labels.csv: detector,expected,group,buyer_id,contract_number,supplier_id,note\n\
         \x20 expected: fired | clear | not_evaluable; every contract that a detector must fire on is labelled,\n\
         \x20 and near misses are labelled with what it must answer instead.\n\
         \x20 contract_number: of what is said of tenders the number of the tender.\n\
         \x20 group: the rows of one expected finding have the same group.\n\
         \x20 note: the severity of what fires, the reason of what cannot be judged, what a near miss is near to.\n"
    )
}
