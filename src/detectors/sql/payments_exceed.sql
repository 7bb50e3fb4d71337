/*
id = "payments_exceed"
version = "1.2.0"
strength = "contextual"
scope = "single"
reference = "OCP R068"
legal_basis = "Lei 4.320/1964 art. 62-63; Lei 14.133/2021 art. 145"
tags = ["payment"]
groups = ["value", "payment"]
tables = ["contracts", "payments"]

[title]
pt = "Pagamentos acima do valor do contrato ou antes da assinatura"
en = "Payments above the value of the contract, or before its signature"

[explanation]
pt = "A soma dos pagamentos publicados de um contrato passa do maior entre o valor inicial e o atual por mais que a tolerância, ou o primeiro pagamento é anterior à assinatura por {early_days|exact} ou mais: as datas são as publicadas, e um só dia pode ser diferença de fuso. O que a fonte diz ter ido para o comprador é descontado; um pagamento sem moeda é da moeda do contrato. Empenhos não são pagamentos e não contam."
en = "The payments published of a contract add up to more than the larger of its initial and current values by more than the tolerance, or the first of them is {early_days|exact} or more before the signature: days are those that were published, and a single one may be a difference of time zones. What the source says went to the buyer is taken off; a payment without a currency is in that of the contract. Commitments (empenhos) are no payments and do not count."

[severity]
pt = "Alta se a soma passa do valor; média se só há pagamento antes da assinatura."
en = "High if the sum is above the value; medium if there is only a payment before the signature."

[text]
pt = "{payments|int} pagamento(s) publicado(s) somam {paid|brl}, contra {worth|brl} do contrato; o primeiro é de {first_payment|date} e a assinatura, de {signature_date|date}: {problem|text}. Reajustes, multas, juros e aditivos ainda não publicados podem explicar: é um indício a conferir."
en = "{payments|int} published payment(s) add up to {paid|brl}, against {worth|brl} of the contract; the first is of {first_payment|date}, the signature of {signature_date|date}: {problem|text}. Price adjustments, fines, interest and amendments not yet published may explain it: this is an indication to check."

[false_positives]
pt = ["Reajuste, repactuação ou aditivo ainda não publicado.", "Juros, multas ou tributos pagos com o principal.", "Pagamento de outro contrato publicado neste.", "Contrato assinado depois de início autorizado, com a data da formalização."]
en = ["A price adjustment or an amendment not yet published.", "Interest, fines or taxes paid with the principal.", "A payment of another contract published under this one.", "A contract signed after an authorised start, with the day of its formalisation."]

[[parameters]]
name = "tolerance"
value = "0.01"
unit = "ratio"
max = "1"
label = { pt = "Tolerância sobre o valor", en = "Tolerance above the value" }

[[parameters]]
name = "slip_factor"
value = "100"
unit = "factor"
min = "2"
label = { pt = "Vezes o valor a partir das quais um erro de unidade é possível", en = "Times the value from which a slip of unit is possible" }

[[parameters]]
name = "early_days"
value = "2"
unit = "days"
min = "2"
max = "365"
label = { pt = "Dias antes da assinatura a partir dos quais o pagamento é anterior", en = "Days before the signature from which a payment is early" }

[reasons.no_payment_published]
outcome = "not_evaluable"
pt = "Nenhum pagamento do contrato foi publicado; empenhos e o que foi pago ao comprador não contam."
en = "No payment of the contract was published; commitments and what was paid to the buyer do not count."
columns = ["payments.contract_id"]

[reasons.other_currency]
outcome = "not_evaluable"
pt = "Pagamentos em outra moeda."
en = "Payments in another currency."

[reasons.currency_not_published]
outcome = "not_evaluable"
pt = "Há pagamento sem moeda, e a do contrato também não foi publicada."
en = "A payment has no currency, and that of the contract was not published either."
columns = ["payments.currency", "contracts.currency"]

[reasons.slip_possible]
outcome = "not_evaluable"
pt = "Os pagamentos são tantas vezes o valor que um erro de unidade é mais provável."
en = "The payments are so many times the value that a slip of unit is more likely."

[reasons.no_value]
outcome = "not_evaluable"
pt = "Sem valor do contrato, ou valor não positivo."
en = "No value of the contract, or one that is not positive."
columns = ["contracts.initial_value", "contracts.current_value"]

[reasons.payment_without_value]
outcome = "not_evaluable"
pt = "Há pagamento sem valor publicado, e os demais não passam do valor; ou passam, e falta o valor do que voltou ao comprador."
en = "A payment has no published value, and the others are within the value; or they are above it, and what went back to the buyer has no value."
columns = ["payments.value"]

[[evidence]]
name = "payments"
unit = "count"
label = { pt = "Pagamentos", en = "Payments" }

[[evidence]]
name = "paid"
unit = "BRL"
label = { pt = "Soma dos pagamentos, menos o que voltou ao comprador", en = "Sum of the payments, less what went back to the buyer" }

[[evidence]]
name = "returned"
unit = "BRL"
label = { pt = "Voltou ao comprador", en = "Went back to the buyer" }

[[evidence]]
name = "worth"
unit = "BRL"
label = { pt = "Valor do contrato", en = "Value of the contract" }

[[evidence]]
name = "first_payment"
unit = "date"
label = { pt = "Primeiro pagamento", en = "First payment" }

[[evidence]]
name = "signature_date"
unit = "date"
label = { pt = "Assinatura", en = "Signature" }

[[evidence]]
name = "problem"
unit = "text"
label = { pt = "Problema", en = "Problem" }
words = { above = { pt = "soma acima do valor do contrato", en = "sum above the value of the contract" }, early = { pt = "pagamento antes da assinatura", en = "payment before the signature" }, both = { pt = "soma acima do valor e pagamento antes da assinatura", en = "sum above the value and payment before the signature" } }
*/
WITH paid_of AS (
    SELECT
        p.contract_id AS paid_id,
        count(*) FILTER (WHERE p.kind = 'payment') AS payments,
        sum(CASE WHEN p.kind = 'refund' THEN -abs(p.value) ELSE p.value END) AS paid,
        sum(CASE WHEN p.kind = 'refund' THEN abs(p.value) END) AS returned,
        count(*) FILTER (WHERE p.value IS NULL) AS without_value,
        count(*) FILTER (WHERE p.value IS NULL AND p.kind = 'refund') AS returned_without_value,
        min(CASE WHEN p.kind = 'payment' THEN p.date END) AS first_payment,
        sum(CASE WHEN p.kind = 'payment' AND CAST(c.signature_date AS INT) - CAST(p.date AS INT) >= $early_days THEN p.value END) AS early_sum,
        bool_or(coalesce(p.currency, c.currency) <> 'BRL') AS foreign_money,
        bool_or(coalesce(p.currency, c.currency) IS NULL) AS unknown_money,
        array_agg(p.payment_id ORDER BY p.date, p.payment_id) AS payment_ids
    FROM payments AS p
    JOIN contracts AS c ON c.contract_id = p.contract_id
    WHERE p.kind IN ('payment', 'refund')
    GROUP BY p.contract_id
),
compared AS (
    SELECT
        c.contract_id,
        c.in_scope,
        c.signature_date,
        greatest(c.initial_value, c.current_value) AS worth,
        p.*
    FROM contracts AS c
    LEFT JOIN paid_of AS p ON p.paid_id = c.contract_id
),
flagged AS (
    SELECT
        *,
        coalesce(worth > 0 AND paid > worth * (1 + $tolerance), false) AS above,
        coalesce(worth > 0 AND paid >= worth * $slip_factor, false) AS slip,
        coalesce(CAST(signature_date AS INT) - CAST(first_payment AS INT) >= $early_days, false) AS early
    FROM compared
),
judged AS (
    SELECT
        *,
        CASE
            WHEN paid_id IS NULL OR payments = 0 THEN 'no_payment_published'
            WHEN foreign_money THEN 'other_currency'
            WHEN unknown_money THEN 'currency_not_published'
            WHEN slip THEN 'slip_possible'
            WHEN above AND returned_without_value > 0 THEN 'payment_without_value'
            WHEN above OR early THEN 'fired'
            WHEN worth IS NULL OR worth <= 0 THEN 'no_value'
            WHEN without_value > 0 THEN 'payment_without_value'
            ELSE 'clear'
        END AS verdict
    FROM flagged
)
SELECT
    contract_id AS subject,
    CASE WHEN verdict IN ('fired', 'clear') THEN verdict ELSE 'not_evaluable' END AS outcome,
    CASE WHEN verdict NOT IN ('fired', 'clear') THEN verdict END AS reason,
    CASE WHEN verdict <> 'fired' THEN NULL WHEN above THEN 'high' ELSE 'medium' END AS severity,
    in_scope,
    make_array(contract_id) AS contract_ids,
    payment_ids,
    CASE WHEN above THEN paid - worth ELSE early_sum END AS amount,
    payments,
    paid,
    returned,
    worth,
    first_payment,
    signature_date,
    CASE WHEN above AND early THEN 'both' WHEN above THEN 'above' ELSE 'early' END AS problem
FROM judged
