//! Contracts, with their items, amendments and payments.

use std::borrow::Cow;
use std::rc::Rc;

use super::super::pii::mask_text;
use super::super::portal::modality;
use super::OcdsMap;
use super::json::View;
use super::merge::FIRST_VALUE;
use super::parties::{Organisation, together};
use super::process::{Item, Process, amount, category, currency, elements, key_or_place, masked, text, title};
use super::rows::Rows;
use crate::lake::LakeError;
use crate::model::Table;

impl<'a> Process<'a> {
    pub(super) fn write_contracts(&self, rows: &mut Rows<'_>) -> Result<(), LakeError> {
        let contracts: Vec<View<'a>> = self.release.list("contracts").filter(|contract| contract.is_object()).collect();
        let mut by_id: OcdsMap<Cow<'a, str>, usize> = OcdsMap::default();
        for (place, award) in self.awards.iter().enumerate() {
            if let Some(id) = &award.id {
                by_id.entry(id.clone()).or_insert(place);
            }
        }
        let mut contracts_of: OcdsMap<Cow<'a, str>, usize> = OcdsMap::default();
        for award in contracts.iter().filter_map(|contract| contract.text_of("awardID")) {
            *contracts_of.entry(award).or_default() += 1;
        }
        for (place, contract) in contracts.iter().copied().enumerate() {
            let [published, award_id, suppliers, signed, period, value, status, items] =
                contract.pick(["id", "awardID", "suppliers", "dateSigned", "period", "value", "status", "items"]);
            let (published, award_id) = (text(published), text(award_id));
            let award = award_id.as_ref().and_then(|id| by_id.get(id)).and_then(|place| self.awards.get(*place));
            let listed = elements(suppliers).filter_map(|who| self.parties.organisation(who, self.origin.key));
            let supplier = award.and_then(|award| award.winner.clone()).or_else(|| together(listed.collect()));
            let supplier = supplier.as_deref();
            let award = award.map(|award| award.view);
            let id = rows.ids.next(&self.tender_id, "contract", &key_or_place(published.as_deref(), place));
            // Items and amendments know their contract by buyer and number, and the ids of contracts
            // are unlike each other within a process only.
            let published = published.unwrap_or_else(|| key_or_place(None, place));
            let number = match published.contains(self.ocid.as_ref()) {
                true => published.into_owned(),
                false => format!("{}/{}", self.ocid, mask_text(&published)),
            };
            let mut object = title(contract);
            if object.is_empty() {
                object = award.map(title).unwrap_or_default();
            }
            if object.is_empty() {
                object.clone_from(&self.object);
            }
            let tally = &mut rows.tally;
            let signed = tally.day(signed);
            let start = tally.day(period.and_then(|period| period.get("startDate")));
            let end = tally.day(period.and_then(|period| period.get("endDate")));
            let (currency, value) = (currency(value), tally.money(amount(value)));
            let amendments = amendments(contract);
            let first = match contract.get(FIRST_VALUE) {
                Some(first) => tally.money(first.get("amount")),
                // What a contract was worth before it was amended is not published.
                None if !amendments.is_empty() => None,
                None => value,
            };
            let tender = self.tender;
            let method = tender.and_then(|tender| {
                masked(tender.text_of("procurementMethodDetails").or_else(|| tender.text_of("procurementMethod")))
            });
            let method = method.unwrap_or_default();
            let folded = rows.folds.of(&object);
            rows.add(Table::Contracts, &id, &self.source, self.origin, |out| {
                out.text(&number)
                    .text(&object)
                    .text(&folded)
                    .optional_text(None)
                    .text(modality(&method).as_str())
                    .text(&method)
                    .optional_text(masked(text(status)).as_deref())
                    .optional_text(None)
                    .optional_text(None)
                    .optional_text(None)
                    .optional_text(None)
                    .optional_text(None)
                    .text(&self.buyer_id)
                    .text(&self.buyer_name)
                    .day(signed)
                    .day(None)
                    .day(start)
                    .day(end)
                    .optional_text(supplier.and_then(|who| who.published.as_deref()))
                    .optional_text(supplier.and_then(|who| who.id.as_deref()))
                    .optional_text(supplier.and_then(|who| who.key.as_deref()))
                    .text(supplier.map_or("secret", |who| who.kind.as_str()))
                    .text(supplier.map_or("not_applicable", |who| who.check.as_str()))
                    .optional_text(supplier.and_then(|who| who.name.as_deref()))
                    .decimal(first)
                    .decimal(value)
                    .optional_text(masked(tender.and_then(|tender| tender.text_of("id"))).as_deref())
                    .optional_text(tender.map(|_| self.buyer_id.as_str()))
                    .optional_text(None)
                    .text(&self.ocid)
                    .optional_text(tender.map(|_| self.tender_id.as_str()))
                    .optional_text(currency.as_deref())
                    .optional_text(tender.and_then(category));
            })?;
            self.write_amendments(&id, &number, &amendments, rows)?;
            let alone = award_id.as_ref().and_then(|id| contracts_of.get(id)) == Some(&1);
            let mut items = elements(items).peekable();
            // Items that are those of the award are not repeated.
            let of_award = award.filter(|_| alone && items.peek().is_none());
            let items: Vec<View<'a>> =
                items.chain(of_award.into_iter().flat_map(|award| award.list("items"))).collect();
            self.write_contract_items(&id, &number, &items, rows)?;
            let suppliers = award.into_iter().chain([contract]).flat_map(|of| of.list("suppliers"));
            let suppliers = suppliers.filter_map(|who| self.parties.organisation(who, self.origin.key)).collect();
            self.write_payments(&id, contract, suppliers, rows)?;
        }
        Ok(())
    }

