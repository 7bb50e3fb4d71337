//! The lists of sanctions: each file is the whole list of its day, so that it replaces the one before.

use chrono::NaiveDate;

use super::super::person::Person;
use super::super::pii::mask_text;
use super::{Fault, Layout, PiiKey, Provenance, Published, digest, first_hex, is_withheld, slug};
use crate::lake::{LakeError, RowBuilder};
use crate::model::{Money, Table, fold};

/// A row of any of the lists, as the canonical table holds it.
#[derive(Debug)]
pub(crate) struct Sanction<'a> {
    published: Published<'a>,
    list: &'static str,
    source: &'static str,
    /// The number that the source gives to the entry.
    code: &'a str,
    person: Person<'a>,
    category: &'a str,
    legal_basis: String,
    scope: &'a str,
    body: String,
    state: &'a str,
    sphere: String,
    process: &'a str,
    start: Option<NaiveDate>,
    end: Option<NaiveDate>,
    publication: Option<NaiveDate>,
    judgment: Option<NaiveDate>,
    fine: Option<Money>,
    note: &'a str,
}

impl<'a> Sanction<'a> {
    fn new(published: Published<'a>, list: &'static str, source: &'static str, person: Person<'a>) -> Self {
        Self {
            published,
            list,
            source,
            person,
            code: "",
            category: "",
            legal_basis: String::new(),
            scope: "",
            body: String::new(),
            state: "",
            sphere: String::new(),
            process: "",
            start: None,
            end: None,
            publication: None,
            judgment: None,
            fine: None,
            note: "",
        }
    }

    /// No list says what makes two of its rows one entry: a code may stand there once for each legal basis.
    /// So no row replaces another, and only rows that are equal to the letter count once.
    fn id(&self) -> String {
        let fields = self.published.fields;
        let texts: Vec<String> = (0..fields.len())
            .map(|place| match fields.get(place) {
                // What is known of a person beside its mask is not part of a short hash.
                text if text.trim() == self.person.published => self.person.id().unwrap_or_default().into_owned(),
                text => mask_text(text).into_owned(),
            })
            .collect();
        let hash = first_hex(&digest(texts.iter().map(String::as_str)));
        match slug(&mask_text(self.code)) {
            code if code.is_empty() => format!("portal-{}-{hash}", self.list),
            code => format!("portal-{}-{code}-{hash}", self.list),
        }
    }

    fn write(&self, from: Provenance<'_>, key: &PiiKey, writer: &mut RowBuilder) -> Result<(), LakeError> {
        let text = |text: &str| {
            let text = text.trim();
            (!text.is_empty() && !is_withheld(text)).then(|| mask_text(text).into_owned())
        };
        writer.row(|out| {
            out.text(from.id)
                .text(from.status)
                .text(self.list)
                .optional_text(self.person.published_id().as_deref())
                .optional_text(self.person.id().as_deref())
                .optional_text(self.person.key(key).as_deref())
                .text(self.person.kind.as_str())
                .text(self.person.check.as_str())
                .optional_text(text(self.person.name.unwrap_or_default()).as_deref())
                .optional_text(text(self.category).as_deref())
                .optional_text(text(&self.legal_basis).as_deref())
                .optional_text(text(self.scope).as_deref())
                .optional_text(text(&self.body).as_deref())
                .optional_text(text(self.state).as_deref())
                .optional_text(text(&self.sphere).as_deref())
                .optional_text(text(self.process).as_deref())
                .day(self.start)
                .day(self.end)
                .day(self.publication)
                .day(self.judgment)
                .decimal(self.fine.map(Money::cents))
                .optional_text(text(self.code).as_deref())
                .optional_text(text(self.note).as_deref())
                .text(self.source)
                .text(from.file)
                .integer(from.line)
                .text(from.import_id);
        })
    }
}

/// The words of a sphere as the lake has them: `federal`, `state`, `municipal`; others as published.
fn sphere(published: &str) -> String {
    match fold(published).as_str() {
        "estadual" | "distrital" => "state".to_owned(),
        known @ ("federal" | "municipal") => known.to_owned(),
        _ => published.to_owned(),
    }
}

