//! Records of the Portal Nacional de Contratações Públicas (Lei 14.133/2021, art. 174).
//!
//! Names are those of its manual of consultation; where answers spell them otherwise, both are read.

use std::borrow::Cow;

use super::super::fault::Reason;
use super::super::ocds::json::View;
use super::super::portal::{digest, first_128};
use super::record::{Fault, Record};
use super::row::{Content, Contract, Item, Nature, Organ, Party, Row, Tender};
use crate::model::{Modality, fold};

/// Names of the control number of a contract or tender.
pub(super) const OWN_NUMBER: [&str; 2] = ["numeroControlePNCP", "numeroControlePncp"];
/// Names of that of the tender of a contract.
const TENDER_NUMBER: [&str; 2] = ["numeroControlePncpCompra", "numeroControlePNCPCompra"];

/// The parts of a control number: `CNPJ(14)-T-SEQ(6)/AAAA`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ControlNumber<'a> {
    pub(crate) cnpj: &'a str,
    /// 1 of a tender, 2 of a contract.
    kind: &'a str,
    pub(crate) sequence: &'a str,
    pub(crate) year: &'a str,
}

impl<'a> ControlNumber<'a> {
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let (rest, year) = text.split_once('/')?;
        let mut parts = rest.split('-');
        let (cnpj, kind, sequence) = (parts.next()?, parts.next()?, parts.next()?);
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        // A CNPJ may hold letters (IN RFB 2.229/2024).
        let fits = cnpj.len() == 14 && cnpj.bytes().all(|byte| byte.is_ascii_alphanumeric());
        (fits && digits(kind) && digits(sequence) && year.len() == 4 && digits(year) && parts.next().is_none())
            .then_some(Self { cnpj, kind, sequence, year })
    }

    /// The id in the lake of what it numbers.
    fn id(&self) -> String {
        format!("pncp-{}-{}-{}-{}", self.cnpj.to_ascii_uppercase(), self.kind, self.sequence, self.year)
    }
}

/// The id of what a control number numbers, if it is one of this kind.
fn id_of(text: &str, kind: &str) -> Option<String> {
    ControlNumber::parse(text).filter(|number| number.kind == kind).map(|number| number.id())
}

/// Id and control number of a record.
fn own_id<'a>(record: &Record<'a>, kind: &str) -> Result<(String, Cow<'a, str>), Fault> {
    let number = record.required(&OWN_NUMBER)?;
    match id_of(&number, kind) {
        Some(id) => Ok((id, number)),
        None => Err(Fault { member: OWN_NUMBER[0], reason: Reason::MalformedId, value: number.into_owned() }),
    }
}

fn identity(id: &str) -> u128 {
    first_128(&digest([id]))
}

/// Who buys: the unit, whose code is unique within its organ only.
fn buyer(record: &Record<'_>) -> Result<(String, String, Organ), Fault> {
    let cnpj = record.required(&["orgaoEntidade.cnpj"])?;
    let unit = record.text("unidadeOrgao.codigoUnidade").unwrap_or(Cow::Borrowed("0"));
    let organ_name = record.masked(&["orgaoEntidade.razaoSocial"]);
    let name = record.masked(&["unidadeOrgao.nomeUnidade"]).or_else(|| organ_name.clone()).unwrap_or_default();
    Ok((format!("{cnpj}-{unit}"), name, (Some(cnpj.into_owned()), organ_name)))
}