    /// Whoever buys: the buyer and the procuring entity, wherever the release names them.
    fn buyers(&self) -> Vec<Rc<Organisation<'a>>> {
        let named = [self.release.get("buyer"), self.tender.and_then(|tender| tender.get("procuringEntity"))];
        let by_role = ["buyer", "procuringEntity"].into_iter().flat_map(|role| self.parties.all_with_role(role));
        let all = named.into_iter().flatten().chain(by_role);
        all.filter_map(|who| self.parties.organisation(who, self.origin.key)).collect()
    }

    fn write_amendments(
        &self,
        contract: &str,
        number: &str,
        amendments: &[View<'a>],
        rows: &mut Rows<'_>,
    ) -> Result<(), LakeError> {
        for (place, amendment) in amendments.iter().enumerate() {
            let own = amendment.text_of("id");
            let id = rows.ids.next(contract, "amendment", &key_or_place(own.as_deref(), place));
            let object =
                masked(amendment.text_of("description").or_else(|| amendment.text_of("rationale"))).unwrap_or_default();
            let date = rows.tally.day(amendment.get("date"));
            let value = rows.tally.money(amount(amendment.get("value")));
            let own = masked(own).unwrap_or_else(|| (place + 1).to_string().into());
            let folded = rows.folds.of(&object);
            rows.add(Table::Amendments, &id, &self.source, self.origin, |out| {
                out.text(&self.buyer_id)
                    .text(number)
                    .text(&own)
                    .day(None)
                    .text(&object)
                    .text(&folded)
                    .decimal(value)
                    .day(date);
            })?;
        }
        Ok(())
    }

    fn write_contract_items(
        &self,
        contract: &str,
        number: &str,
        items: &[View<'a>],
        rows: &mut Rows<'_>,
    ) -> Result<(), LakeError> {
        for (place, item) in items.iter().filter(|item| item.is_object()).enumerate() {
            let Item { id: own, description, code, classified, quantity, price, .. } = Item::of(*item, &mut rows.tally);
            let id = rows.ids.next(contract, "item", &key_or_place(own.as_deref(), place));
            let code = masked(code).or_else(|| masked(own)).unwrap_or_default();
            let details = masked(classified).filter(|details| *details != description).unwrap_or_default();
            let folded = rows.folds.of(&description);
            rows.add(Table::ContractItems, &id, &self.source, self.origin, |out| {
                out.text(&self.buyer_id)
                    .text(number)
                    .text(&code)
                    .text(&description)
                    .text(&folded)
                    .text(&details)
                    .decimal(quantity)
                    .decimal(price);
            })?;
        }
        Ok(())
    }

    fn write_payments(
        &self,
        contract: &str,
        of: View<'a>,
        suppliers: Vec<Rc<Organisation<'a>>>,
        rows: &mut Rows<'_>,
    ) -> Result<(), LakeError> {
        let Some(implementation) = of.get("implementation") else { return Ok(()) };
        let sides = Sides { buyers: self.buyers(), suppliers };
        for (place, payment) in implementation.list("transactions").filter(|one| one.is_object()).enumerate() {
            let own = payment.text_of("id");
            let id = rows.ids.next(contract, "payment", &key_or_place(own.as_deref(), place));
            let date = rows.tally.day(payment.get("date"));
            // The second is what OCDS 1.0 called it.
            let [named_value, named_before] = payment.pick(["value", "amount"]);
            let value = rows.tally.money(amount(named_value).or_else(|| amount(named_before)));
            let currency = currency(named_value).or_else(|| currency(named_before));
            let named = |member: &str, before: &str| {
                let who = payment.get(member).or_else(|| payment.get(before));
                who.and_then(|who| self.parties.organisation(who, self.origin.key))
            };
            // The second names are those of OCDS 1.0.
            let payer = named("payer", "providerOrganization");
            let payee = named("payee", "receiverOrganization");
            let kind = sides.kind(payer.as_deref(), payee.as_deref());
            rows.add(Table::Payments, &id, &self.source, self.origin, |out| {
                out.text(kind)
                    .text(contract)
                    .text(&self.buyer_id)
                    .optional_text(masked(own).as_deref())
                    .optional_text(None)
                    .day(date)
                    .decimal(value)
                    .optional_text(payee.as_ref().and_then(|payee| payee.key.as_deref()))
                    .optional_text(None)
                    .optional_text(None)
                    .optional_text(currency.as_deref());
            })?;
        }
        Ok(())
    }
}

/// Who may pay and who may be paid under a contract.
struct Sides<'a> {
    buyers: Vec<Rc<Organisation<'a>>>,
    suppliers: Vec<Rc<Organisation<'a>>>,
}