const CEIS_LIST: usize = 0;
const CODE: usize = 1;
const PERSON_ID: usize = 2;
const PERSON_NAME: usize = 3;
const NAME_GIVEN: usize = 4;
const NAME_REGISTERED: usize = 5;
const PROCESS_NUMBER: usize = 6;
const CATEGORY: usize = 7;
const START_DATE: usize = 8;
const END_DATE: usize = 9;
const PUBLICATION_DATE: usize = 10;
const JUDGMENT_DATE: usize = 11;
const SCOPE: usize = 12;
const BODY: usize = 13;
const BODY_ADDITION: usize = 14;
const BODY_STATE: usize = 15;
const BODY_SPHERE: usize = 16;
const LEGAL_BASIS: usize = 17;
const LEGAL_BASIS_TEXT: usize = 18;
const FINE: usize = 19;
const NOTES: usize = 20;

/// `CEIS` and `CNEP`, in the layout of today and in that of before 2023.
#[derive(Debug)]
pub(crate) struct Sanctions;

impl Layout for Sanctions {
    const COLUMNS: &'static [&'static str] = &[
        "cadastro",
        "codigo da sancao",
        "cpf ou cnpj do sancionado",
        "nome do sancionado",
        "nome informado pelo orgao sancionador",
        "razao social cadastro receita",
        "numero do processo",
        "categoria da sancao",
        "data inicio sancao",
        "data final sancao",
        "data publicacao",
        "data do transito em julgado",
        // So it is spelled in the files.
        "abragencia da sancao",
        "orgao sancionador",
        "complemento do orgao",
        "uf orgao sancionador",
        "esfera orgao sancionador",
        "fundamentacao legal",
        "descricao da fundamentacao legal",
        "valor da multa",
        "observacoes",
    ];
    const OTHER_NAMES: &'static [(&'static str, &'static str)] = &[
        ("categoria da sancao", "tipo sancao"),
        ("abragencia da sancao", "abrangencia da sancao"),
        ("cpf ou cnpj do sancionado", "cnpj ou cpf do sancionado"),
    ];
    const OPTIONAL: &'static [&'static str] = &[
        "cadastro",
        "codigo da sancao",
        "nome do sancionado",
        "nome informado pelo orgao sancionador",
        "razao social cadastro receita",
        "numero do processo",
        "data publicacao",
        "data do transito em julgado",
        "abragencia da sancao",
        "complemento do orgao",
        "uf orgao sancionador",
        "esfera orgao sancionador",
        "fundamentacao legal",
        "descricao da fundamentacao legal",
        "valor da multa",
        "observacoes",
    ];
    const TABLE: Table = Table::Sanctions;
    type Row<'a> = Sanction<'a>;

    fn read<'a>(published: Published<'a>) -> Result<Sanction<'a>, Fault> {
        let id = published.required(PERSON_ID)?;
        let names = [PERSON_NAME, NAME_GIVEN, NAME_REGISTERED];
        let name = names.into_iter().find_map(|column| published.optional(column)).filter(|name| !is_withheld(name));
        // Before the lists named themselves, only the CNEP had fines.
        let (list, source) = match fold(published.text(CEIS_LIST)).as_str() {
            "ceis" => ("ceis", "portal:ceis"),
            "cnep" => ("cnep", "portal:cnep"),
            _ if published.has(FINE) => ("cnep", "portal:cnep"),
            _ => ("ceis", "portal:ceis"),
        };
        let joined = |columns: [usize; 2], mark: &str| {
            let texts = columns.into_iter().filter_map(|column| published.optional(column));
            texts.collect::<Vec<_>>().join(mark)
        };
        Ok(Sanction {
            code: published.text(CODE),
            category: published.required(CATEGORY)?,
            legal_basis: joined([LEGAL_BASIS, LEGAL_BASIS_TEXT], ": "),
            scope: published.text(SCOPE),
            body: joined([BODY, BODY_ADDITION], " "),
            state: published.text(BODY_STATE),
            sphere: sphere(published.text(BODY_SPHERE)),
            process: published.text(PROCESS_NUMBER),
            start: published.date(START_DATE)?,
            end: published.date(END_DATE)?,
            publication: published.date(PUBLICATION_DATE)?,
            judgment: published.date(JUDGMENT_DATE)?,
            fine: published.money(FINE)?,
            note: published.text(NOTES),
            ..Sanction::new(published, list, source, Person::brazilian(id, name))
        })
    }

    fn id(row: &Sanction<'_>) -> (String, Option<u128>) {
        (row.id(), None)
    }

    fn write(row: &Sanction<'_>, from: Provenance<'_>, key: &PiiKey, writer: &mut RowBuilder) -> Result<(), LakeError> {
        row.write(from, key, writer)
    }
}

