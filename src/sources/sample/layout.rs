//! The four files of contracts of each month in the layout of the Portal, and `labels.csv`.
//!
//! ISO-8859-1, `;`, every field in quotes, CRLF, decimal comma, days as DD/MM/AAAA: byte for byte what
//! the official files of January 2024 look like.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use chrono::{Datelike, Months, NaiveDate};

use super::SampleError;
use super::buyer::Buyer;
use super::record::{Cents, Contract, Expected, FIRST_MONTH, LAST_MONTH, LabelCount, SampleSummary};
use super::register::Register;
use super::sanctions::Sanctions;
use super::tenders::Tenders;
use super::vocabulary::SECRET;
use crate::model::Modality;
use crate::model::Random;

/// Header of `AAAAMM_Compras.csv`.
pub(super) const COMPRAS: [&str; 24] = [
    "Número do Contrato",
    "Objeto",
    "Fundamento Legal",
    "Modalidade Compra",
    "Situação Contrato",
    "Código Órgão Superior",
    "Nome Órgão Superior",
    "Código Órgão",
    "Nome Órgão",
    "Código UG",
    "Nome UG",
    "Data Assinatura Contrato",
    "Data Publicação DOU",
    "Data Início Vigência",
    "Data Fim Vigência",
    "Código Contratado",
    "Nome Contratado",
    "Valor Inicial Compra",
    "Valor Final Compra",
    "Número Licitação",
    "Código UG Licitação",
    "Nome UG Licitação",
    "Código Modalidade Compra Licitação",
    "Modalidade Compra Licitação",
];
/// Header of `AAAAMM_ItemCompra.csv`.
pub(super) const ITENS: [&str; 10] = [
    "Código Órgão",
    "Nome Órgão",
    "Código UG",
    "Nome UG",
    "Número Contrato",
    "Código Item Compra",
    "Descrição Item Compra",
    "Descrição Complementar Item Compra",
    "Quantidade Item",
    "Valor Item",
];
/// Header of `AAAAMM_TermoAditivo.csv`.
pub(super) const ADITIVOS: [&str; 10] = [
    "Número Contrato",
    "Código Órgão Superior",
    "Nome Órgão Superior",
    "Código Órgão",
    "Nome Órgão",
    "Código UG",
    "Nome UG",
    "Número Termo Aditivo",
    "Data Publicação",
    "Objeto",
];
/// Header of `AAAAMM_Apostilamento.csv`.
pub(super) const APOSTILAMENTOS: [&str; 12] = [
    "Número Contrato",
    "Código Órgão Superior",
    "Nome Órgão Superior",
    "Código Órgão",
    "Nome Órgão",
    "Código UG",
    "Nome UG",
    "Número Apostilamento",
    "Descrição Apostilamento",
    "Valor Apostilamento",
    "Data de inclusão",
    "Situação Apostilamento",
];
/// Header of `labels.csv`.
pub(super) const LABELS: &str = "detector,expected,group,buyer_id,contract_number,supplier_id,note\n";

/// Name and code of a modality in the files, and its code within an item's.
pub(super) const fn modality(modality: Modality) -> (&'static str, &'static str, &'static str) {
    match modality {
        Modality::Pregao => ("Pregão", "5", "05"),
        Modality::PregaoRegistroPreco => ("Pregão - Registro de Preço", "9999", "05"),
        Modality::Concorrencia => ("Concorrência", "3", "03"),
        Modality::TomadaDePrecos => ("Tomada de Preços", "2", "02"),
        Modality::Convite => ("Convite", "1", "01"),
        Modality::DispensaLicitacao => ("Dispensa de Licitação", "6", "06"),
        Modality::Inexigibilidade => ("Inexigibilidade de Licitação", "7", "07"),
        Modality::NotInformed => ("Sem Informação", "", "05"),
    }
}

/// One file; lines are put together in memory and written whole.
#[derive(Debug)]
pub(super) struct Output {
    path: PathBuf,
    writer: BufWriter<File>,
    line: Vec<u8>,
}