impl Sides<'_> {
    /// What a transaction is: a `payment`, unless the source says beyond doubt that the money did not go to a supplier. Then it
    /// is a `refund` (or a fee) if it went to the buyer, else `other`. Who is on both sides is on neither.
    fn kind(&self, payer: Option<&Organisation<'_>>, payee: Option<&Organisation<'_>>) -> &'static str {
        let buys = |who: Option<&Organisation<'_>>| is_one_of(who, &self.buyers) && !is_one_of(who, &self.suppliers);
        let sells = |who: Option<&Organisation<'_>>| is_one_of(who, &self.suppliers) && !is_one_of(who, &self.buyers);
        if buys(payee) {
            if buys(payer) { "other" } else { "refund" }
        } else if sells(payer) && payee.is_none() {
            "refund"
        } else if sells(payer) && !is_one_of(payee, &self.suppliers) {
            "other"
        } else {
            "payment"
        }
    }
}

fn is_one_of(who: Option<&Organisation<'_>>, of: &[Rc<Organisation<'_>>]) -> bool {
    who.is_some_and(|who| {
        of.iter().any(|one| one.reference == who.reference || (who.key.is_some() && one.key == who.key))
    })
}

/// The amendments of a contract, `amendment` of OCDS 1.0 where there are no others. One that says
/// nothing is none: some publishers write an empty one into every contract.
fn amendments(contract: View<'_>) -> Vec<View<'_>> {
    let says = |amendment: &View<'_>| {
        let texts = ["id", "date", "description", "rationale"];
        texts.iter().any(|member| amendment.text_of(member).is_some())
            || amendment.list("changes").any(|change| change.members().next().is_some())
            || amount(amendment.get("value")).is_some()
    };
    let several: Vec<_> = contract.list("amendments").filter(says).collect();
    if several.is_empty() { contract.list("amendment").filter(says).collect() } else { several }
}
