//! Records of the REST API of the Portal da Transparência (CGU), in the shapes of 2020 and of today.
//!
//! Contracts and tenders get the ids that the bulk files would give them, so that none counts twice.
//! Names, addresses and telephones of persons who merely answer for a tender are not read.

use std::borrow::Cow;

use super::super::fault::Reason;
use super::super::portal::{ContractKey, TenderRef, digest, first_128, is_sentinel, is_withheld, modality};
use super::record::{Fault, Record};
use super::row::{Content, Contract, Nature, Organ, Party, Row, Tender};
use crate::model::Modality;

/// Digits of the numbers of contracts and tenders: five of the sequence, four of the year.
const NUMBER_DIGITS: usize = 9;

/// A number with the zeros in front that the API leaves out.
fn whole_number(number: &str) -> Cow<'_, str> {
    let digits = number.bytes().all(|byte| byte.is_ascii_digit());
    if digits && number.len() < NUMBER_DIGITS {
        Cow::Owned(format!("{number:0>NUMBER_DIGITS$}"))
    } else {
        Cow::Borrowed(number)
    }
}

/// The code that the bulk files give to the modality of a contract's tender.
const fn modality_code(modality: Modality) -> Option<&'static str> {
    match modality {
        Modality::Convite => Some("1"),
        Modality::TomadaDePrecos => Some("2"),
        Modality::Concorrencia => Some("3"),
        Modality::Pregao => Some("5"),
        Modality::DispensaLicitacao => Some("6"),
        Modality::Inexigibilidade => Some("7"),
        Modality::PregaoRegistroPreco => Some("9999"),
        Modality::NotInformed => None,
    }
}

fn organ(record: &Record<'_>, code: &str, name: &str) -> Organ {
    let text = |path: &str| record.masked(&[path]);
    (text(code).filter(|code| !is_sentinel(code)), text(name).filter(|name| !is_withheld(name)))
}

fn superior_organ(record: &Record<'_>) -> Organ {
    organ(record, "unidadeGestora.orgaoMaximo.codigo", "unidadeGestora.orgaoMaximo.nome")
}

fn own_organ(record: &Record<'_>) -> Organ {
    organ(record, "unidadeGestora.orgaoVinculado.codigoSIAFI", "unidadeGestora.orgaoVinculado.nome")
}

/// The supplier; formatted numbers are the same without their marks.
fn supplier(record: &Record<'_>) -> Party {
    let number = record.first(&[
        "fornecedor.cnpjFormatado",
        "fornecedor.cpfFormatado",
        "fornecedor.codigoFormatado",
        "fornecedor.numeroInscricaoSocial",
    ]);
    let name = record.first(&["fornecedor.nome", "fornecedor.razaoSocialReceita"]);
    Party::new(number, Nature::Unsaid, name)
}

