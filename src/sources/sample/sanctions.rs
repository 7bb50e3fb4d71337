//! The lists of sanctions: some suppliers of the pool stand on them, each with one sanction, and every contract of
//! theirs is labelled by its day.

use std::collections::HashMap;
use std::path::Path;

use chrono::NaiveDate;

use super::SampleError;
use super::layout::{Labels, Output};
use super::record::{Contract, Expected, SANCTIONED, Supplier, day};
use super::supplier::{self, Pool};

/// Header of `AAAAMMDD_CEIS.csv`; `CNEP` has `VALOR DA MULTA` behind its category.
pub(super) const CEIS: [&str; 24] = [
    "CADASTRO",
    "CÓDIGO DA SANÇÃO",
    "TIPO DE PESSOA",
    "CPF OU CNPJ DO SANCIONADO",
    "NOME DO SANCIONADO",
    "NOME INFORMADO PELO ÓRGÃO SANCIONADOR",
    "RAZÃO SOCIAL - CADASTRO RECEITA",
    "NOME FANTASIA - CADASTRO RECEITA",
    "NÚMERO DO PROCESSO",
    "CATEGORIA DA SANÇÃO",
    "DATA INÍCIO SANÇÃO",
    "DATA FINAL SANÇÃO",
    "DATA PUBLICAÇÃO",
    "PUBLICAÇÃO",
    "DETALHAMENTO DO MEIO DE PUBLICAÇÃO",
    "DATA DO TRÂNSITO EM JULGADO",
    "ABRAGÊNCIA DA SANÇÃO",
    "ÓRGÃO SANCIONADOR",
    "UF ÓRGÃO SANCIONADOR",
    "ESFERA ÓRGÃO SANCIONADOR",
    "FUNDAMENTAÇÃO LEGAL",
    "DATA ORIGEM INFORMAÇÃO",
    "ORIGEM INFORMAÇÕES",
    "OBSERVAÇÕES",
];
/// Place of `VALOR DA MULTA` in `CNEP`.
const FINE_AT: usize = 10;
/// Header of `AAAAMMDD_CEPIM.csv`.
pub(super) const CEPIM: [&str; 5] =
    ["CNPJ ENTIDADE", "NOME ENTIDADE", "NÚMERO CONVÊNIO", "ÓRGÃO CONCEDENTE", "MOTIVO DO IMPEDIMENTO"];
/// Header of `AAAAMMDD_Acordos.csv`.
pub(super) const AGREEMENTS: [&str; 11] = [
    "ID DO ACORDO",
    "CNPJ DO SANCIONADO",
    "RAZÃO SOCIAL - CADASTRO RECEITA",
    "NOME FANTASIA - CADASTRO RECEITA",
    "DATA DE INÍCIO DO ACORDO",
    "DATA DE FIM DO ACORDO",
    "SITUAÇÃO DO ACORDO DE LENIÊNICA",
    "DATA DA INFORMAÇÃO",
    "NÚMERO DO PROCESSO",
    "TERMOS DO ACORDO",
    "ÓRGÃO SANCIONADOR",
];
/// Header of `AAAAMMDD_Efeitos.csv`.
pub(super) const EFFECTS: [&str; 3] = ["ID DO ACORDO", "EFEITO DO ACORDO DE LENIÊNCIA", "COMPLEMENTO"];

/// Day of the lists: after every signature of a sample.
const DAY: &str = "20240201";
/// One supplier of the pool in so many is listed, unless these are too few or too many.
const EVERY: u64 = 60;
/// Fewest that are listed, about: ten of each kind.
const LEAST: u64 = 110;
/// Most that are listed, about.
const MOST: u64 = 1_000;

const EVERYWHERE: &str = "Todas as Esferas em todos os Poderes";
const IN_ENTITY: &str = "Em todos os Poderes da Esfera do órgão sancionador";
const IN_BODY: &str = "No órgão sancionador";