impl Output {
    pub(super) fn create(path: PathBuf) -> Result<Self, SampleError> {
        let file = File::create(&path).map_err(|source| SampleError::Write { path: path.clone(), source })?;
        Ok(Self { path, writer: BufWriter::with_capacity(1 << 18, file), line: Vec::with_capacity(1024) })
    }

    fn failed(&self, source: std::io::Error) -> SampleError {
        SampleError::Write { path: self.path.clone(), source }
    }

    /// A field in quotes.
    pub(super) fn field(&mut self, text: &str) -> &mut Self {
        self.line.push(b'"');
        self.field_end(text)
    }

    /// The end of a field that was begun before.
    fn field_end(&mut self, text: &str) -> &mut Self {
        encode(text, &mut self.line);
        self.line.extend_from_slice(b"\";");
        self
    }

    /// Fields that were put together before.
    fn block(&mut self, block: &[u8]) -> &mut Self {
        self.line.extend_from_slice(block);
        self
    }

    pub(super) fn fields(&mut self, texts: &[&str]) -> &mut Self {
        for text in texts {
            self.field(text);
        }
        self
    }

    pub(super) fn date(&mut self, date: Option<NaiveDate>) -> &mut Self {
        self.line.push(b'"');
        if let Some(date) = date {
            self.digits(date.day().into(), 2).push(b'/');
            self.digits(date.month().into(), 2).push(b'/');
            self.digits(date.year().unsigned_abs().into(), 4);
        }
        self.line.extend_from_slice(b"\";");
        self
    }

    /// An amount of a contract: four decimals, but `0,00`.
    pub(super) fn amount(&mut self, cents: Cents) -> &mut Self {
        self.price(cents);
        if cents != 0 {
            let end = self.line.len() - 2;
            self.line.splice(end..end, *b"00");
        }
        self
    }

    /// An amount of an item: two decimals. None is negative.
    pub(super) fn price(&mut self, cents: Cents) -> &mut Self {
        self.line.push(b'"');
        self.digits(cents.unsigned_abs() / 100, 1).push(b',');
        self.digits(cents.unsigned_abs() % 100, 2).extend_from_slice(b"\";");
        self
    }

    /// At least so many digits, filled up with zeros: `format!` at a quarter of its cost.
    fn digits(&mut self, number: u64, width: usize) -> &mut Vec<u8> {
        let mut text = [b'0'; 20];
        let mut start = text.len();
        let mut rest = number;
        while rest > 0 {
            start -= 1;
            text[start] = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        self.line.extend_from_slice(&text[start.min(text.len() - width)..]);
        &mut self.line
    }

    pub(super) fn end(&mut self) -> Result<(), SampleError> {
        self.line.pop();
        self.line.extend_from_slice(b"\r\n");
        self.raw()
    }

    fn raw(&mut self) -> Result<(), SampleError> {
        let written = self.writer.write_all(&self.line);
        self.line.clear();
        written.map_err(|source| self.failed(source))
    }

    pub(super) fn finish(mut self) -> Result<(), SampleError> {
        let written = self.writer.flush();
        written.map_err(|source| self.failed(source))
    }
}

/// Adds a text in ISO-8859-1, quotes doubled.
fn encode(text: &str, line: &mut Vec<u8>) {
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|byte| !byte.is_ascii() || *byte == b'"') {
        line.extend_from_slice(&rest[..at]);
        let length = match rest[at..] {
            [b'"', ..] => {
                line.extend_from_slice(b"\"\"");
                1
            }
            // The characters from U+0080 to U+00FF, which is all of Latin-1, are those of two bytes
            // that start with C2 or C3.
            [first @ (0xc2 | 0xc3), second, ..] => {
                line.push((first & 3) << 6 | (second & 0x3f));
                2
            }
            [first, ..] => {
                line.push(b'?');
                first.leading_ones() as usize
            }
            [] => 1,
        };
        rest = &rest[(at + length).min(rest.len())..];
    }
    line.extend_from_slice(rest);
}