fn sphere(record: &Record<'_>) -> Option<&'static str> {
    match record.text("orgaoEntidade.esferaId")?.as_ref() {
        "F" => Some("federal"),
        // The Distrito Federal ranks with the states.
        "E" | "D" => Some("state"),
        "M" => Some("municipal"),
        _ => None,
    }
}

fn party(number: Option<Cow<'_, str>>, kind: Option<Cow<'_, str>>, name: Option<Cow<'_, str>>) -> Party {
    let nature = match kind.as_deref() {
        Some("PF") => Nature::Natural,
        Some("PJ") => Nature::Legal,
        Some("PE") => Nature::Foreign,
        _ => Nature::Unsaid,
    };
    Party::new(number, nature, name)
}

/// A record of `/v1/contratos`.
pub(super) fn contract(record: &Record<'_>) -> Result<Row, Fault> {
    let (id, own) = own_id(record, "2")?;
    let (buyer_id, buyer_name, organ) = buyer(record)?;
    let tender = record.first(&TENDER_NUMBER);
    let supplier =
        party(record.text("niFornecedor"), record.text("tipoPessoa"), record.text("nomeRazaoSocialFornecedor"));
    let category = match record.text("categoriaProcesso.nome").map(|name| fold(&name)).as_deref() {
        Some("compras") => Some("goods"),
        Some("servicos" | "servicos de saude" | "mao de obra") => Some("services"),
        Some("obras") => Some("works"),
        _ => None,
    };
    let content = Contract {
        number: record.masked(&["numeroContratoEmpenho"]).unwrap_or_else(|| own.into_owned()),
        object: record.masked(&["objetoContrato"]).unwrap_or_default(),
        legal_basis: None,
        // Only the tender tells.
        modality: Modality::NotInformed,
        modality_name: String::new(),
        situation: None,
        sphere: sphere(record),
        superior_organ: (None, None),
        organ,
        buyer_id,
        buyer_name,
        signature_date: record.day("dataAssinatura")?,
        publication_date: record.day("dataPublicacaoPncp")?,
        start_date: record.day("dataVigenciaInicio")?,
        end_date: record.day("dataVigenciaFim")?,
        supplier,
        initial_value: record.money("valorInicial")?,
        current_value: record.money("valorGlobal")?,
        tender_id: tender.as_deref().and_then(|number| id_of(number, "1")),
        tender_number: tender.map(Cow::into_owned),
        tender_buyer_id: None,
        tender_modality: None,
        category,
    };
    Ok(Row {
        identity: identity(&id),
        id,
        updated: record.moment("dataAtualizacao")?.map(|moment| moment.at),
        spending: !record.truth("receita"),
        rounded: record.rounded(),
        content: Content::Contract(Box::new(content)),
    })
}

/// How something is bought.
struct Procedure {
    modality: Modality,
    /// As OCDS calls it, where the modality does not tell.
    method: Option<&'static str>,
    spending: bool,
}

/// The procedure of a name; without a name, of the codes on which all lists agree.
fn procedure(name: &str, code: &str, registered: bool) -> Procedure {
    let of = |modality, method| Procedure { modality, method, spending: true };
    let folded = fold(name);
    let has = |begin: &str| folded.starts_with(begin);
    if has("pregao") || (folded.is_empty() && code == "6") {
        of(if registered { Modality::PregaoRegistroPreco } else { Modality::Pregao }, Some("open"))
    } else if has("concorrencia") || (folded.is_empty() && code == "4") {
        of(Modality::Concorrencia, Some("open"))
    } else if has("dispensa") || (folded.is_empty() && code == "8") {
        of(Modality::DispensaLicitacao, Some("direct"))
    } else if has("inexigibilidade") || (folded.is_empty() && code == "9") {
        of(Modality::Inexigibilidade, Some("direct"))
    } else if has("credenciamento") || has("inaplicabilidade") {
        // Contracted without competition: Lei 14.133/2021, art. 74, IV; Lei 13.303/2016, art. 28, §3.
        of(Modality::NotInformed, Some("direct"))
    } else if has("leilao") || has("manifestacao de interesse") || has("pre qualificacao") {
        // Sells what is public (Lei 14.133/2021, art. 6, XL), or buys nothing yet (art. 78, II and III).
        Procedure { modality: Modality::NotInformed, method: None, spending: false }
    } else if has("dialogo") {
        of(Modality::NotInformed, Some("selective"))
    } else {
        of(Modality::NotInformed, has("concurso").then_some("open"))
    }
}

/// A record of `/v1/contratacoes/publicacao`.
pub(super) fn tender(record: &Record<'_>) -> Result<Row, Fault> {
    let (id, _) = own_id(record, "1")?;
    let (buyer_id, buyer_name, organ) = buyer(record)?;
    let name = record.masked(&["modalidadeNome"]).unwrap_or_default();
    let code = record.text("modalidadeId").unwrap_or_default();
    let procedure = procedure(&name, &code, record.truth("srp"));
    let content = Tender {
        number: record.masked(&["numeroCompra"]),
        process_number: record.masked(&["processo"]),
        object: record.masked(&["objetoCompra"]).unwrap_or_default(),
        legal_basis: record.masked(&["amparoLegal.nome", "amparoLegal.descricao"]),
        modality: procedure.modality,
        modality_name: name,
        method: procedure.method,
        situation: record.masked(&["situacaoCompraNome"]),
        sphere: sphere(record),
        superior_organ: (None, None),
        organ,
        buyer_id,
        buyer_name,
        state: record.masked(&["unidadeOrgao.ufSigla"]),
        municipality: record.masked(&["unidadeOrgao.municipioNome"]),
        publication_date: record.day("dataPublicacaoPncp")?,
        open_date: None,
        result_date: None,
        period_start: record.moment("dataAberturaProposta")?,
        period_end: record.moment("dataEncerramentoProposta")?,
        // Nothing is estimated at nothing: the budget is secret (Lei 14.133/2021, art. 24).
        estimated_value: record.money("valorTotalEstimado")?.filter(|cents| *cents != 0),
        value: record.money("valorTotalHomologado")?,
    };
    Ok(Row {
        identity: identity(&id),
        id,
        updated: record.moment("dataAtualizacao")?.map(|moment| moment.at),
        spending: procedure.spending,
        rounded: record.rounded(),
        content: Content::Tender(Box::new(content)),
    })
}

/// An item of a tender with its results, as [`super::item_record`] puts them together.
///
/// The winner is that of the one result; where an item is shared by several it stays open. Losers are
/// not published, so that no row of bids is made: one bidder would be seen where there were more.
pub(super) fn item(record: &Record<'_>) -> Result<Row, Fault> {
    let (tender_id, _) = own_id(record, "1")?;
    let number = record.required(&["item.numeroItem"])?.into_owned();
    let mut results = record.at("resultados").into_iter().flat_map(View::elements);
    let winner = match (results.next(), results.next()) {
        (Some(result), None) => {
            let of = |member: &str| result.text_of(member);
            Some(party(of("niFornecedor"), of("tipoPessoa"), of("nomeRazaoSocialFornecedor")))
        }
        _ => None,
    };
    let id = format!("{tender_id}-item-{number}");
    let (cnpj, unit) = (record.required(&["orgaoEntidade.cnpj"])?, record.text("unidadeOrgao.codigoUnidade"));
    let content = Item {
        buyer_id: format!("{cnpj}-{}", unit.as_deref().unwrap_or("0")),
        number,
        description: record.masked(&["item.descricao"]).unwrap_or_default(),
        unit: record.masked(&["item.unidadeMedida"]),
        quantity: record.quantity("item.quantidade")?,
        // Zero where the budget is secret.
        unit_price: record.money("item.valorUnitarioEstimado")?.filter(|cents| *cents != 0),
        total_value: record.money("item.valorTotal")?.filter(|cents| *cents != 0),
        winner,
        status: record.masked(&["item.situacaoCompraItemNome"]),
        tender_id,
    };
    Ok(Row {
        identity: identity(&id),
        id,
        updated: record.moment("item.dataAtualizacao")?.map(|moment| moment.at),
        spending: true,
        rounded: record.rounded(),
        content: Content::Item(Box::new(content)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_numbers_are_what_the_manual_says() {
        assert_eq!(id_of("83102277000152-2-000018/2025", "2").as_deref(), Some("pncp-83102277000152-2-000018-2025"));
        assert_eq!(id_of("12ABC34501DE35-1-000013/2025", "1").as_deref(), Some("pncp-12ABC34501DE35-1-000013-2025"));
        for text in [
            "",
            "83102277000152-2-000018",
            "83102277000152-2-000018/25",
            "8310227700015-2-000018/2025",
            "83102277000152-x-000018/2025",
            "83102277000152-2-000018-000001/2025",
            "83102277000152-2-/2025",
        ] {
            assert_eq!(ControlNumber::parse(text), None, "{text}");
        }
        // That of a tender is none of a contract.
        assert_eq!(id_of("83102277000152-1-000018/2025", "2"), None);
    }

    #[test]
    fn procedures_are_told_by_name_and_sales_are_no_purchases() {
        let of = |name: &str, code: &str| {
            let found = procedure(name, code, false);
            (found.modality, found.method, found.spending)
        };
        assert_eq!(of("Pregão - Eletrônico", "6"), (Modality::Pregao, Some("open"), true));
        assert_eq!(procedure("Pregão - Eletrônico", "6", true).modality, Modality::PregaoRegistroPreco);
        assert_eq!(of("Concorrência - Presencial", "5"), (Modality::Concorrencia, Some("open"), true));
        assert_eq!(of("Dispensa", "8"), (Modality::DispensaLicitacao, Some("direct"), true));
        assert_eq!(of("", "9"), (Modality::Inexigibilidade, Some("direct"), true));
        // Lists disagree on it, and the name is not there to tell.
        assert_eq!(of("", "5"), (Modality::NotInformed, None, true));
        assert_eq!(of("Credenciamento", "12"), (Modality::NotInformed, Some("direct"), true));
        for name in ["Leilão - Eletrônico", "Manifestação de Interesse", "Pré-qualificação"] {
            assert_eq!(of(name, "1"), (Modality::NotInformed, None, false), "{name}");
        }
    }
}