/// What a supplier is listed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Listed {
    /// Declared unfit: nobody may contract it.
    Unfit,
    /// Barred from the federal administration.
    Barred,
    /// Declared unfit, until 2020.
    Ended,
    /// A fine only.
    Fined,
    /// Declared unfit after the last signature.
    Later,
    /// Barred from a town.
    Elsewhere,
    /// Suspended by another body, whose reach is disputed.
    Suspended,
    /// Another establishment of the company is declared unfit.
    Branch,
    /// Barred, and no end is published.
    OpenEnded,
    /// Convicted of improbity, and nothing says that it is final.
    NotFinal,
    /// An agreement of leniency, and on the list of non-profits that get no transfers.
    Agreed,
}

impl Listed {
    const ALL: [Self; 11] = [
        Self::Unfit,
        Self::Barred,
        Self::Ended,
        Self::Fined,
        Self::Later,
        Self::Elsewhere,
        Self::Suspended,
        Self::Branch,
        Self::OpenEnded,
        Self::NotFinal,
        Self::Agreed,
    ];

    /// First and last day.
    const fn term(self) -> (NaiveDate, NaiveDate) {
        match self {
            Self::Ended => (day(2018, 1, 1), day(2020, 12, 31)),
            Self::Later => (day(2024, 2, 1), day(2027, 1, 31)),
            _ => (day(2022, 1, 1), day(2026, 12, 31)),
        }
    }

    /// What the detector must say of a contract signed on that day within the term.
    const fn within(self) -> (Expected, &'static str) {
        match self {
            Self::Unfit | Self::Ended | Self::Later => (Expected::Fired, "severity=critical"),
            Self::Barred => (Expected::Fired, "severity=high"),
            Self::Branch => (Expected::Fired, "severity=medium"),
            Self::OpenEnded => (Expected::NotEvaluable, "open_ended"),
            Self::NotFinal => (Expected::NotEvaluable, "judgment_not_final"),
            Self::Suspended => (Expected::NotEvaluable, "suspension_scope_disputed"),
            Self::Fined => (Expected::Clear, "fine_only"),
            Self::Elsewhere => (Expected::Clear, "barred_from_a_town"),
            Self::Agreed => (Expected::Clear, "agreement_only"),
        }
    }

    /// Category, legal basis and scope as published.
    const fn published(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Unfit | Self::Ended | Self::Later | Self::Branch | Self::Agreed => {
                ("Declaração de Inidoneidade com prazo determinado", "LEI 14133 - ART. 156, IV", EVERYWHERE)
            }
            Self::Barred | Self::Elsewhere | Self::OpenEnded => {
                ("Impedimento/proibição de contratar com prazo determinado", "LEI 14133 - ART. 156, III", IN_ENTITY)
            }
            Self::Fined => ("Multa - Lei 12.846/13", "Art. 6, inciso I, Lei 12846/2013", ""),
            Self::NotFinal => ("Proibição de contratar com o Poder Público", "LEI 8429 - ART. 12", EVERYWHERE),
            Self::Suspended => ("Suspensão", "LEI 8666 - ART. 87, III", IN_BODY),
        }
    }

    /// Who imposed it, in which state and sphere.
    const fn body(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Elsewhere => ("Prefeitura Municipal de Cidade Sintética", "GO", "MUNICIPAL"),
            _ => ("Agência Sintética de Controle", "DF", "FEDERAL"),
        }
    }
}

/// The suppliers that are listed, by published id.
#[derive(Debug)]
pub(super) struct Sanctions {
    listed: HashMap<String, Listed>,
    /// In the order of the lists.
    suppliers: Vec<(Supplier, Listed)>,
}