/// `CEPIM`: non-profits that may get no federal transfers. It bars nobody from contracts.
#[derive(Debug)]
pub(crate) struct Impediments;

impl Layout for Impediments {
    const COLUMNS: &'static [&'static str] =
        &["cnpj entidade", "nome entidade", "numero convenio", "orgao concedente", "motivo do impedimento"];
    const TABLE: Table = Table::Sanctions;
    type Row<'a> = Sanction<'a>;

    fn read<'a>(published: Published<'a>) -> Result<Sanction<'a>, Fault> {
        let person = Person::brazilian(published.required(0)?, published.optional(1));
        Ok(Sanction {
            code: published.text(2),
            body: published.text(3).to_owned(),
            sphere: "federal".to_owned(),
            category: published.text(4),
            ..Sanction::new(published, "cepim", "portal:cepim", person)
        })
    }

    fn id(row: &Sanction<'_>) -> (String, Option<u128>) {
        (row.id(), None)
    }

    fn write(row: &Sanction<'_>, from: Provenance<'_>, key: &PiiKey, writer: &mut RowBuilder) -> Result<(), LakeError> {
        row.write(from, key, writer)
    }
}

/// `Acordos`: leniency agreements (Lei 12.846/2013 art. 16). They bar nobody.
#[derive(Debug)]
pub(crate) struct Agreements;

impl Layout for Agreements {
    const COLUMNS: &'static [&'static str] = &[
        "id do acordo",
        "cnpj do sancionado",
        "razao social cadastro receita",
        "data de inicio do acordo",
        "data de fim do acordo",
        // So it is spelled in the files.
        "situacao do acordo de lenienica",
        "numero do processo",
        "termos do acordo",
        "orgao sancionador",
    ];
    const OTHER_NAMES: &'static [(&'static str, &'static str)] =
        &[("situacao do acordo de lenienica", "situacao do acordo de leniencia")];
    const OPTIONAL: &'static [&'static str] = &["numero do processo", "termos do acordo"];
    const TABLE: Table = Table::Sanctions;
    type Row<'a> = Sanction<'a>;

    fn read<'a>(published: Published<'a>) -> Result<Sanction<'a>, Fault> {
        let person = Person::brazilian(published.required(1)?, published.optional(2));
        Ok(Sanction {
            code: published.required(0)?,
            start: published.date(3)?,
            end: published.date(4)?,
            category: published.text(5),
            process: published.text(6),
            note: published.text(7),
            body: published.text(8).to_owned(),
            ..Sanction::new(published, "leniency", "portal:acordos-leniencia", person)
        })
    }

    fn id(row: &Sanction<'_>) -> (String, Option<u128>) {
        (row.id(), None)
    }

    fn write(row: &Sanction<'_>, from: Provenance<'_>, key: &PiiKey, writer: &mut RowBuilder) -> Result<(), LakeError> {
        row.write(from, key, writer)
    }
}

/// `Efeitos`: what a leniency agreement brings about, of the agreement whose id is its `code`. The file
/// names nobody.
#[derive(Debug)]
pub(crate) struct Effects;

impl Layout for Effects {
    const COLUMNS: &'static [&'static str] = &["id do acordo", "efeito do acordo de leniencia", "complemento"];
    const OTHER_NAMES: &'static [(&'static str, &'static str)] = &[
        ("efeito do acordo de leniencia", "efeito do acordo de lenienica"),
        ("efeito do acordo de leniencia", "efeito do acordo"),
        ("complemento", "complemento do efeito"),
    ];
    const OPTIONAL: &'static [&'static str] = &["complemento"];
    const TABLE: Table = Table::Sanctions;
    type Row<'a> = Sanction<'a>;

    fn read<'a>(published: Published<'a>) -> Result<Sanction<'a>, Fault> {
        Ok(Sanction {
            code: published.required(0)?,
            category: published.required(1)?,
            note: published.text(2),
            ..Sanction::new(published, "leniency_effect", "portal:efeitos-leniencia", Person::brazilian("", None))
        })
    }

    fn id(row: &Sanction<'_>) -> (String, Option<u128>) {
        (row.id(), None)
    }

    fn write(row: &Sanction<'_>, from: Provenance<'_>, key: &PiiKey, writer: &mut RowBuilder) -> Result<(), LakeError> {
        row.write(from, key, writer)
    }
}
