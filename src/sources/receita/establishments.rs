//! `ESTABELE`: what the register knows of an establishment, the head office or a branch.

use chrono::NaiveDate;

use super::super::fault::{Fault, Reason};
use super::super::pii::PiiKey;
use super::super::portal::{Layout, Provenance, Published, digest, first_128};
use super::values::{code, day, root, text};
use super::{Kind, contacts, edition_day};
use crate::lake::{LakeError, RowBuilder};
use crate::model::{Table, TaxIdCheck, check_tax_id};

/// An establishment.
#[derive(Debug)]
pub(crate) struct Establishment<'a> {
    published: Published<'a>,
    root: &'a str,
    cnpj: String,
    head_office: Option<bool>,
    status: &'static str,
    status_date: Option<NaiveDate>,
    opening_date: Option<NaiveDate>,
}

/// Establishments.
#[derive(Debug)]
pub(crate) struct Establishments;

impl Layout for Establishments {
    const COLUMNS: &'static [&'static str] = &[
        "cnpj basico",
        "cnpj ordem",
        "cnpj dv",
        "identificador matriz filial",
        "nome fantasia",
        "situacao cadastral",
        "data situacao cadastral",
        "motivo situacao cadastral",
        "nome da cidade no exterior",
        "pais",
        "data de inicio atividade",
        "cnae fiscal principal",
        "cnae fiscal secundaria",
        "tipo de logradouro",
        "logradouro",
        "numero",
        "complemento",
        "bairro",
        "cep",
        "uf",
        "municipio",
        "ddd 1",
        "telefone 1",
        "ddd 2",
        "telefone 2",
        "ddd do fax",
        "fax",
        "correio eletronico",
        "situacao especial",
        "data da situacao especial",
    ];
    const TABLE: Table = Table::Establishments;
    const NAMES_PERSONS: bool = true;
    type Row<'a> = Establishment<'a>;

    fn read<'a>(published: Published<'a>) -> Result<Establishment<'a>, Fault> {
        let root = root(published)?;
        let cnpj = format!("{root}{}{}", published.text(1), published.text(2));
        // A number that is nobody's would be taken for another one's.
        if cnpj.len() != 14 || check_tax_id(&cnpj).2 != TaxIdCheck::Valid {
            return Err(Fault { column: 2, reason: Reason::MalformedId });
        }
        Ok(Establishment {
            published,
            root,
            cnpj,
            head_office: match published.text(3) {
                "1" => Some(true),
                "2" => Some(false),
                _ => None,
            },
            status: match published.required(5)? {
                "01" | "1" => "void",
                "02" | "2" => "active",
                "03" | "3" => "suspended",
                "04" | "4" => "unfit",
                "08" | "8" => "closed",
                _ => return Err(Fault { column: 5, reason: Reason::UnknownCode }),
            },
            status_date: day(published, 6)?,
            opening_date: day(published, 10)?,
        })
    }

    fn id(row: &Establishment<'_>) -> (String, Option<u128>) {
        (row.cnpj.clone(), Some(first_128(&digest([row.cnpj.as_str()]))))
    }

    fn write(
        row: &Establishment<'_>,
        from: Provenance<'_>,
        _: &PiiKey,
        writer: &mut RowBuilder,
    ) -> Result<(), LakeError> {
        let at = |column: usize| row.published.text(column);
        let address = contacts::address([at(13), at(14)], at(15), at(16), at(18));
        writer.row(|out| {
            out.text(from.id)
                .text(from.status)
                .text(row.root)
                .truth(row.head_office)
                .text(row.status)
                .day(row.status_date)
                .optional_text(code(at(7)).as_deref())
                .day(row.opening_date)
                .optional_text(code(at(11)).as_deref())
                .optional_text(code(at(12)).as_deref())
                .optional_text(text(at(19)).as_deref())
                .optional_text(code(at(20)).as_deref())
                .optional_text(address.as_deref())
                .optional_text(contacts::phone(at(21), at(22)).as_deref())
                .optional_text(contacts::phone(at(23), at(24)).as_deref())
                .optional_text(contacts::email(at(27)).as_deref())
                .day(edition_day(from.file))
                .text(Kind::Establishments.source())
                .text(from.file)
                .integer(from.line)
                .text(from.import_id);
        })
    }
}