/// Fields that every row of a buyer repeats, encoded once.
#[derive(Debug)]
struct Blocks {
    /// Superior organ, organ and buyer, code and name each.
    full: Vec<u8>,
    /// Organ and buyer.
    short: Vec<u8>,
    /// Buyer.
    unit: Vec<u8>,
}

impl Blocks {
    fn of(buyer: &Buyer) -> Self {
        let block = |texts: &[&str]| {
            let mut block = Vec::with_capacity(256);
            for text in texts {
                block.push(b'"');
                encode(text, &mut block);
                block.extend_from_slice(b"\";");
            }
            block
        };
        let unit = block(&[&buyer.code, &buyer.name]);
        let short = [block(&[&buyer.organ.0, &buyer.organ.1]), unit.clone()].concat();
        let full = [block(&[&buyer.superior.0, &buyer.superior.1]), short.clone()].concat();
        Self { full, short, unit }
    }
}

/// The files of one month of publication.
#[derive(Debug)]
struct Month {
    contracts: Output,
    items: Output,
    amendments: Output,
}

impl Month {
    /// Creates the files of the month that begins on that day, with their headers.
    fn create(out: &Path, month: NaiveDate) -> Result<Self, SampleError> {
        let portal = |name: &str, header: &[&str]| {
            let mut output = Output::create(out.join(format!("{}_{name}.csv", month.format("%Y%m"))))?;
            output.fields(header).end()?;
            Ok::<_, SampleError>(output)
        };
        portal("Apostilamento", &APOSTILAMENTOS)?.finish()?;
        Ok(Self {
            contracts: portal("Compras", &COMPRAS)?,
            items: portal("ItemCompra", &ITENS)?,
            amendments: portal("TermoAditivo", &ADITIVOS)?,
        })
    }
}

/// Place of a day's month among the files.
pub(super) fn place(day: NaiveDate) -> usize {
    let months = |day: NaiveDate| day.year().unsigned_abs() as usize * 12 + day.month0() as usize;
    // Every publication lies between the two: see `Contract::dated`.
    months(day.min(LAST_MONTH)).saturating_sub(months(FIRST_MONTH))
}

/// The files of a sample.
#[derive(Debug)]
pub(super) struct Files {
    out: PathBuf,
    months: Vec<Month>,
    tenders: Tenders,
    sanctions: Sanctions,
    register: Register,
    labels: Labels,
    pub(super) summary: SampleSummary,
}

/// `labels.csv`, and how many of each there are.
#[derive(Debug)]
pub(super) struct Labels {
    file: Output,
    counts: BTreeMap<String, BTreeMap<String, LabelCount>>,
}

impl Labels {
    fn create(out: &Path) -> Result<Self, SampleError> {
        let mut file = Output::create(out.join("labels.csv"))?;
        file.line.extend_from_slice(LABELS.as_bytes());
        file.raw()?;
        Ok(Self { file, counts: BTreeMap::new() })
    }

    /// Adds what a detector must say of a unit's contract or tender, by its number and supplier; `first` is the
    /// first row of its group. Nothing in a label holds a comma, a quote or a line break.
    pub(super) fn add(
        &mut self,
        (detector, expected): (&str, Expected),
        group: &str,
        (unit, number, supplier): (&str, &str, &str),
        note: &str,
        first: bool,
    ) -> Result<(), SampleError> {
        let expected = expected.as_str();
        let count = self.counts.entry(detector.to_owned()).or_default().entry(expected.to_owned()).or_default();
        count.rows += 1;
        count.subjects += u64::from(first);
        let fields = [detector, expected, group, unit, number, supplier, note];
        self.file.line.extend_from_slice(fields.join(",").as_bytes());
        self.file.line.push(b'\n');
        self.file.raw()
    }
}