/// A record of `/contratos` or `/contratos/id`.
pub(super) fn contract(record: &Record<'_>) -> Result<Row, Fault> {
    let number = record.required(&["numero", "contrato.numero"])?;
    let number = whole_number(&number).into_owned();
    let buyer_id = record.required(&["unidadeGestora.codigo"])?.into_owned();
    let modality_name = record.masked(&["modalidadeCompra.descricao", "modalidadeCompra"]).unwrap_or_default();
    let modality = modality(&modality_name);
    let known = |text: Option<Cow<'_, str>>| text.filter(|text| !is_sentinel(text)).map(Cow::into_owned);
    let tender_number = known(record.first(&["compra.numero", "dimCompra.numero"]));
    let tender_number = tender_number.map(|number| whole_number(&number).into_owned());
    let of_tender = |value: Option<String>| value.filter(|_| tender_number.is_some());
    let tender_buyer_id = of_tender(known(record.first(&["unidadeGestoraCompras.codigo", "unidadeGestora.codigo"])));
    let tender_modality = of_tender(modality_code(modality).map(ToOwned::to_owned));
    let tender_id = match (&tender_number, &tender_buyer_id, &tender_modality) {
        (Some(number), Some(buyer), Some(code)) => Some(TenderRef::new(buyer, number, code, "").id()),
        _ => None,
    };
    let content = Contract {
        object: record.masked(&["objeto", "contrato.objeto"]).unwrap_or_default(),
        legal_basis: record.masked(&["fundamentoLegal", "contrato.fundamentoLegal"]),
        modality,
        modality_name,
        situation: record.masked(&["situacaoContrato.descricao", "situacaoContrato"]),
        sphere: Some("federal"),
        superior_organ: superior_organ(record),
        organ: own_organ(record),
        buyer_name: record.masked(&["unidadeGestora.nome"]).unwrap_or_default(),
        signature_date: record.day("dataAssinatura")?,
        publication_date: record.day("dataPublicacaoDOU")?,
        start_date: record.day("dataInicioVigencia")?,
        end_date: record.day("dataFimVigencia")?,
        supplier: supplier(record),
        initial_value: record.money("valorInicialCompra")?,
        current_value: record.money("valorFinalCompra")?,
        number,
        buyer_id,
        tender_number,
        tender_buyer_id,
        tender_modality,
        tender_id,
        category: None,
    };
    let key = ContractKey {
        buyer_id: &content.buyer_id,
        number: &content.number,
        tender_number: content.tender_number.as_deref().unwrap_or_default(),
        tender_buyer_id: content.tender_buyer_id.as_deref().unwrap_or_default(),
        tender_modality: content.tender_modality.as_deref().unwrap_or_default(),
        signature_date: content.signature_date,
    };
    let (id, identity) = key.id(&content.supplier.person());
    Ok(Row {
        id,
        identity,
        updated: None,
        spending: true,
        rounded: record.rounded(),
        content: Content::Contract(Box::new(content)),
    })
}

/// A record of `/licitacoes` or `/licitacoes/{id}`.
pub(super) fn tender(record: &Record<'_>) -> Result<Row, Fault> {
    let number = record.required(&["licitacao.numero", "numero"])?;
    let number = whole_number(&number).into_owned();
    let buyer_id = record.required(&["unidadeGestora.codigo"])?.into_owned();
    let modality_name = record.masked(&["modalidadeLicitacao.descricao", "modalidadeLicitacao"]);
    // Without it, tenders of several modalities would become one.
    let member = "modalidadeLicitacao.descricao";
    let modality_name =
        modality_name.ok_or_else(|| Fault { member, reason: Reason::RequiredBlank, value: String::new() })?;
    let id = TenderRef::new(&buyer_id, &number, "", &modality_name).id();
    let content = Tender {
        process_number: record.masked(&["licitacao.numeroProcesso", "numeroProcesso"]),
        object: record.masked(&["licitacao.objeto", "objeto"]).unwrap_or_default(),
        legal_basis: record.masked(&["instrumentoLegal"]),
        modality: modality(&modality_name),
        modality_name,
        method: None,
        situation: record.masked(&["situacaoCompra.descricao", "situacaoCompra"]),
        sphere: Some("federal"),
        superior_organ: superior_organ(record),
        organ: own_organ(record),
        buyer_name: record.masked(&["unidadeGestora.nome"]).unwrap_or_default(),
        state: record.masked(&["municipio.uf.sigla"]).filter(|state| !is_sentinel(state)),
        municipality: record.masked(&["municipio.nomeIBGE"]),
        publication_date: record.day("dataPublicacao")?,
        open_date: record.day("dataAbertura")?,
        result_date: record.day("dataResultadoCompra")?,
        period_start: None,
        period_end: None,
        estimated_value: None,
        value: record.money("valor")?,
        number: Some(number),
        buyer_id,
    };
    Ok(Row {
        identity: first_128(&digest([id.as_str()])),
        id,
        updated: None,
        spending: true,
        rounded: record.rounded(),
        content: Content::Tender(Box::new(content)),
    })
}
