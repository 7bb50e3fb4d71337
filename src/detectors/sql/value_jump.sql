/*
id = "value_jump"
version = "1.2.0"
strength = "contextual"
scope = "single"
reference = "OCP R059"
legal_basis = ""
tags = ["amendment", "value_jump"]
groups = ["value", "amendment"]
tables = ["contracts", "contract_amendments"]

[title]
pt = "Salto entre valor inicial e atual"
en = "Jump between initial and current value"

[explanation]
pt = "O valor atual se afasta do inicial, para mais ou para menos, em mais de {low_ratio|exact}, sem que uma prorrogação ou um reajuste publicado o explique."
en = "The current value is away from the initial one, up or down, by more than {low_ratio|exact}, and no extension of the term or price adjustment that was published explains it."

[severity]
pt = "Baixa acima de {low_ratio|exact}; média acima de {medium_ratio|exact}."
en = "Low above {low_ratio|exact}; medium above {medium_ratio|exact}."

[text]
pt = "O valor passou de {initial_value|brl} para {current_value|brl} ({change_ratio|percent}), uma diferença de {amount|brl}. Aditivos publicados: {amendments|int}, nenhum de prorrogação ou reajuste. Alterações são lícitas dentro dos limites da lei: é um indício a conferir."
en = "The value went from {initial_value|brl} to {current_value|brl} ({change_ratio|percent}), a difference of {amount|brl}. Published amendments: {amendments|int}, none of them an extension or a price adjustment. Changes are lawful within the limits of the law: this is an indication to check."

[false_positives]
pt = ["Acréscimo ou supressão lícito, dentro de 25 %.", "Reajuste por apostilamento que ainda não foi publicado.", "Supressão por consenso ou rescisão.", "Erro de digitação em um dos valores."]
en = ["A lawful addition or reduction, within 25%.", "A price adjustment by an apostille that is not published yet.", "A reduction by consent, or a termination.", "A slip in typing one of the values."]

[[parameters]]
name = "low_ratio"
value = "0.10"
unit = "ratio"
min = "0.01"
not_above = "medium_ratio"
label = { pt = "Diferença mínima sobre o valor inicial", en = "Smallest difference over the initial value" }

[[parameters]]
name = "medium_ratio"
value = "0.50"
unit = "ratio"
label = { pt = "Diferença para severidade média", en = "Difference for medium severity" }

[[parameters]]
name = "slip_factor"
value = "100"
unit = "factor"
min = "2"
label = { pt = "Razão a partir da qual pode ser erro de digitação", en = "Ratio from which it may be a slip in typing" }

[reasons.no_value]
outcome = "not_evaluable"
pt = "Valor inicial ou atual não publicado, ou não positivo."
en = "Initial or current value not published, or not positive."
columns = ["contracts.initial_value", "contracts.current_value"]

[reasons.amendments_not_published]
outcome = "not_evaluable"
pt = "A fonte não publica aditivos com seus contratos, e seu valor inicial pode ser o de uma parcela."
en = "The source publishes no amendments with its contracts, and its initial value may be that of one instalment."

[reasons.rescinded]
outcome = "not_evaluable"
pt = "O contrato foi rescindido: o valor atual, menor, pode ser o do que se executou até então."
en = "The contract was rescinded: the lower current value may be that of what was done until then."

[reasons.slip_possible]
outcome = "not_evaluable"
pt = "Um valor é {slip_factor|exact} vezes o outro, ou mais: pode ser erro de digitação."
en = "One value is {slip_factor|exact} times the other or more: it may be a slip in typing."

[reasons.ambiguous_amendments]
outcome = "not_evaluable"
pt = "Mais de um contrato tem o mesmo número na mesma unidade: não se sabe de qual são os aditivos."
en = "More than one contract has the same number at the same unit: whose the amendments are is not known."

[reasons.amendment_undisclosed]
outcome = "not_evaluable"
pt = "O objeto de um aditivo está sob sigilo."
en = "The object of an amendment is secret."

[reasons.renewal_mixed]
outcome = "not_evaluable"
pt = "Há prorrogação, que aumenta o total de modo lícito."
en = "There is an extension of the term, which raises the total lawfully."

[reasons.price_adjustment_mixed]
outcome = "not_evaluable"
pt = "Há reajuste, repactuação, revisão ou reequilíbrio, que muda o valor de modo lícito."
en = "There is a price adjustment, which changes the value lawfully."

[[evidence]]
name = "initial_value"
unit = "BRL"
label = { pt = "Valor inicial", en = "Initial value" }

[[evidence]]
name = "current_value"
unit = "BRL"
label = { pt = "Valor atual", en = "Current value" }

[[evidence]]
name = "change"
unit = "BRL"
label = { pt = "Diferença", en = "Difference" }

[[evidence]]
name = "change_ratio"
unit = "ratio"
label = { pt = "Diferença sobre o valor inicial", en = "Difference over the initial value" }

[[evidence]]
name = "amendments"
unit = "count"
label = { pt = "Aditivos publicados", en = "Published amendments" }
*/
WITH measured AS (
    SELECT
        c.contract_id,
        c.in_scope,
        c.source,
        c.situation,
        c.initial_value,
        c.current_value,
        c.current_value - c.initial_value AS change,
        abs(c.current_value - c.initial_value) AS distance,
        a.amendments,
        a.ambiguous,
        a.term,
        a.price,
        a.undisclosed,
        a.amendment_ids
    FROM contracts c
    LEFT JOIN contract_amendments a ON a.buyer_id = c.buyer_id AND a.contract_number = c.number
),
judged AS (
    SELECT
        *,
        CASE
            WHEN initial_value IS NULL OR current_value IS NULL OR initial_value <= 0 OR current_value <= 0 THEN 'no_value'
            WHEN distance <= $low_ratio * initial_value THEN 'clear'
            WHEN current_value >= $slip_factor * initial_value OR initial_value >= $slip_factor * current_value THEN 'slip_possible'
            -- What was done before it ended is all that is left of its value.
            WHEN change < 0 AND situation_kind(situation) = 'rescinded' THEN 'rescinded'
            WHEN source LIKE 'pncp%' AND amendments IS NULL THEN 'amendments_not_published'
            WHEN ambiguous THEN 'ambiguous_amendments'
            WHEN undisclosed THEN 'amendment_undisclosed'
            WHEN term THEN 'renewal_mixed'
            WHEN price THEN 'price_adjustment_mixed'
            ELSE 'fired'
        END AS verdict
    FROM measured
)
SELECT
    contract_id AS subject,
    CASE WHEN verdict IN ('fired', 'clear') THEN verdict ELSE 'not_evaluable' END AS outcome,
    CASE WHEN verdict NOT IN ('fired', 'clear') THEN verdict END AS reason,
    CASE
        WHEN verdict <> 'fired' THEN NULL
        WHEN distance > $medium_ratio * initial_value THEN 'medium'
        ELSE 'low'
    END AS severity,
    in_scope,
    CASE WHEN verdict = 'fired' THEN make_array(contract_id) END AS contract_ids,
    CASE WHEN verdict = 'fired' THEN amendment_ids END AS amendment_ids,
    CASE WHEN verdict = 'fired' THEN distance END AS amount,
    initial_value,
    current_value,
    change,
    CASE WHEN verdict = 'fired' THEN CAST(change AS DOUBLE) / CAST(initial_value AS DOUBLE) END AS change_ratio,
    coalesce(amendments, 0) AS amendments
FROM judged