impl Files {
    /// Creates the directory and the files, with their headers.
    pub(super) fn create(out: &Path, rows: u64, seed: u64, readme: &str) -> Result<Self, SampleError> {
        std::fs::create_dir_all(out).map_err(|source| SampleError::Write { path: out.to_owned(), source })?;
        let months = (0..).map(|more| FIRST_MONTH + Months::new(more)).take_while(|month| *month <= LAST_MONTH);
        let months = months.map(|month| Month::create(out, month)).collect::<Result<_, _>>()?;
        let mut text = Output::create(out.join("README.txt"))?;
        text.line.extend_from_slice(readme.as_bytes());
        text.raw()?;
        text.finish()?;
        Ok(Self {
            out: out.to_owned(),
            months,
            tenders: Tenders::create(out, rows, seed)?,
            sanctions: Sanctions::new(rows),
            register: Register::new(rows, Tenders::groups(rows)),
            labels: Labels::create(out)?,
            summary: SampleSummary::default(),
        })
    }

    /// Writes a buyer with everything that is its own.
    pub(super) fn buyer(&mut self, buyer: &mut Buyer) -> Result<(), SampleError> {
        let contracts = std::mem::take(&mut buyer.contracts);
        let blocks = Blocks::of(buyer);
        for contract in &contracts {
            let number = format!("{:05}{:04}", contract.number, contract.year());
            self.contract(&blocks, contract, &number)?;
            self.items_of(buyer, &blocks, contract, &number)?;
            self.amendments_of(&blocks, contract, &number)?;
            self.labels_of(buyer, contract, &number)?;
        }
        self.tenders.of_buyer(self.summary.buyers, buyer, &contracts, &mut self.labels)?;
        self.summary.contracts += contracts.len() as u64;
        self.summary.buyers += 1;
        Ok(())
    }

    fn contract(&mut self, blocks: &Blocks, contract: &Contract, number: &str) -> Result<(), SampleError> {
        let (name, code, _) = modality(contract.modality);
        let (id, supplier) = contract.supplier.as_ref().map_or(("", ""), |s| (&s.id, &s.name));
        let out = &mut self.months[place(contract.published)].contracts;
        out.fields(&[number, &contract.object, contract.legal_basis, name, "Não se aplica"]);
        out.block(&blocks.full);
        out.date(contract.signed).date(Some(contract.published)).date(Some(contract.start)).date(contract.end);
        out.fields(&[id, supplier]).amount(contract.initial).amount(contract.current);
        if code.is_empty() {
            // Without a modality the Portal links no tender.
            out.fields(&["-3", "", "", "", ""]);
        } else {
            let tender = format!("{:05}{:04}", contract.tender, contract.year());
            out.field(&tender).block(&blocks.unit).fields(&[code, name]);
        }
        out.end()
    }

    fn items_of(
        &mut self,
        buyer: &mut Buyer,
        blocks: &Blocks,
        contract: &Contract,
        number: &str,
    ) -> Result<(), SampleError> {
        let Some(main) = &contract.main_item else { return Ok(()) };
        if let Some(article) = &contract.article {
            let tender = format!("{}05{:05}{:04}", buyer.code, contract.tender, contract.year());
            let out = &mut self.months[place(contract.published)].items;
            self.summary.items += 1;
            let details = Some(article.details.as_str());
            return Self::item(out, blocks, number, &tender, 1, (main, article.quantity, article.unit), details);
        }
        let random = &mut buyer.random;
        let mut rest = contract.initial;
        let mut extras: Vec<(&str, i64, Cents)> = Vec::new();
        let wanted = if random.chance(450) || contract.initial < 100_000 { 0 } else { random.between(1, 5) };
        for _ in 0..wanted {
            // At most a tenth each, five at most: the main item keeps at least half of the value, so
            // that it stays the largest.
            let quantity = random.pick(&[1, 2, 5, 10, 20, 50, 100]);
            let unit = random.between(contract.initial / 200, contract.initial / 10) / quantity;
            extras.push((contract.kind.extra(random), quantity, unit));
            rest -= quantity * unit;
        }
        let quantity = main_quantity(rest, random);
        // The Portal links no tender to an item under secrecy.
        let tender = if main == SECRET {
            "0".to_owned()
        } else {
            let modality = modality(contract.modality).2;
            format!("{}{modality}{:05}{:04}", buyer.code, contract.tender, contract.year())
        };
        let out = &mut self.months[place(contract.published)].items;
        self.summary.items += 1 + extras.len() as u64;
        Self::item(out, blocks, number, &tender, 1, (main, quantity, rest / quantity), None)?;
        for (place, extra) in (2..).zip(extras) {
            Self::item(out, blocks, number, &tender, place, extra, None)?;
        }
        Ok(())
    }

