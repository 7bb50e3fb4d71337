/*
id = "linked_bidders"
version = "1.0.1"
strength = "contextual"
scope = "single"
reference = "OCP R032, R033, R042, R044"
legal_basis = "Lei 14.133/2021 art. 14 V; Lei 6.404/1976 art. 243"
tags = ["collusion"]
groups = ["collusion", "supplier"]
tables = ["competitions", "lot_bids", "tenders", "bids", "tender_items", "establishments", "companies", "partners", "contact_uses", "bidding_companies", "bidder_links", "register_content"]

[title]
pt = "Licitantes com sócio, telefone, e-mail ou endereço em comum"
en = "Bidders that share a partner, a telephone, an e-mail or an address"

[explanation]
pt = "Duas empresas ou mais, de raízes de CNPJ diferentes, disputaram o mesmo lote (ou item, ou a licitação inteira) e, no cadastro da Receita Federal, têm o mesmo sócio ou administrador, que já o era nas duas no dia da licitação, uma é sócia da outra, ou têm o mesmo telefone, e-mail ou endereço completo. Contatos de mais de {max_companies|exact} empresas do cadastro inteiro não contam, nem os que nada dizem. Matriz e filial são uma só empresa; membros de um consórcio que propôs não contam."
en = "Two companies or more, of different roots of the CNPJ, bid for the same lot (or item, or the whole tender) and have, in the register of companies, the same partner or administrator, who was one of both on the day of the tender, or one is a partner of the other, or they have the same telephone, e-mail or full address. Contacts of more than {max_companies|exact} companies of the whole register do not count, nor do those that say nothing. Head office and branch are one company; members of a consortium that bid do not count."

[severity]
pt = "Alta se há sócio ou administrador em comum, ou se uma é sócia da outra; média se só há contato em comum."
en = "High if a partner or administrator is shared, or one is a partner of the other; medium if only a contact is shared."

[text]
pt = "Licitação de {buyer_name|text}: {firms|int} licitantes que disputaram o mesmo lote têm em comum {link|text} no cadastro de {reference_date|date}: {names|text}. Dado em comum: {shared|text}. Empresas ligadas podem participar da mesma licitação se nada as proíbe e se propõem cada uma por si: é um indício a conferir."
en = "Tender of {buyer_name|text}: {firms|int} bidders for the same lot share {link|text} in the register of {reference_date|date}: {names|text}. What they share: {shared|text}. Linked companies may take part in one tender if nothing forbids it and each bids for itself: this is an indication to check."

[false_positives]
pt = ["Homônimos com os mesmos seis dígitos de CPF visíveis.", "Contador, advogado ou escritório virtual com poucos clientes.", "Contato que mudou depois da licitação: o cadastro só mostra o do seu dia.", "Empresas de um grupo que o edital admite.", "Fundo ou banco que é sócio de muitas empresas."]
en = ["Namesakes with the same six visible digits of the CPF.", "An accountant, a lawyer or a virtual office with few clients.", "A contact that changed after the tender: the register shows that of its day alone.", "Companies of a group that the notice admits.", "A fund or a bank that is a partner of many companies."]

[[parameters]]
name = "max_companies"
value = "20"
unit = "count"
min = "2"
label = { pt = "Empresas do cadastro com o mesmo contato até as quais conta", en = "Companies of the register with one contact up to which it counts" }

[reasons]
cancelled = { outcome = "not_evaluable", pt = "A licitação foi cancelada, anulada, revogada ou ficou deserta.", en = "The tender was cancelled, annulled, or nobody bid." }
single_bidder = { outcome = "not_evaluable", pt = "Há menos de dois licitantes conhecidos.", en = "There are fewer than two known bidders." }
register_not_taken_in = { outcome = "not_evaluable", pt = "O cadastro de estabelecimentos da Receita Federal não foi importado.", en = "The register of establishments was not taken in." }
partners_not_taken_in = { outcome = "not_evaluable", pt = "Os sócios do cadastro da Receita Federal não foram importados.", en = "The partners of the register of companies were not taken in." }
link_undated = { outcome = "not_evaluable", pt = "Há vínculo no cadastro, mas não se sabe se já existia na licitação, ou se ainda existia.", en = "There is a link in the register, but whether it existed at the tender, or still did, is not known." }
bidders_unknown = { outcome = "not_evaluable", pt = "Há licitante que não é empresa do cadastro importado.", en = "A bidder is no company of the register that was taken in." }

[[evidence]]
name = "link"
unit = "text"
label = { pt = "Vínculo", en = "Link" }
words = { partner = { pt = "sócio ou administrador", en = "a partner or administrator" }, owner = { pt = "a participação de uma na outra", en = "that one is a partner of the other" }, phone = { pt = "o telefone", en = "the telephone" }, email = { pt = "o e-mail", en = "the e-mail" }, address = { pt = "o endereço completo", en = "the full address" } }

[[evidence]]
name = "shared"
unit = "text"
label = { pt = "Dado em comum", en = "What is shared" }
words = { of_person = { pt = "contato de empresário individual, não exibido", en = "contact of a sole trader, not shown" } }

[[evidence]]
name = "firms"
unit = "count"
label = { pt = "Licitantes com o vínculo", en = "Bidders with the link" }

[[evidence]]
name = "names"
unit = "text"
label = { pt = "Quais", en = "Which" }

[[evidence]]
name = "companies"
unit = "count"
label = { pt = "Empresas do cadastro com o mesmo contato", en = "Companies of the register with the same contact" }

[[evidence]]
name = "links"
unit = "count"
label = { pt = "Vínculos na licitação", en = "Links in the tender" }

[[evidence]]
name = "bidders"
unit = "count"
label = { pt = "Empresas que disputaram", en = "Companies that bid" }

[[evidence]]
name = "tender_day"
unit = "date"
label = { pt = "Dia da licitação", en = "Day of the tender" }

[[evidence]]
name = "reference_date"
unit = "date"
label = { pt = "Dia do cadastro", en = "Day of the register" }

[[evidence]]
name = "buyer_name"
unit = "text"
label = { pt = "Comprador", en = "Buyer" }
*/
WITH events AS (
    SELECT tender_id, in_scope, dropped, buyer_name, coalesce(deadline_day, notice_day, result_date) AS tender_day
    FROM competitions
    WHERE NOT direct
),
counted AS (
    SELECT tender_id, count(*) AS bidders, count(root) AS known
    FROM (SELECT DISTINCT tender_id, coalesce(root, bidder_key) AS bidder, root FROM bidding_companies)
    GROUP BY tender_id
),
shared_traits AS (
    SELECT * FROM bidder_links WHERE companies IS NULL OR companies <= $max_companies
),
-- Once a company, whichever of its establishments has it.
of_firms AS (
    SELECT
        tender_id, lot_id, root, kind, value,
        bool_or(sure) AS sure,
        bool_or(itself) AS itself,
        min(shown) AS shown,
        max(reference_date) AS reference_date,
        max(companies) AS companies
    FROM shared_traits
    GROUP BY tender_id, lot_id, root, kind, value
),
links AS (
    SELECT
        tender_id, lot_id, kind, value,
        count(*) AS possible,
        count(*) FILTER (WHERE sure) AS firms,
        bool_or(itself) AS owner,
        min(shown) AS shown,
        max(reference_date) AS reference_date,
        max(companies) AS companies
    FROM of_firms
    GROUP BY tender_id, lot_id, kind, value
    HAVING count(*) > 1
),
-- The gravest of a tender, of which most bidders are: what a finding tells.
ranked AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY tender_id
            ORDER BY CASE kind WHEN 'partner' THEN 0 WHEN 'address' THEN 1 WHEN 'phone' THEN 2 ELSE 3 END, firms DESC, value, lot_id
        ) AS place
    FROM links
    WHERE firms > 1
),
worst AS (
    SELECT * FROM ranked WHERE place = 1
),
sums AS (
    SELECT
        tender_id,
        count(*) FILTER (WHERE firms > 1) AS links,
        count(*) FILTER (WHERE firms < 2) AS unsure
    FROM (SELECT tender_id, kind, value, max(firms) AS firms FROM links GROUP BY tender_id, kind, value)
    GROUP BY tender_id
),
-- The rows of the gravest link.
linked AS (
    SELECT DISTINCT f.tender_id, f.lot_id, f.root
    FROM of_firms f
    JOIN worst w ON w.tender_id = f.tender_id AND w.lot_id = f.lot_id AND w.kind = f.kind AND w.value = f.value
    WHERE f.sure
),
linked_bids AS (
    SELECT l.tender_id, b.bid_id, b.bidder_name, l.root
    FROM linked l
    JOIN establishments e ON e.root = l.root
    JOIN lot_bids b ON b.lot_id = l.lot_id AND b.establishment_key = e.establishment_id
),
names AS (
    SELECT tender_id, string_agg(name, '; ' ORDER BY name) AS names
    FROM (SELECT tender_id, root, coalesce(min(bidder_name), root) AS name FROM linked_bids GROUP BY tender_id, root)
    GROUP BY tender_id
),
bid_rows AS (
    SELECT tender_id, array_agg(bid_id ORDER BY bid_id) AS bid_ids
    FROM (SELECT DISTINCT tender_id, bid_id FROM linked_bids)
    GROUP BY tender_id
),
sharing AS (
    SELECT DISTINCT h.tender_id, h.establishment_id, h.partner_id
    FROM shared_traits h
    JOIN worst w ON w.tender_id = h.tender_id AND w.lot_id = h.lot_id AND w.kind = h.kind AND w.value = h.value
    WHERE h.sure
),
partner_rows AS (
    SELECT tender_id, array_agg(partner_id ORDER BY partner_id) AS partner_ids
    FROM (SELECT DISTINCT tender_id, partner_id FROM sharing WHERE partner_id IS NOT NULL)
    GROUP BY tender_id
),
establishment_rows AS (
    SELECT tender_id, array_agg(establishment_id ORDER BY establishment_id) AS establishment_ids
    FROM (SELECT DISTINCT tender_id, establishment_id FROM sharing WHERE establishment_id IS NOT NULL)
    GROUP BY tender_id
),
-- A sole trader's contacts are those of a person; of whom the register tells no legal nature may be one.
of_persons AS (
    SELECT DISTINCT l.tender_id
    FROM linked l
    LEFT JOIN companies c ON c.root = l.root
    WHERE c.legal_nature IS NULL OR c.legal_nature = '2135' OR c.legal_nature LIKE '4%'
),
judged AS (
    SELECT
        e.*,
        w.kind,
        w.owner,
        w.shown,
        w.firms,
        w.companies,
        w.reference_date,
        s.links,
        c.bidders,
        p.tender_id IS NOT NULL AS of_person,
        CASE
            WHEN e.dropped THEN 'cancelled'
            WHEN coalesce(c.bidders, 0) < 2 THEN 'single_bidder'
            WHEN r.establishments = 0 THEN 'register_not_taken_in'
            WHEN w.tender_id IS NOT NULL THEN 'fired'
            WHEN s.unsure > 0 THEN 'link_undated'
            WHEN c.known < c.bidders THEN 'bidders_unknown'
            WHEN r.partners = 0 THEN 'partners_not_taken_in'
            ELSE 'clear'
        END AS verdict
    FROM events e
    CROSS JOIN register_content r
    LEFT JOIN counted c ON c.tender_id = e.tender_id
    LEFT JOIN worst w ON w.tender_id = e.tender_id
    LEFT JOIN sums s ON s.tender_id = e.tender_id
    LEFT JOIN of_persons p ON p.tender_id = e.tender_id
)
SELECT
    j.tender_id AS subject,
    CASE WHEN j.verdict IN ('fired', 'clear') THEN j.verdict ELSE 'not_evaluable' END AS outcome,
    CASE WHEN j.verdict NOT IN ('fired', 'clear') THEN j.verdict END AS reason,
    CASE WHEN j.verdict <> 'fired' THEN NULL WHEN j.kind = 'partner' THEN 'high' ELSE 'medium' END AS severity,
    j.in_scope,
    make_array(j.tender_id) AS tender_ids,
    CASE WHEN j.verdict = 'fired' THEN b.bid_ids END AS bid_ids,
    CASE WHEN j.verdict = 'fired' THEN x.establishment_ids END AS establishment_ids,
    CASE WHEN j.verdict = 'fired' THEN q.partner_ids END AS partner_ids,
    CASE WHEN j.owner THEN 'owner' ELSE j.kind END AS link,
    CASE WHEN j.of_person AND j.kind <> 'partner' THEN 'of_person' ELSE j.shown END AS shared,
    j.firms,
    n.names,
    j.companies,
    j.links,
    j.bidders,
    j.tender_day,
    j.reference_date,
    j.buyer_name
FROM judged j
LEFT JOIN names n ON n.tender_id = j.tender_id
LEFT JOIN bid_rows b ON b.tender_id = j.tender_id
LEFT JOIN partner_rows q ON q.tender_id = j.tender_id
LEFT JOIN establishment_rows x ON x.tender_id = j.tender_id