impl Sanctions {
    /// Of the pool of a sample of so many contracts: a thousand suppliers at most, about.
    pub(super) fn new(rows: u64) -> Self {
        let pool = Pool::new(rows);
        let every = EVERY.clamp(pool.size() / MOST, pool.size() / LEAST);
        let drawn = (0..pool.size() / every).map(|place| pool.supplier(place * every + 3));
        // Who comes from abroad has no tax id to be listed by.
        let brazilian = drawn.filter(|supplier| !supplier.id.starts_with("EX"));
        let suppliers: Vec<_> = brazilian.zip(Listed::ALL.into_iter().cycle()).collect();
        let listed = suppliers.iter().map(|(supplier, listed)| (supplier.id.clone(), *listed)).collect();
        Self { listed, suppliers }
    }

    /// Labels a contract with a listed supplier.
    pub(super) fn label(&self, unit: &str, contract: &Contract, labels: &mut Labels) -> Result<(), SampleError> {
        let Some((supplier, signed)) = contract.supplier.as_ref().zip(contract.signed) else { return Ok(()) };
        let Some(listed) = self.listed.get(&supplier.id) else { return Ok(()) };
        let (from, to) = listed.term();
        let (expected, note) = if (from..=to).contains(&signed) {
            listed.within()
        } else {
            (Expected::Clear, if signed < from { "begins_later" } else { "ended_before" })
        };
        let number = format!("{:05}{:04}", contract.number, contract.year());
        // Two contracts may have one number and one supplier.
        let group = format!("{SANCTIONED}-{unit}-{number}-{signed}-{}", contract.initial);
        labels.add((SANCTIONED, expected), &group, (unit, &number, &supplier.id), note, true)
    }

    /// Writes the lists.
    pub(super) fn write(&self, out: &Path) -> Result<(), SampleError> {
        let create = |name: &str| Output::create(out.join(format!("{DAY}_{name}.csv")));
        let (mut ceis, mut cnep, mut cepim) = (create("CEIS")?, create("CNEP")?, create("CEPIM")?);
        let (mut agreements, mut effects) = (create("Acordos")?, create("Efeitos")?);
        ceis.fields(&CEIS).end()?;
        cnep.fields(&CEIS[..FINE_AT]).field("VALOR DA MULTA").fields(&CEIS[FINE_AT..]).end()?;
        cepim.fields(&CEPIM).end()?;
        agreements.fields(&AGREEMENTS).end()?;
        effects.fields(&EFFECTS).end()?;
        for (place, (supplier, listed)) in (1..).zip(&self.suppliers) {
            let code = (100_000 + place).to_string();
            let ((from, to), (body, state, sphere)) = (listed.term(), listed.body());
            let other = (*listed == Listed::Branch).then(|| supplier::other_branch(supplier));
            let Supplier { id, name } = other.as_ref().unwrap_or(supplier);
            if *listed == Listed::Agreed {
                agreements.fields(&[&code, id, name, ""]).date(Some(from)).date(Some(to));
                agreements.fields(&["Cumprimento", "01/02/2024", &format!("00190.{place:06}/2022"), "", body]).end()?;
                effects.fields(&[&code, "Isenção da sanção de publicação extraordinária", ""]).end()?;
                cepim.fields(&[id, name, &code, body, "IRREGULARIDADE SINTÉTICA"]).end()?;
                continue;
            }
            let (category, basis, scope) = listed.published();
            let fined = *listed == Listed::Fined;
            let ends = !matches!(listed, Listed::Fined | Listed::OpenEnded);
            let list = if fined { &mut cnep } else { &mut ceis };
            let process = format!("00190.{place:06}/2022");
            list.fields(&[
                if fined { "CNEP" } else { "CEIS" },
                &code,
                "J",
                id,
                name,
                name,
                name,
                "",
                &process,
                category,
            ]);
            if fined {
                list.field("10000,00");
            }
            list.date(Some(from)).date(ends.then_some(to)).date(Some(from));
            list.fields(&["Diário Oficial sintético", "", "", scope, body, state, sphere, basis]);
            list.date(Some(from)).fields(&[body, ""]).end()?;
        }
        [ceis, cnep, cepim, agreements, effects].into_iter().try_for_each(Output::finish)
    }
}