    fn item(
        out: &mut Output,
        blocks: &Blocks,
        number: &str,
        tender: &str,
        place: u64,
        (description, quantity, unit): (&str, i64, Cents),
        details: Option<&str>,
    ) -> Result<(), SampleError> {
        out.block(&blocks.short).field(number).line.push(b'"');
        out.line.extend_from_slice(tender.as_bytes());
        if description != SECRET {
            out.digits(place, 5);
        }
        out.field_end("").field(description);
        match (details, place) {
            (Some(details), _) => out.field(details),
            _ if description == SECRET => out.field(SECRET),
            (None, 1) => {
                out.line.push(b'"');
                encode(description, &mut out.line);
                out.field_end(", CONFORME TERMO DE REFERÊNCIA")
            }
            (None, _) => out.field("undefined"),
        };
        out.line.push(b'"');
        out.digits(quantity.unsigned_abs(), 1);
        out.field_end("").price(unit).end()
    }

    fn amendments_of(&mut self, blocks: &Blocks, contract: &Contract, number: &str) -> Result<(), SampleError> {
        // As the Portal has it, an amendment stands in the file of its contract, whenever it was published.
        let out = &mut self.months[place(contract.published)].amendments;
        let amendments = contract.amendments.iter().zip(&contract.amendment_days);
        for (sequence, (object, days)) in (1..).zip(amendments) {
            self.summary.amendments += 1;
            let published = contract.published + chrono::TimeDelta::days(*days);
            out.field(number).block(&blocks.full).field(&format!("{sequence:05}{:04}", published.year()));
            out.date(Some(published)).field(object).end()?;
        }
        Ok(())
    }

    fn labels_of(&mut self, buyer: &Buyer, contract: &Contract, number: &str) -> Result<(), SampleError> {
        let supplier = contract.supplier.as_ref().map_or("", |supplier| &supplier.id);
        for label in &contract.labels {
            let (what, key) = ((label.detector, label.expected), (buyer.code.as_str(), number, supplier));
            self.labels.add(what, &label.group, key, label.note, label.first)?;
        }
        self.sanctions.label(&buyer.code, contract, &mut self.labels)?;
        self.register.label(&buyer.code, contract, &mut self.labels)
    }

    /// Writes what is left.
    pub(super) fn finish(mut self) -> Result<SampleSummary, SampleError> {
        self.tenders.finish(&mut self.labels)?;
        self.sanctions.write(&self.out)?;
        self.register.write(&self.out, &mut self.labels)?;
        for month in self.months {
            for output in [month.contracts, month.items, month.amendments] {
                output.finish()?;
            }
        }
        self.summary.labels = self.labels.counts;
        self.labels.file.finish()?;
        Ok(self.summary)
    }
}

/// A quantity that divides the total, so that quantity times unit price gives it to the cent.
fn main_quantity(total: Cents, random: &mut Random) -> i64 {
    let first = random.pick(&[1, 1, 2, 12, 12, 24, 100, 500, 1000]);
    [first, 60, 12, 10, 5, 4, 3, 2].into_iter().find(|quantity| total % quantity == 0).unwrap_or(1)
}
