use super::super::person::Person;
use super::super::pii::mask_text;
use super::{Fault, Layout, PiiKey, Provenance, Published, digest, first_128, is_withheld, long_hex};
use crate::lake::{LakeError, RowBuilder};
use crate::model::{Table, TaxIdKind, fold};

const NUMBER: usize = 0;
const BUYER_ID: usize = 1;
const MODALITY_CODE: usize = 2;
const MODALITY_NAME: usize = 3;
const ITEM: usize = 4;
const BIDDER_ID: usize = 5;
const BIDDER_NAME: usize = 6;
const WON: usize = 7;

/// `ParticipantesLicitação`: one row a participant in an item of a tender, and whether it won. The source
/// publishes no amounts of bids.
#[derive(Debug)]
pub(crate) struct Participants;

/// A participation that can be taken in.
#[derive(Debug)]
pub(crate) struct Participant<'a> {
    tender_id: String,
    buyer_id: &'a str,
    item: &'a str,
    bidder: Person<'a>,
    won: Option<bool>,
}

impl Participant<'_> {
    /// What tells it from others, with an id of the bidder.
    fn identity(&self, bidder: &str, name: &str) -> [u8; 32] {
        digest([&self.tender_id, self.item, bidder, name])
    }
}

impl Layout for Participants {
    const COLUMNS: &'static [&'static str] = &[
        "numero licitacao",
        "codigo ug",
        "codigo modalidade compra",
        "modalidade compra",
        "codigo item compra",
        "codigo participante",
        "nome participante",
        "flag vencedor",
    ];
    const OTHER_NAMES: &'static [(&'static str, &'static str)] = &[
        ("numero licitacao", "numlic"),
        ("codigo ug", "codug"),
        ("modalidade compra", "modcomp"),
        ("codigo item compra", "coditem"),
        ("codigo participante", "cnpj participante"),
        ("codigo participante", "cpf cnpj participante"),
        ("codigo participante", "cnpj"),
        ("nome participante", "participante"),
        ("flag vencedor", "vencedor"),
    ];
    const OPTIONAL: &'static [&'static str] = &["codigo modalidade compra"];
    const TABLE: Table = Table::Bids;
    type Row<'a> = Participant<'a>;

    fn read<'a>(published: Published<'a>) -> Result<Participant<'a>, Fault> {
        let name = published.optional(BIDDER_NAME).filter(|name| !is_withheld(name));
        Ok(Participant {
            tender_id: published.tender(NUMBER, BUYER_ID, MODALITY_CODE, MODALITY_NAME)?.id(),
            buyer_id: published.required(BUYER_ID)?,
            item: published.required(ITEM)?,
            bidder: Person::brazilian(published.text(BIDDER_ID), name),
            won: match fold(published.text(WON)).as_str() {
                "sim" | "s" => Some(true),
                "nao" | "n" => Some(false),
                _ => None,
            },
        })
    }

    fn id(row: &Participant<'_>) -> (String, Option<u128>) {
        // Several foreigners and others share an id that says nothing.
        let name = fold(row.bidder.name.unwrap_or_default());
        let name = mask_text(&name);
        let published = row.bidder.id().unwrap_or_default();
        let shown = row.identity(&published, &name);
        let id = [&row.tender_id, "-bid-", &long_hex(&shown)].concat();
        // Participants that are kept secret are not one and the same.
        let named = row.bidder.kind != TaxIdKind::Secret || row.bidder.name.is_some();
        let exact = || if published == row.bidder.normal { shown } else { row.identity(&row.bidder.normal, &name) };
        (id, named.then(|| first_128(&exact())))
    }

    fn without_supplier(row: &Participant<'_>) -> bool {
        row.bidder.kind == TaxIdKind::Secret
    }

    fn write(
        row: &Participant<'_>,
        from: Provenance<'_>,
        key: &PiiKey,
        writer: &mut RowBuilder,
    ) -> Result<(), LakeError> {
        let name = row.bidder.name.map(mask_text);
        writer.row(|out| {
            out.text(from.id)
                .text(from.status)
                .text(&row.tender_id)
                .text(row.buyer_id)
                .optional_text(None)
                .text(&mask_text(row.item))
                .optional_text(row.bidder.published_id().as_deref())
                .optional_text(row.bidder.id().as_deref())
                .optional_text(row.bidder.key(key).as_deref())
                .text(row.bidder.kind.as_str())
                .text(row.bidder.check.as_str())
                .optional_text(name.as_deref())
                .moment(None)
                .optional_text(None)
                .decimal(None)
                .optional_text(None)
                .truth(row.won)
                .optional_text(None)
                .text("portal:participantes")
                .text(from.file)
                .integer(from.line)
                .text(from.import_id);
        })
    }
}
